//! The `zipkin` exporter against a server that reads Zipkin's format strictly.

use crate::support::{HttpBackend, HttpRequest, Ledger, Reply, quick_retry, while_running};
use bytes::Bytes;
use prost::Message;
use serde_json::{Map, Value as Json, json};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use tailweir_config::{ZipkinExporter, ZipkinFormat};
use tailweir_core::Signal;
use tailweir_export::{Exporter, ExporterSettings, LossReason, Zipkin};
use tailweir_testkit::{ZipkinAnnotation, ZipkinEndpoint, ZipkinSpan, ZipkinSpans};

/// The spans of a body of protobuf, as the JSON format has them. Zipkin writes names in lower case.
fn read_proto(body: &[u8]) -> Json {
    let list = ZipkinSpans::decode(body).unwrap();
    assert_eq!(
        list.encoded_len(),
        body.len(),
        "nothing that Zipkin does not know"
    );
    list.spans.iter().map(read_span).collect()
}

fn read_span(span: &ZipkinSpan) -> Json {
    assert_eq!((span.trace_id.len(), span.id.len()), (16, 8));
    let kinds = [
        None,
        Some("CLIENT"),
        Some("SERVER"),
        Some("PRODUCER"),
        Some("CONSUMER"),
    ];
    let annotation =
        |one: &ZipkinAnnotation| json!({"timestamp": one.timestamp, "value": one.value});
    let trace_id = hex(&span.trace_id);
    known(json!({
        "traceId": trace_id.strip_prefix("0000000000000000").unwrap_or(&trace_id),
        "parentId": hex(&span.parent_id),
        "id": hex(&span.id),
        "kind": kinds[usize::try_from(span.kind).unwrap()],
        "name": span.name.to_lowercase(),
        "timestamp": span.timestamp,
        "duration": span.duration,
        "localEndpoint": span.local_endpoint.as_ref().map(read_endpoint),
        "remoteEndpoint": span.remote_endpoint.as_ref().map(read_endpoint),
        "annotations": span.annotations.iter().map(annotation).collect::<Vec<_>>(),
        "tags": span.tags,
    }))
}

