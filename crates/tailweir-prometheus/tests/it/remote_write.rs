//! Requests of remote write, decoded by another library.

use prost::Message;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tailweir_config::{
    EmptyEnvironment, Exporter, LoadOptions, PrometheusRemoteWriteExporter, Sources, load,
};
use tailweir_core::Signal;
use tailweir_prometheus::{RemoteWrite, Trouble, Written};

/// The value that ends a series.
const STALE: u64 = 0x7ff0_0000_0000_0002;

mod version_1 {
    use prost::Message;

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct WriteRequest {
        #[prost(message, repeated, tag = "1")]
        pub(super) series: Vec<Series>,
        #[prost(message, repeated, tag = "3")]
        pub(super) metadata: Vec<Metadata>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Series {
        #[prost(message, repeated, tag = "1")]
        pub(super) labels: Vec<Label>,
        #[prost(message, repeated, tag = "2")]
        pub(super) samples: Vec<Sample>,
        #[prost(message, repeated, tag = "3")]
        pub(super) exemplars: Vec<Exemplar>,
        #[prost(message, repeated, tag = "4")]
        pub(super) histograms: Vec<Histogram>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Label {
        #[prost(string, tag = "1")]
        pub(super) name: String,
        #[prost(string, tag = "2")]
        pub(super) value: String,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Sample {
        #[prost(double, tag = "1")]
        pub(super) value: f64,
        #[prost(int64, tag = "2")]
        pub(super) time: i64,
        /// Of 2.0.
        #[prost(int64, tag = "3")]
        pub(super) start: i64,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Exemplar {
        #[prost(message, repeated, tag = "1")]
        pub(super) labels: Vec<Label>,
        #[prost(double, tag = "2")]
        pub(super) value: f64,
        #[prost(int64, tag = "3")]
        pub(super) time: i64,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Histogram {
        #[prost(uint64, tag = "1")]
        pub(super) count: u64,
        #[prost(double, tag = "3")]
        pub(super) sum: f64,
        #[prost(sint32, tag = "4")]
        pub(super) schema: i32,
        #[prost(sint64, repeated, tag = "12")]
        pub(super) positive_deltas: Vec<i64>,
        #[prost(int64, tag = "15")]
        pub(super) time: i64,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Metadata {
        #[prost(int32, tag = "1")]
        pub(super) kind: i32,
        #[prost(string, tag = "2")]
        pub(super) family: String,
        #[prost(string, tag = "4")]
        pub(super) help: String,
        #[prost(string, tag = "5")]
        pub(super) unit: String,
    }
}

mod version_2 {
    use super::version_1::Sample;
    use prost::Message;

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Request {
        #[prost(string, repeated, tag = "4")]
        pub(super) symbols: Vec<String>,
        #[prost(message, repeated, tag = "5")]
        pub(super) series: Vec<Series>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Series {
        #[prost(uint32, repeated, tag = "1")]
        pub(super) labels: Vec<u32>,
        #[prost(message, repeated, tag = "2")]
        pub(super) samples: Vec<Sample>,
        #[prost(message, optional, tag = "5")]
        pub(super) metadata: Option<Metadata>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Metadata {
        #[prost(int32, tag = "1")]
        pub(super) kind: i32,
        #[prost(uint32, tag = "3")]
        pub(super) help: u32,
        #[prost(uint32, tag = "4")]
        pub(super) unit: u32,
    }
}

fn settings(options: &str) -> PrometheusRemoteWriteExporter {
    let yaml = format!(
        "receivers: {{nop: }}\n\
         exporters: {{prometheusremotewrite: {{endpoint: 'http://localhost/write', {options}}}}}\n\
         service: {{pipelines: {{metrics: {{receivers: [nop], exporters: [prometheusremotewrite]}}}}}}\n"
    );
    let sources = Sources::new().config(format!("yaml:{yaml}"));
    let loaded = load(&sources, LoadOptions::default(), &EmptyEnvironment);
    let settings = loaded
        .settings
        .unwrap_or_else(|| panic!("{}", loaded.diagnostics));
    match settings.exporters.values().next().expect("an exporter") {
        Exporter::PrometheusRemoteWrite(settings) => settings.as_ref().clone(),
        other => panic!("{other:?} writes nothing"),
    }
}

fn write(options: &str, metrics: Value) -> Written {
    let attribute = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let resource = json!({"attributes": [
        attribute("service.name", "shop"), attribute("service.instance.id", "i"),
        attribute("host.name", "h1")]});
    let scopes = json!([{"scope": {"name": "lib"}, "metrics": metrics}]);
    let request = json!({"resourceMetrics": [{"resource": resource, "scopeMetrics": scopes}]});
    let mut wire = Vec::new();
    tailweir_otlp::json::to_wire(Signal::Metrics, request.to_string().as_bytes(), &mut wire)
        .expect("OTLP/JSON");
    RemoteWrite::of(&settings(options)).write(&wire)
}

fn point(more: Value) -> Value {
    let mut point = json!({
        "attributes": [{"key": "route", "value": {"stringValue": "/"}}],
        "startTimeUnixNano": "1700000000000000000",
        "timeUnixNano": "1700000010000000000",
    });
    let fields = more.as_object().cloned().unwrap_or_default();
    point.as_object_mut().expect("an object").extend(fields);
    point
}

/// Series of all requests by their labels.
fn series(written: &Written) -> BTreeMap<String, version_1::Series> {
    let requests = written.batches.iter();
    let decoded = requests
        .map(|batch| version_1::WriteRequest::decode(batch.body.as_slice()).expect("a message"));
    decoded
        .flat_map(|request| request.series)
        .map(|series| {
            let sorted = series
                .labels
                .is_sorted_by(|left, right| left.name < right.name);
            assert!(sorted, "{:?}", series.labels);
            let pairs = series.labels.iter();
            let labels: Vec<_> = pairs
                .map(|label| format!("{}={}", label.name, label.value))
                .collect();
            (labels.join(","), series)
        })
        .collect()
}

fn counter() -> Value {
    json!([{"name": "calls", "unit": "1", "description": "Calls", "sum": {
        "dataPoints": [point(json!({"asInt": "5"}))], "aggregationTemporality": 2, "isMonotonic": true}}])
}

/// Scenario: a counter with external labels, and a resource that says more than who sends.
/// Guarantees: name, labels, time and `target_info` are as Prometheus' own receiver of OTLP makes them.
///
/// Conforms: exporter `prometheus_remote_write` | metrics | `namespace`, `external_labels`, `target_info` | same
#[test]
fn a_counter_becomes_a_sample() {
    let written = write(
        "external_labels: {region: eu, job: other}, namespace: app",
        counter(),
    );
    let series = series(&written);
    let names: Vec<_> = series.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "__name__=app_calls_total,instance=i,job=shop,otel_scope_name=lib,region=eu,route=/",
            "__name__=app_target_info,host_name=h1,instance=i,job=shop,region=eu",
        ]
    );
    let sample = &series[names[0]].samples[0];
    assert_eq!((sample.value, sample.time), (5.0, 1_700_000_010_000));
    assert_eq!(written.batches[0].points, 1);
}

/// Scenario: `target_info` and the scope are switched off, resource attributes are chosen.
/// Guarantees: exactly that is there.
///
/// Conforms: exporter `prometheus_remote_write` | metrics | `target_info: {enabled: false}`, `disable_scope_info`,
/// `resource_constant_labels`, `add_metric_suffixes` | same
#[test]
fn labels_are_as_chosen() {
    let options = "target_info: {enabled: false}, disable_scope_info: true, \
         resource_constant_labels: {included: ['host.*']}, add_metric_suffixes: false";
    let written = write(options, counter());
    let names: Vec<_> = series(&written).into_keys().collect();
    assert_eq!(
        names,
        ["__name__=calls,host_name=h1,instance=i,job=shop,route=/"]
    );
}

/// Scenario: a histogram with exemplars, one whose stream has ended, and a summary.
/// Guarantees: each becomes its series; exemplars hang on their buckets; the end is a stale marker.
///
/// Conforms: exporter `prometheus_remote_write` | metrics | histograms, summaries, exemplars, stale markers | same
#[test]
fn histograms_become_buckets() {
    let exemplar = json!({"timeUnixNano": "1700000009000000000", "asDouble": 0.5,
        "traceId": "0102030405060708090a0b0c0d0e0f10", "spanId": "0102030405060708",
        "filteredAttributes": [{"key": "user", "value": {"stringValue": "u1"}}]});
    let histogram = point(json!({"count": "3", "sum": 4.5, "bucketCounts": ["1", "2"],
        "explicitBounds": [1.0], "exemplars": [exemplar]}));
    let ended = point(json!({"flags": 1}));
    let summary = point(
        json!({"count": "2", "sum": 3.0, "quantileValues": [{"quantile": 0.5, "value": 1.5}]}),
    );
    let written = write(
        "disable_scope_info: true, target_info: {enabled: false}",
        json!([
            {"name": "h", "histogram": {"dataPoints": [histogram], "aggregationTemporality": 2}},
            {"name": "gone", "histogram": {"dataPoints": [ended], "aggregationTemporality": 2}},
            {"name": "s", "summary": {"dataPoints": [summary]}},
        ]),
    );
    let series = series(&written);
    let value = |name: &str| series[&name.replace('|', ",instance=i,job=shop,")].samples[0].value;
    assert_eq!(value("__name__=h_bucket|le=1,route=/"), 1.0);
    assert_eq!(value("__name__=h_bucket|le=+Inf,route=/"), 3.0);
    assert_eq!(value("__name__=h_sum|route=/"), 4.5);
    assert_eq!(value("__name__=s|quantile=0.5,route=/"), 1.5);
    assert_eq!(value("__name__=gone_count|route=/").to_bits(), STALE);
    let first = &series["__name__=h_bucket,instance=i,job=shop,le=1,route=/"];
    let labels: Vec<_> = first.exemplars[0]
        .labels
        .iter()
        .map(|label| label.name.as_str())
        .collect();
    assert_eq!(labels, ["span_id", "trace_id", "user"]);
    assert_eq!(first.exemplars[0].time, 1_700_000_009_000);
}

/// Scenario: exponential histograms, one of a scale that Prometheus has not.
/// Guarantees: one is native; of the other count and sum are written, and its buckets' loss is told.
///
/// Conforms: exporter `prometheus_remote_write` | metrics | exponential histograms | same
#[test]
fn exponential_histograms_become_native_ones() {
    let at = |route: &str, scale: i32| {
        let mut point = point(
            json!({"count": "4", "sum": 4.0, "scale": scale, "zeroCount": "1",
            "positive": {"offset": -1, "bucketCounts": ["1", "2"]}}),
        );
        point["attributes"][0]["value"]["stringValue"] = json!(route);
        point
    };
    let metric = json!([{"name": "e", "exponentialHistogram": {
        "dataPoints": [at("/", 2), at("/low", -5)], "aggregationTemporality": 2}}]);
    let written = write("disable_scope_info: true", metric);
    assert_eq!(written.notices[0].trouble, Trouble::Buckets);
    let series = series(&written);
    let native = &series["__name__=e,instance=i,job=shop,route=/"].histograms[0];
    assert_eq!((native.count, native.sum, native.schema), (4, 4.0, 2));
    assert_eq!(native.positive_deltas, [1, 1]);
    assert!(series.contains_key("__name__=e_count,instance=i,job=shop,route=/low"));
}

/// Scenario: sums of changes.
/// Guarantees: they are rejected by name: Prometheus counts from a start.
///
/// Conforms: exporter `prometheus_remote_write` | metrics | sums and histograms of changes | better: rejected,
/// counted and booked as lost
#[test]
fn changes_are_rejected() {
    let metric = json!([{"name": "d", "sum": {
        "dataPoints": [point(json!({"asInt": "1"}))], "aggregationTemporality": 1, "isMonotonic": true}}]);
    let written = write("target_info: {enabled: false}", metric);
    assert_eq!((written.rejected, written.batches.len()), (1, 0));
    assert_eq!(
        (written.notices[0].trouble, &*written.notices[0].metric),
        (Trouble::Temporality, "d")
    );
}

/// Scenario: many series under a bound of 1,000 bytes, in both protocols.
/// Guarantees: no request of more than one series exceeds it, and every series is in exactly one.
///
/// Conforms: exporter `prometheus_remote_write` | metrics | `max_batch_size_bytes` | same
#[test]
fn requests_are_bounded() {
    let points: Vec<_> = (0..50)
        .map(|number| {
            let mut point = point(json!({"asInt": number.to_string()}));
            point["attributes"][0]["value"]["stringValue"] = json!(format!("/route/{number}"));
            point
        })
        .collect();
    let metrics = json!([{"name": "g", "gauge": {"dataPoints": points}}]);
    for protocol in ["prometheus.WriteRequest", "io.prometheus.write.v2.Request"] {
        let options = format!(
            "max_batch_size_bytes: 1000, target_info: {{enabled: false}}, protobuf_message: {protocol}"
        );
        let written = write(&options, metrics.clone());
        assert!(written.batches.len() > 3);
        assert!(written.batches.iter().all(|batch| batch.body.len() <= 1100));
        assert_eq!(
            written
                .batches
                .iter()
                .map(|batch| batch.points)
                .sum::<u64>(),
            50
        );
    }
}

/// Scenario: a counter in 2.0.
/// Guarantees: texts are in the table, once; type, help, unit and start are there.
///
/// Conforms: exporter `prometheus_remote_write` | metrics | `protobuf_message: io.prometheus.write.v2.Request` |
/// better: needs no feature gate; a request has only the texts that it uses
#[test]
fn version_2_sends_texts_once() {
    let options =
        "protobuf_message: io.prometheus.write.v2.Request, translation_strategy: NoTranslation";
    let written = write(options, counter());
    let request =
        version_2::Request::decode(written.batches[0].body.as_slice()).expect("a message");
    assert_eq!(request.symbols[0], "");
    let text = |number: u32| request.symbols[number as usize].as_str();
    let series = &request.series[0];
    let labels: Vec<_> = series
        .labels
        .chunks(2)
        .map(|pair| (text(pair[0]), text(pair[1])))
        .collect();
    assert_eq!(labels[0], ("__name__", "calls"));
    assert!(labels.contains(&("route", "/")));
    let metadata = series.metadata.as_ref().expect("metadata");
    assert_eq!(
        (metadata.kind, text(metadata.help), text(metadata.unit)),
        (1, "Calls", "")
    );
    assert_eq!(series.samples[0].start, 1_700_000_000_000);
    let mut once = request.symbols.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), request.symbols.len());
}

/// Scenario: metadata is asked for in 1.0.
/// Guarantees: each family is described once, in a request of its own.
///
/// Conforms: exporter `prometheus_remote_write` | metrics | `send_metadata` | same
#[test]
fn metadata_is_sent_when_asked_for() {
    let written = write("send_metadata: true", counter());
    let last = written.batches.last().expect("a request");
    let request = version_1::WriteRequest::decode(last.body.as_slice()).expect("a message");
    let families: Vec<_> = request
        .metadata
        .iter()
        .map(|metadata| {
            (
                metadata.family.as_str(),
                metadata.kind,
                metadata.help.as_str(),
            )
        })
        .collect();
    assert_eq!(
        families,
        [
            ("calls_total", 1, "Calls"),
            ("target_info", 2, "Target metadata")
        ]
    );
    assert!(request.series.is_empty());
}
