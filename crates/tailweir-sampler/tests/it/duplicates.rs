//! Spans that are sent twice.

use crate::bench::{Bench, errors, everything, settings};
use std::time::Duration;
use tailweir_core::{ByteSize, Moment, PolicyIndex, Verdict};
use tailweir_sampler::EngineSettings;
use tailweir_testkit::{request, span, span_id, trace_id};

const SAMPLED: Verdict = Verdict::Sampled {
    policy: PolicyIndex(0),
    threshold: None,
};

/// Scenario: a client sends its request again because the answer was lost: before the decision, and
/// after it. The request has a trace of three spans and one of two hundred.
/// Guarantees: each span comes out once, and what was left out is counted.
#[test]
fn a_request_that_is_sent_again_yields_no_double_spans() {
    let mut bench = Bench::new(settings(), vec![everything()]);
    let (small, large) = (trace_id(1), trace_id(2));
    let spans = (1..=3)
        .map(|n| span(small, n))
        .chain((1..=200).map(|n| span(large, n)));
    let whole = request().service("shop").spans(spans).bytes();
    assert_eq!(bench.append(0, &whole).unwrap().held, 203);
    assert_eq!(bench.append(500, &whole).unwrap().duplicates, 203);
    bench.run_to(10_000);
    assert_eq!(bench.append(10_500, &whole).unwrap().duplicates, 203);
    assert_eq!(bench.kept(small), [1, 2, 3].map(span_id));
    assert_eq!(bench.kept(large).len(), 200);
    assert_eq!(bench.engine.counters().duplicates.spans, 406);
}

/// Scenario: a late request is sent twice, and one request holds the same late span twice.
/// Guarantees: late spans come out once too.
#[test]
fn late_spans_that_are_sent_again_come_out_once() {
    let mut bench = Bench::new(settings(), vec![everything()]);
    let id = trace_id(1);
    bench
        .append(0, &request().span(span(id, 1)).bytes())
        .unwrap();
    bench.run_to(10_000);
    let late = request()
        .spans([span(id, 2), span(id, 3), span(id, 2)])
        .bytes();
    assert_eq!(bench.append(11_000, &late).unwrap().duplicates, 1);
    assert_eq!(bench.append(12_000, &late).unwrap().duplicates, 3);
    assert_eq!(bench.kept(id), [1, 2, 3].map(span_id));
}

/// Scenario: a client gives one id to both sides of each call, as Zipkin's do, in a trace of two spans
/// and in one of two hundred; then it sends everything again, before and after the decision.
/// Guarantees: both sides come out, each once.
#[test]
fn different_spans_may_share_an_id() {
    let mut bench = Bench::new(settings(), vec![everything()]);
    let (small, large) = (trace_id(1), trace_id(2));
    let both_sides = |id, n| [span(id, n), span(id, n).named("the other side")];
    let spans = (1..=100).flat_map(|n| both_sides(large, n));
    let whole = request().spans(both_sides(small, 1)).spans(spans).bytes();
    assert_eq!(bench.append(0, &whole).unwrap().held, 202);
    assert_eq!(bench.append(500, &whole).unwrap().duplicates, 202);
    bench.run_to(10_000);
    assert_eq!(bench.append(10_500, &whole).unwrap().duplicates, 202);
    assert_eq!(bench.kept(small), [1, 1].map(span_id));
    assert_eq!(bench.kept(large).len(), 200);
    let late = request().span(span(small, 1).error()).bytes();
    assert_eq!(bench.append(11_000, &late).unwrap().kept, 1);
}

/// Scenario: one request holds a span twice, and ten spans without an id.
/// Guarantees: the span is held once; spans without an id are all held, for nothing tells them apart.
#[test]
fn spans_without_an_id_are_never_duplicates() {
    let mut bench = Bench::new(settings(), vec![everything()]);
    let id = trace_id(1);
    let unnamed = (0..10).map(|_| span(id, 0));
    let both = request()
        .spans([span(id, 5), span(id, 5)])
        .spans(unnamed)
        .bytes();
    let appended = bench.append(0, &both).unwrap();
    assert_eq!((appended.held, appended.duplicates), (11, 1));
    bench.run_to(10_000);
    assert_eq!(bench.append(10_001, &both).unwrap().kept, 10);
}

