//! What an engine has done, in plain numbers. Whoever publishes metrics takes a snapshot now and then.

use crate::EarlyReason;
use std::time::Duration;
use tailweir_core::Verdict;
use tailweir_policy::{Amount, PolicyVotes};

/// Amounts by verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ByVerdict {
    /// Kept.
    pub sampled: Amount,
    /// Wanted by no policy.
    pub not_sampled: Amount,
    /// Dropped by a policy.
    pub dropped: Amount,
}

impl ByVerdict {
    /// Adds the amounts of another.
    pub fn merge(&mut self, more: Self) {
        self.sampled.merge(more.sampled);
        self.not_sampled.merge(more.not_sampled);
        self.dropped.merge(more.dropped);
    }

    pub(crate) fn of_mut(&mut self, verdict: Verdict) -> &mut Amount {
        match verdict {
            Verdict::Sampled { .. } => &mut self.sampled,
            Verdict::NotSampled => &mut self.not_sampled,
            Verdict::Dropped { .. } => &mut self.dropped,
        }
    }
}

/// What one policy did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PolicyCounts {
    /// Decisions for which it is named.
    pub decided: ByVerdict,
    /// Its votes, also where another policy is named.
    pub votes: PolicyVotes,
}

impl PolicyCounts {
    /// Adds what the same policy did elsewhere.
    pub fn merge(&mut self, more: Self) {
        self.decided.merge(more.decided);
        self.votes.merge(more.votes);
    }
}

/// A distribution over fixed buckets. The last bucket has no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AgeHistogram {
    /// Ages per bucket: bucket `n` holds those up to `BOUNDS[n]` seconds, the last the rest.
    pub counts: [u64; 12],
    /// Sum of all ages, in milliseconds.
    pub sum_millis: u64,
}

impl AgeHistogram {
    /// Inclusive upper bounds, in seconds.
    pub const BOUNDS: [u64; 11] = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800];

    pub(crate) fn add(&mut self, age: Duration) {
        let bucket = Self::BOUNDS.partition_point(|&bound| Duration::from_secs(bound) < age);
        self.counts[bucket] += 1;
        self.sum_millis += age.as_millis() as u64;
    }
}

/// Counts since the start of the engine, and under `held` what there is now.
///
/// [`Counters::check`] states what must hold between them at any time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counters {
    /// Spans that were accepted, whatever became of them.
    pub appended: Amount,
    /// Undecided now.
    pub held: Amount,
    /// Handed on as kept, late ones included.
    pub kept: Amount,
    /// Let go by a decision, late ones included.
    pub discarded: Amount,
    /// Given up without a decision.
    pub abandoned: Amount,
    /// Left out: their ids had been seen.
    pub duplicates: Amount,
    /// Not accepted; the client was told to try again.
    pub refused: Amount,

    /// Trace ids that were not known when a span came.
    pub new_traces: u64,
    /// Decisions.
    pub decided: ByVerdict,
    /// Decisions by the policy that is named for them, in the order of the current policies.
    pub by_policy: Vec<ByVerdict>,
    /// Decisions before their time, in the order of [`EarlyReason::ALL`].
    pub early: [Amount; EarlyReason::ALL.len()],
    /// What came after the decision, by the decision that it followed.
    pub late: ByVerdict,
    /// Traces not sampled because of their size (`maximum_trace_size_bytes`).
    pub too_large: Amount,
    /// Policies that failed on a trace.
    pub evaluation_errors: u64,
    /// Traces on which the evaluation panicked; they were not sampled.
    pub evaluation_panics: u64,
    /// Ids of kept spans that were forgotten before their horizon, for want of room.
    pub dedupe_forgotten: u64,
    /// Decisions that were forgotten, for want of room.
    pub decisions_forgotten: u64,
    /// Bytes that were moved to free sparse segments.
    pub compacted_bytes: u64,
    /// Age of the decision when spans came late.
    pub late_age: AgeHistogram,
    /// Age of traces at their decision.
    pub decision_age: AgeHistogram,
}

impl Counters {
    /// Conservation: every accepted span is held, kept, discarded, abandoned or a duplicate, in
    /// number and in bytes; and decisions, late spans and giving up account for all that left.
    ///
    /// # Errors
    /// Which balance is off, and by what.
    pub fn check(&self) -> Result<(), Imbalance> {
        let parts = [
            self.held,
            self.kept,
            self.discarded,
            self.abandoned,
            self.duplicates,
        ];
        let sum = |of: fn(&Amount) -> u64| parts.iter().map(of).sum::<u64>();
        equal("spans", self.appended.spans, sum(|amount| amount.spans))?;
        equal("bytes", self.appended.bytes, sum(|amount| amount.bytes))?;
        let sampled = self.decided.sampled.spans + self.late.sampled.spans;
        equal("kept spans", self.kept.spans, sampled)?;
        let others = self.decided.not_sampled.spans
            + self.decided.dropped.spans
            + self.late.not_sampled.spans
            + self.late.dropped.spans;
        equal("discarded spans", self.discarded.spans, others)?;
        let decided = self.decided.sampled.traces
            + self.decided.not_sampled.traces
            + self.decided.dropped.traces;
        let left = decided + self.abandoned.traces;
        equal("traces", self.new_traces, self.held.traces + left)
    }
}

fn equal(what: &'static str, left: u64, right: u64) -> Result<(), Imbalance> {
    if left == right {
        Ok(())
    } else {
        Err(Imbalance { what, left, right })
    }
}

/// Two counts that must be equal are not: a defect of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} do not balance: {left} came in, {right} are accounted for")]
pub struct Imbalance {
    what: &'static str,
    left: u64,
    right: u64,
}

#[cfg(test)]
mod tests {
    use super::{AgeHistogram, Amount, Counters};
    use std::time::Duration;

    /// Scenario: one span more was accepted than is accounted for.
    /// Guarantees: the check names what is off and by what.
    #[test]
    fn a_lost_span_is_noticed() {
        let one = Amount {
            traces: 1,
            spans: 1,
            bytes: 0,
        };
        let counters = Counters {
            appended: one,
            ..Counters::default()
        };
        let error = counters.check().unwrap_err().to_string();
        assert_eq!(
            error,
            "spans do not balance: 1 came in, 0 are accounted for"
        );
    }

    /// Scenario: ages at, just above and far above the bounds.
    /// Guarantees: bounds are inclusive, and the last bucket takes everything.
    #[test]
    fn ages_fall_into_their_buckets() {
        let mut ages = AgeHistogram::default();
        for millis in [0, 1000, 1001, 1_800_000, 1_800_001] {
            ages.add(Duration::from_millis(millis));
        }
        assert_eq!(ages.counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
    }
}
