//! What comes after the decision.

use crate::bench::{Bench, What, errors, settings};
use tailweir_core::{PolicyIndex, TraceId, Verdict};
use tailweir_sampler::EngineSettings;
use tailweir_testkit::{request, span, span_id, trace_id};

/// Scenario: spans come after their traces were decided, one kept and one not.
/// Guarantees: they follow the decision at once, marked late, and are not a new trace.
#[test]
fn late_spans_follow_the_decision() {
    let mut bench = Bench::new(settings(), vec![errors()]);
    let (bad, good) = (trace_id(1), trace_id(2));
    bench
        .append(
            0,
            &request()
                .spans([span(bad, 1).error(), span(good, 1)])
                .bytes(),
        )
        .unwrap();
    bench.run_to(10_000);
    let spans = [span(good, 2).error(), span(bad, 2), span(bad, 3)];
    let appended = bench
        .append(12_500, &request().spans(spans).bytes())
        .unwrap();
    assert_eq!(
        (appended.kept, appended.discarded, appended.new_traces),
        (2, 1, 0)
    );
    assert_eq!(bench.kept(bad), [1, 2, 3].map(span_id));
    assert!(bench.kept(good).is_empty());
    let late = bench.of(bad)[1];
    assert!(late.late && late.at == 12_500 && late.policy == "errors");
    assert_eq!(bench.of(good)[1].what, What::NotSampled);
    let counters = bench.engine.counters();
    assert_eq!(
        (counters.late.sampled.spans, counters.late.not_sampled.spans),
        (2, 1)
    );
    assert_eq!(
        counters.late_age.counts[2], 2,
        "two traces, 2.5 s after their decision"
    );
    assert_eq!(counters.new_traces, 2);
}

/// Scenario: two traces share the last eight bytes of their ids; one was kept.
/// Guarantees: the other is a new trace. (The Collector's caches look at these eight bytes alone.)
#[test]
fn ids_are_compared_in_full() {
    let mut bench = Bench::new(settings(), vec![errors()]);
    let kept = TraceId([7; 16]);
    let mut other = kept;
    other.0[0] = 8;
    bench
        .append(0, &request().span(span(kept, 1).error()).bytes())
        .unwrap();
    bench.run_to(10_000);
    let appended = bench
        .append(11_000, &request().span(span(other, 1)).bytes())
        .unwrap();
    assert_eq!(appended.new_traces, 1);
    bench.run_to(30_000);
    assert_eq!(bench.of(other)[0].what, What::NotSampled);
}

/// Scenario: two decisions of each kind are remembered; a third trace of each kind is decided after
/// a late span has come for the first.
/// Guarantees: the second is forgotten and its late span is a new trace; the first is not.
#[test]
fn the_decision_that_was_not_asked_for_is_forgotten_first() {
    let bounds = EngineSettings {
        sampled_decisions_max: 2,
        other_decisions_max: 2,
        ..settings()
    };
    for error in [true, false] {
        let mut bench = Bench::new(bounds.clone(), vec![errors()]);
        let spans = |n, id| {
            let span = span(trace_id(n), id);
            request()
                .span(if error { span.error() } else { span })
                .bytes()
        };
        bench.append(0, &spans(1, 1)).unwrap();
        bench.append(1, &spans(2, 1)).unwrap();
        bench.run_to(10_001);
        assert_eq!(bench.append(10_002, &spans(1, 2)).unwrap().new_traces, 0);
        bench.append(10_003, &spans(3, 1)).unwrap();
        bench.run_to(20_003);
        assert_eq!(bench.engine.remembered_decisions(), 2);
        assert_eq!(bench.append(20_004, &spans(1, 3)).unwrap().new_traces, 0);
        assert_eq!(bench.append(20_005, &spans(2, 2)).unwrap().new_traces, 1);
        assert_eq!(bench.engine.counters().decisions_forgotten, 1);
    }
}

/// Scenario: two decisions of each kind may be remembered. Others have decided about eight traces, of which two are known; the
/// engine hears of all ahead of one request with a late span of each. It hears of six more whose request never comes.
/// Guarantees: every span follows the decision on its trace; behind the request no more is remembered than may be, and so it is
/// after a while where none came.
#[test]
fn a_request_finds_every_decision_that_was_agreed_on_ahead_of_it() {
    let bounds = EngineSettings {
        sampled_decisions_max: 2,
        other_decisions_max: 2,
        ..settings()
    };
    let sampled = Verdict::Sampled {
        policy: PolicyIndex(0),
        threshold: None,
    };
    let verdict = |n: u64| {
        if n.is_multiple_of(2) {
            sampled
        } else {
            Verdict::NotSampled
        }
    };
    let mut bench = Bench::new(bounds, vec![errors()]);
    for n in 1..=2 {
        bench.follow(trace_id(n), verdict(n));
    }
    for n in 1..=8 {
        bench.agree(trace_id(n), verdict(n));
    }
    let spans = (1..=8).map(|n| span(trace_id(n), 1));
    let appended = bench.append(1, &request().spans(spans).bytes()).unwrap();
    assert_eq!(
        (appended.kept, appended.discarded, appended.new_traces),
        (4, 4, 0)
    );
    assert_eq!(bench.engine.remembered_decisions(), 4);

    for n in 11..=16 {
        bench.agree(trace_id(n), verdict(n));
    }
    bench.advance(2);
    assert_eq!(bench.engine.remembered_decisions(), 4);
}

/// Scenario: a hundred thousand traces are decided with room for few decisions in bytes.
/// Guarantees: the memory of decisions stays within its budget, but for one chunk.
#[test]
fn decisions_are_bounded_in_bytes() {
    let budget = tailweir_core::ByteSize::mib(1);
    let mut bench = Bench::new(
        EngineSettings {
            decision_cache_budget: budget,
            traces_max: 1_000_000,
            sampled_decisions_max: 0,
            ..settings()
        },
        vec![errors()],
    );
    for n in 0..100_u64 {
        let spans = (0..1_000).map(|m| span(trace_id(n * 1_000 + m), 1));
        bench
            .append(n * 1_000, &request().spans(spans).bytes())
            .unwrap();
        bench.run_to(n * 1_000);
    }
    bench.drain(200_000);
    let bytes = bench.engine.remembered_memory().bytes();
    assert!(bytes <= budget.bytes() + (128 << 10), "{bytes}");
    assert!(bench.engine.remembered_decisions() > 6_000);
}