/// Scenario: the horizon has passed when a kept span comes again; in another engine there was no
/// room for its id.
/// Guarantees: it is exported again rather than dropped, and in the second case that was counted.
#[test]
fn beyond_the_horizon_spans_are_exported_again() {
    let horizon = Duration::from_secs(5);
    let forgetful = EngineSettings {
        dedupe_horizon: horizon,
        ..settings()
    };
    let cramped = EngineSettings {
        dedupe_budget: ByteSize(8),
        ..settings()
    };
    for (settings, forgotten) in [(forgetful, 0), (cramped, 1)] {
        let mut bench = Bench::new(settings, vec![everything()]);
        let once = request().span(span(trace_id(1), 1)).bytes();
        bench.append(0, &once).unwrap();
        bench.run_to(10_000);
        bench.advance(15_000);
        assert_eq!(bench.engine.counters().dedupe_forgotten, forgotten);
        assert_eq!(bench.append(15_001, &once).unwrap().kept, 1);
    }
}

/// Scenario: dedupe is off.
/// Guarantees: spans count as often as they come, as in the Collector.
#[test]
fn without_dedupe_every_span_counts() {
    let mut bench = Bench::new(
        EngineSettings {
            dedupe: false,
            ..settings()
        },
        vec![errors()],
    );
    let id = trace_id(1);
    let twice = request().spans([span(id, 1), span(id, 1).error()]).bytes();
    assert_eq!(bench.append(0, &twice).unwrap().held, 2);
    bench.run_to(10_000);
    assert_eq!(bench.append(10_001, &twice).unwrap().kept, 2);
    assert_eq!(bench.kept(id).len(), 4);
}

/// Scenario: another engine kept a trace and tells its decision and its delivered spans; a client sends them again
/// together with a new one. A third engine hears both in the other order.
/// Guarantees: the new span is handed on, the others are not, whichever came first.
#[test]
fn what_another_engine_delivered_is_known() {
    let id = trace_id(1);
    let both = request().spans([span(id, 1), span(id, 2)]).bytes();
    let mut first = Bench::new(settings(), vec![everything()]);
    first.append(0, &both).unwrap();
    first.run_to(10_000);
    let delivered = first.engine.delivered(id);
    assert_eq!(delivered.len(), 2);
    for decision_first in [true, false] {
        let mut second = Bench::new(settings(), vec![everything()]);
        if decision_first {
            second.follow(id, SAMPLED);
        }
        second
            .engine
            .learn_delivered(Moment::ZERO, id, delivered.clone());
        if !decision_first {
            second.follow(id, SAMPLED);
        }
        let again = request()
            .spans([span(id, 1), span(id, 2), span(id, 3)])
            .bytes();
        let appended = second.append(1, &again).unwrap();
        assert_eq!((appended.duplicates, appended.kept), (2, 1));
        assert_eq!(second.kept(id), [span_id(3)]);
        let mut known = second.engine.delivered(id);
        known.sort_unstable();
        known.dedup();
        assert_eq!(known.len(), 3);
    }
}

/// Scenario: an engine takes over the fragments of another, which told that it delivered one of their spans.
/// Guarantees: all are handed on: what is taken over may not have arrived.
#[test]
fn what_is_taken_over_is_handed_on_known_or_not() {
    let id = trace_id(1);
    let fragment = request().spans([span(id, 1), span(id, 2)]).bytes();
    let mut first = Bench::new(settings(), vec![everything()]);
    first.append(0, &fragment).unwrap();
    first.run_to(10_000);
    let mut second = Bench::new(settings(), vec![everything()]);
    second.follow(id, SAMPLED);
    second
        .engine
        .learn_delivered(Moment::ZERO, id, first.engine.delivered(id));
    second.adopt(1, &fragment);
    assert_eq!(second.kept(id), [1, 2].map(span_id));
}
