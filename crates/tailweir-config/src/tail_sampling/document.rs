//! The `tail_sampling` block as it is written.

use super::policy_document::PolicyDocument;
use super::{Compat, SamplingStrategy, TraceAware};
use crate::ComponentId;
use crate::node::Node;
use crate::report::{Cause, Report};
use crate::setting::{Block, Setting, Shape, read_duration, settings};
use serde_json::Value as Json;
use std::time::Duration;
use tailweir_core::ByteSize;

settings! {
    /// Decides about whole traces: holds spans until a trace is complete, asks the policies, keeps or
    /// drops all of it.
    pub(crate) struct TailSamplingDocument {
        /// Time from the first span of a trace to its decision.
        decision_wait: Wait = Wait(Duration::from_secs(30)),
        /// Time from the arrival of a root span to the decision, if that is earlier. Zero: off.
        decision_wait_after_root_received: Wait = Wait::default(),
        /// Most traces that are held at once.
        num_traces: u64 = 50_000,
        /// When that many are held: true refuses new traces (retryably), false decides the oldest
        /// early.
        block_on_overflow: bool = false,
        /// First size of the table of traces.
        expected_new_traces_per_sec: u64 = 0,
        /// How many decisions are remembered after the trace is gone, so that late spans follow them.
        decision_cache: CacheDocument = CacheDocument::default(),
        /// Stop at the first policy that samples.
        sample_on_first_match: bool = false,
        /// When policies look at a trace: `trace-complete` or `span-ingest`.
        sampling_strategy: SamplingStrategy = SamplingStrategy::TraceComplete,
        /// At shutdown: true discards what is undecided, false decides it.
        drop_pending_traces_on_shutdown: bool = false,
        /// A trace that grows beyond this many bytes is not sampled. 0: no bound.
        maximum_trace_size_bytes: u64 = 0,
        /// In the Collector, the number of parts by which rates and caches are divided, 1 to 256.
        /// Here it has no effect: all parts together keep to what is configured.
        num_shards: i64 = 1,
        /// The policies, in order. A trace is kept when one of them samples it and none drops it.
        policies: Vec<PolicyDocument> = Vec::new(),
        /// Tailweir's own: bytes of spans that may be held, such as `512MiB`. Absent: a share of the
        /// memory there is. Each process of a cluster has its own: it is no part of the policies that they share.
        memory_budget: Option<ByteSize> = None,
        /// Tailweir's own: whose rule holds where a policy of the Collector errs, `tailweir` or
        /// `collector`.
        compat: Compat = Compat::Tailweir,
        /// Tailweir's own: write the sampling threshold (`ot=th:`) into kept spans. Absent: true,
        /// false under `compat: collector`.
        write_threshold: Option<bool> = None,
        /// Tailweir's own (in the Collector the feature gate `usetracestate`): where a span carries
        /// `rv` or `th` in its tracestate, `probabilistic` goes by the trace's own randomness.
        consistent_probability: bool = false,
        /// Tailweir's own (in the Collector a feature gate): write the name of the deciding policy
        /// into the scope attributes of kept spans.
        record_policy: Option<bool> = None,
        /// Tailweir's own: makes this the sampler of a logs pipeline, and takes the place of all other options.
        trace_aware: Option<TraceAware> = None,
    }
    rules document_rules;
}

fn document_rules(document: &mut TailSamplingDocument, block: &mut Block<'_>, report: &mut Report) {
    let mut storage = ComponentId::default();
    if block.has("tail_storage") {
        block.read("tail_storage", &mut storage, report);
        let text = "`tail_storage` is not available";
        let help = "traces are held in memory, within `memory_budget`";
        report.error_at(block.at("tail_storage"), Cause::AbsentOption, text, help);
    }
    if document.trace_aware.is_some() {
        for entry in block.node().entries() {
            if entry.key != "trace_aware" {
                let text = format!("`{}` and `trace_aware` exclude each other", entry.key);
                let help = "traces are sampled by the processor that `trace_aware.sampler` names";
                report.error_at(entry.node.head(), Cause::Contradiction, text, help);
            }
        }
    }
    if document.num_shards > 256 {
        let text = "`num_shards` must not be above 256";
        report.error_at(block.at("num_shards"), Cause::OutOfRange, text, "");
    } else if document.num_shards > 1 {
        let text = "`num_shards` has no effect here: the work is spread over all cores, and rates are \
                    divided among them so that the whole is what is configured";
        report.warn_at(block.at("num_shards"), Cause::NoEffect, text, "");
    }
    block.reject_negative("num_shards", document.num_shards, report);
}

settings! {
    /// How many decisions are remembered.
    pub(crate) struct CacheDocument {
        /// Traces that were kept. 0: a bound in bytes holds.
        sampled_cache_size: i64 = 0,
        /// Traces that were not. 0: a bound in bytes holds.
        non_sampled_cache_size: i64 = 0,
    }
    rules cache_rules;
}

fn cache_rules(cache: &mut CacheDocument, block: &mut Block<'_>, report: &mut Report) {
    for (key, size) in [
        ("sampled_cache_size", &mut cache.sampled_cache_size),
        ("non_sampled_cache_size", &mut cache.non_sampled_cache_size),
    ] {
        if *size < 0 {
            let text = format!("`{key}` is negative, which counts as 0");
            report.warn_at(block.at(key), Cause::Oddity, text, "");
            *size = 0;
        }
    }
}

/// A duration that the Collector takes although it is negative; then it counts as zero.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Wait(pub(crate) Duration);

impl Setting for Wait {
    fn shape() -> Shape {
        Shape::Duration
    }

    fn read(&mut self, node: &Node, report: &mut Report) {
        let Some(nanos) = read_duration(node, report) else {
            return;
        };
        if nanos < 0 {
            let text = "the duration is negative, which counts as zero";
            report.warn_at(node.place.clone(), Cause::Oddity, text, "");
        }
        self.0 = Duration::from_nanos(u64::try_from(nanos).unwrap_or(0));
    }

    fn write(&self) -> Json {
        self.0.write()
    }
}
