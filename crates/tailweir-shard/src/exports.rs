//! Kept spans on their way out, and the fence that they pass.

use crate::shard::Shard;
use crate::voice::Fresh;
use crate::{Kept, Outbox, Piece, Spans, Tie};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::collections::{BTreeMap, BTreeSet};
use tailweir_core::{Moment, SeededState, TraceId};
use tailweir_placement::TenureId;
use tailweir_sampler::{AbandonReason, AbandonedTrace};
use tailweir_tenure::{Number, Ruling};

/// Delivered fragments of one tenure that its second member may not know of. What a successor would deliver again is
/// bounded by it, and by what is under way.
pub(crate) const UNCONFIRMED_MAX: usize = 256;

/// Exports that were not reported as delivered.
pub(crate) struct Exports {
    /// To be released when the fence of their tenure is open.
    fenced: Vec<(TraceId, Kept)>,
    /// Fragments by trace, of those that were released and are not delivered.
    under_way: HashMap<(TenureId, TraceId), UnderWay, SeededState>,
    /// Of each tenure that has let something go.
    ties: HashMap<TenureId, Tie, FixedState>,
    /// Late spans of kept traces in fragments whose copy is not confirmed: what becomes of them if it never is.
    late: HashMap<(TenureId, Number), AbandonedTrace, FixedState>,
    leaving: (u64, u64),
}

#[derive(Default)]
struct UnderWay {
    released: usize,
    /// Fragments whose spans are in one of those that were released.
    riders: Vec<Number>,
}

impl Exports {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            fenced: Vec::new(),
            under_way: HashMap::with_hasher(SeededState::new(seed)),
            ties: HashMap::with_hasher(FixedState::with_seed(seed)),
            late: HashMap::with_hasher(FixedState::with_seed(seed)),
            leaving: (0, 0),
        }
    }

    pub(crate) fn is_fenced(&self) -> bool {
        !self.fenced.is_empty()
    }

    /// Exports that wait for their fence, and traces that are under way.
    pub(crate) fn len(&self) -> usize {
        self.fenced.len() + self.under_way.len()
    }

    /// Spans that left the engine and not the shard, and their bytes: they wait for their copy, or for their fence.
    pub(crate) fn leaving(&self) -> (u64, u64) {
        self.leaving
    }

    /// A fragment of a kept trace was proposed, with late spans that the engine let go. They may go out once it is stored.
    pub(crate) fn wait_for_copy(&mut self, at: (TenureId, Number), id: TraceId, piece: &Piece) {
        let Piece::Marked {
            spans: spans @ 1..,
            span_bytes,
            ..
        } = *piece
        else {
            return;
        };
        let late = AbandonedTrace {
            id,
            reason: AbandonReason::GivenBack,
            spans: u64::from(spans),
            bytes: span_bytes,
        };
        self.leaving.0 += late.spans;
        self.leaving.1 += late.bytes;
        self.late.insert(at, late);
    }

    /// A fragment is stored, or was not taken after all: its late spans wait no longer.
    pub(crate) fn end_wait(&mut self, at: (TenureId, Number)) -> Option<AbandonedTrace> {
        let late = self.late.remove(&at)?;
        self.leaving.0 -= late.spans;
        self.leaving.1 -= late.bytes;
        Some(late)
    }

    fn add(&mut self, trace: TraceId, mut kept: Kept) {
        self.leaving.0 += kept.spans;
        self.leaving.1 += kept.span_bytes;
        let last = self.fenced.last_mut();
        if let Some((_, last)) =
            last.filter(|(of, last)| *of == trace && last.tenure == kept.tenure)
            && (kept.bytes.is_empty() || last.bytes.is_empty())
        {
            last.numbers.append(&mut kept.numbers);
            if last.bytes.is_empty() {
                last.bytes = kept.bytes;
            }
            last.spans += kept.spans;
            last.span_bytes += kept.span_bytes;
            return;
        }
        self.fenced.push((trace, kept));
    }

    /// Takes out what belongs to tenures that are somebody else's now.
    pub(crate) fn forget(&mut self, dropped: &BTreeMap<TenureId, bool>) -> Vec<AbandonedTrace> {
        self.under_way
            .retain(|(tenure, _), _| !dropped.contains_key(tenure));
        for tenure in dropped.keys() {
            if let Some(tie) = self.ties.remove(tenure) {
                tie.cut();
            }
        }
        let is_gone = |(_, kept): &mut (TraceId, Kept)| dropped.contains_key(&kept.tenure);
        let fenced = self.fenced.extract_if(.., is_gone);
        let fenced = fenced.map(|(id, kept)| AbandonedTrace {
            id,
            reason: AbandonReason::GivenBack,
            spans: kept.spans,
            bytes: kept.span_bytes,
        });
        let is_gone =
            |(tenure, _): &(TenureId, Number), _: &mut AbandonedTrace| dropped.contains_key(tenure);
        let late = self.late.extract_if(is_gone).map(|(_, late)| late);
        let abandoned: Vec<AbandonedTrace> = fenced.chain(late).collect();
        for gone in &abandoned {
            self.leaving.0 -= gone.spans;
            self.leaving.1 -= gone.bytes;
        }
        abandoned
    }
}

