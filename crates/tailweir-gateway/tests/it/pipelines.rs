//! Batches, fan-out, connectors, metrics and logs.

use crate::harness::{Fixture, traces_of};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric,
};
use tailweir_testkit::{Answer, Gate, Received, Sink, attribute, request, span, trace_id};
use tonic::Code;
use tonic_types::StatusExt;

fn yaml(processors: &str, exporters: &str, pipelines: &str) -> String {
    format!(
        "
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:0', include_metadata: true}}}}}}
processors:
  tail_sampling:
    decision_wait: 20ms
    policies:
      - {{name: errors, type: status_code, status_code: {{status_codes: [ERROR]}}}}
{processors}
exporters:
{exporters}
service:
  pipelines:
{pipelines}
"
    )
}

fn otlp(name: &str, sink: &Sink, more: &str) -> String {
    let endpoint = sink.endpoint();
    format!(
        "  otlp/{name}: {{endpoint: '{endpoint}', tls: {{insecure: true}}, \
         retry_on_failure: {{initial_interval: 5ms, max_interval: 10ms}}{more}}}\n"
    )
}

fn logs(count: usize) -> ExportLogsServiceRequest {
    let record = LogRecord {
        severity_text: "INFO".to_owned(),
        ..LogRecord::default()
    };
    let scope = ScopeLogs {
        log_records: vec![record; count],
        ..ScopeLogs::default()
    };
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            scope_logs: vec![scope],
            ..ResourceLogs::default()
        }],
    }
}

fn metrics(names: &[&str], points: usize) -> ExportMetricsServiceRequest {
    let metric = |name: &&str| Metric {
        name: (*name).to_owned(),
        data: Some(metric::Data::Gauge(Gauge {
            data_points: vec![NumberDataPoint::default(); points],
        })),
        ..Metric::default()
    };
    let scope = ScopeMetrics {
        metrics: names.iter().map(metric).collect(),
        ..ScopeMetrics::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            scope_metrics: vec![scope],
            ..ResourceMetrics::default()
        }],
    }
}

fn log_counts(sink: &Sink) -> Vec<usize> {
    let requests = sink
        .received()
        .into_iter()
        .filter_map(|request| match request {
            Received::Logs(logs) => Some(logs.resource_logs),
            _ => None,
        });
    let counts = requests.map(|resources| {
        let scopes = resources
            .into_iter()
            .flat_map(|resource| resource.scope_logs);
        scopes.map(|scope| scope.log_records.len()).sum()
    });
    counts.collect()
}

/// Scenario: metrics and logs pass through pipelines of their own.
/// Guarantees: they arrive as they were sent, and each signal has its own books.
#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_logs_pass_through() {
    let sink = Sink::start();
    let yaml = yaml(
        "",
        &otlp("a", &sink, ""),
        "    metrics: {receivers: [otlp], exporters: [otlp/a]}\n    \
         logs: {receivers: [otlp], exporters: [otlp/a]}",
    );
    let gateway = Fixture::start(&yaml).await;
    let (sent_logs, sent_metrics) = (logs(3), metrics(&["cpu", "memory"], 2));
    let mut client = LogsServiceClient::new(gateway.channel().await);
    client.export(sent_logs.clone()).await.unwrap();
    let mut client = MetricsServiceClient::new(gateway.channel().await);
    client.export(sent_metrics.clone()).await.unwrap();
    sink.until("both", |sink| sink.received().len() == 2).await;
    let books = gateway.finish().await;
    for received in sink.received() {
        match received {
            Received::Logs(logs) => assert_eq!(logs, sent_logs),
            Received::Metrics(metrics) => assert_eq!(metrics, sent_metrics),
            Received::Traces(_) => panic!("nobody sent traces"),
        }
    }
    assert_eq!(books.signals["logs"].delivered.items, 3);
    assert_eq!(books.signals["metrics"].delivered.items, 4);
}

