//! Series of a cluster, as a scraper of all its processes sees them.

use crate::cluster::{Cluster, active, send};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use tailweir_testkit::{Signal, Sink, http_get, request, span, trace_id, traces_of_exemplars};

/// Senders of metrics, each a target of its own.
const TARGETS: u64 = 30;

const PAGES: &str = "
receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}
processors: {tail_sampling: {policies: [{name: all, type: always_sample}]}}
exporters:
  nop:
  prometheus: {endpoint: '127.0.0.1:0'}
service:
  telemetry: {logs: {encoding: json}}
  pipelines:
    traces: {receivers: [otlp], processors: [tail_sampling], exporters: [nop]}
    metrics: {receivers: [otlp], exporters: [prometheus]}
";

/// A cluster of three in which every slot has its copies.
fn settled(rest: &str) -> Cluster {
    let cluster = Cluster::start(rest);
    for number in 0..3 {
        cluster.page(number, |page| {
            active(page) == 3 && page["slots"]["unsettled"] == 0
        });
    }
    cluster
}

/// Where the pages of the processes are.
fn pages(cluster: &Cluster) -> Vec<SocketAddr> {
    let numbers = 0..cluster.members.len();
    let status = numbers.map(|number| cluster.ask(number, "/status", |_| true));
    let address = |status: Value| status["pages"][0]["address"].as_str().unwrap().parse();
    status.map(|status| address(status).unwrap()).collect()
}

/// What all pages show of series whose name begins so: for each its values, one for each page.
fn scrape(pages: &[SocketAddr], name: &str) -> BTreeMap<String, Vec<f64>> {
    let mut all = BTreeMap::<String, Vec<f64>>::new();
    for page in pages {
        let text = http_get(*page, "/metrics").body;
        for line in text.lines().filter(|line| line.starts_with(name)) {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let values = all.entry(series.to_owned()).or_default();
            values.push(value.parse().unwrap());
        }
    }
    all
}

/// Scrapes until the pages show what is wanted. Each scrape waits for its answer.
fn until(
    pages: &[SocketAddr],
    name: &str,
    is_wanted: impl Fn(&BTreeMap<String, Vec<f64>>) -> bool,
) {
    let mut all = BTreeMap::new();
    for _ in 0..20_000 {
        all = scrape(pages, name);
        if is_wanted(&all) {
            return;
        }
    }
    panic!("not what is wanted: {all:?}");
}

