//! Policies and settings that change while traces are held.

use crate::bench::{Bench, What, compile, compile_looking, errors, everything, policy, settings};
use std::time::Duration;
use tailweir_config::PolicyKind;
use tailweir_core::Moment;
use tailweir_sampler::EngineSettings;
use tailweir_testkit::{request, span, trace_id};

/// Scenario: one trace is decided, another is held, when the policies are replaced; late spans come
/// for the first.
/// Guarantees: the held trace is decided by the new policies, the late spans follow the old decision
/// under the old policy's name, and counts by policy start anew.
#[test]
fn held_traces_are_decided_by_the_new_policies() {
    let mut bench = Bench::new(settings(), vec![errors()]);
    let (first, second) = (trace_id(1), trace_id(2));
    bench
        .append(0, &request().span(span(first, 1).error()).bytes())
        .unwrap();
    bench
        .append(5_000, &request().span(span(second, 1)).bytes())
        .unwrap();
    bench.run_to(10_000);
    let old = bench.engine.replace_policies(compile(vec![everything()]));
    assert_eq!(old[0].decided.sampled.traces, 1);
    bench
        .append(11_000, &request().span(span(first, 2)).bytes())
        .unwrap();
    bench.run_to(15_000);
    assert_eq!(bench.of(first)[1].policy, "errors");
    assert_eq!(bench.of(second)[0].policy, "everything");
    assert_eq!(bench.engine.counters().by_policy[0].sampled.traces, 1);
}

/// Scenario: policies look at each fragment as it arrives; one samples what fails and one drops what a rule names, so that a trace
/// that failed waits; before its time is over the policies are read again as they were, or others that look so take their place.
/// Guarantees: what its fragments show is not forgotten: it is kept by the policy that is in force then, and what shows nothing is
/// not.
#[test]
fn what_fragments_have_shown_outlives_a_reload() {
    let policies = |errors: &str| {
        let rule = PolicyKind::Latency {
            threshold_ms: 60_000,
            upper_threshold_ms: 0,
        };
        let dropped = PolicyKind::Drop(vec![policy("rule", rule)]);
        let status_codes = vec!["ERROR".to_owned()];
        vec![
            policy(errors, PolicyKind::StatusCode { status_codes }),
            policy("dropped", dropped),
        ]
    };
    for errors in ["errors", "failures"] {
        let mut bench = Bench::with(settings(), compile_looking(policies("errors")));
        let (failed, plain) = (trace_id(1), trace_id(2));
        for request in [
            request().span(span(failed, 1).error()).bytes(),
            request().span(span(failed, 2)).span(span(plain, 1)).bytes(),
        ] {
            bench.append(0, &request).unwrap();
        }
        assert!(bench.of(failed).is_empty());
        bench
            .engine
            .replace_policies(compile_looking(policies(errors)));
        bench.run_to(60_000);
        assert_eq!(bench.of(failed)[0].policy, errors);
        assert_eq!(bench.of(plain)[0].what, What::NotSampled);
    }
}

/// Scenario: policies look at each fragment as it arrives, and decisions hold only once others agree; what a fragment decided does
/// not hold, and the trace is judged again.
/// Guarantees: the fragment is seen again: the decision is the same.
#[test]
fn a_fragment_that_decided_is_seen_again() {
    let policies = compile_looking(vec![errors()]);
    let mut bench = Bench::with(settings(), policies);
    bench.sink.put = Some(Vec::new());
    let failed = trace_id(1);
    for request in [
        request().span(span(failed, 1)).bytes(),
        request().span(span(failed, 2).error()).bytes(),
    ] {
        bench.append(0, &request).unwrap();
    }
    bench.engine.reconsider(Moment::ZERO, failed);
    bench.run_to(1);
    let put = bench.sink.put.take().unwrap();
    assert!(
        put.len() == 2 && put.iter().all(|verdict| verdict.is_sampled()),
        "{put:?}"
    );
}

/// Scenario: a limiter has admitted what it may; then the policies are read again as they were, and the
/// engine gets half of all traces.
/// Guarantees: neither gives a new burst, and votes are counted on while the policies are the same.
#[test]
fn a_reload_does_not_refill_a_limiter() {
    let limiter = || {
        let kind = PolicyKind::RateLimiting {
            spans_per_second: 1,
            burst_capacity: 1,
        };
        vec![policy("limiter", kind)]
    };
    let mut bench = Bench::new(settings(), limiter());
    let decide = |bench: &mut Bench, n| {
        let request = request().span(span(trace_id(n), 1)).bytes();
        bench.append(0, &request).unwrap();
        bench.drain(0);
        bench.of(trace_id(n))[0].what
    };
    assert_eq!(decide(&mut bench, 1), What::Kept);
    bench.engine.replace_policies(compile(limiter()));
    assert_eq!(decide(&mut bench, 2), What::NotSampled);
    bench.engine.replace_settings(EngineSettings {
        share: 0.5,
        ..settings()
    });
    assert_eq!(decide(&mut bench, 3), What::NotSampled);
    let counts: Vec<_> = bench.engine.counts_by_policy().collect();
    assert_eq!(counts[0].votes.executions, 2);
}

/// Scenario: the wait is shortened while a trace is held, and lengthened again.
/// Guarantees: each trace keeps the wait under which it began.
#[test]
fn a_trace_keeps_its_deadline() {
    let mut bench = Bench::new(settings(), vec![everything()]);
    let wait = |seconds| EngineSettings {
        decision_wait: Duration::from_secs(seconds),
        ..settings()
    };
    bench
        .append(0, &request().span(span(trace_id(1), 1)).bytes())
        .unwrap();
    bench.engine.replace_settings(wait(2));
    bench
        .append(1_000, &request().span(span(trace_id(2), 1)).bytes())
        .unwrap();
    bench.engine.replace_settings(wait(20));
    bench
        .append(2_000, &request().span(span(trace_id(3), 1)).bytes())
        .unwrap();
    bench.run_to(60_000);
    let decided = |n| bench.of(trace_id(n))[0].at;
    assert_eq!(
        [decided(1), decided(2), decided(3)],
        [10_000, 3_000, 22_000]
    );
}
