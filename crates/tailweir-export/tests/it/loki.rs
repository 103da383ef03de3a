//! The `loki` exporter against a server that reads Loki's protocol strictly.

use crate::support::{HttpBackend, HttpRequest, Ledger, Reply, quick_retry, while_running};
use bytes::Bytes;
use prost::Message;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use tailweir_config::{HttpCompression, LokiEncoding, LokiExporter, LokiStructuredMetadata};
use tailweir_core::Signal;
use tailweir_export::{Exporter, ExporterSettings, Loki, LossReason};

/// `logproto.PushRequest`, as Loki declares it.
#[derive(Clone, PartialEq, Message)]
struct PushRequest {
    #[prost(message, repeated, tag = "1")]
    streams: Vec<Stream>,
}

#[derive(Clone, PartialEq, Message)]
struct Stream {
    #[prost(string, tag = "1")]
    labels: String,
    #[prost(message, repeated, tag = "2")]
    entries: Vec<Entry>,
}

#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(message, required, tag = "1")]
    timestamp: Timestamp,
    #[prost(string, tag = "2")]
    line: String,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<Pair>,
}

#[derive(Clone, PartialEq, Message)]
struct Pair {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

fn settings(backend: &HttpBackend) -> LokiExporter {
    let mut settings = LokiExporter::default();
    settings.client.endpoint = format!("http://{}/loki/api/v1/push", backend.address);
    settings
}

fn exporter(settings: &LokiExporter) -> Exporter {
    let queue = ExporterSettings {
        retry: Some(quick_retry()),
        ..ExporterSettings::of_loki(settings)
    };
    let destination = Loki::new(settings, None).unwrap();
    Exporter::new("loki", Signal::Logs, Arc::new(destination), &queue)
}

fn wire(request: &str) -> Bytes {
    let mut out = Vec::new();
    tailweir_otlp::json::to_wire(Signal::Logs, request.as_bytes(), &mut out).unwrap();
    out.into()
}

async fn send(exporter: &Exporter, items: u64, body: Bytes) -> Arc<Ledger> {
    let ledger = Ledger::new();
    exporter
        .offer(ledger.parcel_of(Signal::Logs, items, body))
        .await
        .unwrap();
    while_running(exporter, ledger.settled(1)).await;
    ledger
}

fn tenant(request: &HttpRequest) -> &str {
    let tenant = request.headers.get("x-scope-orgid");
    tenant.map_or("", |tenant| tenant.to_str().unwrap())
}

/// The request that was pushed as protobuf. Fails on what Loki would not read.
fn push_request(request: &HttpRequest) -> PushRequest {
    assert_eq!(request.path, "/loki/api/v1/push");
    assert_eq!(request.headers["content-type"], "application/x-protobuf");
    assert!(!request.headers.contains_key("content-encoding"));
    let body = snap::raw::Decoder::new()
        .decompress_vec(&request.body)
        .unwrap();
    let push = PushRequest::decode(&body[..]).unwrap();
    assert_eq!(
        push.encode_to_vec(),
        body,
        "nothing that Loki does not know"
    );
    let mut labels: Vec<_> = push.streams.iter().map(|stream| &stream.labels).collect();
    labels.sort();
    labels.dedup();
    assert_eq!(
        labels.len(),
        push.streams.len(),
        "a stream once in a request"
    );
    push
}

/// What a request pushes: tenant, labels, time and line of each entry.
fn entries(request: &HttpRequest) -> Vec<Json> {
    let (push, tenant) = (push_request(request), tenant(request));
    let entries = push.streams.iter().flat_map(|stream| {
        stream.entries.iter().map(move |entry| {
            assert_eq!(entry.metadata, [], "nobody asked for it");
            let nanos = entry.timestamp.seconds * 1_000_000_000 + i64::from(entry.timestamp.nanos);
            json!([tenant, stream.labels, nanos.to_string(), entry.line])
        })
    });
    entries.collect()
}

/// Scenario: records with every kind of hint, format, body and severity, with the default labels and
/// without any.
/// Guarantees: tenants, streams, times and lines are those that the Collector's translator (v0.130.0) made.
///
/// Conforms: exporter `loki` | logs | labels, hints, tenants, formats and lines; `default_labels_enabled` | same
#[tokio::test]
async fn records_become_what_the_collector_made_of_them() {
    let expected = include_str!("data/loki_expected.jsonl");
    for (with_defaults, expected) in [true, false].into_iter().zip(expected.split("--\n")) {
        let backend = HttpBackend::start([]).await;
        let mut settings = settings(&backend);
        if !with_defaults {
            settings
                .default_labels_enabled
                .values_mut()
                .for_each(|on| *on = false);
        }
        let body = wire(include_str!("data/loki_input.json"));
        let ledger = send(&exporter(&settings), 8, body).await;
        assert_eq!(ledger.items(), (8, 0));
        let mut ours: Vec<_> = backend.requests().iter().flat_map(entries).collect();
        let parse = |line: &str| serde_json::from_str::<Json>(line).unwrap();
        let mut theirs: Vec<_> = expected.lines().map(parse).collect();
        ours.sort_by_key(ToString::to_string);
        theirs.sort_by_key(ToString::to_string);
        assert_eq!(ours, theirs);
    }
}

const TWO_TENANTS: &str = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[
    {"body":{"stringValue":"one"},"timeUnixNano":"1"},
    {"body":{"stringValue":"two"},"timeUnixNano":"2","attributes":[
        {"key":"loki.tenant","value":{"stringValue":"who"}},{"key":"who","value":{"stringValue":"red"}}]},
    {"body":{"stringValue":"three"},"timeUnixNano":"3","attributes":[
        {"key":"loki.tenant","value":{"stringValue":"who"}},{"key":"who","value":{"stringValue":"red"}}]}]}]}]}"#;

