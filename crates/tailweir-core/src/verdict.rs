//! What is decided about a trace.

use crate::Threshold;

/// Number of a policy in its set, in the order of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyIndex(pub u16);

/// The one decision about a trace. All its spans follow it, late ones included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Kept, because of `policy`. `threshold` gives the weight; none where the policy cannot
    /// express one.
    Sampled {
        /// The policy that is named as the reason.
        policy: PolicyIndex,
        /// The share of such traces that is kept.
        threshold: Option<Threshold>,
    },
    /// Not kept: no policy wanted it.
    NotSampled,
    /// Not kept, because a `drop` policy said so.
    Dropped {
        /// The policy that dropped it.
        policy: PolicyIndex,
    },
}

impl Verdict {
    /// Whether the trace goes on to the exporters.
    #[must_use]
    pub const fn is_sampled(self) -> bool {
        matches!(self, Self::Sampled { .. })
    }

    /// The word of the Collector's metrics: `sampled`, `not_sampled` or `dropped`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sampled { .. } => "sampled",
            Self::NotSampled => "not_sampled",
            Self::Dropped { .. } => "dropped",
        }
    }

    /// The policy that decided, if one did.
    #[must_use]
    pub const fn policy(self) -> Option<PolicyIndex> {
        match self {
            Self::Sampled { policy, .. } | Self::Dropped { policy } => Some(policy),
            Self::NotSampled => None,
        }
    }
}
