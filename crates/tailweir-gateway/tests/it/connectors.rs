//! Connectors: what they make of traces, metrics and logs, and what becomes of that.

use crate::harness::{Fixture, settings, traces_of};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use std::collections::BTreeMap;
use tailweir_testkit::{Answer, Received, Sink, attribute, request, span, trace_id};

/// A data point of a sum, as far as tests look.
#[derive(Debug, Clone, PartialEq)]
struct Point {
    metric: String,
    attributes: BTreeMap<String, String>,
    value: i64,
    exemplars: Vec<Vec<u8>>,
}

impl Point {
    fn has(&self, key: &str, value: &str) -> bool {
        self.attributes.get(key).is_some_and(|found| found == value)
    }
}

/// The points of sums that a backend got, in order.
fn sums(sink: &Sink) -> Vec<Point> {
    let mut points = Vec::new();
    for metric in sink.metrics() {
        let Some(Data::Sum(sum)) = metric.data else {
            continue;
        };
        for point in sum.data_points {
            let Some(Number::AsInt(value)) = point.value else {
                panic!("no integer: {point:?}");
            };
            let exemplars = point.exemplars.into_iter();
            points.push(Point {
                metric: metric.name.clone(),
                attributes: texts(point.attributes),
                value,
                exemplars: exemplars.map(|exemplar| exemplar.trace_id).collect(),
            });
        }
    }
    points
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Option<AnyValue>| match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::BoolValue(flag)) => flag.to_string(),
        other => panic!("unexpected value {other:?}"),
    };
    let pairs = attributes.into_iter();
    pairs.map(|pair| (pair.key, text(pair.value))).collect()
}

fn yaml(connectors: &str, sinks: &[(&str, &Sink)], pipelines: &str) -> String {
    let exporters = sinks.iter().map(|(name, sink)| {
        format!(
            "  otlp/{name}: {{endpoint: '{}', tls: {{insecure: true}}, \
             retry_on_failure: {{initial_interval: 5ms, max_interval: 10ms}}}}\n",
            sink.endpoint()
        )
    });
    format!(
        "
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:0', include_metadata: true}}}}}}
processors:
  batch: {{timeout: 1h}}
  tail_sampling:
    decision_wait: 20ms
    policies:
      - {{name: errors, type: status_code, status_code: {{status_codes: [ERROR]}}}}
connectors:
{connectors}
exporters:
{}
service:
  pipelines:
{pipelines}
",
        exporters.collect::<String>()
    )
}

/// Sends spans of three traces, of which the sampler keeps the first, and waits until that has arrived.
async fn send_three(gateway: &Fixture, traces: &Sink) {
    let sent = request()
        .service("shop")
        .span(span(trace_id(1), 1).named("GET").error())
        .span(span(trace_id(2), 1).named("GET"))
        .span(span(trace_id(3), 1).named("GET"));
    gateway.send(sent.message()).await.unwrap();
    traces
        .until("the kept trace", |sink| sink.spans().len() == 1)
        .await;
}

/// Scenario: a connector in front of a sampler counts three traces, one of which is kept; it is
/// flushed when the gateway stops, into a pipeline that batches.
/// Guarantees: every span is counted, the exemplar is that of the kept trace alone, and the spans
/// that were counted are on their own way in the books.
///
/// Conforms: connector `span_metrics` | traces, metrics | exemplars before a sampler | better: of kept traces alone
/// Conforms: connector `span_metrics` | traces, metrics | what was counted since the last flush, at the end | better:
/// flushed and delivered
#[tokio::test(flavor = "multi_thread")]
async fn all_spans_are_counted_and_exemplars_are_kept_traces() {
    let (traces, metrics) = (Sink::start(), Sink::start());
    let connectors =
        "  forward: {}\n  span_metrics: {metrics_flush_interval: 1h, exemplars: {enabled: true}}";
    let pipelines = "    \
         traces/in: {receivers: [otlp], exporters: [span_metrics, forward]}\n    \
         traces/kept: {receivers: [forward], processors: [tail_sampling], exporters: [otlp/traces]}\n    \
         metrics: {receivers: [span_metrics], processors: [batch], exporters: [otlp/metrics]}";
    let sinks = [("traces", &traces), ("metrics", &metrics)];
    let gateway = Fixture::start(&yaml(connectors, &sinks, pipelines)).await;
    send_three(&gateway, &traces).await;
    gateway
        .until("decisions on all traces", |status| {
            let waiting = |sampler: &tailweir_gateway::SamplerRow| sampler.held.traces;
            status.samplers.iter().map(waiting).sum::<u64>() == 0
        })
        .await;
    let books = gateway.finish().await;

    let points = sums(&metrics);
    let of = |code: &str| {
        points
            .iter()
            .find(|point| point.has("status.code", code))
            .unwrap()
    };
    let (failed, others) = (of("STATUS_CODE_ERROR"), of("STATUS_CODE_UNSET"));
    assert_eq!((failed.value, others.value), (1, 2));
    assert_eq!(failed.metric, "traces.span.metrics.calls");
    assert_eq!(failed.exemplars, [trace_id(1).0.to_vec()]);
    assert!(others.exemplars.is_empty(), "{others:?}");

    let spans = traces_of(&books);
    assert_eq!((spans.acknowledged.items, spans.copied.items), (3, 0));
    assert_eq!(
        (spans.delivered.items, spans.dropped["not_sampled"].items),
        (1, 2)
    );
    // Two points of calls, two of durations.
    let made = &books.signals["metrics"];
    assert_eq!((made.taken.items, made.delivered.items), (4, 4));
    assert_eq!(made.acknowledged.items, 0);
}

