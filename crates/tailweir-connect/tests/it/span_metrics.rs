//! What `span_metrics` keeps between flushes.

mod resources;

use crate::makers::now;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{NumberDataPoint, number_data_point::Value};
use proptest::prelude::{any, proptest};
use prost::Message as _;
use std::time::Duration;
use tailweir_config::{AggregationTemporality, SpanMetricsConnector};
use tailweir_connect::{Exemplars, Now, SpanMetrics};
use tailweir_testkit::{request, span, trace_id};

fn settings(change: impl FnOnce(&mut SpanMetricsConnector)) -> SpanMetricsConnector {
    let mut settings = SpanMetricsConnector::default();
    settings.exemplars.enabled = true;
    settings.histogram.disable = true;
    change(&mut settings);
    settings
}

fn start(settings: &SpanMetricsConnector) -> SpanMetrics {
    SpanMetrics::new(settings, "test", 1).expect("settings that compile")
}

/// The points of calls in a flush, where nothing else is counted.
fn flush(metrics: &mut SpanMetrics, now: Now, is_last: bool) -> Vec<NumberDataPoint> {
    let mut out = Vec::new();
    let written = metrics.flush(now, is_last, &mut out);
    let points = calls(&out);
    assert_eq!(points.len() as u64, written);
    points
}

/// The points of calls in what a flush has written.
fn calls(written: &[u8]) -> Vec<NumberDataPoint> {
    let request = ExportMetricsServiceRequest::decode(written).expect("a request");
    let resources = request.resource_metrics.into_iter();
    let scopes = resources.flat_map(|resource| resource.scope_metrics);
    let sums = scopes
        .flat_map(|scope| scope.metrics)
        .filter_map(|metric| match metric.data {
            Some(Data::Sum(sum)) => Some(sum.data_points),
            _ => None,
        });
    sums.flatten().collect()
}

fn counts(points: &[NumberDataPoint]) -> Vec<i64> {
    let value = |point: &NumberDataPoint| match point.value {
        Some(Value::AsInt(value)) => value,
        other => panic!("no integer: {other:?}"),
    };
    let mut counts: Vec<_> = points.iter().map(value).collect();
    counts.sort_unstable();
    counts
}

fn traces(points: &[NumberDataPoint]) -> Vec<Vec<u8>> {
    let exemplars = points.iter().flat_map(|point| &point.exemplars);
    exemplars
        .map(|exemplar| exemplar.trace_id.clone())
        .collect()
}

/// Scenario: a sampler keeps one of three traces, after the first flush; later spans come of a trace
/// about which nothing is ever said.
/// Guarantees: the first flush has no exemplar, the second the one of the kept trace, once.
#[test]
fn exemplars_wait_for_the_decision() {
    let mut metrics = start(&settings(|_| {}));
    let spans = (1..=3).map(|trace| span(trace_id(trace), 1));
    let sent = request().service("shop").spans(spans).bytes();
    metrics.consume(now(1), &sent, Exemplars::Undecided);
    assert!(metrics.awaits_decisions());
    assert!(traces(&flush(&mut metrics, now(2), false)).is_empty());
    metrics.decided(trace_id(1), false);
    metrics.decided(trace_id(2), true);
    assert_eq!(
        traces(&flush(&mut metrics, now(3), false)),
        [trace_id(2).0.to_vec()]
    );
    assert!(traces(&flush(&mut metrics, now(4), false)).is_empty());
    assert_eq!(metrics.figures().exemplars_waiting, 1);
}

/// Scenario: a hundred traces of one series are undecided, then all are kept.
/// Guarantees: of a series 16 times as many wait as a point may have, and a point has no more than that.
#[test]
fn a_series_lets_so_many_exemplars_wait_and_no_more() {
    let mut metrics = start(&settings(|settings| {
        settings.exemplars.max_per_data_point = 2;
    }));
    let spans = (1..=100).map(|trace| span(trace_id(trace), 1));
    let sent = request().service("shop").spans(spans).bytes();
    metrics.consume(now(1), &sent, Exemplars::Undecided);
    assert_eq!(metrics.figures().exemplars_waiting, 32);
    for trace in 1..=100 {
        metrics.decided(trace_id(trace), true);
    }
    assert_eq!(traces(&flush(&mut metrics, now(2), false)).len(), 2);
    assert!(!metrics.awaits_decisions());
}

/// Scenario: more exemplars of many series wait than a connector has room for.
/// Guarantees: the oldest are let go, and counted.
#[test]
fn the_oldest_exemplars_make_room() {
    let mut metrics = start(&settings(|_| {}));
    for index in 0..1000 {
        let name = format!("GET /{index}");
        let spans = (0..80).map(|n| span(trace_id(100 * index + n), n + 1).named(&name));
        let sent = request().service("shop").spans(spans).bytes();
        metrics.consume(now(1), &sent, Exemplars::Undecided);
    }
    let figures = metrics.figures();
    assert!(figures.exemplars_waiting <= 1 << 16, "{figures:?}");
    assert_eq!(
        figures.exemplars_waiting + figures.exemplars_without_room,
        80_000
    );
}

