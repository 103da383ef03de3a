//! What policies look at, so that nobody prepares what is not needed.

use crate::plan::{Leaf, Plan};
use std::collections::BTreeSet;

/// The attributes whose values can change a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeysRead {
    /// OTTL conditions may read any attribute, and anything else of a span.
    Everything,
    /// Only resource and span attributes with these names.
    Only(BTreeSet<Box<[u8]>>),
}

impl KeysRead {
    pub(crate) fn of(plan: &Plan) -> Self {
        if plan
            .leaves
            .iter()
            .any(|leaf| matches!(leaf, Leaf::Conditions(_)))
        {
            return Self::Everything;
        }
        Self::Only(plan.attributes.keys().map(Into::into).collect())
    }

    /// Whether an attribute with this name can change a decision.
    #[must_use]
    pub fn includes(&self, key: &[u8]) -> bool {
        match self {
            Self::Everything => true,
            Self::Only(keys) => keys.contains(key),
        }
    }
}

/// What policies need to be shown of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// The spans. Without, the id and the summary are enough, and the list may be left empty.
    pub spans: bool,
    /// The size that the Collector would give the trace, worked out from the spans at each decision.
    pub collector_size: bool,
}

impl Needs {
    pub(crate) fn of(plan: &Plan, is_consistent: bool) -> Self {
        let any = |wanted: fn(&Leaf) -> bool| plan.leaves.iter().any(wanted);
        let collector_size = any(|leaf| matches!(leaf, Leaf::ByteBucket(_)));
        let by_span = any(|leaf| {
            matches!(
                leaf,
                Leaf::Attribute { .. }
                    | Leaf::TraceState(_)
                    | Leaf::PrefixLatency(_)
                    | Leaf::Conditions(_)
            )
        });
        let by_randomness =
            is_consistent && any(|leaf| leaf.is_limiter() || matches!(leaf, Leaf::Draw(_)));
        Self {
            spans: collector_size || by_span || by_randomness,
            collector_size,
        }
    }
}
