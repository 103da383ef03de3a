//! What an owner does when its own caller brings something: a fragment, a verdict, a delivery.

use super::{Link, Owner};
use crate::holding::Stage;
use crate::{Effect, Fragment, Number, Record, Ruling, Until};
use std::collections::BTreeSet;
use tailweir_core::{Moment, TraceId};
use tailweir_placement::Epoch;

/// Whether an owner takes a fragment of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It does.
    Take,
    /// The trace was dropped.
    Dropped,
    /// Not here.
    Moved,
    /// It is the business of an older tenure.
    Pinned(Epoch),
    /// Not yet.
    Hold,
    /// Nobody is there to store it a second time.
    NoSecondCopy,
}

impl<F: Clone, V: Ruling> Owner<F, V> {
    /// What becomes of a fragment of this trace, if it is brought now.
    pub(crate) fn admission(&self, trace: TraceId) -> Admission {
        let verdict = self.holding.ruling(trace);
        if self.closing {
            if !self.takes_late(trace) {
                return Admission::Moved;
            }
        } else if !self.holding.opened {
            return Admission::Hold;
        } else if verdict.is_none()
            && let Some(&older) = self.holding.pins.get(&trace)
        {
            return Admission::Pinned(older);
        }
        if verdict.is_some_and(|ruling| !ruling.keeps()) {
            return Admission::Dropped;
        }
        match self.second {
            Link::None if !self.one_copy => Admission::NoSecondCopy,
            Link::Candidate {
                attached: false, ..
            } => Admission::NoSecondCopy,
            _ => Admission::Take,
        }
    }

    /// Whether a closing tenure takes a span of this trace: it has the trace, and did not promise to take no more.
    ///
    /// A tenure that never opened takes nothing, not even for a verdict that it heard of: its replica has not got it.
    fn takes_late(&self, trace: TraceId) -> bool {
        if !self.holding.opened || self.holding.closed || self.proposed.close {
            return false;
        }
        let has = match &self.holding.sealed {
            Some(sealed) => sealed.contains(&trace),
            // Others are refused although the seal is not stored yet; its order at the replica is what counts.
            None => self.has_stored(trace),
        };
        has || self.holding.verdicts.contains_key(&trace)
    }

    /// Takes a fragment: proposed now, acknowledged when the second member has stored it.
    pub(crate) fn take(
        &mut self,
        now: Moment,
        fragment: Until<Fragment<F>>,
        out: &mut Vec<Effect<F, V>>,
    ) -> Number {
        let number = self.holding.next;
        let sent = fragment.leave(now);
        self.holding.insert(number, fragment, Stage::Proposed);
        self.pending += 1;
        let record = Record::Append {
            number,
            fragment: sent,
        };
        self.propose(now, record, out);
        number
    }

    pub(crate) fn is_decidable(&self, trace: TraceId) -> bool {
        let known = self.verdicts.contains_key(&trace) || self.holding.ruling(trace).is_some();
        !known && !self.holding.closed && self.second.records() && self.has_stored(trace)
    }

    /// Proposes a verdict; it holds when the second member has stored it.
    pub(crate) fn decide(
        &mut self,
        now: Moment,
        trace: TraceId,
        verdict: Until<V>,
        out: &mut Vec<Effect<F, V>>,
    ) {
        if self.is_decidable(trace) {
            let record = Record::Decide {
                trace,
                verdict: verdict.leave(now),
            };
            self.verdicts.insert(trace, verdict);
            self.propose(now, record, out);
        }
    }

    /// Fragments are with the backend, in the spool, or counted as lost: they need not be kept any longer.
    pub(crate) fn delivered(
        &mut self,
        now: Moment,
        numbers: &[Number],
        out: &mut Vec<Effect<F, V>>,
    ) {
        let exported = numbers.iter().copied();
        let gone: BTreeSet<Number> = exported
            .filter(|&number| self.stage(number) == Some(Stage::Exporting))
            .collect();
        if gone.is_empty() {
            return;
        }
        for &number in &gone {
            self.holding.remove(number);
        }
        if self.has_second() && self.second.records() {
            self.unconfirmed.extend(&gone);
            self.propose(now, Record::Free(gone.clone()), out);
        }
        for number in gone {
            self.copied(number, out);
        }
        self.progress(now, out);
    }

    /// Proposes nothing, for the sake of the answer.
    pub(crate) fn probe(&mut self, now: Moment, out: &mut Vec<Effect<F, V>>) {
        if self.has_second() && self.second.records() {
            self.propose(now, Record::Free(BTreeSet::new()), out);
        }
    }
}