/// Scenario: the exemplars of a series make room for those of others; later spans of it come.
/// Guarantees: theirs may wait, as if those that were let go had never been.
#[test]
fn a_series_whose_exemplars_made_room_may_have_others() {
    let mut metrics = start(&settings(|_| {}));
    let mut send = |first: u64, name: &str| {
        let spans = (0..80).map(|n| span(trace_id(first + n), n + 1).named(name));
        let sent = request().service("shop").spans(spans).bytes();
        metrics.consume(now(1), &sent, Exemplars::Undecided);
    };
    send(0, "GET /");
    for index in 1..1000 {
        send(100 * index, &format!("GET /{index}"));
    }
    send(1 << 20, "GET /");
    metrics.decided(trace_id(1 << 20), true);
    let points = flush(&mut metrics, now(2), false);
    assert_eq!(traces(&points), [trace_id(1 << 20).0.to_vec()]);
}

/// Scenario: three services, where two may be kept.
/// Guarantees: the one that was not seen for the longest time leaves with a last point, is counted, and
/// begins anew when it comes back.
#[test]
fn a_resource_that_leaves_is_written_once_more() {
    let mut metrics = start(&settings(|settings| {
        settings.resource_metrics_cache_size = 2;
    }));
    let sent = |service: &str| {
        request()
            .service(service)
            .span(span(trace_id(1), 1))
            .bytes()
    };
    for service in ["a", "b"] {
        metrics.consume(now(1), &sent(service), Exemplars::Kept);
    }
    assert_eq!(counts(&flush(&mut metrics, now(2), false)), [0, 0]);
    metrics.consume(now(3), &sent("a"), Exemplars::Kept);
    metrics.consume(now(3), &sent("c"), Exemplars::Kept);
    // "a" was seen twice, "b" once and leaves, "c" is new.
    assert_eq!(counts(&flush(&mut metrics, now(4), false)), [0, 1, 2]);
    assert_eq!(counts(&flush(&mut metrics, now(5), false)), [1, 2]);
    assert_eq!(metrics.figures().resources_evicted, 1);
    metrics.consume(now(6), &sent("b"), Exemplars::Kept);
    assert_eq!(counts(&flush(&mut metrics, now(7), true)), [1, 1, 2]);
}

/// Scenario: spans come between three flushes of deltas.
/// Guarantees: each point begins when the one before ended, and the counts are of its own time.
#[test]
fn deltas_join() {
    let delta = AggregationTemporality::Delta;
    let mut metrics = start(&settings(|settings| {
        settings.aggregation_temporality = delta;
    }));
    let sent = request().service("shop").span(span(trace_id(1), 1)).bytes();
    let mut ends = vec![now(10).unix_nanos];
    for millis in [10, 30, 50] {
        metrics.consume(now(millis), &sent, Exemplars::Kept);
        let points = flush(&mut metrics, now(millis + 10), false);
        assert_eq!(counts(&points), [1]);
        assert_eq!(
            points[0].start_time_unix_nano,
            *ends.last().expect("an end")
        );
        ends.push(points[0].time_unix_nano);
    }
    assert!(flush(&mut metrics, now(70), false).is_empty());
}

/// Scenario: a series is not seen for longer than it is kept, while spans of another come.
/// Guarantees: its memory is given back with it.
#[test]
fn what_expires_gives_its_memory_back() {
    let mut metrics = start(&settings(|settings| {
        settings.series_expiration = Duration::from_millis(50);
        settings.histogram.disable = false;
    }));
    let sent = |name: &str| {
        request()
            .service("shop")
            .span(span(trace_id(1), 1).named(name))
            .bytes()
    };
    metrics.consume(now(1), &sent("PUT"), Exemplars::Kept);
    let one = metrics.figures().memory;
    metrics.consume(now(1), &sent("GET"), Exemplars::Kept);
    assert!(metrics.figures().memory > one);
    metrics.consume(now(100), &sent("PUT"), Exemplars::Kept);
    // Two points of calls, two of durations.
    assert_eq!(metrics.flush(now(101), false, &mut Vec::new()), 4);
    assert_eq!(
        (metrics.figures().memory, metrics.figures().series),
        (one, 1)
    );
}

/// Scenario: spans whose resource names no service.
/// Guarantees: they are not counted, as by the Collector, and that is told.
///
/// Conforms: connector `span_metrics` | traces, metrics | spans whose resource has no `service.name` | better: left
/// out as there, and counted
#[test]
fn spans_without_a_service_are_told() {
    let mut metrics = start(&settings(|_| {}));
    let sent = request().resource([]).span(span(trace_id(1), 1)).bytes();
    metrics.consume(now(1), &sent, Exemplars::Kept);
    assert!(flush(&mut metrics, now(2), true).is_empty());
    assert_eq!(metrics.figures().without_service, 1);
}

proptest! {
    /// Scenario: any bytes instead of a request.
    /// Guarantees: nothing panics, and what is written is sound.
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        let mut metrics = start(&settings(|settings| settings.events.enabled = true));
        metrics.consume(now(1), &bytes, Exemplars::Undecided);
        flush(&mut metrics, now(2), true);
    }
}