/// Scenario: small requests come to a batch of ten, none larger than ten; then one waits.
/// Guarantees: full batches leave at once, cut to size; what waits leaves at the shutdown.
#[tokio::test(flavor = "multi_thread")]
async fn batches_fill_are_cut_and_leave_at_the_end() {
    let sink = Sink::start();
    let batch = "  batch: {send_batch_size: 10, send_batch_max_size: 10, timeout: 1h}";
    let yaml = yaml(
        batch,
        &otlp("a", &sink, ""),
        "    logs: {receivers: [otlp], processors: [batch], exporters: [otlp/a]}",
    );
    let gateway = Fixture::start(&yaml).await;
    let mut client = LogsServiceClient::new(gateway.channel().await);
    for count in [4, 4, 15] {
        client.export(logs(count)).await.unwrap();
    }
    let total = |sink: &Sink| log_counts(sink).iter().sum::<usize>();
    sink.until("full batches", |sink| total(sink) >= 20).await;
    client.export(logs(1)).await.unwrap();
    let status = gateway.running.status().await;
    assert!(status.batches[0].by_size >= 1, "{:?}", status.batches);
    let books = gateway.finish().await;
    assert_eq!(total(&sink), 24);
    assert!(
        log_counts(&sink).iter().all(|&count| count <= 10),
        "{:?}",
        log_counts(&sink)
    );
    assert_eq!(books.signals["logs"].delivered.items, 24);
}

/// Scenario: a pipeline has two metrics of three points each and batches of at most four points.
/// Guarantees: metrics stay whole, and none is lost by the cut.
#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_not_cut_through() {
    let sink = Sink::start();
    let batch = "  batch: {send_batch_size: 4, send_batch_max_size: 4, timeout: 0s}";
    let yaml = yaml(
        batch,
        &otlp("a", &sink, ""),
        "    metrics: {receivers: [otlp], processors: [batch], exporters: [otlp/a]}",
    );
    let gateway = Fixture::start(&yaml).await;
    let mut client = MetricsServiceClient::new(gateway.channel().await);
    client.export(metrics(&["cpu", "memory"], 3)).await.unwrap();
    sink.until("both metrics", |sink| sink.received().len() == 2)
        .await;
    let books = gateway.finish().await;
    assert_eq!(books.signals["metrics"].delivered.items, 6);
}

/// Scenario: two tenants share a receiver whose batches are kept apart by a header.
/// Guarantees: no request to the backend mixes them.
///
/// Conforms: receiver `otlp` | logs | `include_metadata` | same
/// Conforms: processor `batch` | logs | `metadata_keys` | same
#[tokio::test(flavor = "multi_thread")]
async fn batches_are_kept_apart_by_metadata() {
    let sink = Sink::start();
    let batch = "  batch: {send_batch_size: 4, timeout: 1h, metadata_keys: [X-Tenant]}";
    let yaml = yaml(
        batch,
        &otlp("a", &sink, ""),
        "    logs: {receivers: [otlp], processors: [batch], exporters: [otlp/a]}",
    );
    let gateway = Fixture::start(&yaml).await;
    let mut client = LogsServiceClient::new(gateway.channel().await);
    for tenant in ["red", "blue", "red", "blue"] {
        let mut request = tonic::Request::new(logs(if tenant == "red" { 1 } else { 2 }));
        request
            .metadata_mut()
            .insert("x-tenant", tenant.parse().unwrap());
        client.export(request).await.unwrap();
    }
    sink.until("the full batch", |sink| !sink.received().is_empty())
        .await;
    gateway.finish().await;
    let mut counts = log_counts(&sink);
    counts.sort_unstable();
    assert_eq!(counts, [2, 4]);
}

/// Scenario: two traces pipelines share a receiver; one samples, one forwards everything to a third
/// through a connector; both end at two backends.
/// Guarantees: each backend gets what its pipeline keeps, and the copies are in the books.
#[tokio::test(flavor = "multi_thread")]
async fn pipelines_share_receivers_and_feed_each_other() {
    let (sampled, all) = (Sink::start(), Sink::start());
    let exporters = otlp("sampled", &sampled, "") + &otlp("all", &all, "");
    let pipelines = "    \
         traces/sampled: {receivers: [otlp], processors: [tail_sampling], exporters: [otlp/sampled]}\n    \
         traces/in: {receivers: [otlp], exporters: [forward]}\n    \
         traces/out: {receivers: [forward], exporters: [otlp/all]}";
    let yaml = format!(
        "connectors: {{forward: {{}}}}\n{}",
        yaml("", &exporters, pipelines)
    );
    let gateway = Fixture::start(&yaml).await;
    let sent = request()
        .service("shop")
        .span(span(trace_id(1), 1).error())
        .span(span(trace_id(2), 1));
    gateway.send(sent.message()).await.unwrap();
    all.until("everything", |sink| sink.spans().len() == 2)
        .await;
    sampled
        .until("the kept trace", |sink| sink.spans().len() == 1)
        .await;
    let books = gateway.finish().await;
    let traces = traces_of(&books);
    assert_eq!((traces.acknowledged.items, traces.copied.items), (2, 2));
    assert_eq!(
        (traces.delivered.items, traces.dropped["not_sampled"].items),
        (3, 1)
    );
}

