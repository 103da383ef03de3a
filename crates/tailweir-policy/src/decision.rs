//! What is decided about a trace, and what is still open while it arrives.

use crate::CarriedWeight;
use tailweir_core::{PolicyIndex, Threshold, Verdict};

/// Number of a sub-policy of a `composite` among all such sub-policies of a set.
/// [`PolicySet::sub_policy_name`](crate::PolicySet::sub_policy_name) has its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubPolicyIndex(pub u16);

/// The outcome of all policies for one trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// What happens to the trace, and because of which policy.
    pub verdict: Verdict,
    /// The sub-policy that made a `composite` sample, when that is the policy named.
    pub sub_policy: Option<SubPolicyIndex>,
    /// How the threshold of the verdict goes together with one that a span already carries.
    pub carried: CarriedWeight,
    /// How many policies failed and were passed over. Only those that were asked are counted: once
    /// the verdict is certain, the rest is not asked.
    pub evaluation_errors: u32,
}

/// What the fragments of a trace have shown so far under the strategy `span-ingest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pending {
    pub(crate) candidate: Option<Candidate>,
    pub(crate) evaluation_errors: u32,
}

impl Pending {
    /// How many policies failed on the fragments so far.
    #[must_use]
    pub fn evaluation_errors(&self) -> u32 {
        self.evaluation_errors
    }
}

/// A policy that sampled while a `drop` policy may still come to match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) policy: PolicyIndex,
    pub(crate) sub_policy: Option<SubPolicyIndex>,
    pub(crate) threshold: Option<Threshold>,
    pub(crate) carried: CarriedWeight,
}

impl Candidate {
    pub(crate) fn decision(self, evaluation_errors: u32) -> Decision {
        Decision {
            verdict: Verdict::Sampled {
                policy: self.policy,
                threshold: self.threshold,
            },
            sub_policy: self.sub_policy,
            carried: self.carried,
            evaluation_errors,
        }
    }
}

/// What one more fragment decides under the strategy `span-ingest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// The decision about the whole trace, fragments held so far included.
    Decided(Decision),
    /// Nothing is decided. Pass it in with the next fragment, and to
    /// [`PolicySet::settle`](crate::PolicySet::settle) when the wait is over.
    Open(Pending),
}
