//! When memory or numbers run out.

use crate::bench::{Bench, Outcome, What, errors, everything, policy, settings};
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::{PolicyKind, TailSampling};
use tailweir_core::ByteSize;
use tailweir_policy::PolicySet;
use tailweir_sampler::{EarlyReason, EngineSettings, Refusal};
use tailweir_testkit::{request, span, trace_id};

fn tight() -> EngineSettings {
    EngineSettings {
        memory_budget: ByteSize::mib(1),
        traces_max: 1_000_000,
        least_wait: Duration::from_millis(500),
        ..settings()
    }
}

fn padded(n: u64, id: u64, bytes: usize) -> tailweir_testkit::SpanBuilder {
    span(trace_id(n), id).attribute("padding", "x".repeat(bytes))
}

/// Scenario: traces of 2 KB come every 5 ms for a minute, four times as many as fit into the memory
/// for their wait.
/// Guarantees: nothing is refused, the oldest are decided early and marked, each trace is decided
/// once, and memory never exceeds its budget.
#[test]
fn when_memory_is_short_the_oldest_are_decided_early() {
    let mut bench = Bench::new(tight(), vec![errors()]);
    for n in 0..2_000 {
        let at = n * 5;
        bench.run_to(at);
        bench
            .append(
                at,
                &request()
                    .service("s")
                    .span(padded(n, 1, 2_000).error())
                    .bytes(),
            )
            .unwrap();
        assert!(bench.engine.held_memory() <= tight().memory_budget);
    }
    bench.run_to(60_000);
    let mut early = 0;
    for n in 0..2_000 {
        let outcomes = bench.of(trace_id(n));
        assert_eq!(outcomes.len(), 1);
        assert_eq!(outcomes[0].what, What::Kept);
        if outcomes[0].early == Some(EarlyReason::Memory) {
            assert!(outcomes[0].at >= n * 5 + 500, "it had its least wait");
            early += 1;
        }
    }
    assert!(early > 1_000, "{early}");
    let counters = bench.engine.counters();
    assert_eq!(counters.early[EarlyReason::Memory as usize].traces, early);
    assert_eq!(counters.refused.spans, 0);
}

/// Scenario: so much comes at one instant that no trace is old enough to be decided.
/// Guarantees: new traces are refused first, retryably, then everything; nothing of a refused request
/// is held; as soon as traces are old enough there is room again.
#[test]
fn when_all_traces_are_young_requests_are_refused() {
    let mut bench = Bench::new(tight(), vec![errors()]);
    let mut n = 0;
    let refusal = loop {
        match bench.append(0, &request().span(padded(n, 1, 2_000)).bytes()) {
            Ok(_) => n += 1,
            Err(refusal) => break refusal,
        }
    };
    assert!(
        matches!(refusal, Refusal::Memory { .. }) && refusal.is_retryable(),
        "{refusal}"
    );
    let held = bench.engine.counters().held;
    assert_eq!(held.traces, n);
    let mut more = 0;
    while bench
        .append(0, &request().span(padded(more, 2, 2_000)).bytes())
        .is_ok()
    {
        more += 1;
    }
    assert!(
        more > 0,
        "spans of known traces had room when new traces had none"
    );
    assert!(bench.engine.held_memory() <= tight().memory_budget);
    assert!(bench.sink.outcomes.is_empty());
    assert_eq!(bench.engine.counters().refused.spans, 2);
    bench
        .append(600, &request().span(padded(n, 1, 2_000)).bytes())
        .unwrap();
    assert!(!bench.sink.outcomes.is_empty());
}

/// Scenario: a request that is larger than the whole budget.
/// Guarantees: it is refused for good, so that no client tries for ever.
#[test]
fn a_request_that_can_never_be_held_is_refused_for_good() {
    let mut bench = Bench::new(tight(), vec![errors()]);
    let refusal = bench
        .append(0, &request().span(padded(1, 1, 2 << 20)).bytes())
        .unwrap_err();
    assert!(
        matches!(refusal, Refusal::TooLarge { .. }) && !refusal.is_retryable(),
        "{refusal}"
    );
    assert_eq!(bench.engine.counters().appended.spans, 0);
}

