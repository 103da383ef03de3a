//! Settings of the `tail_sampling` processor, as meant: defaults filled in, units resolved.

mod block_rules;
mod document;
mod policy_document;
mod resolve;
mod rules;
mod trace_aware;

pub(crate) use document::TailSamplingDocument;
pub(crate) use resolve::{Overrides, resolve};
pub use trace_aware::{TraceAware, Undecided};

use crate::Location;
use crate::setting::choice;
use std::time::Duration;
use tailweir_core::ByteSize;

/// The option of [`TailSampling::memory_budget`]: how large a process is, and so no part of the policies that a cluster shares.
pub(crate) const MEMORY_BUDGET: &str = "memory_budget";

/// One `tail_sampling` block.
#[derive(Debug, Clone, PartialEq)]
pub struct TailSampling {
    /// Time from the first span of a trace to its decision. Default 30 s. Exact to the millisecond.
    pub decision_wait: Duration,
    /// Time from the arrival of a root span to the decision, if that is earlier. Zero: off (default).
    pub decision_wait_after_root_received: Duration,
    /// Most traces held at once, as a bound beside [`Self::memory_budget`]. Default 50,000.
    pub num_traces: u64,
    /// At the bound: true holds new traces back (they are refused, retryably), false decides the
    /// oldest early. Default false.
    pub block_on_overflow: bool,
    /// First size of the table of traces. Default 0: grows as needed.
    pub expected_new_traces_per_sec: u64,
    /// How many decisions are remembered after the trace is gone.
    pub decision_cache: DecisionCache,
    /// Stop at the first policy that samples. Default false.
    pub sample_on_first_match: bool,
    /// When policies look at a trace. Default [`SamplingStrategy::TraceComplete`].
    pub sampling_strategy: SamplingStrategy,
    /// At shutdown: true discards what is undecided, false decides it. Default false.
    pub drop_pending_traces_on_shutdown: bool,
    /// A trace that grows beyond this is not sampled. Zero: no bound (default).
    pub maximum_trace_size_bytes: u64,
    /// The Collector divides rates and caches by it; here all parts together keep to what is configured
    /// whatever it is, and it is accepted with advice. Default 1.
    pub num_shards: u16,
    /// The policies, in order.
    pub policies: Vec<Policy>,
    /// Addition of Tailweir: bytes of spans that may be held. Default: a share of the memory limit. In a cluster each process
    /// has its own, whatever the policies of the cluster are.
    pub memory_budget: Option<ByteSize>,
    /// Addition of Tailweir: whose rule holds where a policy of the Collector errs.
    pub compat: Compat,
    /// Addition of Tailweir: write the sampling threshold (`ot=th:`) into kept spans. Default true;
    /// false under `compat: collector`.
    pub write_threshold: bool,
    /// Addition of Tailweir (the Collector's feature gate `usetracestate`): where a span carries `rv`
    /// or `th` in its tracestate, `probabilistic` compares the trace's own randomness with its
    /// threshold instead of hashing the trace id. Default false.
    pub consistent_probability: bool,
    /// Addition of Tailweir (a feature gate of the Collector): write the name of the deciding policy
    /// into the scope attributes of kept spans. Default false.
    pub record_policy: bool,
    /// Whether conditions may use converters that take lambdas (the Collector's feature gate `enableLambda`). Default false.
    pub lambdas: bool,
}

impl Default for TailSampling {
    /// The Collector's defaults: no policies, so nothing is sampled.
    fn default() -> Self {
        Self {
            decision_wait: Duration::from_secs(30),
            decision_wait_after_root_received: Duration::ZERO,
            num_traces: 50_000,
            block_on_overflow: false,
            expected_new_traces_per_sec: 0,
            decision_cache: DecisionCache::default(),
            sample_on_first_match: false,
            sampling_strategy: SamplingStrategy::TraceComplete,
            drop_pending_traces_on_shutdown: false,
            maximum_trace_size_bytes: 0,
            num_shards: 1,
            policies: Vec::new(),
            memory_budget: None,
            compat: Compat::Tailweir,
            write_threshold: true,
            consistent_probability: false,
            record_policy: false,
            lambdas: false,
        }
    }
}

/// Bounds of the decision cache, in decisions. Zero: Tailweir's own bound in bytes holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DecisionCache {
    /// For traces that were kept.
    pub sampled_cache_size: u64,
    /// For traces that were not.
    pub non_sampled_cache_size: u64,
}

choice! {
    /// When policies look at a trace.
    pub enum SamplingStrategy = TraceComplete {
        /// Once, when its time has come.
        TraceComplete = "trace-complete",
        /// At each arrival, on what arrived; a decision to keep or drop stands at once.
        SpanIngest = "span-ingest",
    }
}

