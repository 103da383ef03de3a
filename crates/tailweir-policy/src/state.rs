//! What policies remember between traces, and what they jot down during one.

use crate::PolicySet;
use crate::attributes::AttributeWalk;
use crate::composite::CompositeCounters;
use crate::plan::Plan;
use crate::token_bucket::{BucketSettings, TokenBucket};
use crate::votes::{PolicyVotes, Stopwatch, VoteCounts};

/// Token buckets and counters of one [`PolicySet`], for one decider.
///
/// Its size is fixed by the set. Whoever decides in several places at once gives each its own, with
/// its share of the rates.
#[derive(Debug, Clone)]
pub struct PolicyState {
    pub(crate) buckets: Vec<TokenBucket>,
    pub(crate) composites: Vec<CompositeCounters>,
    pub(crate) notes: Notes,
    pub(crate) votes: VoteCounts,
}

impl PolicyState {
    /// Full buckets and fresh counters, for a decider that sees every trace.
    #[must_use]
    pub fn new(set: &PolicySet) -> Self {
        Self::with_share(set, 1.0)
    }

    /// Full buckets and fresh counters, for a decider that sees this `share` (0 to 1) of all traces.
    /// Rates and the budgets of composites are multiplied by it; bursts are not, as a burst is also
    /// the largest trace that can pass. Nor is the largest trace of a composite: below a share of 1
    /// each passes that fits the whole budget, as long as anything is left of this decider's part,
    /// and later seconds pay for what it takes beyond that.
    #[must_use]
    pub fn with_share(set: &PolicySet, share: f64) -> Self {
        let plan = set.plan();
        let full = |(_, settings): &(_, BucketSettings)| TokenBucket::full(*settings, share);
        let fresh = |settings| CompositeCounters::new(settings, share);
        Self {
            buckets: plan.buckets.iter().map(full).collect(),
            composites: plan.composites.iter().map(fresh).collect(),
            notes: Notes::default(),
            votes: VoteCounts::new(set.len()),
        }
    }

    /// The state for a set that replaces another, or for the same set with another share. Limiters
    /// that are in both, under the same name and with the same settings, keep what is in their
    /// buckets, so that a reload gives no new burst. For the same set composites keep what they owe, and
    /// votes are counted on; else both begin at zero.
    #[must_use]
    pub fn succeeding(&self, replaced: &PolicySet, set: &PolicySet, share: f64) -> Self {
        let mut state = Self::with_share(set, share);
        let (old, new) = (&replaced.plan().buckets, &set.plan().buckets);
        for (bucket, known) in self.buckets.iter().zip(old) {
            if let Some(place) = new.iter().position(|limiter| limiter == known) {
                state.buckets[place].inherit(bucket);
            }
        }
        if std::ptr::eq(replaced, set) {
            let composites = state.composites.iter_mut().zip(&self.composites);
            composites.for_each(|(composite, known)| composite.inherit(known));
            state.votes = self.votes.clone();
        }
        state.votes.stopwatch = self.votes.stopwatch;
        state
    }

    /// Times the policies by this stopwatch from now on.
    pub fn time_by(&mut self, stopwatch: Stopwatch) {
        self.votes.stopwatch = Some(stopwatch);
    }

    /// The votes of each policy so far, by [`PolicyIndex`](tailweir_core::PolicyIndex).
    #[must_use]
    pub fn votes(&self) -> &[PolicyVotes] {
        &self.votes.by_policy
    }

    /// Begins a round of traces that are decided at one moment in falling order of
    /// [`PolicySet::rank`]. Within it, what a limiter refuses it refuses to all that follow, so that
    /// no trace is preferred for being small. Outside of rounds, each trace is admitted that fits.
    pub fn begin_round(&mut self) {
        self.buckets.iter_mut().for_each(TokenBucket::begin_round);
    }

    /// Ends the round, so that traces which are decided before the next one find limiters open.
    pub fn end_round(&mut self) {
        self.buckets.iter_mut().for_each(TokenBucket::end_round);
    }
}

/// What is known about the trace at hand. Kept for its memory, so that deciding allocates nothing
/// once it is warm.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes {
    pub(crate) leaves: Vec<Answer>,
    pub(crate) composites: Vec<Answer>,
    pub(crate) walk: AttributeWalk,
    /// Where the trace stands, per dimension of [`Draws`](crate::randomness::Draws).
    pub(crate) positions: Vec<u64>,
}

impl Notes {
    /// Forgets the trace before.
    pub(crate) fn restart(&mut self, plan: &Plan) {
        self.leaves.clear();
        self.leaves.resize(plan.leaves.len(), Answer::Unknown);
        self.composites.clear();
        self.composites
            .resize(plan.composites.len(), Answer::Unknown);
        self.walk.restart(&plan.attributes);
    }
}

/// What is known of a leaf or a composite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Answer {
    /// It was not asked.
    #[default]
    Unknown,
    Yes,
    No,
    /// It could not be evaluated.
    Failed,
}
