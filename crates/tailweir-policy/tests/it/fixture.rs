//! Policies and traces, one line each.

use crate::replay::{self, Request};
use tailweir_config::{Location, OttlErrorMode, Policy, PolicyKind, TailSampling};
use tailweir_core::{Moment, Threshold, TraceId, Verdict};
use tailweir_policy::{Decision, PolicySet, PolicyState};
use tailweir_testkit::{SpanBuilder, request, span};

/// A policy of this name, at line 7.
pub(crate) fn policy(name: &str, kind: PolicyKind) -> Policy {
    Policy {
        name: name.to_owned(),
        at: Location {
            source: "tailweir.yaml".into(),
            line: 7,
            column: 9,
        },
        kind,
    }
}

/// Settings with these policies and nothing else.
pub(crate) fn settings(policies: Vec<Policy>) -> TailSampling {
    TailSampling {
        policies,
        ..TailSampling::default()
    }
}

/// Policies that compile.
pub(crate) fn compile(policies: Vec<Policy>) -> PolicySet {
    PolicySet::compile(&settings(policies)).expect("policies that compile")
}

/// Samples traces with an error.
pub(crate) fn errors() -> PolicyKind {
    PolicyKind::StatusCode {
        status_codes: vec!["ERROR".to_owned()],
    }
}

/// Samples a share of traces by their hash under this salt.
pub(crate) fn share(salt: &str, sampling_percentage: f64) -> PolicyKind {
    PolicyKind::Probabilistic {
        hash_salt: salt.to_owned(),
        sampling_percentage,
    }
}

/// Samples this many spans, and one a second after that.
pub(crate) fn limit(burst_capacity: i64) -> PolicyKind {
    PolicyKind::RateLimiting {
        spans_per_second: 1,
        burst_capacity,
    }
}

/// Samples traces with this text under a key.
pub(crate) fn text(key: &str, value: &str) -> PolicyKind {
    PolicyKind::StringAttribute {
        key: key.to_owned(),
        values: vec![value.to_owned()],
        enabled_regex_matching: false,
        cache_max_size: 0,
        invert_match: false,
    }
}

/// Samples traces with a span for which the condition holds; failing fails the policy.
pub(crate) fn condition(text: &str) -> PolicyKind {
    PolicyKind::OttlCondition {
        error_mode: OttlErrorMode::Propagate,
        span: vec![text.to_owned()],
        spanevent: vec![],
    }
}

/// A request of one resource with these spans.
pub(crate) fn spans(spans: impl IntoIterator<Item = SpanBuilder>) -> Request {
    Request::from_wire(request().service("shop").spans(spans).bytes())
}

/// The decision about a trace of one plain span.
pub(crate) fn decide_plain(set: &PolicySet, state: &mut PolicyState, id: TraceId) -> Decision {
    decide(set, state, id, spans([span(id, 1)]))
}

/// The decision about the trace of this id in a request.
pub(crate) fn decide(
    set: &PolicySet,
    state: &mut PolicyState,
    id: TraceId,
    request: Request,
) -> Decision {
    let requests = [request];
    let (_, traces) = replay::traces(&requests);
    set.decide(state, Moment::ZERO, &traces[&id].whole(id))
}

/// The name of the policy that decided, or the word of the decision when none did.
pub(crate) fn reason(set: &PolicySet, decision: Decision) -> String {
    let policy = decision.verdict.policy().map(|policy| set.name(policy));
    policy.unwrap_or(decision.verdict.name()).to_owned()
}

/// The threshold of a trace that was sampled.
pub(crate) fn threshold(decision: Decision) -> Option<Threshold> {
    match decision.verdict {
        Verdict::Sampled { threshold, .. } => threshold,
        other => panic!("not sampled but {other:?}"),
    }
}