/// Scenario: Loki refuses the lines of one of two tenants for good.
/// Guarantees: exactly those are counted as rejected, and nothing is sent twice.
///
/// Conforms: exporter `loki` | logs | one tenant's lines are refused | better: those of that tenant count as rejected
#[tokio::test]
async fn what_is_refused_for_one_tenant_is_lost_for_that_one() {
    let backend = HttpBackend::start([
        Reply::status(204, &[], ""),
        Reply::status(400, &[], "entry too far behind"),
    ])
    .await;
    let exporter = exporter(&settings(&backend));
    let ledger = send(&exporter, 3, wire(TWO_TENANTS)).await;
    assert_eq!(ledger.items(), (1, 2));
    assert_eq!(ledger.reasons(), [Some(LossReason::RejectedByBackend)]);
    let error = exporter.snapshot().last_error;
    assert!(error.contains("entry too far behind"), "{error}");
    assert_eq!(backend.requests().len(), 2);
}

/// Scenario: Loki holds the first of two tenants to its rate, at every attempt, until the lines are given up.
/// Guarantees: the other tenant's lines are sent at each of them: nobody waits for another's limit.
///
/// Conforms: exporter `loki` | logs | one tenant is held to its rate | same
#[tokio::test]
async fn a_tenant_that_is_held_back_holds_up_no_other() {
    let limited = || Reply::status(429, &[], "ingestion rate limit exceeded");
    let taken = || Reply::status(204, &[], "");
    let backend = HttpBackend::start([limited(), taken(), taken(), taken()]).await;
    let ledger = send(&exporter(&settings(&backend)), 3, wire(TWO_TENANTS)).await;
    assert_eq!(ledger.items(), (3, 0));
    let requests = backend.requests();
    let tenants: Vec<_> = requests.iter().map(tenant).collect();
    assert_eq!(tenants, ["", "red", "", "red"]);
}

/// Scenario: Loki is overloaded, then fails, then takes the lines; another time it refuses all for good.
/// Guarantees: they are sent until they are taken, or lost with the reason after one attempt.
#[tokio::test]
async fn a_push_is_tried_again_where_that_may_help() {
    let one = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}}]}]}]}"#;
    let again = [429, 500, 503].map(|status| Reply::status(status, &[], "later"));
    let backend = HttpBackend::start(again).await;
    let ledger = send(&exporter(&settings(&backend)), 1, wire(one)).await;
    assert_eq!((ledger.items(), backend.requests().len()), ((1, 0), 4));
    let backend = HttpBackend::start([Reply::status(401, &[], "who are you")]).await;
    let ledger = send(&exporter(&settings(&backend)), 1, wire(one)).await;
    assert_eq!(ledger.reasons(), [Some(LossReason::PermanentError)]);
    assert_eq!(backend.requests().len(), 1);
}