choice! {
    /// Whose rule holds where a policy of the Collector errs.
    pub enum Compat = Tailweir {
        /// What the option says (see `docs/compatibility.md`).
        Tailweir = "tailweir",
        /// What the Collector of the pinned version does.
        Collector = "collector",
    }
}

/// A named policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Its name in decisions and metrics. Unique in its list.
    pub name: String,
    /// Where it stands in the configuration.
    pub at: Location,
    /// What it does.
    pub kind: PolicyKind,
}

/// The types of policies.
#[derive(Debug, Clone, PartialEq)]
pub enum PolicyKind {
    /// Samples every trace.
    AlwaysSample,
    /// Samples by duration, in milliseconds; `upper` 0 means none.
    Latency {
        /// Exclusive lower bound.
        threshold_ms: i64,
        /// Inclusive upper bound.
        upper_threshold_ms: i64,
    },
    /// Samples by an integer attribute of a resource or span. `None` is an open side.
    NumericAttribute {
        /// Its key.
        key: String,
        /// Inclusive.
        min_value: Option<i64>,
        /// Inclusive.
        max_value: Option<i64>,
        /// Sample when nothing matches.
        invert_match: bool,
    },
    /// Samples by a text attribute of a resource or span.
    StringAttribute {
        /// Its key.
        key: String,
        /// Exact texts, or regular expressions.
        values: Vec<String>,
        /// Whether `values` are regular expressions (RE2 syntax, unanchored).
        enabled_regex_matching: bool,
        /// Size of the Collector's cache of regex results; of no effect here.
        cache_max_size: i64,
        /// Sample when nothing matches.
        invert_match: bool,
    },
    /// Samples by a boolean attribute of a resource or span.
    BooleanAttribute {
        /// Its key.
        key: String,
        /// The value to match.
        value: bool,
        /// Sample when nothing matches.
        invert_match: bool,
    },
    /// Samples when a span has one of these status codes.
    StatusCode {
        /// `OK`, `ERROR`, `UNSET`, as written.
        status_codes: Vec<String>,
    },
    /// Samples by a member of the W3C tracestate.
    TraceState {
        /// Its key.
        key: String,
        /// Exact values.
        values: Vec<String>,
    },
    /// Samples when a span has the W3C `sampled` flag.
    TraceFlags,
    /// Samples by the number of spans; `max_spans` 0 means none.
    SpanCount {
        /// Inclusive.
        min_spans: i32,
        /// Inclusive.
        max_spans: i32,
    },
    /// Samples a share of all traces by a hash of the trace id.
    Probabilistic {
        /// Mixed into the hash. Empty: `default-hash-seed`.
        hash_salt: String,
        /// 0 to 100.
        sampling_percentage: f64,
    },
    /// Samples up to a rate of spans.
    RateLimiting {
        /// Refill of the bucket.
        spans_per_second: i64,
        /// Size of the bucket; 0: twice the rate.
        burst_capacity: i64,
    },
    /// Samples up to a rate of bytes.
    BytesLimiting {
        /// Refill of the bucket.
        bytes_per_second: i64,
        /// Size of the bucket; 0: twice the rate.
        burst_capacity: i64,
    },
    /// Samples when a condition holds for any span or span event.
    OttlCondition {
        /// What a condition that fails to evaluate does.
        error_mode: OttlErrorMode,
        /// Conditions on spans.
        span: Vec<String>,
        /// Conditions on span events.
        spanevent: Vec<String>,
    },
    /// Samples when each sub-policy does.
    And(Vec<Policy>),
    /// Samples when its sub-policy does not.
    Not(Box<Policy>),
    /// Drops the trace when each sub-policy samples.
    Drop(Vec<Policy>),
    /// Shares a rate of spans between sub-policies.
    Composite {
        /// The whole rate.
        max_total_spans_per_second: i64,
        /// Names of the sub-policies; must agree with their order, which is what counts.
        policy_order: Vec<String>,
        /// The sub-policies, in order.
        sub_policies: Vec<Policy>,
        /// Shares by name, in percent; a policy without one gets an equal share.
        rate_allocation: Vec<RateAllocation>,
    },
}

/// A share of a composite policy's rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateAllocation {
    /// Name of the sub-policy.
    pub policy: String,
    /// Its share, in percent of the whole rate.
    pub percent: i64,
}

choice! {
    /// What an OTTL condition that fails to evaluate does.
    pub enum OttlErrorMode (any case) = Silent {
        /// Counts as not matching.
        Silent = "silent",
        /// Counts as not matching and is logged.
        Ignore = "ignore",
        /// Makes the policy fail, which is counted; the trace is decided by the others.
        Propagate = "propagate",
    }
}