/// Scenario: a receiver feeds a sampler and, beside it, a pipeline that only counts.
/// Guarantees: exemplars are held for the sampler's decision there too, and what was only counted is
/// in the books as counted.
#[tokio::test(flavor = "multi_thread")]
async fn a_sampler_beside_the_connector_confirms_exemplars() {
    let (traces, metrics) = (Sink::start(), Sink::start());
    let connectors = "  spanmetrics: {metrics_flush_interval: 1h, exemplars: {enabled: true}}";
    let pipelines = "    \
         traces/kept: {receivers: [otlp], processors: [tail_sampling], exporters: [otlp/traces]}\n    \
         traces/counted: {receivers: [otlp], exporters: [spanmetrics]}\n    \
         metrics: {receivers: [spanmetrics], exporters: [otlp/metrics]}";
    let sinks = [("traces", &traces), ("metrics", &metrics)];
    let gateway = Fixture::start(&yaml(connectors, &sinks, pipelines)).await;
    let sent = request()
        .service("shop")
        .span(span(trace_id(1), 1).error())
        .span(span(trace_id(2), 1).error())
        .span(span(trace_id(3), 1));
    gateway.send(sent.message()).await.unwrap();
    traces
        .until("the kept traces", |sink| sink.spans().len() == 2)
        .await;
    let books = gateway.finish().await;
    let mut exemplars: Vec<_> = sums(&metrics)
        .into_iter()
        .flat_map(|it| it.exemplars)
        .collect();
    exemplars.sort_unstable();
    assert_eq!(exemplars, [trace_id(1).0.to_vec(), trace_id(2).0.to_vec()]);
    assert_eq!(traces_of(&books).dropped["counted"].items, 3);
}

/// Scenario: nothing samples; the connector is flushed by its timer while the gateway runs.
/// Guarantees: exemplars are written at once, and a series begins with zero, as the Collector's do.
///
/// Conforms: connector `span_metrics` | traces, metrics | `metrics_flush_interval`, the beginning of a series | same
#[tokio::test(flavor = "multi_thread")]
async fn the_timer_flushes_and_series_begin_with_zero() {
    let (traces, metrics) = (Sink::start(), Sink::start());
    let connectors = "  span_metrics: {metrics_flush_interval: 30ms, exemplars: {enabled: true}}";
    let pipelines = "    \
         traces: {receivers: [otlp], exporters: [otlp/traces, span_metrics]}\n    \
         metrics: {receivers: [span_metrics], exporters: [otlp/metrics]}";
    let sinks = [("traces", &traces), ("metrics", &metrics)];
    let gateway = Fixture::start(&yaml(connectors, &sinks, pipelines)).await;
    let sent = request().service("shop").span(span(trace_id(1), 1));
    gateway.send(sent.message()).await.unwrap();
    metrics
        .until("two flushes", |sink| sums(sink).len() >= 2)
        .await;
    gateway.finish().await;
    let points = sums(&metrics);
    assert_eq!((points[0].value, points[1].value), (0, 1));
    assert_eq!(points[0].exemplars, [trace_id(1).0.to_vec()]);
    assert!(points[1].exemplars.is_empty());
}