/// Sends a counter of each target, as this much, through one process.
fn send_counters(cluster: &Cluster, member: usize, value: u64) {
    let resource = |target: u64| {
        let point = json!({
            "startTimeUnixNano": "1",
            "timeUnixNano": (1_000 + value).to_string(),
            "asInt": value.to_string(),
        });
        let sum = json!({"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [point]});
        let text = |key: &str, text: String| json!({"key": key, "value": {"stringValue": text}});
        let attributes = [
            text("service.name", format!("shop-{target}")),
            text("service.instance.id", "one".to_owned()),
        ];
        json!({
            "resource": {"attributes": attributes},
            "scopeMetrics": [{"metrics": [{"name": "orders", "sum": sum}]}],
        })
    };
    let resources: Vec<Value> = (0..TARGETS).map(resource).collect();
    let body = json!({ "resourceMetrics": resources }).to_string();
    send(
        cluster,
        member,
        "metrics",
        "application/json",
        body.as_bytes(),
    );
}

/// Each counter is on one page, with this value.
fn once(value: u64) -> impl Fn(&BTreeMap<String, Vec<f64>>) -> bool {
    move |all| all.len() as u64 == TARGETS && all.values().all(|values| *values == [value as f64])
}

/// Scenario: the counters of thirty targets come through three processes in turn, all of which are scraped; then one is stopped,
/// and they go on through the others.
/// Guarantees: each series is on exactly one page, with its newest value, and so is the `target_info` of each target; after the
/// stop too. Each process has some.
#[test]
fn each_stream_is_on_one_page() {
    let mut cluster = settled(PAGES);
    let all = pages(&cluster);
    for member in 0..3 {
        send_counters(&cluster, member, 1 + member as u64);
    }
    until(&all, "orders_total{", once(3));
    until(&all, "target_info{", once(1));
    for page in &all {
        assert!(!scrape(&[*page], "orders_total{").is_empty());
    }

    let (stopped, _) = cluster.members.pop().unwrap();
    stopped.signal(Signal::TERM);
    let (status, _) = stopped.finish();
    assert!(status.success());
    send_counters(&cluster, 0, 4);
    send_counters(&cluster, 1, 5);
    until(&all[..2], "orders_total{", once(5));
    until(&all[..2], "target_info{", once(1));
}

/// What is counted of spans, on pages and before samplers.
const COUNTING: &str = "
receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}
processors: {tail_sampling: {decision_wait: 100ms, policies: [{name: all, type: always_sample}]}}
connectors:
  span_metrics: {metrics_flush_interval: 200ms, histogram: {explicit: {buckets: [1s]}}}
exporters:
  nop:
  prometheus: {endpoint: '127.0.0.1:0'}
service:
  telemetry: {logs: {encoding: json}}
  pipelines:
    traces: {receivers: [otlp], processors: [tail_sampling], exporters: [nop]}
    traces/all: {receivers: [otlp], exporters: [span_metrics]}
    metrics: {receivers: [span_metrics], exporters: [prometheus]}
";

/// Two spans of each target, through one process.
fn send_spans(cluster: &Cluster, member: usize, round: u64) {
    let mut spans = request();
    for target in 0..TARGETS {
        let of_target = (0..2).map(|n| span(trace_id(1_000 * round + 10 * target + n), n + 1).ok());
        spans = spans.service(&format!("shop-{target}")).spans(of_target);
    }
    send(
        cluster,
        member,
        "traces",
        "application/x-protobuf",
        &spans.bytes(),
    );
}

/// Scenario: spans of thirty services come through three processes, which count them, while all are scraped; then one is stopped,
/// and spans go on through the others.
/// Guarantees: each series is on one page, with the exact count of all processes, in its histogram too; the process ends by itself,
/// and the series that it wrote go on at the others, with nothing missing and nothing twice.
#[test]
fn what_all_processes_count_is_one_series() {
    let mut cluster = settled(COUNTING);
    let all = pages(&cluster);
    for member in 0..3 {
        send_spans(&cluster, member, 1 + member as u64);
    }
    until(&all, "traces_span_metrics_calls_total{", once(6));
    until(
        &all,
        "traces_span_metrics_duration_milliseconds_count{",
        once(6),
    );

    let (stopped, _) = cluster.members.pop().unwrap();
    send_spans(&cluster, 0, 4);
    stopped.signal(Signal::TERM);
    send_spans(&cluster, 1, 5);
    let (status, _) = stopped.finish();
    assert!(status.success());
    send_spans(&cluster, 0, 6);
    until(&all[..2], "traces_span_metrics_calls_total{", once(12));
    until(
        &all[..2],
        "traces_span_metrics_duration_milliseconds_count{",
        once(12),
    );
    for number in 0..2 {
        let totals = |status: &Value| status["connectors"][0]["totals"].clone();
        let totals = totals(&cluster.ask(number, "/status", |_| true));
        assert_eq!(totals["begun_anew"], 0, "{totals}");
    }
}

/// What a gateway counts, and two samplers keep a half of.
fn counting_with_exemplars(sink: &Sink) -> String {
    format!(
        "
receivers: {{otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}}}
processors:
  tail_sampling:
    decision_wait: 200ms
    policies: [{{name: chosen, type: string_attribute, string_attribute: {{key: keep, values: ['yes']}}}}]
connectors:
  span_metrics:
    metrics_flush_interval: 200ms
    histogram: {{explicit: {{buckets: [1s]}}}}
    exemplars: {{enabled: true, max_per_data_point: 100}}
exporters:
  otlp: {{endpoint: '{}', tls: {{insecure: true}}}}
service:
  telemetry: {{logs: {{encoding: json}}}}
  pipelines:
    traces: {{receivers: [otlp], processors: [tail_sampling], exporters: [otlp]}}
    traces/all: {{receivers: [otlp], exporters: [span_metrics]}}
    metrics: {{receivers: [span_metrics], exporters: [otlp]}}
",
        sink.endpoint()
    )
}

