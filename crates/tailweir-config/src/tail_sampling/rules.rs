//! What can be wrong with policies as a whole, and with their settings together.

use super::policy_document::PolicyDocument;
use super::{Policy, PolicyKind, TailSampling};
use crate::node::{Node, Place};
use crate::report::{Cause, Report, shorten};
use std::collections::BTreeSet;

/// A policy whose block is missing runs with empty options in the Collector. Where that means
/// something odd, it is said; where it is refused, the rule of the type says so.
pub(super) fn without_body(document: &PolicyDocument, node: &Node, report: &mut Report) {
    let does = match document.r#type.as_str() {
        "latency" => "samples every trace that lasts at least a millisecond",
        "string_attribute" | "trace_state" => "samples nothing",
        "boolean_attribute" => "samples traces with the attribute that has no name",
        "span_count" => "samples every trace",
        "probabilistic" | "rate_limiting" | "bytes_limiting" => "samples nothing",
        _ => return,
    };
    let kind = &document.r#type;
    let text = format!("no block `{kind}`: the policy runs without options and {does}");
    report.warn_at(
        node.head(),
        Cause::Oddity,
        text,
        format!("add `{kind}: ...`"),
    );
}

/// A type that does not exist, with what was probably meant.
pub(super) fn unknown_type(kind: &str, place: Place, types: &[&str], report: &mut Report) {
    let help = match kind {
        "" => {
            let help = "add `type: ...`";
            report.error_at(place, Cause::BadPolicy, "the policy has no `type`", help);
            return;
        }
        "or" => "policies are alternatives already: list the sub-policies one after another",
        "regex_attribute" | "regex" => "use `string_attribute` with `enabled_regex_matching: true`",
        "value_condition" | "attribute" => {
            "use `string_attribute`, `numeric_attribute`, `boolean_attribute` or `ottl_condition`"
        }
        "span_event" | "spanevent" | "span" => "use `ottl_condition` with `span` or `spanevent`",
        "sampling_table" => "use a list of `and` policies, each with a `probabilistic` one in it",
        "error" | "errors" | "status" => "use `status_code` with `status_codes: [ERROR]`",
        "dynamic" | "dynamic_sampling" | "adaptive" => {
            "there is no policy that adapts; use `rate_limiting`"
        }
        _ => {
            let known: Vec<&str> = types.iter().copied().chain(["composite"]).collect();
            report.unknown_name(place, Cause::BadPolicy, "policy type", kind, &known);
            return;
        }
    };
    let text = format!("unknown policy type `{kind}`");
    report.error_at(place, Cause::BadPolicy, text, help);
}

fn policy_place(policy: &Policy) -> Place {
    Place {
        location: policy.at.clone(),
        length: 1,
    }
}

/// Policies need names, each its own.
pub(super) fn names(policies: &[Policy], report: &mut Report) {
    let mut seen = BTreeSet::new();
    for policy in policies {
        let place = policy_place(policy);
        if policy.name.is_empty() {
            report.error_at(
                place,
                Cause::BadPolicy,
                "the policy has no `name`",
                "add `name: ...`",
            );
        } else if !seen.insert(policy.name.as_str()) {
            let text = format!("two policies are called `{}`", shorten(&policy.name));
            report.error_at(place, Cause::BadPolicy, text, "give each its own name");
        }
    }
}

/// Under `span-ingest`, each arrival is judged alone, so no policy may need the whole trace.
pub(super) fn stateless(policies: &[Policy], report: &mut Report) {
    for policy in policies {
        if needs_whole_trace(&policy.kind) {
            let text = format!(
                "`sampling_strategy: span-ingest` cannot be used with the policy `{}`, which needs \
                 the whole trace",
                shorten(&policy.name)
            );
            let help = "remove the policy, or use `trace-complete`";
            report.error_at(policy_place(policy), Cause::BadPolicy, text, help);
        } else if matches!(policy.kind, PolicyKind::Drop(_)) {
            let text = "under `span-ingest` a `drop` policy keeps the Collector from ever sampling";
            report.warn_at(
                policy_place(policy),
                Cause::Oddity,
                text,
                "use `trace-complete`",
            );
        }
    }
}

