//! Policies and settings that change while traces are held.

use crate::bench::{Bench, compile, errors, everything, settings};
use std::time::Duration;
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
    assert_eq!(old[0].sampled.traces, 1);
    bench
        .append(11_000, &request().span(span(first, 2)).bytes())
        .unwrap();
    bench.run_to(15_000);
    assert_eq!(bench.of(first)[1].policy, "errors");
    assert_eq!(bench.of(second)[0].policy, "everything");
    assert_eq!(bench.engine.counters().by_policy[0].sampled.traces, 1);
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