/// Scenario: each signal comes to a pipeline that has a receiver which receives nothing too, goes on through a connector,
/// and to an exporter that exports nothing.
/// Guarantees: all of it arrives behind the connector, and what was not exported is counted.
///
/// Conforms: connector `forward` | traces, metrics, logs | from pipeline to pipeline | same
/// Conforms: receiver `nop` | traces, metrics, logs | receives nothing | same
/// Conforms: exporter `nop` | traces, metrics, logs | exports nothing | better: what came to it is in the books, as
/// `not_exported`
#[tokio::test(flavor = "multi_thread")]
async fn every_signal_is_forwarded() {
    let sink = Sink::start();
    let pipelines: String = ["traces", "metrics", "logs"]
        .map(|signal| {
            format!(
                "    {signal}/in: {{receivers: [otlp, nop], exporters: [forward, nop]}}\n    \
                 {signal}/out: {{receivers: [forward], exporters: [otlp/a]}}\n"
            )
        })
        .concat();
    let exporters = otlp("a", &sink, "") + "  nop: {}\n";
    let yaml = yaml("", &exporters, &pipelines).replace("receivers:\n", "receivers:\n  nop: {}\n");
    let yaml = format!("connectors: {{forward: {{}}}}\n{yaml}");
    let gateway = Fixture::start(&yaml).await;
    let sent = request().service("shop").span(span(trace_id(1), 1));
    gateway.send(sent.message()).await.unwrap();
    let mut client = LogsServiceClient::new(gateway.channel().await);
    client.export(logs(1)).await.unwrap();
    let mut client = MetricsServiceClient::new(gateway.channel().await);
    client.export(metrics(&["cpu"], 1)).await.unwrap();
    sink.until("all three", |sink| sink.received().len() == 3)
        .await;
    let books = gateway.finish().await;
    for signal in ["traces", "metrics", "logs"] {
        let row = &books.signals[signal];
        assert_eq!((row.acknowledged.items, row.delivered.items), (1, 1));
        assert_eq!(row.dropped["not_exported"].items, 1, "{signal}");
    }
}

/// Scenario: kept traces go to two backends, one of which is dead, behind a queue of one.
/// Guarantees: the living one gets every trace; what the dead one missed is counted.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_backend_does_not_stop_the_others() {
    let (alive, dead) = (Sink::start(), Sink::start());
    dead.answer_always(Answer::Refuse(Code::Unavailable));
    let queue = ", sending_queue: {queue_size: 1, num_consumers: 1}";
    let exporters = otlp("alive", &alive, "") + &otlp("dead", &dead, queue);
    let pipelines = "    traces: {receivers: [otlp], processors: [tail_sampling], \
                     exporters: [otlp/dead, otlp/alive]}";
    let gateway = Fixture::start(&yaml("", &exporters, pipelines)).await;
    for trace in 0..5 {
        let sent = request()
            .service("shop")
            .span(span(trace_id(trace), 1).error());
        gateway.send(sent.message()).await.unwrap();
        let arrived = trace as usize + 1;
        alive
            .until("the trace", |sink| sink.spans().len() == arrived)
            .await;
    }
    dead.answer_always(Answer::Success);
    let books = gateway.finish_with_losses().await;
    let traces = traces_of(&books);
    let missed = traces.lost["queue_full"].items;
    assert!(missed > 0);
    assert_eq!(traces.delivered.items + missed, 10);
    assert_eq!(alive.spans().len(), 5);
}

