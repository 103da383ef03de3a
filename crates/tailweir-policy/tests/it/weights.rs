//! How many traces a kept trace stands for.

use crate::fixture::{
    compile, condition, decide, decide_plain, errors, limit, policy, settings, share, spans,
    threshold,
};
use proptest::prelude::*;
use tailweir_config::{Compat, Policy, PolicyKind, SamplingStrategy, TailSampling};
use tailweir_core::{Moment, PolicyIndex, Threshold, TraceId};
use tailweir_policy::{CarriedWeight, PolicySet, PolicyState};
use tailweir_testkit::{span, trace_id};

/// The thresholds of plain traces that are kept, each once, as they first occur.
fn thresholds(set: &PolicySet) -> Vec<Option<String>> {
    let mut state = PolicyState::new(set);
    let mut found = Vec::new();
    for id in (0..200).map(trace_id) {
        let decision = decide_plain(set, &mut state, id);
        if decision.verdict.is_sampled() {
            let text = threshold(decision).map(|threshold| threshold.to_string());
            if !found.contains(&text) {
                found.push(text);
            }
        }
    }
    found
}

fn check(policies: Vec<Policy>, expected: &[&str]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|text| Some((*text).to_owned()))
        .collect();
    assert_eq!(thresholds(&compile(policies)), expected);
}

/// Scenario: shares alone, under one salt, under two, and inside `and`, `not` and `drop`.
/// Guarantees: every kept trace says the share of traces like it that is kept, exactly.
///
/// Conforms: processor `tail_sampling` | traces | `write_threshold` | only here: kept traces say the share that they
/// stand for
#[test]
fn every_combination_of_shares_has_its_exact_weight() {
    let quarter = || policy("quarter", share("", 25.0));
    let half = || policy("half", share("", 50.0));
    let other_half = || policy("other", share("salt", 50.0));
    let all = || policy("all", PolicyKind::AlwaysSample);
    check(vec![all()], &["0"]);
    check(vec![quarter()], &["c"]);
    check(vec![policy("tenth", share("", 10.0))], &["e6666666666666"]);
    check(vec![quarter(), half()], &["8"]);
    check(vec![half(), other_half()], &["4"]);
    check(
        vec![policy("and", PolicyKind::And(vec![half(), other_half()]))],
        &["c"],
    );
    check(
        vec![policy("and", PolicyKind::And(vec![half(), quarter()]))],
        &["c"],
    );
    check(
        vec![policy("not", PolicyKind::Not(Box::new(quarter())))],
        &["4"],
    );
    check(
        vec![half(), policy("not", PolicyKind::Not(Box::new(half())))],
        &["0"],
    );
    check(
        vec![all(), policy("drop", PolicyKind::Drop(vec![half()]))],
        &["8"],
    );
    check(
        vec![other_half(), policy("drop", PolicyKind::Drop(vec![half()]))],
        &["c"],
    );
}

/// Scenario: a trace with an error is kept by a share that stands before the policy for errors, which
/// then is not even asked.
/// Guarantees: it stands for itself alone, as it would have been kept anyway; a plain one does not.
#[test]
fn what_would_be_kept_anyway_stands_for_itself() {
    let policies = vec![policy("share", share("", 25.0)), policy("errors", errors())];
    for sample_on_first_match in [true, false] {
        let set = PolicySet::compile(&TailSampling {
            sample_on_first_match,
            ..settings(policies.clone())
        });
        let (set, id) = (set.unwrap(), kept_by_share(25.0));
        let mut state = PolicyState::new(&set);
        let failed = decide(&set, &mut state, id, spans([span(id, 1).error()]));
        assert_eq!(failed.verdict.policy(), Some(PolicyIndex(0)));
        assert_eq!(threshold(failed), Some(Threshold::ALWAYS));
        let plain = decide_plain(&set, &mut state, id);
        assert_eq!(threshold(plain), Threshold::parse("c"));
    }
}

fn kept_by_share(percentage: f64) -> TraceId {
    let set = compile(vec![policy("share", share("", percentage))]);
    let mut state = PolicyState::new(&set);
    let mut ids = (0..).map(trace_id);
    ids.find(|&id| decide_plain(&set, &mut state, id).verdict.is_sampled())
        .expect("some id is kept")
}

