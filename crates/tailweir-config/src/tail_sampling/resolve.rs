//! What a written `tail_sampling` block means.

use super::block_rules::BlockRules;
use super::document::TailSamplingDocument;
use super::policy_document::PolicyDocument;
use super::rules;
use super::{
    Compat, DecisionCache, Policy, PolicyKind, RateAllocation, SamplingStrategy, TailSampling,
};
use crate::node::{Node, Value};
use crate::report::{Cause, Report};

/// What the command line says over the configuration.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Overrides {
    /// `--compat`.
    pub(crate) compat: Option<Compat>,
    /// Whether the Collector's feature gate `recordpolicy` is on.
    pub(crate) record_policy: bool,
    /// Whether the Collector's feature gate `usetracestate` is on.
    pub(crate) consistent_probability: bool,
    /// Whether the Collector's feature gate `enableLambda` is on.
    pub(crate) lambdas: bool,
}

/// The types of policies there are.
const TYPES: [&str; 16] = [
    "always_sample",
    "latency",
    "numeric_attribute",
    "string_attribute",
    "boolean_attribute",
    "status_code",
    "trace_state",
    "trace_flags",
    "span_count",
    "probabilistic",
    "rate_limiting",
    "bytes_limiting",
    "ottl_condition",
    "and",
    "not",
    "drop",
];

/// Where a policy stands, which decides what it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Top,
    InAnd,
    InNot,
    InDrop,
    InComposite,
}

impl Level {
    /// Whether a policy of this type may stand here.
    fn allows(self, kind: &str) -> bool {
        match kind {
            "composite" | "drop" => self == Self::Top,
            "and" => matches!(self, Self::Top | Self::InComposite),
            "not" => matches!(self, Self::Top | Self::InAnd | Self::InDrop),
            _ => true,
        }
    }
}

/// The meaning of a block. What the Collector's start refuses, and what would crash it, is reported
/// as an error; what it runs although it is odd, as a warning.
pub(crate) fn resolve(
    document: &TailSamplingDocument,
    node: &Node,
    overrides: Overrides,
    report: &mut Report,
) -> TailSampling {
    let compat = overrides.compat.unwrap_or(document.compat);
    let settings = TailSampling {
        decision_wait: document.decision_wait.0,
        decision_wait_after_root_received: document.decision_wait_after_root_received.0,
        num_traces: document.num_traces,
        block_on_overflow: document.block_on_overflow,
        expected_new_traces_per_sec: document.expected_new_traces_per_sec,
        decision_cache: DecisionCache {
            sampled_cache_size: document.decision_cache.sampled_cache_size.unsigned_abs(),
            non_sampled_cache_size: document
                .decision_cache
                .non_sampled_cache_size
                .unsigned_abs(),
        },
        sample_on_first_match: document.sample_on_first_match,
        sampling_strategy: document.sampling_strategy,
        drop_pending_traces_on_shutdown: document.drop_pending_traces_on_shutdown,
        maximum_trace_size_bytes: document.maximum_trace_size_bytes,
        num_shards: document.num_shards.clamp(1, 256) as u16,
        policies: report.within("policies", |report| {
            policies(&document.policies, node.get("policies"), Level::Top, report)
        }),
        memory_budget: document.memory_budget,
        compat,
        write_threshold: document
            .write_threshold
            .unwrap_or(compat == Compat::Tailweir),
        consistent_probability: document.consistent_probability || overrides.consistent_probability,
        record_policy: document.record_policy.unwrap_or(overrides.record_policy),
        lambdas: overrides.lambdas,
    };
    report.within("policies", |report| {
        rules::names(&settings.policies, report);
        if settings.sampling_strategy == SamplingStrategy::SpanIngest {
            rules::stateless(&settings.policies, report);
        }
    });
    rules::sizes(&settings, node, report);
    settings
}

fn policies(
    documents: &[PolicyDocument],
    node: Option<&Node>,
    level: Level,
    report: &mut Report,
) -> Vec<Policy> {
    let Some(Value::List(items)) = node.map(|node| &node.value) else {
        return Vec::new();
    };
    let each = |(index, (document, item)): (usize, (&PolicyDocument, &Node))| {
        report.enter(&index.to_string());
        let policy = policy(document, item, level, report);
        report.leave();
        policy
    };
    documents
        .iter()
        .zip(items)
        .enumerate()
        .filter_map(each)
        .collect()
}

fn policy(
    document: &PolicyDocument,
    node: &Node,
    level: Level,
    report: &mut Report,
) -> Option<Policy> {
    let kind_name = document.r#type.as_str();
    if !level.allows(kind_name) {
        let text = format!("a policy of type `{kind_name}` cannot stand here");
        let help = "and, not, drop and composite cannot be nested at will; a list of policies is an \
                    `or` already";
        report.error_at(type_place(node), Cause::BadPolicy, text, help);
        return None;
    }
    let body = node.get(kind_name);
    let kind = report.within(kind_name, |report| kind(document, node, body, report))?;
    Some(Policy {
        name: document.name.clone(),
        at: node.place.location.clone(),
        kind,
    })
}

fn type_place(node: &Node) -> crate::node::Place {
    node.get("type")
        .map_or_else(|| node.head(), |node| node.place.clone())
}

