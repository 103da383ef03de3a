//! How often each policy was asked, what it said, and how long it took.

use crate::evaluation::{Failed, Vote};
use std::time::Duration;

/// Of so many decisions one is timed: reading the clock around each vote would cost as much as the
/// vote.
const TIMED_ONE_OF: u32 = 64;

/// The time since some moment. Rooms that may not read a clock are handed one.
pub type Stopwatch = fn() -> Duration;

/// Traces, spans and bytes of spans that went one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// Traces; where spans come late, times that some came for one trace.
    pub traces: u64,
    /// Spans.
    pub spans: u64,
    /// Bytes of spans as they arrived, without resources and scopes.
    pub bytes: u64,
}

impl Amount {
    /// Adds one trace.
    pub fn add(&mut self, spans: u64, bytes: u64) {
        self.merge(Self {
            traces: 1,
            spans,
            bytes,
        });
    }

    /// Adds another amount.
    pub fn merge(&mut self, more: Self) {
        self.traces += more.traces;
        self.spans += more.spans;
        self.bytes += more.bytes;
    }
}

/// The votes of one policy. Policies after the first that sampled are not asked unless they remember
/// what they saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PolicyVotes {
    /// Times that it was asked.
    pub executions: u64,
    /// Time that this took, estimated from one decision in 64; zero without a stopwatch.
    pub time: Duration,
    /// Traces that it wanted.
    pub sampled: Amount,
    /// Traces that it did not want.
    pub not_sampled: Amount,
    /// Traces that it dropped.
    pub dropped: Amount,
}

impl PolicyVotes {
    /// Adds the votes of the same policy elsewhere.
    pub fn merge(&mut self, more: Self) {
        self.executions += more.executions;
        self.time += more.time;
        self.sampled.merge(more.sampled);
        self.not_sampled.merge(more.not_sampled);
        self.dropped.merge(more.dropped);
    }
}

/// The votes of all policies of a set.
#[derive(Debug, Clone)]
pub(crate) struct VoteCounts {
    pub(crate) by_policy: Vec<PolicyVotes>,
    pub(crate) stopwatch: Option<Stopwatch>,
    /// Decisions until one is timed.
    untimed: u32,
    is_timed: bool,
}

impl VoteCounts {
    pub(crate) fn new(policies: usize) -> Self {
        Self {
            by_policy: vec![PolicyVotes::default(); policies],
            stopwatch: None,
            untimed: 0,
            is_timed: false,
        }
    }

    /// A decision begins.
    pub(crate) fn begin(&mut self) {
        self.is_timed = self.untimed == 0 && self.stopwatch.is_some();
        self.untimed = if self.untimed == 0 {
            TIMED_ONE_OF - 1
        } else {
            self.untimed - 1
        };
    }

    /// The time, when this decision is timed.
    pub(crate) fn read(&self) -> Option<Duration> {
        self.stopwatch
            .filter(|_| self.is_timed)
            .map(|stopwatch| stopwatch())
    }

    /// A policy voted on a trace of so many spans and bytes, asked at `start`.
    pub(crate) fn count(
        &mut self,
        policy: u16,
        vote: Result<Vote, Failed>,
        (spans, bytes): (u64, u64),
        start: Option<Duration>,
    ) {
        let took = start
            .zip(self.read())
            .map_or(Duration::ZERO, |(start, end)| end.saturating_sub(start));
        let votes = &mut self.by_policy[usize::from(policy)];
        votes.executions += 1;
        votes.time += took * TIMED_ONE_OF;
        match vote {
            Ok(Vote::Sampled(_)) => votes.sampled.add(spans, bytes),
            Ok(Vote::NotSampled) => votes.not_sampled.add(spans, bytes),
            Ok(Vote::Dropped) => votes.dropped.add(spans, bytes),
            Err(Failed) => {}
        }
    }
}