/// Scenario: lines that a decoder of logfmt would cut short, numbers that JSON does not have, a tenant that
/// no header can carry.
/// Guarantees: whole lines arrive; what cannot be sent is counted, the rest is delivered.
///
/// Conforms: exporter `loki` | logs | records that the Collector drops silently | better: written or counted, as the
/// table below says
#[tokio::test]
async fn what_the_collector_lost_silently_is_kept_or_counted() {
    let backend = HttpBackend::start([]).await;
    let request = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[
        {"timeUnixNano":"1","body":{"stringValue":"a=1\nb=2"},
         "attributes":[{"key":"loki.format","value":{"stringValue":"logfmt"}}]},
        {"timeUnixNano":"2","body":{"doubleValue":"NaN"}},
        {"timeUnixNano":"3","body":{"stringValue":"x"},
         "attributes":[{"key":"loki.format","value":{"stringValue":"xml"}}]},
        {"timeUnixNano":"4","attributes":[{"key":"loki.tenant","value":{"stringValue":"who"}},
         {"key":"who","value":{"stringValue":"a\nb"}}]}]}]}]}"#;
    let ledger = send(&exporter(&settings(&backend)), 4, wire(request)).await;
    assert_eq!(ledger.items(), (3, 1));
    let requests = backend.requests();
    let lines: Vec<_> = requests
        .iter()
        .flat_map(entries)
        .map(|entry| entry[3].clone())
        .collect();
    assert_eq!(
        lines,
        [
            "msg=\"a=1\\nb=2\"",
            "{\"body\":\"NaN\"}",
            "{\"body\":\"x\"}"
        ]
    );
}

/// What a request pushes as JSON: labels as protobuf has them, time, line and metadata of each entry.
fn json_entries(request: &HttpRequest) -> Vec<Json> {
    assert_eq!(request.headers["content-type"], "application/json");
    let body: Json = match request.headers.get("content-encoding") {
        None => serde_json::from_slice(&request.body).unwrap(),
        Some(packed) => {
            assert_eq!(packed, "gzip");
            serde_json::from_reader(flate2::read::GzDecoder::new(&request.body[..])).unwrap()
        }
    };
    let labels = |stream: &Json| {
        let labels = stream["stream"].as_object().unwrap().iter();
        let pairs: Vec<_> = labels
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        format!("{{{}}}", pairs.join(", "))
    };
    let streams = body["streams"].as_array().unwrap();
    let entries = streams.iter().flat_map(|stream| {
        let values = stream["values"].as_array().unwrap();
        values.iter().map(move |value| {
            let metadata = value.get(2).cloned().unwrap_or(json!({}));
            json!([
                tenant(request),
                labels(stream),
                value[0],
                value[1],
                metadata
            ])
        })
    });
    entries.collect()
}

/// Scenario: the records of every kind, pushed as JSON, plain and as gzip.
/// Guarantees: tenants, streams, times and lines are those of protobuf.
///
/// Conforms: exporter `loki` | logs | `encoding: json` | only here: pushes JSON, plain or with `compression: gzip`,
/// in place of protobuf
#[tokio::test]
async fn json_says_what_protobuf_says() {
    let body = wire(include_str!("data/loki_input.json"));
    let backend = HttpBackend::start([]).await;
    send(&exporter(&settings(&backend)), 8, body.clone()).await;
    let mut protobuf: Vec<_> = backend.requests().iter().flat_map(entries).collect();
    protobuf.sort_by_key(ToString::to_string);
    for compression in [HttpCompression::None, HttpCompression::Gzip] {
        let backend = HttpBackend::start([]).await;
        let mut settings = settings(&backend);
        settings.encoding = LokiEncoding::Json;
        settings.client.compression = compression;
        let ledger = send(&exporter(&settings), 8, body.clone()).await;
        assert_eq!(ledger.items(), (8, 0));
        let mut json: Vec<_> = backend.requests().iter().flat_map(json_entries).collect();
        for entry in &mut json {
            assert_eq!(entry.as_array_mut().unwrap().pop(), Some(json!({})));
        }
        json.sort_by_key(ToString::to_string);
        assert_eq!(json, protobuf);
    }
}