/// Scenario: traces that a limiter or a composite admits, refuses, or has no part in.
/// Guarantees: what only they keep has no weight; what they refuse leaves the weight of a share as it
/// is; what another policy keeps for certain stands for itself.
#[test]
fn limiters_and_composites_have_no_weight_of_their_own() {
    let composite = |kind| PolicyKind::Composite {
        max_total_spans_per_second: 1,
        policy_order: vec![],
        sub_policies: vec![policy("sub", kind)],
        rate_allocation: vec![],
    };
    for limiter in [limit(1), composite(PolicyKind::AlwaysSample)] {
        let set = compile(vec![
            policy("limiter", limiter.clone()),
            policy("share", share("", 25.0)),
        ]);
        assert!(!set.expresses_weight(PolicyIndex(0)));
        assert!(set.expresses_weight(PolicyIndex(1)));
        let (mut state, id) = (PolicyState::new(&set), kept_by_share(25.0));
        assert_eq!(threshold(decide_plain(&set, &mut state, id)), None);
        assert_eq!(
            threshold(decide_plain(&set, &mut state, id)),
            Threshold::parse("c")
        );
        let set = compile(vec![
            policy("limiter", limiter),
            policy("all", PolicyKind::AlwaysSample),
        ]);
        let certain = decide_plain(&set, &mut PolicyState::new(&set), id);
        assert_eq!(threshold(certain), Some(Threshold::ALWAYS));
    }
    let gated = compile(vec![
        policy("gated", composite(share("", 25.0))),
        policy("share", share("salt", 50.0)),
    ]);
    assert_eq!(thresholds(&gated), [None]);
}

/// Scenario: weights are switched off; or policies look at fragments, where a later fragment may still
/// match; or a policy that comes later fails on this trace.
/// Guarantees: there is no weight in the first two cases, unless all policies are shares; in the
/// third, the failing policy counts as not sampling.
#[test]
fn a_weight_is_told_only_when_it_is_known() {
    let policies = || vec![policy("share", share("", 50.0)), policy("errors", errors())];
    let off = TailSampling {
        write_threshold: false,
        ..settings(policies())
    };
    assert_eq!(thresholds(&PolicySet::compile(&off).unwrap()), [None]);
    let failing = vec![
        policy("share", share("", 50.0)),
        policy("fails", condition("Int(span.attributes[\"x\"][\"y\"]) > 1")),
    ];
    assert_eq!(thresholds(&compile(failing)), [Some("8".to_owned())]);
    for (policies, known) in [
        (policies(), false),
        (vec![policy("share", share("", 50.0))], true),
    ] {
        let ingest = TailSampling {
            sampling_strategy: SamplingStrategy::SpanIngest,
            ..settings(policies)
        };
        let set = PolicySet::compile(&ingest).unwrap();
        assert_eq!(set.expresses_weight(PolicyIndex(0)), known);
        assert_eq!(thresholds(&set), [known.then(|| "8".to_owned())]);
    }
}

/// Scenario: spans arrive with a threshold of an earlier sampler, or none.
/// Guarantees: independent shares multiply, shares by the same randomness do not, and what has no
/// weight of its own loses the carried one too.
#[test]
fn carried_weights_are_combined_by_how_they_were_made() {
    let th = |text| Threshold::parse(text);
    let independent = |carried, own| CarriedWeight::Independent.combine(carried, own);
    let consistent = |carried, own| CarriedWeight::Consistent.combine(carried, own);
    assert_eq!(independent(th("8"), th("8")), th("c"));
    assert_eq!(independent(th("e6666"), th("0")), th("e6666"));
    assert_eq!(independent(th("0"), th("e6666")), th("e6666"));
    assert_eq!(independent(None, th("8")), th("8"));
    assert_eq!(consistent(th("8"), th("c")), th("c"));
    assert_eq!(consistent(th("c"), th("8")), th("c"));
    assert_eq!(consistent(th("8"), None), None);
    assert_eq!(independent(th("ffffffffffffff"), th("c")), None);
}

