//! When traces are decided.

use crate::bench::{Bench, What, errors, everything, settings};
use std::time::Duration;
use tailweir_core::Moment;
use tailweir_sampler::{AbandonReason, EarlyReason, EngineSettings};
use tailweir_testkit::{request, span, trace_id};

/// Scenario: spans of one trace arrive over three seconds; the shell calls a millisecond early, then
/// on time.
/// Guarantees: the trace is decided at the arrival of its first span plus the wait, to the
/// millisecond, once, with all its spans in the order of arrival.
#[test]
fn a_trace_is_decided_once_and_on_the_millisecond() {
    let mut bench = Bench::new(settings(), vec![errors()]);
    let id = trace_id(1);
    bench
        .append(1_003, &request().span(span(id, 1).child_of(9)).bytes())
        .unwrap();
    bench
        .append(
            2_500,
            &request().span(span(id, 2).child_of(1).error()).bytes(),
        )
        .unwrap();
    bench
        .append(4_100, &request().span(span(id, 9)).bytes())
        .unwrap();
    assert_eq!(
        bench.engine.next_deadline(),
        Some(Moment::from_millis(11_003))
    );
    bench.advance(11_002);
    assert!(bench.sink.outcomes.is_empty());
    bench.advance(11_003);
    let outcomes = bench.of(id);
    assert_eq!(outcomes.len(), 1);
    assert_eq!(outcomes[0].what, What::Kept);
    assert_eq!(outcomes[0].policy, "errors");
    let ids: Vec<_> = [1, 2, 9].map(tailweir_testkit::span_id).into();
    assert_eq!(bench.kept(id), ids);
    assert_eq!(bench.engine.next_deadline(), None);
}

/// Scenario: waits of 100 ms with traces that start every millisecond.
/// Guarantees: each is decided at its own millisecond: there is no tick that gathers them.
#[test]
fn there_is_no_common_tick() {
    let wait = Duration::from_millis(100);
    let mut bench = Bench::new(
        EngineSettings {
            decision_wait: wait,
            ..settings()
        },
        vec![everything()],
    );
    for n in 0..50 {
        bench.run_to(n);
        bench
            .append(n, &request().span(span(trace_id(n), 1)).bytes())
            .unwrap();
    }
    bench.run_to(1_000);
    for n in 0..50 {
        assert_eq!(bench.of(trace_id(n))[0].at, n + 100);
    }
}

/// Scenario: the root comes early in one trace, late in another, twice in a third, and never in a
/// fourth; the wait after a root is 2 s.
/// Guarantees: a root brings the decision forward, never back, and only the first does.
#[test]
fn a_root_brings_the_decision_forward() {
    let after_root = Duration::from_secs(2);
    let mut bench = Bench::new(
        EngineSettings {
            decision_wait_after_root: after_root,
            ..settings()
        },
        vec![everything()],
    );
    let [early, late, twice, never] = [1, 2, 3, 4].map(trace_id);
    let leaf = |id, n| span(id, n).child_of(77);
    let first = [leaf(late, 1), leaf(twice, 1), leaf(never, 1)];
    bench
        .append(0, &request().span(span(early, 1)).spans(first).bytes())
        .unwrap();
    bench
        .append(1_500, &request().span(span(twice, 2)).bytes())
        .unwrap();
    bench.run_to(3_000);
    bench
        .append(3_000, &request().span(span(twice, 3)).bytes())
        .unwrap();
    bench.run_to(9_000);
    bench
        .append(9_000, &request().span(span(late, 2)).bytes())
        .unwrap();
    bench.run_to(20_000);
    let decided = |id| bench.of(id)[0].at;
    assert_eq!(
        [early, late, twice, never].map(decided),
        [2_000, 10_000, 3_500, 10_000]
    );
}

/// Scenario: 40 traces of 1,000 spans each are due in the same millisecond.
/// Guarantees: one call decides some of them and says that more are due, so that requests are taken in
/// between; the calls together decide each of them once, in the order of arrival.
#[test]
fn a_full_moment_is_decided_in_parts() {
    let mut bench = Bench::new(settings(), vec![everything()]);
    for n in 1..=40 {
        let spans = (1..=1000).map(|number| span(trace_id(n), number));
        bench.append(7, &request().spans(spans).bytes()).unwrap();
    }
    bench.advance(10_007);
    assert_eq!(bench.sink.outcomes.len(), 17);
    assert_eq!(
        bench.engine.next_deadline(),
        Some(Moment::from_millis(10_007))
    );
    bench.run_to(10_007);
    let decided: Vec<_> = bench
        .sink
        .outcomes
        .iter()
        .map(|outcome| outcome.id)
        .collect();
    assert_eq!(decided, (1..=40).map(trace_id).collect::<Vec<_>>());
}

