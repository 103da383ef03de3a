//! Compiled policies: trees over numbered leaves.
//!
//! ```text
//! PolicySet -> Plan -> CompiledPolicy { name, tree: Node }
//!                        Node: And / Not / Drop / Composite over LeafIndex
//!                      leaves: what is asked about a trace, each distinct question once
//!                      attributes: one walk for all attribute leaves
//!                      buckets, composites: settings of what PolicyState remembers
//! ```

use crate::attributes::{AttributePlan, TestIndex};
use crate::composite::CompositeSettings;
use crate::conditions::Conditions;
use crate::decision::SubPolicyIndex;
use crate::latency::LatencyTest;
use crate::randomness::Draws;
use crate::token_bucket::BucketSettings;
use crate::trace_state::MemberTest;

/// Number of a leaf in its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeafIndex(pub(crate) u16);

/// A question about a trace.
#[derive(Debug)]
pub(crate) enum Leaf {
    /// Answered yes for every trace.
    Always,
    /// Does the whole trace last as long as wanted?
    Latency(LatencyTest),
    /// Does some prefix of the spans last as long as wanted?
    PrefixLatency(LatencyTest),
    /// Is the number of spans in this range? The upper end may be open.
    SpanCount { least: i64, most: Option<i64> },
    /// Does a status with one of these bits occur?
    Status(u8),
    /// Does a span have the W3C flag `sampled`?
    SampledFlag,
    /// Does a resource or span pass this test? `invert` turns the answer round.
    Attribute { test: TestIndex, invert: bool },
    /// Does a span's tracestate have this member?
    TraceState(MemberTest),
    /// Does one of these conditions hold?
    Conditions(Conditions),
    /// Is the draw of this number low enough?
    Draw(usize),
    /// Does this bucket have a token for each span?
    SpanBucket(usize),
    /// Does this bucket have a token for each byte?
    ByteBucket(usize),
}

impl Leaf {
    /// Whether asking changes what the next trace is answered.
    pub(crate) fn is_limiter(&self) -> bool {
        matches!(self, Self::SpanBucket(_) | Self::ByteBucket(_))
    }

    /// Whether asking can fail.
    pub(crate) fn can_fail(&self) -> bool {
        matches!(self, Self::Conditions(conditions) if conditions.propagates())
    }

    /// What an answer costs, roughly; only the order matters.
    pub(crate) fn cost(&self) -> u8 {
        match self {
            Self::Always | Self::Latency(_) | Self::SpanCount { .. } => 0,
            Self::Status(_) | Self::SampledFlag | Self::SpanBucket(_) => 0,
            Self::Draw(_) => 1,
            Self::Attribute { .. } => 2,
            Self::TraceState(_) | Self::PrefixLatency(_) => 3,
            Self::ByteBucket(_) | Self::Conditions(_) => 4,
        }
    }
}

/// A policy as a tree. The trees are two levels deep, three in a composite.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Leaf(LeafIndex),
    And(Box<[Self]>),
    Not(LeafIndex),
    Drop(Box<[Self]>),
    Composite(Composite),
}

/// A composite: sub-policies in order, the number of its counters, and of its first sub-policy.
#[derive(Debug, Clone)]
pub(crate) struct Composite {
    pub(crate) index: usize,
    pub(crate) first: SubPolicyIndex,
    pub(crate) sub_policies: Box<[Node]>,
}

/// A policy of the set.
#[derive(Debug)]
pub(crate) struct CompiledPolicy {
    pub(crate) name: Box<str>,
    pub(crate) tree: Node,
    /// Whether evaluating it changes what the next trace is answered, so that it may not be skipped.
    pub(crate) remembers: bool,
}

/// Everything that is compiled.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) policies: Vec<CompiledPolicy>,
    /// Numbers of policies: those that drop, then the others, each in the order of the configuration.
    pub(crate) drops: Vec<u16>,
    pub(crate) others: Vec<u16>,
    pub(crate) leaves: Vec<Leaf>,
    pub(crate) attributes: AttributePlan,
    pub(crate) draws: Draws,
    /// Each with the way to its policy, by which a later set knows it again.
    pub(crate) buckets: Vec<(Box<str>, BucketSettings)>,
    pub(crate) composites: Vec<CompositeSettings>,
    pub(crate) sub_policy_names: Vec<Box<str>>,
}

impl Plan {
    pub(crate) fn leaf(&self, index: LeafIndex) -> &Leaf {
        &self.leaves[usize::from(index.0)]
    }

    /// Whether any leaf below the node is as asked for.
    pub(crate) fn any_leaf(&self, node: &Node, wanted: &dyn Fn(&Leaf) -> bool) -> bool {
        match node {
            Node::Leaf(index) | Node::Not(index) => wanted(self.leaf(*index)),
            Node::And(nodes) | Node::Drop(nodes) => {
                nodes.iter().any(|node| self.any_leaf(node, wanted))
            }
            Node::Composite(composite) => composite
                .sub_policies
                .iter()
                .any(|node| self.any_leaf(node, wanted)),
        }
    }
}