fn read_endpoint(endpoint: &ZipkinEndpoint) -> Json {
    let ipv4 = <[u8; 4]>::try_from(&endpoint.ipv4[..]).map(Ipv4Addr::from);
    let ipv6 = <[u8; 16]>::try_from(&endpoint.ipv6[..]).map(Ipv6Addr::from);
    assert_eq!(
        ipv4.is_err(),
        endpoint.ipv4.is_empty(),
        "four bytes or none"
    );
    assert_eq!(
        ipv6.is_err(),
        endpoint.ipv6.is_empty(),
        "sixteen bytes or none"
    );
    let text = |address: Option<IpAddr>| address.map(|address| address.to_string());
    known(json!({
        "serviceName": endpoint.service_name.to_lowercase(),
        "ipv4": text(ipv4.ok().map(IpAddr::from)),
        "ipv6": text(ipv6.ok().map(IpAddr::from)),
        "port": endpoint.port,
    }))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Without what protobuf has no presence for: zeros, empty texts and lists.
fn known(object: Json) -> Json {
    let Json::Object(members) = object else {
        unreachable!("an object")
    };
    let nothings = [json!(null), json!(0), json!(""), json!([]), json!({})];
    let kept = members
        .into_iter()
        .filter(|(_, value)| !nothings.contains(value));
    Json::Object(kept.collect::<Map<_, _>>())
}

fn settings(backend: &HttpBackend, format: ZipkinFormat) -> ZipkinExporter {
    let mut settings = ZipkinExporter {
        format,
        ..ZipkinExporter::default()
    };
    settings.client.endpoint = format!("http://{}/api/v2/spans", backend.address);
    settings
}

fn exporter(settings: &ZipkinExporter) -> Exporter {
    let queue = ExporterSettings {
        retry: Some(quick_retry()),
        ..ExporterSettings::of_zipkin(settings)
    };
    let destination = Zipkin::new(settings, None).unwrap();
    Exporter::new("zipkin", Signal::Traces, Arc::new(destination), &queue)
}

async fn send(exporter: &Exporter, items: u64, request: &str) -> Arc<Ledger> {
    let mut body = Vec::new();
    tailweir_otlp::json::to_wire(Signal::Traces, request.as_bytes(), &mut body).unwrap();
    let ledger = Ledger::new();
    let parcel = ledger.parcel_of(Signal::Traces, items, Bytes::from(body));
    exporter.offer(parcel).await.unwrap();
    while_running(exporter, ledger.settled(1)).await;
    ledger
}

/// The spans that were sent, by the content type that they were sent with.
fn spans(request: &HttpRequest) -> Json {
    assert_eq!(request.path, "/api/v2/spans");
    assert!(!request.headers.contains_key("content-encoding"));
    match request.headers["content-type"].to_str().unwrap() {
        "application/json" => serde_json::from_slice(&request.body).unwrap(),
        "application/x-protobuf" => read_proto(&request.body),
        other => panic!("Zipkin does not know {other}"),
    }
}

async fn sent_spans(settings: &ZipkinExporter, backend: &HttpBackend, request: &str) -> Json {
    let items = request.matches("traceId\":\"").count() as u64;
    send(&exporter(settings), items, request).await;
    spans(backend.requests().last().unwrap())
}

/// Scenario: spans of every kind with every way to name a service, addresses, ports above the highest,
/// statuses, events, links and values of every type, as JSON and as protobuf.
/// Guarantees: they become what the Collector's translator and Zipkin's own library (v0.161.0, v0.4.3) made of
/// them as JSON; protobuf says the same.
///
/// Conforms: exporter `zipkin` | traces | `format: json` | same
/// Conforms: exporter `zipkin` | traces | `format: proto` | better: addresses, roots and times as in JSON, which the
/// Collector writes otherwise
#[tokio::test]
async fn spans_become_what_the_collector_makes_of_them() {
    let inputs = include_str!("data/zipkin_input.jsonl").lines();
    let expected = include_str!("data/zipkin_expected.jsonl").lines();
    for (input, expected) in inputs.zip(expected) {
        let expected: Json = serde_json::from_str(expected).unwrap();
        for format in [ZipkinFormat::Json, ZipkinFormat::Proto] {
            let backend = HttpBackend::start([]).await;
            let ours = sent_spans(&settings(&backend, format), &backend, input).await;
            assert_eq!(ours, expected, "as {format:?}");
        }
    }
}

fn one_span(attributes: &str) -> String {
    format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"scope":{{"name":"first"}},"spans":[{{
        "traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708",
        "attributes":[{attributes}]}}]}}]}}]}}"#
    )
}

fn attribute(key: &str, value: &str) -> String {
    format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#)
}