/// What a policy does. Blocks that are not there count as empty, as in the Collector.
fn kind(
    document: &PolicyDocument,
    node: &Node,
    body: Option<&Node>,
    report: &mut Report,
) -> Option<PolicyKind> {
    let at = body.map_or_else(|| node.head(), Node::head);
    let rules_here = BlockRules { at: &at, body };
    if body.is_none() {
        rules::without_body(document, node, report);
    }
    Some(match document.r#type.as_str() {
        "always_sample" => PolicyKind::AlwaysSample,
        "trace_flags" => PolicyKind::TraceFlags,
        "latency" => latency(document),
        "numeric_attribute" => rules_here.numeric(document, report)?,
        "string_attribute" => rules_here.string(document, report),
        "boolean_attribute" => rules_here.boolean(document, report),
        "status_code" => rules_here.status(document, report),
        "trace_state" => rules_here.trace_state(document, report),
        "span_count" => span_count(document),
        "probabilistic" => rules_here.probabilistic(document, report),
        "rate_limiting" => rules_here.spans_limit(document, report),
        "bytes_limiting" => rules_here.bytes_limit(document, report),
        "ottl_condition" => rules_here.ottl(document, report),
        "and" | "drop" => conjunction(document, body, &at, report),
        "not" => negation(document, body, &at, report)?,
        "composite" => composite(document, body, &at, report),
        other => {
            rules::unknown_type(other, type_place(node), &TYPES, report);
            return None;
        }
    })
}

fn latency(document: &PolicyDocument) -> PolicyKind {
    let block = document.latency.clone().unwrap_or_default();
    PolicyKind::Latency {
        threshold_ms: block.threshold_ms,
        upper_threshold_ms: block.upper_threshold_ms,
    }
}

fn span_count(document: &PolicyDocument) -> PolicyKind {
    let block = document.span_count.clone().unwrap_or_default();
    PolicyKind::SpanCount {
        min_spans: block.min_spans,
        max_spans: block.max_spans,
    }
}

fn conjunction(
    document: &PolicyDocument,
    body: Option<&Node>,
    at: &crate::node::Place,
    report: &mut Report,
) -> PolicyKind {
    let is_and = document.r#type == "and";
    let (key, level) = match is_and {
        true => ("and_sub_policy", Level::InAnd),
        false => ("drop_sub_policy", Level::InDrop),
    };
    let documents: &[PolicyDocument] = match is_and {
        true => document
            .and
            .as_ref()
            .map_or(&[], |block| &block.and_sub_policy),
        false => document
            .drop
            .as_ref()
            .map_or(&[], |block| &block.drop_sub_policy),
    };
    let list = body.and_then(|body| body.get(key));
    let policies = report.within(key, |report| policies(documents, list, level, report));
    if documents.is_empty() {
        let does = if is_and { "samples" } else { "drops" };
        let text = format!("no `{key}`: the policy {does} every trace");
        report.warn_at(
            at.clone(),
            Cause::Oddity,
            text,
            "add sub-policies, or remove the policy",
        );
    }
    rules::same_key(&policies, key, report);
    match is_and {
        true => PolicyKind::And(policies),
        false => PolicyKind::Drop(policies),
    }
}

fn negation(
    document: &PolicyDocument,
    body: Option<&Node>,
    at: &crate::node::Place,
    report: &mut Report,
) -> Option<PolicyKind> {
    let sub = document.not.as_ref().map(|block| &block.not_sub_policy);
    let node = body.and_then(|body| body.get("not_sub_policy"));
    let (Some(sub), Some(node)) = (sub, node) else {
        let text = "the policy has no `not_sub_policy`";
        report.error_at(
            at.clone(),
            Cause::BadPolicy,
            text,
            "add `not_sub_policy: {type: ..., ...}`",
        );
        return None;
    };
    let step = "not_sub_policy";
    let policy = report.within(step, |report| policy(sub, node, Level::InNot, report))?;
    Some(PolicyKind::Not(Box::new(policy)))
}

fn composite(
    document: &PolicyDocument,
    body: Option<&Node>,
    at: &crate::node::Place,
    report: &mut Report,
) -> PolicyKind {
    let block = document.composite.as_deref().cloned().unwrap_or_default();
    let key = "composite_sub_policy";
    let list = body.and_then(|body| body.get(key));
    let documents = &block.composite_sub_policy;
    let level = Level::InComposite;
    let sub_policies = report.within(key, |report| policies(documents, list, level, report));
    let names: Vec<&str> = documents.iter().map(|sub| sub.name.as_str()).collect();
    let share = |share: &super::policy_document::AllocationDocument| RateAllocation {
        policy: share.policy.clone(),
        percent: share.percent,
    };
    let rate_allocation: Vec<RateAllocation> = block.rate_allocation.iter().map(share).collect();
    let at = BlockRules { at, body };
    at.rate(
        "max_total_spans_per_second",
        block.max_total_spans_per_second,
        report,
    );
    at.composite(&names, &block.policy_order, &rate_allocation, report);
    PolicyKind::Composite {
        max_total_spans_per_second: block.max_total_spans_per_second,
        policy_order: block.policy_order,
        sub_policies,
        rate_allocation,
    }
}