fn needs_whole_trace(kind: &PolicyKind) -> bool {
    let any = |policies: &[Policy]| {
        policies
            .iter()
            .any(|policy| needs_whole_trace(&policy.kind))
    };
    match kind {
        PolicyKind::RateLimiting { .. } | PolicyKind::BytesLimiting { .. } => true,
        PolicyKind::Latency {
            upper_threshold_ms, ..
        } => *upper_threshold_ms > 0,
        PolicyKind::SpanCount { max_spans, .. } => *max_spans > 0,
        PolicyKind::And(policies) | PolicyKind::Drop(policies) => any(policies),
        PolicyKind::Composite { sub_policies, .. } => any(sub_policies),
        PolicyKind::Not(policy) => needs_whole_trace(&policy.kind),
        _ => false,
    }
}

/// Sub-policies of `and` and `drop` must all hold, which two about one key hardly do.
pub(super) fn same_key(policies: &[Policy], list: &str, report: &mut Report) {
    let mut seen = BTreeSet::new();
    for policy in policies {
        let PolicyKind::StringAttribute {
            key,
            invert_match: false,
            ..
        } = &policy.kind
        else {
            continue;
        };
        if !seen.insert(key.as_str()) {
            let text = format!(
                "two sub-policies of `{list}` look at `{}`, and both must match",
                shorten(key)
            );
            let help = "for one of several values, list them in one sub-policy";
            report.warn_at(policy_place(policy), Cause::Oddity, text, help);
        }
    }
}

/// Warnings about the whole block.
pub(super) fn sizes(settings: &TailSampling, node: &Node, report: &mut Report) {
    let place = |key: &str| {
        node.get(key)
            .map_or_else(|| node.head(), |node| node.place.clone())
    };
    let rate = settings.expected_new_traces_per_sec as f64;
    let needed = rate * settings.decision_wait.as_secs_f64();
    let held = settings.num_traces;
    if held < 1000 {
        let text = format!("no more than {held} traces are held; the oldest are decided early");
        report.warn_at(
            place("num_traces"),
            Cause::Advisable,
            text,
            "raise `num_traces`",
        );
    } else if (held as f64) < needed {
        let text = format!(
            "{rate} new traces a second for the `decision_wait` are {needed:.0} traces, but \
             `num_traces` is {held}: the oldest are decided early"
        );
        report.warn_at(
            place("num_traces"),
            Cause::Advisable,
            text,
            "raise `num_traces`",
        );
    }
    if !settings.decision_wait.is_zero() && settings.decision_wait.as_millis() < 100 {
        let text = "`decision_wait` is below 100 ms: traces are decided before they are whole";
        report.warn_at(
            place("decision_wait"),
            Cause::Oddity,
            text,
            "write `10s`, say",
        );
    }
    if settings.policies.is_empty() {
        let text = "there are no policies: no trace is sampled";
        report.warn_at(place("policies"), Cause::Advisable, text, "add `policies`");
    } else if !settings
        .policies
        .iter()
        .any(|policy| catches_ordinary(&policy.kind))
    {
        let text = "no policy keeps a share of ordinary traces: what matches none is not sampled";
        let help = "add a `probabilistic` policy if a share is wanted";
        report.warn_at(place("policies"), Cause::Advisable, text, help);
    }
}

/// Whether a policy samples traces about which nothing is special.
fn catches_ordinary(kind: &PolicyKind) -> bool {
    match kind {
        PolicyKind::AlwaysSample
        | PolicyKind::Probabilistic { .. }
        | PolicyKind::RateLimiting { .. }
        | PolicyKind::BytesLimiting { .. }
        | PolicyKind::Not(_)
        | PolicyKind::Composite { .. } => true,
        PolicyKind::And(policies) => policies.iter().all(|policy| catches_ordinary(&policy.kind)),
        _ => false,
    }
}
