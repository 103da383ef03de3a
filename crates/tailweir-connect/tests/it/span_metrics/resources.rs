//! Resources that leave for others, and exemplars that wait for theirs.

use super::{calls, counts, flush, settings, start, traces};
use crate::makers::now;
use tailweir_config::{AggregationTemporality, ExponentialHistogram};
use tailweir_connect::{Exemplars, SpanMetrics};
use tailweir_testkit::{attribute, request, span, trace_id};

/// Bytes of keys that waiting exemplars hold at most.
const KEY_BYTES_MAX: usize = 32 << 20;

/// A request with a span of this service, in a trace of its number.
fn sent(service: u64) -> Vec<u8> {
    let span = span(trace_id(service), 1);
    request().service(&format!("{service}")).span(span).bytes()
}

/// A span of this trace and pod is counted, and what is due is written.
fn count_and_flush(metrics: &mut SpanMetrics, trace: u64, pod: &str) {
    let resource = [attribute("service.name", "shop"), attribute("pod", pod)];
    let span = span(trace_id(trace), 1);
    let sent = request().resource(resource).span(span).bytes();
    metrics.consume(now(1), &sent, Exemplars::Undecided);
    flush(metrics, now(2), false);
}

/// Scenario: spans of a hundred services come in turn, three times, where ten are kept.
/// Guarantees: no count is lost. Those that left come back with what was counted of them, and are written with it although
/// they were never written before; the ten that stayed begin with zero. In a cluster the change of each is exact.
///
/// Conforms: connector `span_metrics` | traces, metrics | `resource_metrics_cache_size`, resources that leave before they
/// were written | better: written with their counts, not with zero
#[test]
fn no_count_of_a_resource_that_leaves_is_lost() {
    for (is_one_of_many, first, second) in [
        (false, [vec![0; 10], vec![3; 90]].concat(), vec![3; 10]),
        (true, vec![3; 100], Vec::new()),
    ] {
        let settings = settings(|settings| settings.resource_metrics_cache_size = 10);
        let mut metrics = start(&settings).as_one_of_many(is_one_of_many);
        for _ in 0..3 {
            for service in 0..100 {
                metrics.consume(now(1), &sent(service), Exemplars::Kept);
            }
        }
        assert_eq!(counts(&flush(&mut metrics, now(2), false)), first);
        assert_eq!(counts(&flush(&mut metrics, now(3), false)), second);
        assert_eq!(metrics.figures().overflowed, 0);
    }
}

/// Scenario: services that leave for others take all memory within one flush interval, then one of them comes again.
/// Guarantees: it has its counts; those that found no room are counted together, which is told; the flush makes room.
#[test]
fn resources_without_room_are_counted_together() {
    let settings = settings(|settings| {
        settings.resource_metrics_cache_size = 10;
        settings.histogram.disable = false;
        // Of each series all buckets are reckoned that it may come to have, 128 KiB.
        settings.histogram.exponential = Some(ExponentialHistogram { max_size: 16_384 });
    });
    let mut metrics = start(&settings).as_one_of_many(true);
    for service in 0..3_000 {
        metrics.consume(now(1), &sent(service), Exemplars::Kept);
    }
    let figures = metrics.figures();
    assert!(
        figures.memory < figures.memory_max + (1 << 20),
        "{figures:?}"
    );
    metrics.consume(now(1), &sent(0), Exemplars::Kept);
    let overflowed = metrics.figures().overflowed;
    assert_eq!(overflowed, figures.overflowed);

    let mut out = Vec::new();
    metrics.flush(now(2), false, &mut out);
    let counts = counts(&calls(&out));
    assert_eq!(counts.iter().sum::<i64>(), 3_001);
    assert!(counts.contains(&2));
    // The last resource with room for itself may have had none for its series.
    let together = *counts.last().expect("points") as u64;
    assert!(together > 100 && together + 1 >= overflowed, "{figures:?}");
    assert_eq!(metrics.figures().memory, 0);
}

/// Scenario: a resource leaves for another while an exemplar of it waits, and its trace is kept before the next flush.
/// Guarantees: the last point of the resource has the exemplar.
#[test]
fn a_resource_that_left_is_written_with_its_exemplars() {
    let mut metrics = start(&settings(|settings| {
        settings.resource_metrics_cache_size = 1;
    }));
    for service in [1, 2] {
        metrics.consume(now(1), &sent(service), Exemplars::Undecided);
    }
    metrics.decided(trace_id(1), true);
    let points = flush(&mut metrics, now(2), false);
    assert_eq!(traces(&points), [trace_id(1).0.to_vec()]);
}

/// Scenario: exemplars wait of a hundred resources with long attributes, each of which is forgotten before the next comes; then
/// all are decided, and others wait.
/// Guarantees: what they hold of their resources is bounded, the oldest are let go and counted; decided ones make room.
#[test]
fn exemplars_hold_so_much_of_resources_that_are_gone_and_no_more() {
    let mut metrics = start(&settings(|settings| {
        settings.resource_metrics_cache_size = 1;
    }));
    let long = "x".repeat(400 << 10);
    for trace in 0..100 {
        count_and_flush(&mut metrics, trace, &format!("{trace} {long}"));
    }
    let figures = metrics.figures();
    let waiting = figures.exemplars_waiting;
    assert!(waiting > 0 && waiting as usize * long.len() <= KEY_BYTES_MAX);
    assert_eq!(waiting + figures.exemplars_without_room, 100);

    (0..100).for_each(|trace| metrics.decided(trace_id(trace), false));
    for trace in 100..150 {
        count_and_flush(&mut metrics, trace, &format!("{trace} {long}"));
    }
    assert_eq!(metrics.figures().exemplars_waiting, 50);
}

/// Scenario: exemplars of one resource with long attributes wait, from a hundred flushes of deltas, each of which forgets it.
/// Guarantees: what they hold of it is held once, so that all have room.
#[test]
fn exemplars_of_a_resource_that_comes_again_hold_it_once() {
    let mut metrics = start(&settings(|settings| {
        settings.aggregation_temporality = AggregationTemporality::Delta;
    }));
    let long = "x".repeat(1 << 20);
    for trace in 0..100 {
        count_and_flush(&mut metrics, trace, &long);
    }
    let figures = metrics.figures();
    assert_eq!(figures.exemplars_waiting, 100, "{figures:?}");
}
