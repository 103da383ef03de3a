//! What a shard wants done.

use crate::{Answer, Piece, Ruled, Tie};
use bytes::Bytes;
use tailweir_core::TraceId;
use tailweir_placement::{Epoch, Incarnation, Report, TenureId};
use tailweir_sampler::AbandonedTrace;
use tailweir_tenure::{Message, Number};

/// Everything that a call left to be done, in order. Its owner takes it out and keeps the allocation.
#[derive(Debug)]
pub struct Outbox<T> {
    /// To other samplers. What cannot be sent may be dropped, if the shard is told to remind that member.
    pub letters: Vec<(Incarnation, Message<Piece, Ruled>)>,
    /// To gateways.
    pub answers: Vec<(T, Answer)>,
    /// To the stages behind the sampler.
    pub kept: Vec<Kept>,
    /// To the controllers.
    pub reports: Vec<Report>,
    /// For whoever wants to know what was decided; said once for each verdict on which this member may act.
    pub rulings: Vec<Ruling>,
    /// What was let go without a decision: it is somebody else's, or a policy failed on it.
    pub abandoned: Vec<AbandonedTrace>,
}

impl<T> Default for Outbox<T> {
    fn default() -> Self {
        Self {
            letters: Vec::new(),
            answers: Vec::new(),
            kept: Vec::new(),
            reports: Vec::new(),
            rulings: Vec::new(),
            abandoned: Vec::new(),
        }
    }
}

/// Spans to be delivered. [`Shard::delivered`](crate::Shard::delivered) is to be told when they are, or when they are
/// counted as lost; nothing is when their tie was cut and they were left out.
#[derive(Debug, Clone)]
pub struct Kept {
    /// OTLP TracesData.
    pub bytes: Bytes,
    /// How many spans.
    pub spans: u64,
    /// Their bytes as they came.
    pub span_bytes: u64,
    /// Whose they are.
    pub tenure: TenureId,
    /// Which fragments.
    pub numbers: Vec<Number>,
    /// Whether they are still to be delivered from here.
    pub tie: Tie,
}

/// A verdict on which this member may act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ruling {
    /// The trace.
    pub trace: TraceId,
    /// The tenure at which it was stored.
    pub tenure: TenureId,
    /// The view of the tenure in which this member acts: no other member acts in it.
    pub view: Epoch,
    /// The verdict.
    pub ruled: Ruled,
}