/// Scenario: client and server spans of one request come in different requests.
/// Guarantees: the last flush has the edge between their services.
///
/// Conforms: connector `service_graph` | traces, metrics | what was counted since the last flush, at the end |
/// better: flushed and delivered
#[tokio::test(flavor = "multi_thread")]
async fn requests_between_services_are_counted() {
    let metrics = Sink::start();
    let connectors = "  service_graph: {store: {ttl: 1h}}";
    let pipelines = "    \
         traces: {receivers: [otlp], exporters: [service_graph]}\n    \
         metrics: {receivers: [service_graph], exporters: [otlp/metrics]}";
    let gateway = Fixture::start(&yaml(connectors, &[("metrics", &metrics)], pipelines)).await;
    let client = span(trace_id(1), 1).kind(SpanKind::Client);
    let server = span(trace_id(1), 2)
        .child_of(1)
        .kind(SpanKind::Server)
        .error();
    for (service, span) in [("shop", client), ("cart", server)] {
        let sent = request().service(service).span(span);
        gateway.send(sent.message()).await.unwrap();
    }
    gateway.finish().await;
    let points = sums(&metrics);
    let total = points
        .iter()
        .find(|point| point.metric.ends_with("request_total"))
        .unwrap();
    assert_eq!(total.value, 1);
    assert!(
        total.has("client", "shop") && total.has("server", "cart") && total.has("failed", "true")
    );
}

/// Scenario: one connector makes metrics and log records of exceptions, another counts spans.
/// Guarantees: each signal gets its own, and the books of all three balance.
///
/// Conforms: connector `exceptions` | traces, metrics, logs | in pipelines of three signals | same
#[tokio::test(flavor = "multi_thread")]
async fn exceptions_become_metrics_and_logs() {
    let (metrics, logs) = (Sink::start(), Sink::start());
    let connectors = "  exceptions: {}\n  count: {spanevents: {happened: {conditions: ['name == \"exception\"']}}}";
    let pipelines = "    \
         traces: {receivers: [otlp], exporters: [exceptions, count]}\n    \
         metrics: {receivers: [exceptions, count], exporters: [otlp/metrics]}\n    \
         logs: {receivers: [exceptions], exporters: [otlp/logs]}";
    let sinks = [("metrics", &metrics), ("logs", &logs)];
    let gateway = Fixture::start(&yaml(connectors, &sinks, pipelines)).await;
    let failed = span(trace_id(1), 1).event("exception", [attribute("exception.type", "Timeout")]);
    let sent = request()
        .service("shop")
        .span(failed.event("retry", []))
        .span(span(trace_id(2), 1));
    gateway.send(sent.message()).await.unwrap();
    let books = gateway.finish().await;
    let points = sums(&metrics);
    let value = |name: &str| {
        points
            .iter()
            .find(|point| point.metric == name)
            .unwrap()
            .value
    };
    assert_eq!((value("exceptions"), value("trace.span.count")), (1, 2));
    assert_eq!(value("happened"), 1);
    let records = logs
        .received()
        .into_iter()
        .flat_map(|received| match received {
            Received::Logs(request) => request.resource_logs,
            _ => Vec::new(),
        });
    let scopes = records.flat_map(|resource| resource.scope_logs);
    let records: Vec<_> = scopes.flat_map(|scope| scope.log_records).collect();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].trace_id, trace_id(1).0);
    assert_eq!(books.signals["logs"].delivered.items, 1);
}

/// Scenario: a reload adds a pipeline and leaves a connector as it is; another one changes it.
/// Guarantees: the first keeps what was counted, the second has it flushed, and nothing is counted
/// twice.
///
/// Conforms: connector `span_metrics` | traces, metrics | reload | better: an unchanged connector keeps what it
/// counted, a changed one is flushed
#[tokio::test(flavor = "multi_thread")]
async fn a_reload_keeps_what_an_unchanged_connector_counted() {
    let metrics = Sink::start();
    let with = |namespace: &str, more: &str| {
        let connectors =
            format!("  span_metrics: {{metrics_flush_interval: 1h, namespace: '{namespace}'}}");
        let pipelines = format!(
            "    traces: {{receivers: [otlp], exporters: [span_metrics]}}\n    \
             metrics: {{receivers: [span_metrics], exporters: [otlp/metrics]}}\n{more}"
        );
        yaml(&connectors, &[("metrics", &metrics)], &pipelines)
    };
    let gateway = Fixture::start(&with("first", "")).await;
    let sent = || {
        request()
            .service("shop")
            .span(span(trace_id(1), 1))
            .message()
    };
    gateway.send(sent()).await.unwrap();
    let more = "    logs: {receivers: [otlp], exporters: [otlp/metrics]}";
    gateway
        .running
        .reload(settings(&with("first", more)))
        .await
        .unwrap();
    gateway.send(sent()).await.unwrap();
    gateway
        .running
        .reload(settings(&with("second", more)))
        .await
        .unwrap();
    metrics
        .until("the flush of the old connector", |sink| {
            !sums(sink).is_empty()
        })
        .await;
    gateway.send(sent()).await.unwrap();
    gateway.finish().await;
    let counts: Vec<_> = sums(&metrics)
        .into_iter()
        .map(|point| (point.metric, point.value))
        .collect();
    assert_eq!(
        counts,
        [
            ("first.calls".to_owned(), 2),
            ("second.calls".to_owned(), 1)
        ]
    );
}

