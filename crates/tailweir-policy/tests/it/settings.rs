//! Reads the `tail_sampling` block of a suite: well-formed YAML of a known shape.

use serde_json::Value;
use std::time::Duration;
use tailweir_config::{
    Location, OttlErrorMode, Policy, PolicyKind, RateAllocation, SamplingStrategy, TailSampling,
};

/// The settings of a suite, as the Collector takes them.
pub(crate) fn read(yaml: &str) -> TailSampling {
    let document: Value = serde_saphyr::from_str(yaml).expect("YAML");
    let block = &document["tail_sampling"];
    TailSampling {
        sample_on_first_match: block["sample_on_first_match"].as_bool().unwrap_or_default(),
        sampling_strategy: match block["sampling_strategy"].as_str() {
            Some("span-ingest") => SamplingStrategy::SpanIngest,
            _ => SamplingStrategy::TraceComplete,
        },
        maximum_trace_size_bytes: block["maximum_trace_size_bytes"]
            .as_u64()
            .unwrap_or_default(),
        decision_wait: Duration::from_secs(30),
        policies: policies(&block["policies"]),
        ..TailSampling::default()
    }
}

fn policies(list: &Value) -> Vec<Policy> {
    list.as_array()
        .map(|list| list.iter().map(policy).collect())
        .unwrap_or_default()
}

fn policy(block: &Value) -> Policy {
    let kind = block["type"].as_str().expect("a type");
    Policy {
        name: text(&block["name"]),
        at: Location {
            source: "config.yaml".into(),
            line: 0,
            column: 0,
        },
        kind: policy_kind(kind, &block[kind]),
    }
}

fn policy_kind(kind: &str, block: &Value) -> PolicyKind {
    let key = || text(&block["key"]);
    let invert_match = block["invert_match"].as_bool().unwrap_or_default();
    match kind {
        "always_sample" => PolicyKind::AlwaysSample,
        "latency" => PolicyKind::Latency {
            threshold_ms: integer(&block["threshold_ms"]),
            upper_threshold_ms: integer(&block["upper_threshold_ms"]),
        },
        "numeric_attribute" => PolicyKind::NumericAttribute {
            key: key(),
            min_value: block["min_value"].as_i64(),
            max_value: block["max_value"].as_i64(),
            invert_match,
        },
        "string_attribute" => PolicyKind::StringAttribute {
            key: key(),
            values: texts(&block["values"]),
            enabled_regex_matching: block["enabled_regex_matching"]
                .as_bool()
                .unwrap_or_default(),
            cache_max_size: integer(&block["cache_max_size"]),
            invert_match,
        },
        "boolean_attribute" => PolicyKind::BooleanAttribute {
            key: key(),
            value: block["value"].as_bool().unwrap_or_default(),
            invert_match,
        },
        "status_code" => PolicyKind::StatusCode {
            status_codes: texts(&block["status_codes"]),
        },
        "trace_state" => PolicyKind::TraceState {
            key: key(),
            values: texts(&block["values"]),
        },
        "trace_flags" => PolicyKind::TraceFlags,
        "span_count" => PolicyKind::SpanCount {
            min_spans: integer(&block["min_spans"]) as i32,
            max_spans: integer(&block["max_spans"]) as i32,
        },
        "probabilistic" => PolicyKind::Probabilistic {
            hash_salt: text(&block["hash_salt"]),
            sampling_percentage: block["sampling_percentage"].as_f64().unwrap_or_default(),
        },
        "rate_limiting" => PolicyKind::RateLimiting {
            spans_per_second: integer(&block["spans_per_second"]),
            burst_capacity: integer(&block["burst_capacity"]),
        },
        "bytes_limiting" => PolicyKind::BytesLimiting {
            bytes_per_second: integer(&block["bytes_per_second"]),
            burst_capacity: integer(&block["burst_capacity"]),
        },
        "ottl_condition" => PolicyKind::OttlCondition {
            error_mode: error_mode(&block["error_mode"]),
            span: texts(&block["span"]),
            spanevent: texts(&block["spanevent"]),
        },
        "and" => PolicyKind::And(policies(&block["and_sub_policy"])),
        "not" => PolicyKind::Not(Box::new(policy(&block["not_sub_policy"]))),
        "drop" => PolicyKind::Drop(policies(&block["drop_sub_policy"])),
        "composite" => PolicyKind::Composite {
            max_total_spans_per_second: integer(&block["max_total_spans_per_second"]),
            policy_order: texts(&block["policy_order"]),
            sub_policies: policies(&block["composite_sub_policy"]),
            rate_allocation: shares(&block["rate_allocation"]),
        },
        other => panic!("unknown policy type {other}"),
    }
}

fn shares(list: &Value) -> Vec<RateAllocation> {
    let share = |block: &Value| RateAllocation {
        policy: text(&block["policy"]),
        percent: integer(&block["percent"]),
    };
    list.as_array()
        .map(|list| list.iter().map(share).collect())
        .unwrap_or_default()
}

fn error_mode(mode: &Value) -> OttlErrorMode {
    match text(mode).to_lowercase().as_str() {
        "propagate" => OttlErrorMode::Propagate,
        "ignore" => OttlErrorMode::Ignore,
        _ => OttlErrorMode::Silent,
    }
}

fn integer(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

/// Null is empty text.
fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array()
        .map(|list| list.iter().map(text).collect())
        .unwrap_or_default()
}