/// Scenario: the clock of the caller goes back.
/// Guarantees: time stands still meanwhile; deadlines stay in order and nothing is decided early.
#[test]
fn time_does_not_go_back() {
    let mut bench = Bench::new(settings(), vec![everything()]);
    bench
        .append(5_000, &request().span(span(trace_id(1), 1)).bytes())
        .unwrap();
    bench
        .append(1_000, &request().span(span(trace_id(2), 1)).bytes())
        .unwrap();
    bench.advance(14_999);
    assert!(bench.sink.outcomes.is_empty());
    bench.advance(15_000);
    assert_eq!(bench.sink.outcomes.len(), 2);
}

/// Scenario: an engine that holds three traces is drained, with each setting.
/// Guarantees: they are decided in the order of arrival and marked, or given up and counted as that.
#[test]
fn draining_decides_or_gives_up() {
    for abandon_on_drain in [false, true] {
        let mut bench = Bench::new(
            EngineSettings {
                abandon_on_drain,
                ..settings()
            },
            vec![errors()],
        );
        for n in 1..=3 {
            let spans = span(trace_id(n), 1).error();
            bench.append(n, &request().span(spans).bytes()).unwrap();
        }
        bench.drain(50);
        let ids: Vec<_> = bench
            .sink
            .outcomes
            .iter()
            .map(|outcome| outcome.id)
            .collect();
        assert_eq!(ids, [1, 2, 3].map(trace_id));
        for outcome in &bench.sink.outcomes {
            if abandon_on_drain {
                assert_eq!(outcome.what, What::Abandoned(AbandonReason::Drained));
            } else {
                assert_eq!(
                    (outcome.what, outcome.early),
                    (What::Kept, Some(EarlyReason::Drained))
                );
            }
        }
        let counters = bench.engine.counters();
        assert_eq!(
            counters.abandoned.spans,
            if abandon_on_drain { 3 } else { 0 }
        );
    }
}

/// Scenario: one request brings spans of one trace in two resources and two scopes, interleaved with
/// another trace; a second request repeats the first resource.
/// Guarantees: contexts and bytes come out as they came in, and a fragment is what one
/// `ResourceSpans` of one request brought.
#[test]
fn contexts_and_fragments_come_out_as_they_came_in() {
    let mut bench = Bench::new(settings(), vec![everything()]);
    let (a, b) = (trace_id(1), trace_id(2));
    let first = request()
        .service("shop")
        .scope("http")
        .spans([span(a, 1), span(b, 2), span(a, 3)])
        .scope("sql")
        .span(span(a, 4))
        .service("cart")
        .scope("http")
        .spans([span(b, 5), span(a, 6)]);
    let second = request().service("shop").scope("http").span(span(a, 7));
    let (first, second) = (first.bytes(), second.bytes());
    bench.append(0, &first).unwrap();
    bench.append(1, &second).unwrap();
    bench.run_to(20_000);
    assert_eq!(bench.sink.fragments[&a], [0, 0, 0, 1, 2]);
    assert_eq!(bench.sink.fragments[&b], [0, 1]);
    let mut came_out: Vec<_> = bench.sink.kept.iter().map(|(_, content)| content).collect();
    let mut went_in = Vec::new();
    for request in [&first, &second] {
        let mut scan = tailweir_otlp::Scan::new();
        let limits = tailweir_otlp::ScanLimits::default();
        tailweir_otlp::Scan::traces(request, &limits, &mut scan).unwrap();
        for entry in &scan.spans {
            let resource = scan.resource(request, entry.context).0.to_vec();
            let scope = scan.scope(request, entry.context).0.to_vec();
            went_in.push((resource, scope, entry.span(request).0.to_vec()));
        }
    }
    let mut went_in: Vec<_> = went_in.iter().collect();
    came_out.sort();
    went_in.sort();
    assert_eq!(came_out, went_in);
}

/// Scenario: one request brings spans of one trace from two resources, too large to be stored side by
/// side.
/// Guarantees: a fragment is still what one `ResourceSpans` brought, however it is stored.
#[test]
fn large_spans_of_one_resource_are_one_fragment() {
    let mut bench = Bench::new(settings(), vec![everything()]);
    let id = trace_id(1);
    let large = |n| span(id, n).attribute("padding", "x".repeat(40_000));
    let request = request()
        .service("shop")
        .spans([large(1), large(2), large(3)])
        .service("cart")
        .spans([large(4), large(5)]);
    bench.append(0, &request.bytes()).unwrap();
    bench.run_to(20_000);
    assert_eq!(bench.sink.fragments[&id], [0, 0, 0, 1, 1]);
}