/// Scenario: under `consistent_probability`, spans carry randomness, a threshold, or neither.
/// Guarantees: the trace's own randomness decides where there is some, at the threshold of the share;
/// a policy that keeps the low end of it has no weight that could be written.
#[test]
fn randomness_of_the_trace_decides_where_it_has_some() {
    let consistent = |kind| {
        PolicySet::compile(&TailSampling {
            consistent_probability: true,
            ..settings(vec![policy("p", kind)])
        })
        .unwrap()
    };
    let carrying = |trace_state: &str| {
        let id = TraceId([0; 16]);
        spans([span(id, 1).trace_state(trace_state)])
    };
    let (half, low) = (
        consistent(share("", 50.0)),
        consistent(PolicyKind::Not(Box::new(policy("half", share("", 50.0))))),
    );
    let decided = |set: &PolicySet, trace_state: &str| {
        decide(
            set,
            &mut PolicyState::new(set),
            TraceId([0; 16]),
            carrying(trace_state),
        )
    };
    let high = decided(&half, "ot=rv:80000000000000");
    assert_eq!(
        (threshold(high), high.carried),
        (Threshold::parse("8"), CarriedWeight::Consistent)
    );
    assert!(!decided(&half, "ot=rv:7fffffffffffff").verdict.is_sampled());
    assert!(!decided(&half, "ot=th:0").verdict.is_sampled());
    assert_eq!(decided(&half, "x=1").carried, CarriedWeight::Independent);
    assert_eq!(threshold(decided(&low, "ot=rv:7fffffffffffff")), None);
    assert!(half.needs().spans);
}

fn sub_policy() -> impl Strategy<Value = PolicyKind> {
    let percent = prop::sample::select(vec![25.0, 50.0, 75.0]);
    let salt = prop::sample::select(vec!["", "a", "b"]);
    prop_oneof![
        4 => (salt, percent).prop_map(|(salt, percent)| share(salt, percent)),
        1 => Just(errors()),
        1 => Just(PolicyKind::AlwaysSample),
    ]
}

fn any_policy() -> impl Strategy<Value = PolicyKind> {
    let subs = || prop::collection::vec(sub_policy().prop_map(|kind| policy("sub", kind)), 1..3);
    prop_oneof![
        3 => sub_policy(),
        2 => subs().prop_map(PolicyKind::And),
        1 => sub_policy().prop_map(|kind| PolicyKind::Not(Box::new(policy("sub", kind)))),
        1 => subs().prop_map(PolicyKind::Drop),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Scenario: two thousand traces that differ in their ids only, under any combination of shares.
    /// Guarantees: the weights of those kept add up to the number of all, as far as chance allows.
    #[test]
    fn weights_are_unbiased(kinds in prop::collection::vec(any_policy(), 1..4), first: u32) {
        let named = kinds.into_iter().enumerate();
        let policies = named.map(|(index, kind)| policy(&index.to_string(), kind)).collect();
        let set = compile(policies);
        let mut state = PolicyState::new(&set);
        let all = 2000_u32;
        let (mut weight, mut variance) = (0.0, 0.0);
        for n in 0..all {
            let id = trace_id(u64::from(first) * 10_000 + u64::from(n));
            let trace = tailweir_otlp::TraceView {
                id,
                summary: tailweir_otlp::TraceSummary { spans: 1, statuses: 1, ..Default::default() },
                spans: &[],
            };
            let decision = set.decide(&mut state, Moment::ZERO, &trace);
            if decision.verdict.is_sampled() {
                let count = threshold(decision).unwrap().adjusted_count();
                weight += count;
                variance = f64::from(all) * (count - 1.0);
            }
        }
        let off = (weight - f64::from(all)).abs();
        prop_assert!(weight == 0.0 || off <= 6.0 * f64::sqrt(variance), "{weight} of {all}");
    }
}

/// Scenario: the same settings under `compat: collector`, where thresholds are off by default.
/// Guarantees: whether thresholds are told is a setting of its own, not of compatibility.
#[test]
fn weights_do_not_depend_on_compatibility() {
    let collector = TailSampling {
        compat: Compat::Collector,
        ..settings(vec![policy("share", share("", 50.0))])
    };
    assert_eq!(
        thresholds(&PolicySet::compile(&collector).unwrap()),
        [Some("8".to_owned())]
    );
}