/// Scenario: one trace grows without end while others come.
/// Guarantees: it is decided at its bound, marked, its late spans follow, and no other trace is
/// decided early or refused.
#[test]
fn an_endless_trace_does_not_hurt_others() {
    let mut bench = Bench::new(
        EngineSettings {
            trace_bytes_max: ByteSize::kib(100),
            ..tight()
        },
        vec![everything()],
    );
    for n in 0..400 {
        let spans = [padded(0, n + 1, 3_000), span(trace_id(n + 1), 1)];
        bench.append(n, &request().spans(spans).bytes()).unwrap();
    }
    bench.run_to(60_000);
    let endless = bench.of(trace_id(0));
    assert_eq!(endless[0].early, Some(EarlyReason::Size));
    assert!(endless[0].bytes <= (100 << 10) + 3_200);
    assert!(endless[1..].iter().all(|outcome| outcome.late));
    assert_eq!(bench.kept(trace_id(0)).len(), 400);
    for n in 1..=400 {
        assert_eq!(bench.of(trace_id(n))[0].early, None);
    }
}

/// Scenario: memory is short; one of the held traces is large and young, the others are old.
/// Guarantees: the large one goes first.
#[test]
fn the_largest_goes_before_the_oldest() {
    let mut bench = Bench::new(tight(), vec![errors()]);
    for n in 0..300 {
        bench
            .append(0, &request().span(padded(n, 1, 2_000)).bytes())
            .unwrap();
    }
    for id in 0..20 {
        bench
            .append(5_000, &request().span(padded(999, id + 1, 4_000)).bytes())
            .unwrap();
    }
    let mut n = 1_000;
    while bench.sink.outcomes.len() < 3 {
        bench
            .append(5_001, &request().span(padded(n, 1, 2_000)).bytes())
            .unwrap();
        n += 1;
    }
    let early: Vec<_> = bench
        .sink
        .outcomes
        .iter()
        .map(|outcome| outcome.id)
        .collect();
    assert_eq!(early[..3], [trace_id(999), trace_id(0), trace_id(1)]);
    let for_memory = |outcome: &Outcome| outcome.early == Some(EarlyReason::Memory);
    assert!(bench.sink.outcomes.iter().all(for_memory));
}

/// Scenario: there may be ten traces, and thirty come, several in one request.
/// Guarantees: the oldest is decided early for each new one, with what it has, and marked.
#[test]
fn too_many_traces_are_decided_early() {
    let mut bench = Bench::new(
        EngineSettings {
            traces_max: 10,
            ..settings()
        },
        vec![errors()],
    );
    for n in 0..10 {
        let spans = (0..3).map(|m| span(trace_id(3 * n + m), 1).error());
        bench.append(n, &request().spans(spans).bytes()).unwrap();
        assert!(bench.engine.counters().held.traces <= 10);
    }
    let early: Vec<_> = bench
        .sink
        .outcomes
        .iter()
        .map(|outcome| outcome.id)
        .collect();
    assert_eq!(early, (0..20).map(trace_id).collect::<Vec<_>>());
    assert!(
        bench
            .sink
            .outcomes
            .iter()
            .all(|outcome| outcome.early == Some(EarlyReason::Traces))
    );
}

/// Scenario: the same, but new traces are to wait (`block_on_overflow`).
/// Guarantees: they are refused retryably as long as there is no room, spans of known traces are
/// not, and a request with more traces than the bound is taken when nothing is held.
#[test]
fn with_block_on_overflow_new_traces_are_refused() {
    let limits = EngineSettings {
        traces_max: 2,
        refuse_on_overflow: true,
        ..settings()
    };
    let mut bench = Bench::new(limits, vec![errors()]);
    let three = request()
        .spans((1..=3).map(|n| span(trace_id(n), 1)))
        .bytes();
    assert_eq!(bench.append(0, &three).unwrap().new_traces, 3);
    let known = request().span(span(trace_id(1), 2)).bytes();
    assert_eq!(bench.append(1, &known).unwrap().held, 1);
    let new = request().span(span(trace_id(4), 1)).bytes();
    let refusal = bench.append(2, &new).unwrap_err();
    assert_eq!(
        refusal,
        Refusal::Traces {
            held: 3,
            new: 1,
            limit: 2
        }
    );
    assert!(refusal.is_retryable());
    bench.run_to(10_000);
    assert_eq!(bench.append(10_001, &new).unwrap().new_traces, 1);
}

/// Scenario: under `consistent_probability` two traces are due at the same moment, of which a limiter of
/// one span takes one; then there is room for one trace, and every 10 s one comes, so that each is
/// decided when the next comes and none is ever due.
/// Guarantees: what the limiter refused ended with the traces that were due together: with its bucket
/// full again, it takes each of the others.
#[test]
fn a_limiter_that_refused_takes_traces_that_are_decided_early() {
    let mut bench = Bench::with(settings(), consistent_limiter());
    let append = |bench: &mut Bench, at, n| {
        let request = request().span(span(trace_id(n), 1)).bytes();
        bench.append(at, &request).unwrap();
    };
    append(&mut bench, 0, 1);
    append(&mut bench, 0, 2);
    bench.run_to(10_000);
    let kept = |outcome: &&Outcome| outcome.what == What::Kept;
    assert_eq!(bench.sink.outcomes.len(), 2);
    assert_eq!(bench.sink.outcomes.iter().filter(kept).count(), 1);
    bench.engine.replace_settings(EngineSettings {
        traces_max: 1,
        decision_wait: Duration::from_secs(60),
        ..settings()
    });
    for n in 3..=8 {
        append(&mut bench, n * 10_000, n);
    }
    let early: Vec<_> = (3..8).map(|n| bench.of(trace_id(n))[0]).collect();
    assert!(early.iter().all(|it| it.early == Some(EarlyReason::Traces)));
    assert!(early.iter().all(kept));
}

