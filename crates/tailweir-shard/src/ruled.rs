//! A verdict as the members of a cluster tell each other.

use tailweir_core::{PolicyIndex, Threshold, Verdict};
use tailweir_policy::{CarriedWeight, Decision, SubPolicyIndex};
use tailweir_tenure::Ruling;

/// What was decided about a trace, and by which policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ruled {
    /// What becomes of it.
    pub outcome: Outcome,
    /// Number of the policy that decided, in its revision.
    pub policy: PolicyIndex,
    /// Number of a composite's sub-policy.
    pub sub_policy: Option<SubPolicyIndex>,
    /// How the threshold goes together with what a span carries.
    pub carried: CarriedWeight,
    /// Names the policies: members whose policies are alike have the same.
    pub revision: u64,
}

/// What becomes of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It is kept.
    Sampled(Option<Threshold>),
    /// No policy wanted it.
    NotSampled,
    /// A `drop` policy dropped it.
    Dropped,
}

impl Ruled {
    pub(crate) fn new(decision: &Decision, revision: u64) -> Self {
        let outcome = match decision.verdict {
            Verdict::Sampled { threshold, .. } => Outcome::Sampled(threshold),
            Verdict::NotSampled => Outcome::NotSampled,
            Verdict::Dropped { .. } => Outcome::Dropped,
        };
        Self {
            outcome,
            policy: decision.verdict.policy().unwrap_or(PolicyIndex(0)),
            sub_policy: decision.sub_policy,
            carried: decision.carried,
            revision,
        }
    }

    /// The decision, for a member whose policies have this revision. Numbers of other policies mean nothing to it.
    pub(crate) fn decision(&self, revision: u64) -> Decision {
        let is_ours = self.revision == revision;
        let policy = if is_ours {
            self.policy
        } else {
            PolicyIndex(u16::MAX)
        };
        let verdict = match self.outcome {
            Outcome::Sampled(threshold) => Verdict::Sampled { policy, threshold },
            Outcome::NotSampled => Verdict::NotSampled,
            Outcome::Dropped => Verdict::Dropped { policy },
        };
        Decision {
            verdict,
            sub_policy: self.sub_policy.filter(|_| is_ours),
            carried: self.carried,
            evaluation_errors: 0,
        }
    }
}

/// What became of a trace, as far as a member knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is not decided, or somebody else has its verdict, or nobody has it any more.
    Unknown,
    /// It was kept.
    Kept,
    /// It was not.
    NotKept,
}

impl Fate {
    /// That by a verdict, if there is one.
    pub(crate) fn of(ruled: Option<Ruled>) -> Self {
        match ruled {
            Some(ruled) if ruled.keeps() => Self::Kept,
            Some(_) => Self::NotKept,
            None => Self::Unknown,
        }
    }
}

impl Ruling for Ruled {
    fn keeps(&self) -> bool {
        matches!(self.outcome, Outcome::Sampled(_))
    }
}
