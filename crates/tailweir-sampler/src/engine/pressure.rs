//! Memory: what is done before it runs out.
//!
//! ```text
//! 0 ......................... 90 % ................ 97 % ...... 100 % of the budget
//!   sparse segments are moved | decide early: the    | refuse    | refuse
//!   together when they waste  | largest, then the    | new       | everything
//!                             | oldest               | traces    |
//! ```

use super::Engine;
use crate::sink::{EarlyReason, Sink};
use tailweir_core::Moment;

/// A segment that is live to less than this percentage is worth moving when memory is short. A full
/// segment always lives to more.
const SPARSE_UNDER_PRESSURE: usize = 80;
/// The same while there is memory enough.
const SPARSE: usize = 50;
/// Segments moved by one call of `advance` while there is memory enough.
const TIDY_MAX: usize = 4;
/// Up to this share of the budget, memory that is not used well is not missed.
const TIDY_FROM: usize = 16;

impl Engine {
    /// Bytes from which on traces are decided early.
    fn comfortable(&self) -> usize {
        self.settings.memory_budget.bytes() as usize / 10 * 9
    }

    /// Bytes from which on new traces are refused.
    pub(super) fn limit_for_new(&self) -> usize {
        self.settings.memory_budget.bytes() as usize / 100 * 97
    }

    /// Bytes from which on everything is refused.
    pub(super) fn limit(&self) -> usize {
        self.settings.memory_budget.bytes() as usize
    }

    pub(super) fn memory(&self) -> usize {
        self.store.bytes() + self.table.held_bytes()
    }

    /// Makes room for `need` more bytes, as far as that is right; returns how many traces had to be
    /// decided early for it.
    pub(super) fn relieve(&mut self, now: Moment, need: usize, sink: &mut impl Sink) -> u64 {
        let mut early = 0;
        while self.memory() + need > self.comfortable() + self.leaving as usize {
            let wasteful = self.store.dead() > self.store.used() / 8;
            if wasteful && self.compact(SPARSE_UNDER_PRESSURE) {
                continue;
            }
            let Some(index) = self.dispensable(now) else {
                break;
            };
            let leaving = self.leaving;
            let is_gone = self.decide(index, now, Some(EarlyReason::Memory), sink);
            early += 1;
            if !is_gone && self.leaving == leaving {
                break;
            }
        }
        if early > 0 {
            self.store.drop_spare();
        }
        early
    }

    /// Moves what is left in sparse segments together, a little at a time.
    pub(super) fn tidy(&mut self) {
        for _ in 0..TIDY_MAX {
            let used = self.store.used();
            let wasteful = used > self.limit() / TIDY_FROM && self.store.dead() > used / 4;
            if !wasteful || !self.compact(SPARSE) {
                return;
            }
        }
    }

    /// The trace to decide first for want of memory: the largest of those that are large at all, else
    /// the oldest that has waited long enough for its spans to have come.
    fn dispensable(&self, now: Moment) -> Option<u32> {
        self.table.largest().or_else(|| {
            let (arrived, index) = self.table.oldest()?;
            (now.since(arrived) >= self.settings.least_wait()).then_some(index)
        })
    }

    fn compact(&mut self, percent: usize) -> bool {
        let moved = self.store.compact(&mut self.table.traces, percent);
        self.counters.compacted_bytes += moved.unwrap_or_default() as u64;
        self.scratch.epoch += 1;
        moved.is_some()
    }
}