/// A limiter of one span a second, for which traces that are due together are ranked.
fn consistent_limiter() -> Arc<PolicySet> {
    let kind = PolicyKind::RateLimiting {
        spans_per_second: 1,
        burst_capacity: 1,
    };
    let settings = TailSampling {
        policies: vec![policy("limiter", kind)],
        consistent_probability: true,
        ..TailSampling::default()
    };
    Arc::new(PolicySet::compile(&settings).expect("a sound policy"))
}

/// Scenario: a trickle of small traces that wait long is spread thinly among many that wait shortly
/// (their root has come).
/// Guarantees: what the trickle pins is moved together; memory follows what is held.
#[test]
fn a_trickle_does_not_pin_memory() {
    let waits = EngineSettings {
        decision_wait: Duration::from_secs(600),
        decision_wait_after_root: Duration::from_secs(1),
        memory_budget: ByteSize::mib(4),
        traces_max: 1_000_000,
        ..settings()
    };
    let mut bench = Bench::new(waits, vec![errors()]);
    for n in 0..8_000_u64 {
        bench.run_to(n * 5);
        let span = padded(n, 1, 2_000);
        let span = if n % 20 == 0 { span.child_of(5) } else { span };
        bench
            .append(n * 5, &request().service("s").span(span).bytes())
            .unwrap();
    }
    bench.run_to(42_000);
    let counters = bench.engine.counters();
    assert_eq!(counters.held.traces, 400);
    assert_eq!(counters.refused.spans, 0);
    assert!(counters.early.iter().all(|early| early.traces == 0));
    assert!(counters.compacted_bytes > 0);
    let memory = bench.engine.held_memory().bytes();
    assert!(
        memory < 2 * counters.held.bytes + (512 << 10),
        "{memory} for {}",
        counters.held.bytes
    );
    bench.drain(42_000);
}

/// Scenario: of the traces that fill the memory, all but every twentieth are decided at one moment,
/// and at the same moment more come, all too young to be decided early.
/// Guarantees: what is left is moved together as far as the room is needed, before anything is
/// refused.
#[test]
fn sparse_segments_make_room_when_it_is_needed() {
    let waits = EngineSettings {
        decision_wait: Duration::from_secs(60),
        decision_wait_after_root: Duration::from_secs(1),
        least_wait: Duration::from_secs(5),
        ..tight()
    };
    let mut bench = Bench::new(waits, vec![errors()]);
    for n in 0..1_000 {
        let span = padded(n, 1, 300);
        let span = if n % 20 == 0 { span.child_of(5) } else { span };
        bench.append(0, &request().span(span).bytes()).unwrap();
    }
    bench.advance(1_000);
    assert_eq!(bench.engine.counters().held.traces, 50);
    let before = bench.engine.counters().compacted_bytes;
    let more = |n| {
        request()
            .spans([padded(n, 1, 300), padded(n, 2, 300)])
            .bytes()
    };
    let mut n = 1_000;
    while bench.append(1_000, &more(n)).is_ok() {
        n += 1;
    }
    let counters = bench.engine.counters();
    assert!(counters.early.iter().all(|early| early.traces == 0));
    assert!(
        counters.compacted_bytes > before,
        "room was made before the refusal"
    );
}

/// Scenario: ten thousand requests of one span repeat a resource of 1 KB.
/// Guarantees: the resource is stored once, and gone when the spans are.
#[test]
fn repeated_resources_are_stored_once() {
    let mut bench = Bench::new(settings(), vec![errors()]);
    let resource = "r".repeat(1_000);
    for n in 0..10_000 {
        let spans = request().service(&resource).span(span(trace_id(n), 1));
        bench.append(n / 10, &spans.bytes()).unwrap();
    }
    let held = bench.engine.counters().held.bytes;
    let memory = bench.engine.held_memory().bytes();
    assert!(
        memory < held * 5 + (1 << 20),
        "{memory} for {held} of small spans"
    );
    bench.drain(5_000);
    assert!(bench.engine.held_memory().bytes() < 3 << 20);
}