const OF_A_TRACE: &str = r#"{"resourceLogs":[{"resource":{"attributes":[
    {"key":"service.name","value":{"stringValue":"shop"}},
    {"key":"k8s.pod.name","value":{"stringValue":"pod-1"}}]},"scopeLogs":[{"logRecords":[
    {"timeUnixNano":"1","body":{"stringValue":"paid"},
     "traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","attributes":[
        {"key":"order.id","value":{"intValue":"7"}},{"key":"order_id","value":{"intValue":"8"}},
        {"key":"region","value":{"stringValue":"eu"}},{"key":"empty","value":{"stringValue":""}},
        {"key":"loki.attribute.labels","value":{"stringValue":"region"}}]}]}]}]}"#;

/// Scenario: a record of a trace, with an attribute that is a label, one without text, and two whose names
/// become one; ids, all of its attributes and one of the resource are wanted as structured metadata, in both
/// forms.
/// Guarantees: what can be metadata is, by names that Loki allows, and is not in the line; labels, empty
/// text and the second of the two are where they were.
///
/// Conforms: exporter `loki` | logs | `structured_metadata` | only here: `trace_context: true` writes `trace_id` and
/// `span_id` as structured metadata, `attributes` and `resource_attributes` name what else (`*`: all). What is
/// written there is not in the line; what is a label already or is empty stays where it was
#[tokio::test]
async fn what_is_wanted_becomes_structured_metadata() {
    let metadata = json!({
        "k8s_pod_name": "pod-1", "order_id": "7",
        "span_id": "0102030405060708", "trace_id": "0102030405060708090a0b0c0d0e0f10",
    });
    let line = r#"{"body":"paid","attributes":{"empty":"","order_id":8},"resources":{"service.name":"shop"}}"#;
    let labels = r#"{exporter="OTLP", job="shop", region="eu"}"#;
    for encoding in [LokiEncoding::Json, LokiEncoding::Protobuf] {
        let backend = HttpBackend::start([]).await;
        let mut settings = settings(&backend);
        settings.encoding = encoding;
        settings.structured_metadata = LokiStructuredMetadata {
            trace_context: true,
            attributes: vec!["*".to_owned()],
            resource_attributes: vec!["k8s.pod.name".to_owned(), "absent".to_owned()],
        };
        send(&exporter(&settings), 1, wire(OF_A_TRACE)).await;
        let request = backend.requests().pop().unwrap();
        if encoding == LokiEncoding::Json {
            let expected = json!(["", labels, "1", line, metadata]);
            assert_eq!(json_entries(&request), [expected]);
            continue;
        }
        let [stream] = push_request(&request).streams.try_into().unwrap();
        assert_eq!((&*stream.labels, &*stream.entries[0].line), (labels, line));
        let pairs = stream.entries[0].metadata.iter();
        let pairs: serde_json::Map<_, _> = pairs
            .map(|pair| (pair.name.clone(), json!(pair.value)))
            .collect();
        assert_eq!(Json::Object(pairs), metadata);
    }
}

/// Scenario: a record with more attributes than a line may have pairs, as logfmt.
/// Guarantees: as many as Loki takes are metadata, the others are in the line; none is lost or written twice.
///
/// Conforms: exporter `loki` | logs | `structured_metadata`, more than 128 | only here: what comes after the 128th
/// stays in the line
#[tokio::test]
async fn metadata_above_the_limit_stays_in_the_line() {
    let attributes: Vec<_> = (0..130)
        .map(|index| json!({"key": format!("a{index}"), "value": {"intValue": index.to_string()}}))
        .chain([json!({"key": "loki.format", "value": {"stringValue": "logfmt"}})])
        .collect();
    let request = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [
        {"timeUnixNano": "1", "attributes": attributes}]}]}]});
    let backend = HttpBackend::start([]).await;
    let mut settings = settings(&backend);
    settings.structured_metadata.attributes = vec!["*".to_owned()];
    send(&exporter(&settings), 1, wire(&request.to_string())).await;
    let request = backend.requests().pop().unwrap();
    let [stream] = push_request(&request).streams.try_into().unwrap();
    assert_eq!(stream.entries[0].metadata.len(), 128);
    assert_eq!(
        stream.entries[0].line,
        "attribute_a128=128 attribute_a129=129"
    );
}