/// Scenario: logs pass through to a backend that does not answer, behind a queue of one.
/// Guarantees: a client that finds the queue full is refused, unavailable with a hint, and what it
/// was told is true: nothing of the refused request arrives.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_clients_that_pass_through() {
    let sink = Sink::start();
    let gate = Gate::default();
    sink.answer_always(Answer::Hold(gate.clone()));
    let queue = ", sending_queue: {queue_size: 1, num_consumers: 1}";
    let yaml = yaml(
        "",
        &otlp("a", &sink, queue),
        "    logs: {receivers: [otlp], exporters: [otlp/a]}",
    );
    let gateway = Fixture::start(&yaml).await;
    let mut client = LogsServiceClient::new(gateway.channel().await);
    client.export(logs(1)).await.unwrap();
    sink.until("the first", |sink| sink.received().len() == 1)
        .await;
    let status = client.export(logs(2)).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert!(status.get_details_retry_info().is_some());
    gate.open();
    let books = gateway.finish().await;
    assert_eq!(log_counts(&sink), [1]);
    let logs = &books.signals["logs"];
    assert_eq!((logs.acknowledged.items, logs.refused.items), (1, 2));
}

/// Scenario: a resource processor before the sampler, an attributes processor behind it; one takes
/// what it writes from the request's headers.
/// Guarantees: policies see the first edit, the backend both, and nothing else of the spans changes.
#[tokio::test(flavor = "multi_thread")]
async fn edits_before_and_after_the_sampler_hold() {
    let sink = Sink::start();
    let processors = "
  resource: {attributes: [{key: tenant, action: upsert, from_context: metadata.x-tenant}]}
  attributes: {actions: [{key: region, action: insert, value: eu}]}
  tail_sampling/tenant:
    decision_wait: 20ms
    policies:
      - {name: red, type: string_attribute, string_attribute: {key: tenant, values: [red]}}";
    let pipelines = "    traces: {receivers: [otlp], \
                     processors: [resource, tail_sampling/tenant, attributes], exporters: [otlp/a]}";
    let gateway = Fixture::start(&yaml(processors, &otlp("a", &sink, ""), pipelines)).await;
    let mut client = gateway.traces().await;
    for (trace, tenant) in [(1, "red"), (2, "blue")] {
        let sent = request()
            .service("shop")
            .span(span(trace_id(trace), 1))
            .message();
        let mut sent = tonic::Request::new(sent);
        sent.metadata_mut()
            .insert("x-tenant", tenant.parse().unwrap());
        client.export(sent).await.unwrap();
    }
    sink.until("the red trace", |sink| sink.spans().len() == 1)
        .await;
    let books = gateway.finish().await;
    assert_eq!(traces_of(&books).dropped["not_sampled"].items, 1);
    let Received::Traces(traces) = sink.received().remove(0) else {
        panic!("not traces");
    };
    let resource = &traces.resource_spans[0];
    let tenant = resource
        .resource
        .as_ref()
        .unwrap()
        .attributes
        .last()
        .cloned();
    assert_eq!(tenant, Some(attribute("tenant", "red")));
    let mut received = resource.scope_spans[0].spans[0].clone();
    assert_eq!(received.attributes, [attribute("region", "eu")]);
    assert_eq!(received.trace_state, "ot=th:0");
    received.attributes.clear();
    received.trace_state.clear();
    assert_eq!(received, span(trace_id(1), 1).message());
}

/// Scenario: a pipeline ends in exporters that export nothing.
/// Guarantees: it runs, takes requests, and counts every item as not exported.
#[tokio::test(flavor = "multi_thread")]
async fn what_goes_nowhere_is_counted() {
    let exporters = "  nop: {}\n  nop/other: {}\n";
    let pipelines = "    metrics: {receivers: [otlp], exporters: [nop, nop/other]}";
    let gateway = Fixture::start(&yaml("", exporters, pipelines)).await;
    let mut client = MetricsServiceClient::new(gateway.channel().await);
    client.export(metrics(&["cpu"], 2)).await.unwrap();
    let status = gateway.running.status().await;
    assert!(
        status
            .exporters
            .iter()
            .all(|row| !row.exports && row.not_exported == 2)
    );
    let books = gateway.finish().await;
    assert_eq!(books.signals["metrics"].dropped["not_exported"].items, 4);
}

