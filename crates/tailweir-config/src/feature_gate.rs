//! The feature gates of the Collector that mean something here.

use crate::sources::Sources;

/// The feature gate by which the Collector writes the name of the deciding policy.
pub(crate) const RECORD_POLICY: &str = "processor.tailsamplingprocessor.recordpolicy";

/// The feature gate by which the Collector follows the randomness that spans carry.
pub(crate) const USE_TRACE_STATE: &str = "processor.tailsamplingprocessor.usetracestate";

/// A feature gate of the Collector that means something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeatureGate {
    /// Its id.
    pub id: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// Whether the command line has switched it on.
    pub is_on: bool,
}

impl Sources {
    /// Each feature gate that is known, and how it stands.
    pub fn known_gates(&self) -> impl Iterator<Item = FeatureGate> {
        let known = [
            (
                RECORD_POLICY,
                "`record_policy` of `tail_sampling` is true where it is not written",
            ),
            (
                USE_TRACE_STATE,
                "`consistent_probability` of `tail_sampling` is true where it is not written",
            ),
        ];
        known.into_iter().map(|(id, meaning)| FeatureGate {
            id,
            meaning,
            is_on: self.has_gate(id),
        })
    }
}