impl<S: Spans, T> Shard<S, T> {
    /// Fragments are with the backend, or counted as lost.
    pub fn delivered(
        &mut self,
        now: Moment,
        tenure: TenureId,
        numbers: &[Number],
        out: &mut Outbox<T>,
    ) {
        let first = numbers.first().copied().unwrap_or_default();
        let Some(fragment) = self.tenancy.fragment(tenure, first) else {
            return;
        };
        let trace = fragment.trace;
        let mut all = numbers.to_vec();
        if let Some(under_way) = self.exports.under_way.get_mut(&(tenure, trace)) {
            under_way.released -= 1;
            if under_way.released == 0 {
                all.append(&mut under_way.riders);
                self.exports.under_way.remove(&(tenure, trace));
            }
        }
        self.tenancy.delivered(now, tenure, &all, &mut self.effects);
        self.work(now, out);
    }

    /// Keeps what the engine let go until its fragments are exported.
    pub(crate) fn claim_fresh(&mut self) {
        for fresh in self.fresh.drain(..) {
            self.unclaimed.insert(fresh.trace, fresh);
        }
    }

    /// A fragment of a kept trace is stored, and to be delivered.
    pub(crate) fn export(&mut self, now: Moment, tenure: TenureId, number: Number) {
        let Some(fragment) = self.tenancy.fragment(tenure, number) else {
            return;
        };
        let trace = fragment.trace;
        if fragment.data == Piece::Held {
            let piece = self.let_go(now, tenure, trace);
            self.tenancy.replace(tenure, number, piece);
        }
        let Some(fragment) = self.tenancy.fragment(tenure, number) else {
            return;
        };
        let Piece::Marked {
            bytes,
            spans,
            span_bytes,
        } = fragment.data.clone()
        else {
            return;
        };
        let kept = Kept {
            bytes,
            spans: u64::from(spans),
            span_bytes,
            tenure,
            numbers: vec![number],
            tie: self.exports.ties.entry(tenure).or_default().clone(),
        };
        self.exports.end_wait((tenure, number));
        self.exports.add(trace, kept);
    }

    /// The spans of a kept trace, of which the engine let go; the first fragment to come takes them all.
    fn let_go(&mut self, now: Moment, tenure: TenureId, trace: TraceId) -> Piece {
        if !self.unclaimed.contains_key(&trace)
            && let Some(ruled) = self.tenancy.verdict(tenure, trace).copied()
            && ruled.keeps()
        {
            let decision = ruled.decision(self.settings.revision);
            self.with_engine(now, |engine, voice| {
                engine.follow(now, trace, decision, voice);
            });
            self.claim_fresh();
        }
        let fresh = self.unclaimed.remove(&trace);
        fresh.map_or_else(Piece::elsewhere, Fresh::into_piece)
    }

    /// Hands out what the fence lets pass.
    pub(crate) fn release_exports(&mut self, now: Moment, out: &mut Outbox<T>) {
        if self.exports.fenced.is_empty() {
            return;
        }
        for (trace, kept) in std::mem::take(&mut self.exports.fenced) {
            let unconfirmed = self.tenancy.unconfirmed(kept.tenure);
            if self.tenancy.may_export(now, kept.tenure) && unconfirmed < UNCONFIRMED_MAX {
                self.release(now, trace, kept, out);
            } else {
                self.exports.fenced.push((trace, kept));
            }
        }
    }

    fn release(&mut self, now: Moment, trace: TraceId, kept: Kept, out: &mut Outbox<T>) {
        self.exports.leaving.0 -= kept.spans;
        self.exports.leaving.1 -= kept.span_bytes;
        let key = (kept.tenure, trace);
        if kept.bytes.is_empty() {
            // Its spans are in what went before, or were there twice.
            match self.exports.under_way.get_mut(&key) {
                Some(under_way) => under_way.riders.extend(&kept.numbers),
                None => {
                    self.tenancy
                        .delivered(now, kept.tenure, &kept.numbers, &mut self.effects);
                }
            }
            return;
        }
        self.exports.under_way.entry(key).or_default().released += 1;
        out.kept.push(kept);
    }

    /// Asks the second members of tenures for a sign of life whose fence is closed for want of one.
    pub(crate) fn knock(&mut self, now: Moment) {
        let fenced = self.exports.fenced.iter().map(|(_, kept)| kept.tenure);
        let closed = fenced.filter(|&tenure| !self.tenancy.may_export(now, tenure));
        for tenure in closed.collect::<BTreeSet<TenureId>>() {
            self.tenancy.probe(now, tenure, &mut self.effects);
        }
    }
}