/// Scenario: a peer whose address is a name, a port without anybody that it belongs to, addresses and ports under
/// their older and newer names, two scopes of which one is named, an event with not-a-number, a span that ends
/// before it begins, a service that the settings name.
/// Guarantees: what the Collector loses or mixes up is sent: as a tag, in the endpoint, or as text.
///
/// Conforms: exporter `zipkin` | traces | addresses, ports and scopes that the Collector loses or mixes up | better:
/// sent, as the table below says
/// Conforms: exporter `zipkin` | traces | `default_service_name` | better: the service of spans without one; the
/// Collector takes it without effect
#[tokio::test]
async fn nothing_is_lost_on_the_way_to_zipkin() {
    let backend = HttpBackend::start([]).await;
    let mut settings = settings(&backend, ZipkinFormat::Json);
    let unknown = [
        attribute("network.peer.address", "db.local"),
        attribute("net.peer.port", "5432"),
    ];
    let named = sent_spans(&settings, &backend, &one_span(&unknown.join(","))).await;
    assert_eq!(named[0]["remoteEndpoint"], Json::Null);
    assert_eq!(named[0]["tags"]["network.peer.address"], "db.local");
    assert_eq!(named[0]["tags"]["net.peer.port"], "5432");

    let old = [
        attribute("net.peer.ip", "10.0.0.1"),
        attribute("network.peer.port", "443"),
    ];
    let old = sent_spans(&settings, &backend, &one_span(&old.join(","))).await;
    assert_eq!(
        old[0]["remoteEndpoint"],
        json!({"ipv4": "10.0.0.1", "port": 443})
    );
    assert_eq!(old[0]["tags"], json!({"otel.library.name": "first"}));

    settings.default_service_name = "unnamed".to_owned();
    let second = r#","scopeSpans":[{"scope":{"name":"first"}},{"spans":[{
        "traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060709",
        "startTimeUnixNano":"2000000000","endTimeUnixNano":"1000000000","events":[
        {"name":"e","attributes":[{"key":"k","value":{"doubleValue":"NaN"}}]}]}]}]"#;
    let request = format!(r#"{{"resourceSpans":[{{"resource":{{}}{second}}}]}}"#);
    let odd = sent_spans(&settings, &backend, &request).await;
    let expected = json!([{
        "traceId": "0102030405060708090a0b0c0d0e0f10", "id": "0102030405060709", "timestamp": 2_000_000,
        "localEndpoint": {"serviceName": "unnamed"},
        "annotations": [{"timestamp": 0, "value": "e|{\"k\":\"NaN\"}|0"}],
    }]);
    assert_eq!(odd, expected);
}

/// Scenario: spans without a trace id and without a span id, beside a whole one and alone.
/// Guarantees: the whole one arrives; the others are counted as rejected, or lost where nothing is left to send.
///
/// Conforms: exporter `zipkin` | traces | spans without ids | better: left out and counted; the Collector drops the
/// whole request
#[tokio::test]
async fn spans_without_ids_are_counted_and_the_rest_arrives() {
    let backend = HttpBackend::start([]).await;
    let settings = settings(&backend, ZipkinFormat::Proto);
    let whole = r#"{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708"}"#;
    let broken = r#"{"spanId":"0102030405060708"},{"traceId":"0102030405060708090a0b0c0d0e0f10"}"#;
    let request =
        |spans: &str| format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#);
    let exporter = exporter(&settings);
    let ledger = send(&exporter, 3, &request(&format!("{whole},{broken}"))).await;
    assert_eq!(ledger.items(), (1, 2));
    assert_eq!(spans(&backend.requests()[0]).as_array().unwrap().len(), 1);
    let ledger = send(&exporter, 2, &request(broken)).await;
    assert_eq!(ledger.reasons(), [Some(LossReason::PermanentError)]);
    assert_eq!(backend.requests().len(), 1);
}

/// Scenario: Zipkin is overloaded, then fails, then takes the spans; another time it refuses them for good.
/// Guarantees: they are sent until they are taken, or lost with the reason after one attempt.
///
/// Conforms: exporter `zipkin` | traces | answers of 4xx | better: 408 and 429 are tried again, others given up and
/// counted
#[tokio::test]
async fn spans_are_sent_again_where_that_may_help() {
    let again = [408, 429, 500, 503].map(|status| Reply::status(status, &[], "later"));
    let backend = HttpBackend::start(again).await;
    let json = settings(&backend, ZipkinFormat::Json);
    let ledger = send(&exporter(&json), 1, &one_span("")).await;
    assert_eq!((ledger.items(), backend.requests().len()), ((1, 0), 5));
    let backend =
        HttpBackend::start([Reply::status(400, &[], "Malformed reading List<Span>")]).await;
    let exporter = exporter(&settings(&backend, ZipkinFormat::Json));
    let ledger = send(&exporter, 1, &one_span("")).await;
    assert_eq!(ledger.reasons(), [Some(LossReason::PermanentError)]);
    assert_eq!(backend.requests().len(), 1);
    assert!(exporter.snapshot().last_error.contains("Malformed"));
}
