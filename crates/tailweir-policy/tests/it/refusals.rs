//! Settings that do not compile.

use crate::fixture::{condition, limit, policy, settings, share};
use tailweir_config::{Policy, PolicyKind, SamplingStrategy, TailSampling};
use tailweir_policy::PolicySet;

fn refused(policies: Vec<Policy>) -> Vec<String> {
    let errors = PolicySet::compile(&settings(policies)).expect_err("a mistake");
    errors.iter().map(ToString::to_string).collect()
}

/// Scenario: a list with many mistakes, some of them deep inside.
/// Guarantees: all are told at once, each with its place, the way to the policy and the cause.
#[test]
fn all_mistakes_are_told_at_once() {
    let pattern = |value: &str| PolicyKind::StringAttribute {
        key: "k".into(),
        values: vec!["a.*".into(), value.into()],
        enabled_regex_matching: true,
        cache_max_size: 0,
        invert_match: false,
    };
    let codes = |codes: &[&str]| PolicyKind::StatusCode {
        status_codes: codes.iter().map(|&code| code.into()).collect(),
    };
    let bounds = PolicyKind::NumericAttribute {
        key: "k".into(),
        min_value: None,
        max_value: None,
        invert_match: false,
    };
    let nothing = PolicyKind::OttlCondition {
        error_mode: Default::default(),
        span: vec![],
        spanevent: vec![],
    };
    let texts = refused(vec![
        policy("a", pattern("(")),
        policy(
            "b",
            PolicyKind::And(vec![
                policy("x", codes(&[])),
                policy("y", codes(&["OK", "error"])),
            ]),
        ),
        policy("a", bounds),
        policy("", PolicyKind::Not(Box::new(policy("z", nothing)))),
        policy("c", condition("span.name = 1")),
        policy("d", share("", f64::NAN)),
    ]);
    let wanted = [
        (
            "\"a\"",
            "duplicate policy name; the first one stands at tailweir.yaml:7:9",
        ),
        ("\"\"", "policy name cannot be empty"),
        ("\"a\"", "invalid regex `(`"),
        ("\"b/x\"", "expected at least one status code"),
        (
            "\"b/y\"",
            "unknown status code \"error\", supported: OK, ERROR, UNSET",
        ),
        ("\"a\"", "needs min_value or max_value"),
        ("\"/z\"", "expected at least one OTTL condition"),
        ("\"c\"", "invalid OTTL condition `span.name = 1`"),
        ("\"d\"", "sampling_percentage is not a number"),
    ];
    assert_eq!(texts.len(), wanted.len(), "{texts:#?}");
    for (text, (name, cause)) in texts.iter().zip(wanted) {
        assert!(
            text.starts_with(&format!("tailweir.yaml:7:9: policy {name}: ")),
            "{text}"
        );
        assert!(text.contains(cause), "{text}");
    }
}

/// Scenario: policies inside others that do not take them.
/// Guarantees: they are refused as the Collector refuses them, and what it takes is taken.
#[test]
fn policies_nest_as_in_the_collector() {
    let all = || policy("all", PolicyKind::AlwaysSample);
    let and = |sub| policy("and", PolicyKind::And(vec![sub]));
    let not = |sub| policy("not", PolicyKind::Not(Box::new(sub)));
    let drop = |sub| policy("drop", PolicyKind::Drop(vec![sub]));
    let composite = |sub| {
        let kind = PolicyKind::Composite {
            max_total_spans_per_second: 1,
            policy_order: vec![],
            sub_policies: vec![sub],
            rate_allocation: vec![],
        };
        policy("composite", kind)
    };
    for taken in [
        and(not(all())),
        drop(not(all())),
        composite(and(not(all()))),
        not(all()),
    ] {
        assert!(PolicySet::compile(&settings(vec![taken])).is_ok());
    }
    for (outer, inner, deep) in [
        ("and", "and", and(and(all()))),
        ("and", "drop", and(drop(all()))),
        ("and", "composite", and(composite(all()))),
        ("not", "not", not(not(all()))),
        ("drop", "and", drop(and(all()))),
        ("composite", "not", composite(not(all()))),
        ("composite", "composite", composite(composite(all()))),
    ] {
        let texts = refused(vec![deep]);
        let cause = format!("policy \"{outer}/{inner}\": {inner} cannot stand inside {outer}");
        assert!(texts.len() == 1 && texts[0].contains(&cause), "{texts:?}");
    }
}

/// Scenario: policies that need the whole trace, under `span-ingest`.
/// Guarantees: each is refused with the setting that is at fault; those that do not need it are taken.
#[test]
fn span_ingest_takes_no_policy_that_needs_the_whole_trace() {
    let latency = |upper_threshold_ms| PolicyKind::Latency {
        threshold_ms: 1,
        upper_threshold_ms,
    };
    let count = |max_spans| PolicyKind::SpanCount {
        min_spans: 1,
        max_spans,
    };
    let bytes = PolicyKind::BytesLimiting {
        bytes_per_second: 1,
        burst_capacity: 0,
    };
    let stateful = [latency(2), count(2), limit(1), bytes];
    let policies = stateful
        .into_iter()
        .chain([latency(0), count(0)])
        .enumerate();
    let policies = policies
        .map(|(index, kind)| policy(&index.to_string(), kind))
        .collect();
    let ingest = TailSampling {
        sampling_strategy: SamplingStrategy::SpanIngest,
        ..settings(policies)
    };
    let errors = PolicySet::compile(&ingest).unwrap_err();
    let names: Vec<_> = errors.iter().map(|error| error.policy.as_str()).collect();
    assert_eq!(names, ["0", "1", "2", "3"]);
    assert!(
        errors[0].to_string().contains("upper_threshold_ms"),
        "{}",
        errors[0]
    );
}

/// Scenario: more sub-policies than can be numbered.
/// Guarantees: they are refused with their number, and nothing overflows.
#[test]
fn policies_beyond_the_numbering_are_refused() {
    let subs = vec![policy("sub", PolicyKind::AlwaysSample); 65_535];
    let texts = refused(vec![policy("and", PolicyKind::And(subs))]);
    assert_eq!(texts.len(), 1);
    assert!(
        texts[0].contains("65536 policies are more than the 65535"),
        "{texts:?}"
    );
}

/// Scenario: a condition takes a lambda, with the feature gate of lambdas off and on.
/// Guarantees: off, it is refused with the gate's name; on, it compiles.
#[test]
fn conditions_take_lambdas_where_their_gate_is_on() {
    let any = condition(r#"Any(span.attributes["codes"], (i, code) => code == "E1")"#);
    let mut settings = settings(vec![policy("a", any)]);
    let errors = PolicySet::compile(&settings).expect_err("the gate is off");
    let told = errors[0].to_string();
    assert!(
        told.contains("--feature-gates=ottl.functions.enableLambda"),
        "{told}"
    );
    settings.lambdas = true;
    assert!(PolicySet::compile(&settings).is_ok());
}
