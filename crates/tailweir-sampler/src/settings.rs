//! What an engine is told at its start.

use std::time::Duration;
use tailweir_core::ByteSize;

/// Settings of one [`Engine`](crate::Engine). Bounds hold for this engine alone: who runs several
/// divides theirs.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineSettings {
    /// From the first span of a trace to its decision. Default 30 s.
    pub decision_wait: Duration,
    /// From a root span to the decision, when that is earlier. Zero: off (default).
    pub decision_wait_after_root: Duration,
    /// Most undecided traces. Default 50,000.
    pub traces_max: usize,
    /// At `traces_max`: true refuses new traces, false decides the oldest early (default).
    pub refuse_on_overflow: bool,
    /// Undecided traces to have room for from the start. Default 0.
    pub traces_expected: usize,
    /// A trace whose size, as the Collector counts it, exceeds this many bytes is not sampled. Zero:
    /// off (default).
    pub sampled_trace_bytes_max: u64,
    /// At [`Engine::drain`](crate::Engine::drain): true gives undecided traces up, false decides
    /// them (default).
    pub abandon_on_drain: bool,
    /// Memory for undecided traces: spans, contexts, tables. Default 512 MiB. At 9/10 of it the
    /// largest and the oldest traces are decided early; see `least_wait`.
    pub memory_budget: ByteSize,
    /// A trace that takes more than this is decided early, so that it cannot crowd others out.
    /// Zero: an eighth of the memory budget (default).
    pub trace_bytes_max: ByteSize,
    /// A trace younger than this is not decided early for want of memory, unless it is large: its
    /// spans are still arriving. When all are younger, requests are refused. Default 1 s; never more
    /// than a tenth of `decision_wait`.
    pub least_wait: Duration,
    /// Decisions about kept traces to remember. Zero: as many as half of
    /// `decision_cache_budget` holds (default).
    pub sampled_decisions_max: usize,
    /// Decisions about other traces to remember. Zero: as many as half of
    /// `decision_cache_budget` holds (default).
    pub other_decisions_max: usize,
    /// Memory for decisions whose number is not set. Default 32 MiB, about 390,000 decisions.
    pub decision_cache_budget: ByteSize,
    /// Whether a span that is there already, with the same trace id, span id and bytes, is taken for a
    /// retry and left out. Default true.
    pub dedupe: bool,
    /// How long after the decision fingerprints of kept spans are remembered. Default 2 min.
    pub dedupe_horizon: Duration,
    /// Memory for these fingerprints. Beyond it spans that are sent again are exported again. Default 16 MiB.
    pub dedupe_budget: ByteSize,
    /// The share of all traces that this engine sees, above 0 to 1: rates are multiplied by it.
    /// Default 1.
    pub share: f64,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            decision_wait: Duration::from_secs(30),
            decision_wait_after_root: Duration::ZERO,
            traces_max: 50_000,
            refuse_on_overflow: false,
            traces_expected: 0,
            sampled_trace_bytes_max: 0,
            abandon_on_drain: false,
            memory_budget: ByteSize::mib(512),
            trace_bytes_max: ByteSize(0),
            least_wait: Duration::from_secs(1),
            sampled_decisions_max: 0,
            other_decisions_max: 0,
            decision_cache_budget: ByteSize::mib(32),
            dedupe: true,
            dedupe_horizon: Duration::from_secs(120),
            dedupe_budget: ByteSize::mib(16),
            share: 1.0,
        }
    }
}

impl EngineSettings {
    /// Segments are a 64th of the budget, so that one that is not full matters little, and at most 2 MiB:
    /// a huge page.
    pub(crate) fn segment_bytes(&self) -> usize {
        let part = self.memory_budget.bytes() / 64;
        (part as usize).clamp(8 << 10, 2 << 20)
    }

    /// Bytes beyond which a single trace is decided early.
    pub(crate) fn trace_bytes_limit(&self) -> u64 {
        match self.trace_bytes_max.bytes() {
            0 => self.memory_budget.bytes() / 8,
            bytes => bytes,
        }
    }

    pub(crate) fn least_wait(&self) -> Duration {
        self.least_wait.min(self.decision_wait / 10)
    }
}