/// Scenario: spans of thirty services come through a process that is no sampler, and two others keep one of two traces of each.
/// Guarantees: the series of calls and durations have an exemplar of each kept trace, and of no other.
#[test]
fn exemplars_of_a_gateway_alone_are_kept_traces() {
    let sink = Sink::start();
    let samplers = "sampler,controller";
    let roles = [samplers, samplers, "gateway,controller"];
    let cluster = Cluster::of_roles(&counting_with_exemplars(&sink), roles);
    for number in 0..3 {
        cluster.page(number, |page| {
            active(page) == 2 && page["slots"]["unsettled"] == 0
        });
    }
    let mut spans = request();
    for target in 0..TARGETS {
        let of_target = ["yes", "no"]
            .into_iter()
            .zip(0..)
            .map(|(keep, n)| span(trace_id(10 * target + n), n + 1).attribute("keep", keep));
        spans = spans.service(&format!("shop-{target}")).spans(of_target);
    }
    send(
        &cluster,
        2,
        "traces",
        "application/x-protobuf",
        &spans.bytes(),
    );
    let kept: BTreeSet<Vec<u8>> = (0..TARGETS)
        .map(|target| trace_id(10 * target).0.to_vec())
        .collect();
    sink.block_until("exemplars of all kept traces", |sink| {
        let named = traces_of_exemplars(sink.metrics());
        named.len() == 2 && named.values().all(|named| named.is_superset(&kept))
    });
    assert!(
        traces_of_exemplars(sink.metrics())
            .into_values()
            .all(|named| named == kept)
    );
    let received = sink.spans().into_iter().map(|span| span.trace_id);
    assert_eq!(received.collect::<BTreeSet<_>>(), kept);
}

/// Spans of one request of each target between two services, from the client's side or the server's, through one process.
fn send_half(cluster: &Cluster, member: usize, (service, kind): (&str, SpanKind)) {
    let half = |target: u64| {
        let (id, parent) = match kind {
            SpanKind::Client => (1, 0),
            _ => (2, 1),
        };
        span(trace_id(1_000 + target), id)
            .kind(kind)
            .child_of(parent)
    };
    let body = request().service(service).spans((0..TARGETS).map(half));
    send(
        cluster,
        member,
        "traces",
        "application/x-protobuf",
        &body.bytes(),
    );
}

/// Scenario: the clients' spans of thirty requests come through a process that is stopped then, their servers' spans through
/// another.
/// Guarantees: each request is counted once, in one series on one page: what waited in the process that ended has gone to
/// the others.
#[test]
fn a_request_is_paired_through_two_processes() {
    let graph = COUNTING.replace(
        "span_metrics: {metrics_flush_interval: 200ms, histogram: {explicit: {buckets: [1s]}}}",
        "span_metrics: {metrics_flush_interval: 200ms, store: {ttl: 10m}}",
    );
    let graph = graph.replace("span_metrics", "service_graph");
    let mut cluster = settled(&graph);
    let all = pages(&cluster);
    send_half(&cluster, 2, ("shop", SpanKind::Client));
    let (stopped, _) = cluster.members.pop().unwrap();
    stopped.signal(Signal::TERM);
    let (status, _) = stopped.finish();
    assert!(status.success());
    send_half(&cluster, 0, ("cart", SpanKind::Server));
    until(&all[..2], "traces_service_graph_request_total{", |all| {
        all.len() == 1 && all.values().all(|values| *values == [TARGETS as f64])
    });
}

/// The configuration of old: the processor counts, and names the exporter of a pipeline that is there for nothing else.
const OLD: &str = "
receivers:
  otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}
  otlp/spanmetrics: {protocols: {grpc: {endpoint: '127.0.0.1:0'}}}
processors:
  spanmetrics: {metrics_exporter: prometheus, metrics_flush_interval: 200ms, latency_histogram_buckets: [1s], dimensions_cache_size: 1000}
  tail_sampling: {decision_wait: 100ms, policies: [{name: all, type: always_sample}]}
exporters:
  nop:
  prometheus: {endpoint: '127.0.0.1:0'}
service:
  telemetry: {logs: {encoding: json}}
  pipelines:
    traces: {receivers: [otlp], processors: [spanmetrics, tail_sampling], exporters: [nop]}
    metrics/spanmetrics: {receivers: [otlp/spanmetrics], exporters: [prometheus]}
";

/// Scenario: a configuration with the `spanmetrics` processor, as it is, in three processes; spans of thirty services come through
/// each, and all are scraped.
/// Guarantees: each series has its old name and is on one page, with the exact count of all processes.
#[test]
fn what_the_processor_of_old_counts_is_one_series_too() {
    let cluster = settled(OLD);
    let all = pages(&cluster);
    for member in 0..3 {
        send_spans(&cluster, member, 1 + member as u64);
    }
    until(&all, "calls_total{", once(6));
    until(&all, "latency_milliseconds_count{", once(6));
    let labels = [
        "operation=",
        "service_name=\"shop-7\"",
        "span_kind=\"SPAN_KIND_",
        "status_code=\"STATUS_CODE_OK\"",
    ];
    let is_of_shop_7 = |series: &&String| labels.iter().all(|label| series.contains(label));
    let series = scrape(&all, "calls_total{");
    assert_eq!(series.keys().filter(is_of_shop_7).count(), 1, "{series:?}");
}