/// Scenario: a `debug` exporter writes to two files, as lines and as waterfalls.
/// Guarantees: both files have all of it.
///
/// Conforms: exporter `debug` | traces | `use_internal_logger`, `output_paths` | same
#[tokio::test(flavor = "multi_thread")]
async fn debug_writes_to_each_of_its_paths() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["one", "two"].map(|name| folder.path().join(name));
    for (verbosity, text) in [("basic", "\"spans\": 1"), ("waterfall", "━")] {
        let exporter = format!(
            "  debug: {{verbosity: {verbosity}, use_internal_logger: false, output_paths: {paths:?}}}\n"
        );
        let pipelines = "    traces: {receivers: [otlp], exporters: [debug]}\n";
        let gateway = Fixture::start(&yaml("", &exporter, pipelines)).await;
        let sent = request().service("shop").span(span(trace_id(1), 1));
        gateway.send(sent.message()).await.unwrap();
        gateway.finish().await;
        for path in &paths {
            let written = std::fs::read_to_string(path).unwrap();
            assert!(written.contains(text), "{verbosity}: {written}");
        }
    }
}

/// Scenario: statements go over all three signals; those on traces stand before the sampler, ask who sent
/// the request, and hide an attribute; a summary is taken apart and points become one.
/// Guarantees: policies see what was written, backends get what is left, and the books know the points that
/// came and went.
#[tokio::test(flavor = "multi_thread")]
async fn statements_change_all_three_signals() {
    let sink = Sink::start();
    let processors = r#"
  transform:
    trace_statements:
      - set(resource.attributes["tenant"], otelcol.client.metadata["x-tenant"][0])
      - delete_key(span.attributes, "password")
    log_statements:
      - context: log
        conditions: ['severity_text == "INFO"']
        statements: ['set(severity_text, "info")']
    metric_statements:
      - statements: ['copy_metric(name="copy") where metric.name == "cpu"']
      - statements: ['aggregate_on_attributes("sum", []) where metric.name == "memory"']
  tail_sampling/tenant:
    decision_wait: 20ms
    policies:
      - {name: red, type: string_attribute, string_attribute: {key: tenant, values: [red]}}"#;
    let pipelines = "    traces: {receivers: [otlp], \
                     processors: [transform, tail_sampling/tenant], exporters: [otlp/a]}\n    \
                     logs: {receivers: [otlp], processors: [transform], exporters: [otlp/a]}\n    \
                     metrics: {receivers: [otlp], processors: [transform], exporters: [otlp/a]}";
    let gateway = Fixture::start(&yaml(processors, &otlp("a", &sink, ""), pipelines)).await;
    let mut client = gateway.traces().await;
    for (trace, tenant) in [(1, "red"), (2, "blue")] {
        let secret = span(trace_id(trace), 1).attribute("password", "x");
        let mut sent = tonic::Request::new(request().service("shop").span(secret).message());
        sent.metadata_mut()
            .insert("x-tenant", tenant.parse().unwrap());
        client.export(sent).await.unwrap();
    }
    let mut client = LogsServiceClient::new(gateway.channel().await);
    client.export(logs(1)).await.unwrap();
    let mut client = MetricsServiceClient::new(gateway.channel().await);
    client.export(metrics(&["cpu", "memory"], 2)).await.unwrap();
    sink.until("all three", |sink| sink.received().len() == 3)
        .await;
    let books = gateway.finish().await;
    for received in sink.received() {
        match received {
            Received::Traces(traces) => {
                assert_eq!(
                    traces.resource_spans[0].scope_spans[0].spans[0].attributes,
                    []
                );
            }
            Received::Logs(logs) => {
                let record = &logs.resource_logs[0].scope_logs[0].log_records[0];
                assert_eq!(record.severity_text, "info");
            }
            Received::Metrics(metrics) => {
                let metrics = &metrics.resource_metrics[0].scope_metrics[0].metrics;
                let names: Vec<_> = metrics.iter().map(|metric| metric.name.as_str()).collect();
                assert_eq!(names, ["cpu", "memory", "copy"]);
            }
        }
    }
    assert_eq!(traces_of(&books).delivered.items, 1);
    // Two points were copied, and two became one.
    assert_eq!(books.signals["metrics"].delivered.items, 5);
}
