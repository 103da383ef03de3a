//! Exemplars, and those that wait for the decision on their trace.
//!
//! Where a sampler sees the same spans, an exemplar is worth something only if its trace is kept, and that
//! is known much later than the span is counted. So exemplars wait, some more of them than a data point may
//! have, until the sampler says what became of their traces.

use super::resources::TableKind;
use crate::series::Series;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::sync::Arc;
use tailweir_core::TraceId;
use tailweir_otlp::NewExemplar;

/// Exemplars that may wait in a connector; past it the oldest is let go.
const WAITING_MAX: usize = 1 << 16;
/// Bytes of the keys of series for which they wait; past it too.
const KEY_BYTES_MAX: usize = 32 << 20;
/// Exemplars that may wait for each one that a data point may have.
const WAITING_FACTOR: usize = 16;

/// What is known of the traces of spans that are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exemplars {
    /// They were kept, or nothing decides about them.
    Kept,
    /// A sampler that sees the same spans will decide.
    Undecided,
}

/// An exemplar that waits, and where it belongs.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) resource: Arc<[u8]>,
    pub(super) kind: TableKind,
    pub(super) key: Box<[u8]>,
    pub(super) exemplar: NewExemplar,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Candidates {
    by_trace: HashMap<TraceId, SmallVec<[Candidate; 1]>, FixedState>,
    /// Traces by age. May name some that were decided meanwhile.
    ages: VecDeque<TraceId>,
    waiting: usize,
    key_bytes: usize,
    without_room: u64,
    per_point: usize,
}

impl Candidates {
    pub(super) fn new(per_point: usize) -> Self {
        Self {
            by_trace: HashMap::default(),
            ages: VecDeque::new(),
            waiting: 0,
            key_bytes: 0,
            without_room: 0,
            per_point,
        }
    }

    /// Most exemplars of a data point.
    pub(super) fn per_point(&self) -> usize {
        self.per_point
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// How many were let go before a decision.
    pub(super) fn without_room(&self) -> u64 {
        self.without_room
    }

    /// Takes an exemplar whose trace is kept, if the data point may have another.
    pub(super) fn accept(&self, series: &mut Series, exemplar: NewExemplar) {
        if series.exemplars.len() < self.per_point {
            series.exemplars.push(exemplar);
        }
    }

    /// Takes an exemplar that waits, if the series may have another.
    pub(super) fn hold(&mut self, series: &mut Series, candidate: impl FnOnce() -> Candidate) {
        if series.waiting as usize >= self.per_point.saturating_mul(WAITING_FACTOR) {
            return;
        }
        series.waiting += 1;
        let candidate = candidate();
        let trace = candidate.exemplar.trace_id;
        let of_trace = self.by_trace.entry(trace).or_default();
        if of_trace.is_empty() {
            self.ages.push_back(trace);
        }
        self.waiting += 1;
        self.key_bytes += candidate.key.len();
        of_trace.push(candidate);
        while (self.waiting > WAITING_MAX || self.key_bytes > KEY_BYTES_MAX)
            && let Some(oldest) = self.ages.pop_front()
        {
            let gone = self.remove(oldest);
            self.without_room += gone.len() as u64;
        }
        if self.ages.len() > 2 * WAITING_MAX {
            let by_trace = &self.by_trace;
            self.ages.retain(|trace| by_trace.contains_key(trace));
        }
    }

    /// What waits for the decision on this trace.
    pub(super) fn take(&mut self, trace: TraceId) -> SmallVec<[Candidate; 1]> {
        if self.waiting == 0 {
            return SmallVec::new();
        }
        self.remove(trace)
    }

    fn remove(&mut self, trace: TraceId) -> SmallVec<[Candidate; 1]> {
        let gone = self.by_trace.remove(&trace).unwrap_or_default();
        self.waiting -= gone.len();
        self.key_bytes -= gone
            .iter()
            .map(|candidate| candidate.key.len())
            .sum::<usize>();
        gone
    }
}
