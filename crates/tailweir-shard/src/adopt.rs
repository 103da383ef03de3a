//! Spans between members: copies that arrive, fragments that are sent again, and what a promoted copy takes over.

use crate::room::no_room;
use crate::shard::Shard;
use crate::voice::Fresh;
use crate::{Piece, Ruled, Spans};
use tailweir_core::{Moment, TraceId};
use tailweir_otlp::{Assembler, Part, Scan, ScanLimits};
use tailweir_placement::{Incarnation, TenureId};
use tailweir_tenure::{Fragment, Message, Number, Record, Until};

impl<S: Spans, T> Shard<S, T> {
    /// Puts the spans of a letter into memory of its own, or takes them out and tells their owner that there is no room.
    pub(crate) fn copy_in(&mut self, from: Incarnation, messages: &mut Vec<Message<Piece, Ruled>>) {
        let budget = self.settings.copies_budget;
        let refused = self.copies.take_in(budget, messages);
        self.counts.copies_refused += refused.len() as u64;
        self.effects.extend(no_room(from, refused));
    }

    /// Puts spans into a record that is sent: where the engine has them, all that it has of the trace, because it does
    /// not know which came when. Of the records that bring a trace to a candidate, the first has them all.
    pub(crate) fn with_spans(
        &mut self,
        mut message: Message<Piece, Ruled>,
        is_copied: &mut bool,
    ) -> Message<Piece, Ruled> {
        let Message::Record { tenure, record, .. } = &mut message else {
            return message;
        };
        let (is_copy, fragment) = match record {
            Record::Append { fragment, .. } => (false, &mut fragment.value),
            Record::Copy { fragment, .. } => (true, &mut fragment.value),
            _ => return message,
        };
        let trace = fragment.trace;
        match &fragment.data {
            Piece::Held if is_copy && std::mem::replace(is_copied, true) => {
                fragment.data = Piece::elsewhere();
            }
            Piece::Held => fragment.data = self.all_of(*tenure, trace),
            Piece::Marked { bytes, .. } if bytes.is_empty() && !is_copy => {
                fragment.data = self.marked_of(*tenure, trace);
            }
            Piece::Raw(_) | Piece::Marked { .. } => {}
        }
        message
    }

    /// All spans of a trace, as the engine has them or as they go out.
    fn all_of(&mut self, tenure: TenureId, trace: TraceId) -> Piece {
        let held = self.engine.show(trace, |records| {
            let mut bytes = Vec::new();
            let parts = records.iter().map(|record| Part {
                resource: record.resource,
                scope: record.scope,
                item: record.span.0,
            });
            Assembler::new().assemble(parts, &mut bytes);
            Piece::Raw(bytes.into())
        });
        held.unwrap_or_else(|| self.marked_of(tenure, trace))
    }

    /// What is to be delivered of a trace.
    fn marked_of(&self, tenure: TenureId, trace: TraceId) -> Piece {
        let numbers = self.tenancy.numbers(tenure, trace);
        let fragments = numbers.filter_map(|number| self.tenancy.fragment(tenure, number));
        let mut pieces = fragments.map(|fragment| &fragment.data);
        let full =
            |piece: &&Piece| matches!(piece, Piece::Marked { bytes, .. } if !bytes.is_empty());
        pieces.find(full).cloned().unwrap_or_else(Piece::elsewhere)
    }

    /// Spans that it took over as they go out, and their bytes, since it began: of kept traces whose copies were made when their
    /// owner had let them go already. They never are in the engine, nor in its counters.
    #[must_use]
    pub fn taken_over(&self) -> (u64, u64) {
        self.counts.taken_over
    }

    /// This member was promoted: a fragment that it kept as a copy goes into the engine, with the time that is left, or out.
    pub(crate) fn adopt(
        &mut self,
        now: Moment,
        tenure: TenureId,
        number: Number,
        fragment: Until<Fragment<Piece>>,
    ) {
        let bytes = match &fragment.value.data {
            Piece::Raw(bytes) => bytes,
            Piece::Marked {
                spans, span_bytes, ..
            } => {
                self.counts.taken_over.0 += u64::from(*spans);
                self.counts.taken_over.1 += span_bytes;
                return;
            }
            Piece::Held => return,
        };
        let trace = fragment.value.trace;
        let mut scan = Scan::new();
        let scanned = Scan::traces(bytes, &ScanLimits::default(), &mut scan);
        let is_alone = scan.spans.iter().all(|span| span.head.trace_id == trace);
        if scanned.is_err() || !is_alone {
            self.counts.unreadable += 1;
            self.tenancy.replace(tenure, number, Piece::elsewhere());
            return;
        }
        // The engine may remember what was decided in a tenure that is lost, and would let the spans go by it.
        self.agree(now, trace);
        let remaining = fragment.until.since(now);
        self.with_engine(now, |engine, voice| {
            engine.adopt(now, bytes, &scan, remaining, voice);
        });
        let fresh = self.fresh.iter().position(|fresh| fresh.trace == trace);
        let fresh = fresh.map(|at| self.fresh.swap_remove(at));
        let is_decided = self.tenancy.verdict(tenure, trace).is_some();
        let piece = match fresh.map(Fresh::into_piece) {
            Some(piece) => piece,
            None if is_decided => Piece::elsewhere(),
            None => Piece::Held,
        };
        self.tenancy.replace(tenure, number, piece);
    }
}
