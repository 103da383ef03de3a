//! Traces that are due together, where limiters must not prefer those that happen to come first.

use super::{Engine, emptied};
use crate::sink::{EarlyReason, Sink};
use std::cmp::Reverse;
use std::mem;
use tailweir_core::{Moment, Randomness};
use tailweir_otlp::TraceView;

impl Engine {
    /// Decides every trace whose deadline is not after `until`, highest rank first, in one round of
    /// the limiters. Returns how many there were.
    pub(super) fn decide_round(
        &mut self,
        now: Moment,
        until: Moment,
        early: Option<EarlyReason>,
        sink: &mut impl Sink,
    ) -> u64 {
        let mut due = mem::take(&mut self.scratch.due);
        due.clear();
        self.table
            .deadlines
            .due(&self.table.traces, until, &mut due);
        let mut ranked = mem::take(&mut self.scratch.ranked);
        ranked.clear();
        ranked.extend(due.iter().map(|&index| (Reverse(self.rank(index)), index)));
        ranked.sort_by_key(|&(rank, _)| rank);
        if !ranked.is_empty() {
            self.policies.state.begin_round();
        }
        for &(_, index) in &ranked {
            self.decide(index, now, early, sink);
        }
        self.policies.state.end_round();
        let decided = ranked.len() as u64;
        self.scratch.due = due;
        self.scratch.ranked = ranked;
        decided
    }

    fn rank(&mut self, index: u32) -> Option<Randomness> {
        let trace = self.table.traces.get(index);
        let mut records = emptied(mem::take(&mut self.scratch.records));
        self.store
            .records(trace.last, &mut self.scratch.order, &mut records);
        let view = TraceView {
            id: trace.id,
            summary: trace.summary,
            spans: &records,
        };
        let rank = self.policies.current().rank(&view);
        self.scratch.records = emptied(records);
        rank
    }
}