/// Scenario: the backend of the metrics that a connector makes is down while traces flow.
/// Guarantees: traces reach theirs, and the metrics arrive when it is back.
///
/// Conforms: connector `count` | traces, metrics | the backend of the metrics is down | better: traces go on, and the
/// metrics arrive when it is back
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_metrics_backend_does_not_stop_traces() {
    let (traces, metrics) = (Sink::start(), Sink::start());
    metrics.answer_always(Answer::Refuse(tonic::Code::Unavailable));
    let connectors = "  count: {}";
    let pipelines = "    \
         traces: {receivers: [otlp], exporters: [otlp/traces, count]}\n    \
         metrics: {receivers: [count], exporters: [otlp/metrics]}";
    let sinks = [("traces", &traces), ("metrics", &metrics)];
    let gateway = Fixture::start(&yaml(connectors, &sinks, pipelines)).await;
    for trace in 1..=5 {
        let sent = request().service("shop").span(span(trace_id(trace), 1));
        gateway.send(sent.message()).await.unwrap();
    }
    traces
        .until("all traces", |sink| sink.spans().len() == 5)
        .await;
    metrics.answer_always(Answer::Success);
    let books = gateway.finish().await;
    assert_eq!(books.signals["metrics"].delivered.items, 5);
}

/// Scenario: errors are copied to one backend, a service goes to another, the rest nowhere.
/// Guarantees: each backend gets its spans, the copy and what was left out are in the books.
#[tokio::test(flavor = "multi_thread")]
async fn spans_are_routed_to_pipelines() {
    let (errors, shop) = (Sink::start(), Sink::start());
    let connectors = "  routing:
    table:
      - {condition: 'span.status.code == STATUS_CODE_ERROR', action: copy, pipelines: [traces/errors]}
      - {condition: 'attributes[\"service.name\"] == \"shop\"', pipelines: [traces/shop]}";
    let pipelines = "    \
         traces/in: {receivers: [otlp], exporters: [routing]}\n    \
         traces/errors: {receivers: [routing], exporters: [otlp/errors]}\n    \
         traces/shop: {receivers: [routing], processors: [batch], exporters: [otlp/shop]}";
    let sinks = [("errors", &errors), ("shop", &shop)];
    let gateway = Fixture::start(&yaml(connectors, &sinks, pipelines)).await;
    let sent = request()
        .service("shop")
        .span(span(trace_id(1), 1).error())
        .span(span(trace_id(2), 1))
        .service("cart")
        .span(span(trace_id(3), 1).error())
        .span(span(trace_id(4), 1));
    gateway.send(sent.message()).await.unwrap();
    let books = gateway.finish().await;
    assert_eq!((errors.spans().len(), shop.spans().len()), (2, 2));
    let spans = traces_of(&books);
    assert_eq!((spans.acknowledged.items, spans.delivered.items), (4, 4));
    // Of the four one was copied; the two of the cart went nowhere else.
    assert_eq!(
        (spans.copied.items, spans.dropped["not_routed"].items),
        (2, 2)
    );
}

