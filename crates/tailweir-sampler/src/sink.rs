//! Where decided traces go.

use tailweir_core::TraceId;
use tailweir_otlp::{SpanRecord, TraceSummary};
use tailweir_policy::{Decision, PolicySet};

/// Takes what an [`Engine`](crate::Engine) has decided. The engine calls it from `append`, `advance`
/// and `drain`, each time with whole traces, or with what arrived late for one.
///
/// A sink should not panic: spans that it was being given are then counted as abandoned.
pub trait Sink {
    /// Spans to be exported.
    fn kept(&mut self, trace: &DecidedTrace<'_>);

    /// Spans that a decision lets go.
    fn discarded(&mut self, trace: &DiscardedTrace<'_>);

    /// Spans given up without a decision.
    fn abandoned(&mut self, trace: &AbandonedTrace);

    /// These traces are decided next, for a sink that has something to fetch for each before it is asked.
    fn expects(&mut self, _traces: &[TraceId]) {}

    /// Whether a decision about this trace could be settled now. The engine comes back to one that is not
    /// decidable, a little later.
    fn is_decidable(&self, _trace: TraceId) -> bool {
        true
    }

    /// Whether this decision holds at once. One that does not is carried out by
    /// [`Engine::follow`](crate::Engine::follow), when whoever has to agree to it did.
    fn settles(&mut self, _trace: TraceId, _decision: &Decision) -> bool {
        true
    }
}

/// Spans of a trace that is kept. Everything is borrowed from the engine's store, or for late spans
/// from the request, for the duration of the call.
#[derive(Debug, Clone, Copy)]
pub struct DecidedTrace<'a> {
    /// Which trace.
    pub id: TraceId,
    /// The verdict, its weight, and the policy that gave it.
    pub decision: Decision,
    /// The policies that decided, which have the names of those in `decision`.
    pub policies: &'a PolicySet,
    /// Whether the decision was made before these spans came.
    pub late: bool,
    /// Why the decision was made before its time, if it was.
    pub early: Option<EarlyReason>,
    /// Of these spans.
    pub summary: TraceSummary,
    /// The spans, in the order of arrival.
    pub spans: &'a [SpanRecord<'a>],
}

/// Spans of a trace that is not kept.
#[derive(Debug, Clone, Copy)]
pub struct DiscardedTrace<'a> {
    /// Which trace.
    pub id: TraceId,
    /// The verdict.
    pub decision: Decision,
    /// The policies that decided.
    pub policies: &'a PolicySet,
    /// Whether the decision was made before these spans came.
    pub late: bool,
    /// Why the decision was made before its time, if it was.
    pub early: Option<EarlyReason>,
    /// Number of spans.
    pub spans: u64,
    /// Bytes of spans.
    pub bytes: u64,
}

/// A trace that was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbandonedTrace {
    /// Which trace.
    pub id: TraceId,
    /// Why.
    pub reason: AbandonReason,
    /// Number of spans.
    pub spans: u64,
    /// Bytes of spans.
    pub bytes: u64,
}

/// Why a trace was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbandonReason {
    /// The engine was drained, and the settings say not to decide.
    Drained,
    /// The process panicked while these spans were handed on; some may have been.
    Panicked,
    /// They are somebody else's.
    GivenBack,
}

/// Why a trace was decided before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EarlyReason {
    /// Memory was short.
    Memory,
    /// There were too many traces.
    Traces,
    /// The trace itself was too large.
    Size,
    /// The engine was drained.
    Drained,
}

impl EarlyReason {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Memory, Self::Traces, Self::Size, Self::Drained];

    /// Its word in metrics: `memory`, `traces`, `size` or `drained`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Traces => "traces",
            Self::Size => "size",
            Self::Drained => "drained",
        }
    }
}
