//! The tenancy as the engine hears it: who may decide, and what becomes of a decision.

use crate::{Marks, Piece, Ruled, ShardSettings};
use bytes::Bytes;
use tailweir_core::{Moment, Slot, TraceId};
use tailweir_otlp::Assembler;
use tailweir_policy::Decision;
use tailweir_sampler::{AbandonedTrace, DecidedTrace, DiscardedTrace, Sink};
use tailweir_tenure::{Effect, Tenancy, Until};

/// Spans that the engine let go because their trace is kept.
#[derive(Debug)]
pub(crate) struct Fresh {
    pub(crate) trace: TraceId,
    pub(crate) bytes: Bytes,
    pub(crate) spans: u32,
    pub(crate) span_bytes: u64,
}

impl Fresh {
    pub(crate) fn into_piece(self) -> Piece {
        Piece::Marked {
            bytes: self.bytes,
            spans: self.spans,
            span_bytes: self.span_bytes,
        }
    }
}

/// What writes kept spans.
#[derive(Debug)]
pub(crate) struct Pen {
    pub(crate) marks: Marks,
    assembler: Assembler,
}

impl Pen {
    pub(crate) fn new(settings: &ShardSettings) -> Self {
        Self {
            marks: Marks::new(settings.write_threshold, settings.record_policy),
            assembler: Assembler::new(),
        }
    }

    fn write(&mut self, trace: &DecidedTrace<'_>) -> Bytes {
        let mut bytes = Vec::new();
        self.marks.prepare(trace);
        let parts = self.marks.parts(trace);
        self.assembler.assemble(parts, &mut bytes);
        bytes.into()
    }
}

/// The sink of the engine for the time of one call.
pub(crate) struct Voice<'a> {
    pub(crate) now: Moment,
    pub(crate) settings: &'a ShardSettings,
    pub(crate) tenancy: &'a mut Tenancy<Piece, Ruled>,
    pub(crate) effects: &'a mut Vec<Effect<Piece, Ruled>>,
    pub(crate) pen: &'a mut Pen,
    pub(crate) fresh: &'a mut Vec<Fresh>,
    pub(crate) abandoned: &'a mut Vec<AbandonedTrace>,
    /// Room for traces that are decided next.
    pub(crate) soon: &'a mut Vec<(Slot, TraceId)>,
}

impl Sink for Voice<'_> {
    fn kept(&mut self, trace: &DecidedTrace<'_>) {
        self.fresh.push(Fresh {
            trace: trace.id,
            bytes: self.pen.write(trace),
            spans: trace.summary.spans,
            span_bytes: trace.summary.bytes,
        });
    }

    fn discarded(&mut self, _: &DiscardedTrace<'_>) {
        // Booked from the engine's counters.
    }

    fn abandoned(&mut self, trace: &AbandonedTrace) {
        self.abandoned.push(*trace);
    }

    fn expects(&mut self, traces: &[TraceId]) {
        let seed = self.settings.slot_seed;
        let slots = traces.iter().map(|&trace| (Slot::of(trace, seed), trace));
        self.soon.clear();
        self.soon.extend(slots);
        self.tenancy.fetch(self.soon);
    }

    fn is_decidable(&self, trace: TraceId) -> bool {
        let slot = Slot::of(trace, self.settings.slot_seed);
        let home = self.tenancy.home(slot, trace);
        home.is_some_and(|tenure| self.tenancy.is_decidable(tenure, trace))
    }

    /// Nothing holds before the tenancy says so, not even where it says so at once.
    fn settles(&mut self, trace: TraceId, decision: &Decision) -> bool {
        let slot = Slot::of(trace, self.settings.slot_seed);
        if let Some(tenure) = self.tenancy.home(slot, trace) {
            let verdict = Until {
                value: Ruled::new(decision, self.settings.revision),
                until: self.now + self.settings.verdict_life,
            };
            self.tenancy
                .decide(self.now, tenure, trace, verdict, self.effects);
        }
        false
    }
}