/// Scenario: a condition fails on one span of a request, and on none of the next; errors matter.
/// Guarantees: the client is told of the first, of which nothing arrives; the second is routed.
#[tokio::test(flavor = "multi_thread")]
async fn a_condition_that_fails_refuses_the_request() {
    let (first, second) = (Sink::start(), Sink::start());
    let connectors = "  routing:
    error_mode: propagate
    default_pipelines: [traces/second]
    table:
      - {context: span, condition: 'Substring(name, 0, 1) == \"a\"', pipelines: [traces/first]}";
    let pipelines = "    \
         traces/in: {receivers: [otlp], exporters: [routing]}\n    \
         traces/first: {receivers: [routing], exporters: [otlp/first]}\n    \
         traces/second: {receivers: [routing], exporters: [otlp/second]}";
    let sinks = [("first", &first), ("second", &second)];
    let gateway = Fixture::start(&yaml(connectors, &sinks, pipelines)).await;
    let sent = |names: [&str; 2]| {
        let spans = names.map(|name| span(trace_id(1), 1).named(name));
        request().service("shop").spans(spans).message()
    };
    let status = gateway.send(sent(["a", ""])).await.unwrap_err();
    assert!(status.message().contains("route"), "{status}");
    gateway.send(sent(["a", "b"])).await.unwrap();
    let books = gateway.finish().await;
    assert_eq!((first.spans().len(), second.spans().len()), (1, 1));
    let spans = traces_of(&books);
    assert_eq!((spans.refused.items, spans.delivered.items), (2, 2));
}

/// Scenario: a `spanmetrics` processor stands before a sampler that keeps one of three traces, another one behind it, as in
/// configurations of old; each names the exporter of a pipeline that receives nothing.
/// Guarantees: each counts what comes to its place, under the old names and in one resource without attributes; exemplars are of
/// the kept trace alone; spans are on their own way in the books, and so are the metrics.
///
/// Conforms: processor `spanmetrics` | traces | where it stands | same
/// Conforms: processor `spanmetrics` | traces | `metrics_exporter` | better: need not stand in a pipeline of metrics
/// Conforms: processor `spanmetrics` | traces | exemplars of `latency` | better: where a sampler comes, of kept
/// traces alone
#[tokio::test(flavor = "multi_thread")]
async fn the_processor_of_old_counts_where_it_stands() {
    let (traces, metrics) = (Sink::start(), Sink::start());
    let processor = |namespace: &str| {
        format!(
            "{{metrics_exporter: otlp/metrics, metrics_flush_interval: 1h, namespace: {namespace}}}"
        )
    };
    let with_processors = yaml(
        "  forward:",
        &[("traces", &traces), ("metrics", &metrics)],
        "    \
         traces: {receivers: [otlp], processors: [spanmetrics, tail_sampling, spanmetrics/kept], exporters: [otlp/traces]}\n    \
         metrics/unused: {receivers: [nop], exporters: [otlp/metrics]}",
    )
    .replace("receivers:\n  otlp:", "receivers:\n  nop:\n  otlp:")
    .replace(
        "processors:\n  batch:",
        &format!(
            "processors:\n  spanmetrics: {}\n  spanmetrics/kept: {}\n  batch:",
            processor("all"),
            processor("kept")
        ),
    );
    let gateway = Fixture::start(&with_processors).await;
    send_three(&gateway, &traces).await;
    let books = gateway.finish().await;

    let counted = |metric: &str| {
        let points = sums(&metrics).into_iter();
        let mut points: Vec<_> = points.filter(|point| point.metric == metric).collect();
        points.sort_by_key(|point| point.value);
        points
    };
    let (all, kept) = (counted("all.calls_total"), counted("kept.calls_total"));
    assert_eq!((all[0].value, all[1].value), (1, 2));
    assert!(all[0].has("operation", "GET") && all[0].has("status.code", "STATUS_CODE_ERROR"));
    assert_eq!((kept.len(), kept[0].value), (1, 1));
    for received in metrics.received() {
        let Received::Metrics(request) = received else {
            panic!("no metrics: {received:?}");
        };
        let [resource] = request.resource_metrics.as_slice() else {
            panic!("not one resource: {request:?}");
        };
        assert!(resource.resource.iter().all(|it| it.attributes.is_empty()));
        let latency = &resource.scope_metrics[0].metrics[1];
        assert!(latency.name.ends_with(".latency") && latency.unit == "ms");
        let Some(Data::Histogram(latency)) = &latency.data else {
            panic!("no histogram: {latency:?}");
        };
        let exemplars = latency.data_points.iter().flat_map(|it| &it.exemplars);
        let traces: Vec<_> = exemplars.map(|it| it.trace_id.clone()).collect();
        assert_eq!(traces, [trace_id(1).0.to_vec()]);
    }
    let spans = traces_of(&books);
    assert_eq!((spans.acknowledged.items, spans.copied.items), (3, 0));
    assert_eq!(
        (spans.delivered.items, spans.dropped["not_sampled"].items),
        (1, 2)
    );
    let made = &books.signals["metrics"];
    assert_eq!((made.taken.items, made.delivered.items), (6, 6));
}
