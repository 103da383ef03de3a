//! Traces, metrics and logs alike: every encoding, every limit, every answer, books for each.

use crate::harness::{Fixture, options};
use crate::raw_grpc;
use bytes::Bytes;
use http::Method;
use prost::Message;
use std::collections::BTreeSet;
use std::time::Duration;
use tailweir_core::{ByteSize, Signal};
use tailweir_gateway::Options;
use tailweir_testkit::{Answer, Gate, Received, Sink};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tonic::Code;
use tonic_types::StatusExt;

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// How a request reaches the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Grpc,
    Http(&'static str),
}

const EVERY_WAY: [By; 3] = [By::Grpc, By::Http(PROTOBUF), By::Http(JSON)];

/// What the client was told.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Success,
    /// A code of gRPC or a status of HTTP, and the seconds after which to come again.
    Refused(u16, Option<u64>),
}

fn path(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/v1/traces",
        Signal::Metrics => "/v1/metrics",
        Signal::Logs => "/v1/logs",
    }
}

fn method(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    }
}

/// Two items of a signal as JSON, the first with this text in it.
fn json(signal: Signal, text: &str) -> String {
    let resource =
        r#""resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]}"#;
    match signal {
        Signal::Traces => {
            let ids = r#""traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b"#;
            format!(
                r#"{{"resourceSpans":[{{{resource},"scopeSpans":[{{"spans":[
                   {{{ids}7","name":"{text}"}},{{{ids}8","name":"b"}}]}}]}}]}}"#
            )
        }
        Signal::Metrics => format!(
            r#"{{"resourceMetrics":[{{{resource},"scopeMetrics":[{{"metrics":[
               {{"name":"{text}","gauge":{{"dataPoints":[{{"asInt":"1"}},{{"asDouble":2.5}}]}}}}]}}]}}]}}"#
        ),
        Signal::Logs => format!(
            r#"{{"resourceLogs":[{{{resource},"scopeLogs":[{{"logRecords":[
               {{"body":{{"stringValue":"{text}"}}}},{{"severityText":"INFO"}}]}}]}}]}}"#
        ),
    }
}

fn wire(signal: Signal, text: &str) -> Bytes {
    let mut out = Vec::new();
    tailweir_otlp::json::to_wire(signal, json(signal, text).as_bytes(), &mut out).unwrap();
    out.into()
}

/// Two items of a signal, in the encoding of this way.
fn body(signal: Signal, by: By, text: &str) -> Bytes {
    match by {
        By::Http(JSON) => json(signal, text).into(),
        _ => wire(signal, text),
    }
}

async fn send(gateway: &Fixture, signal: Signal, by: By, body: Bytes) -> Told {
    let By::Http(content_type) = by else {
        return call(gateway, signal, body).await;
    };
    let headers = [("content-type", content_type)];
    let answer = gateway
        .http(Method::POST, path(signal), &headers, body)
        .await;
    assert_eq!(answer.header("content-type"), Some(content_type));
    if answer.status != 200 {
        let seconds = answer
            .header("retry-after")
            .map(|text| text.parse().unwrap());
        return Told::Refused(answer.status, seconds);
    }
    match content_type {
        JSON => assert_eq!(answer.json(), serde_json::json!({"partialSuccess": {}})),
        _ => assert!(answer.body.is_empty(), "nothing was rejected"),
    }
    Told::Success
}

async fn call(gateway: &Fixture, signal: Signal, body: Bytes) -> Told {
    match raw_grpc::call(gateway, method(signal), body).await {
        Ok(answer) => {
            assert!(answer.is_empty(), "nothing was rejected");
            Told::Success
        }
        Err(status) => {
            let info = status.get_details_retry_info();
            let delay = info.and_then(|info| info.retry_delay);
            let seconds = delay.map(|delay| Duration::as_secs(&delay));
            Told::Refused(status.code() as u16, seconds)
        }
    }
}

/// What is told by gRPC and by HTTP for the same cause.
fn refused(by: By, code: Code, status: u16, seconds: Option<u64>) -> Told {
    match by {
        By::Grpc => Told::Refused(code as u16, seconds),
        By::Http(_) => Told::Refused(status, seconds),
    }
}

/// Three pipelines through which everything passes, to this sink.
fn yaml(sink: &Sink, receiver: &str, processors: &str, exporter: &str) -> String {
    let endpoint = sink.endpoint();
    let names = match processors {
        "" => "",
        _ => "memory_limiter",
    };
    let pipeline = format!("{{receivers: [otlp], processors: [{names}], exporters: [otlp]}}");
    format!(
        "
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: '127.0.0.1:0'{receiver}}}
      http: {{endpoint: '127.0.0.1:0'}}
processors:
  {processors}
exporters:
  otlp: {{endpoint: '{endpoint}', tls: {{insecure: true}}{exporter}}}
service:
  pipelines:
    traces: {pipeline}
    metrics: {pipeline}
    logs: {pipeline}
"
    )
}

fn bytes_of(received: Received) -> (Signal, Vec<u8>) {
    match received {
        Received::Traces(request) => (Signal::Traces, request.encode_to_vec()),
        Received::Metrics(request) => (Signal::Metrics, request.encode_to_vec()),
        Received::Logs(request) => (Signal::Logs, request.encode_to_vec()),
    }
}

/// Scenario: each signal comes over gRPC and over HTTP as protobuf and as JSON.
/// Guarantees: all nine are answered in their own encoding and arrive as the same message, and each
/// signal's books and each transport's counts hold what that signal brought, and nothing else.
///
/// Conforms: receiver `otlp` | traces, metrics, logs | gRPC, and HTTP with protobuf and JSON, each answered in the
/// encoding of the request | same
#[tokio::test(flavor = "multi_thread")]
async fn every_signal_is_taken_in_every_encoding() {
    let sink = Sink::start();
    let gateway = Fixture::start(&yaml(&sink, "", "", "")).await;
    for signal in Signal::ALL {
        for by in EVERY_WAY {
            let told = send(&gateway, signal, by, body(signal, by, "a")).await;
            assert_eq!(told, Told::Success, "{signal:?} {by:?}");
        }
    }
    sink.until("all nine", |sink| sink.received().len() == 9)
        .await;
    let status = gateway.running.status().await;
    for row in &status.receivers {
        let expected = if row.transport == "grpc" {
            (2, 1)
        } else {
            (4, 2)
        };
        assert_eq!((row.accepted, row.requests), expected, "{row:?}");
    }
    let books = gateway.finish().await;
    for signal in Signal::ALL {
        let row = &books.signals[signal.name()];
        assert_eq!(row.acknowledged.items, 6, "{signal:?}");
        assert_eq!(row.delivered, row.acknowledged, "{signal:?}");
    }
    let arrived: Vec<_> = sink.received().into_iter().map(bytes_of).collect();
    let distinct: BTreeSet<_> = arrived.iter().map(|(_, bytes)| bytes).collect();
    assert_eq!((arrived.len(), distinct.len()), (9, 3));
    for (signal, bytes) in arrived {
        assert_eq!(bytes, wire(signal, "a"), "{signal:?}");
    }
}

/// Scenario: each signal comes damaged, over each way.
/// Guarantees: it is refused for good, as what it is: a bad argument.
///
/// Conforms: receiver `otlp` | traces, metrics, logs | bytes that are no request of the signal | differs: refused
/// whole as a bad argument, with 400 and `INVALID_ARGUMENT`
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_request_of_any_signal_is_refused_for_good() {
    let sink = Sink::start();
    let gateway = Fixture::start(&yaml(&sink, "", "", "")).await;
    for signal in Signal::ALL {
        for by in EVERY_WAY {
            let whole = body(signal, by, "a");
            let half = whole.slice(..whole.len() - 3);
            let told = send(&gateway, signal, by, half).await;
            let expected = refused(by, Code::InvalidArgument, 400, None);
            assert_eq!(told, expected, "{signal:?} {by:?}");
        }
    }
    let books = gateway.finish().await;
    assert!(sink.received().is_empty());
    assert!(
        books
            .signals
            .values()
            .all(|row| row.acknowledged.items == 0)
    );
}

/// Scenario: each signal comes larger than a message may be, over each way.
/// Guarantees: it is refused for good; sending it again would not make it smaller.
///
/// Conforms: receiver `otlp` | traces, metrics, logs | `max_recv_msg_size_mib`, `max_request_body_size` | same
#[tokio::test(flavor = "multi_thread")]
async fn a_large_request_of_any_signal_is_refused_for_good() {
    let sink = Sink::start();
    let yaml = yaml(&sink, ", max_recv_msg_size_mib: 1", "", "")
        .replace("http: {", "http: {max_request_body_size: 1048576, ");
    let gateway = Fixture::start(&yaml).await;
    for signal in Signal::ALL {
        for by in EVERY_WAY {
            let large = body(signal, by, &"x".repeat(2 << 20));
            let told = send(&gateway, signal, by, large).await;
            let expected = refused(by, Code::ResourceExhausted, 413, None);
            assert_eq!(told, expected, "{signal:?} {by:?}");
        }
    }
    gateway.finish().await;
    assert!(sink.received().is_empty());
}

/// Scenario: a client that sends half of its request takes up the budget of requests in flight, and
/// each signal comes over each way; then that client goes.
/// Guarantees: all are refused with the same hint when to come back, and taken once there is room.
///
/// Conforms: receiver `otlp` | traces, metrics, logs | no room for requests in flight | better: refused with 429 or
/// `RESOURCE_EXHAUSTED` and a time to come again, before the body is read
#[tokio::test(flavor = "multi_thread")]
async fn a_full_budget_refuses_every_signal_with_a_hint() {
    let sink = Sink::start();
    let options = Options {
        in_flight_max: Some(ByteSize(1000)),
        ..options()
    };
    let gateway = Fixture::start_with(&yaml(&sink, "", "", ""), options).await;
    let mut half = TcpStream::connect(gateway.http.unwrap()).await.unwrap();
    let head = "POST /v1/logs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 999\r\n\
                content-type: application/x-protobuf\r\n\r\nhalf";
    half.write_all(head.as_bytes()).await.unwrap();
    gateway
        .until("half a request", |status| {
            status.admission.in_flight_bytes >= 999
        })
        .await;
    for signal in Signal::ALL {
        for by in EVERY_WAY {
            let told = send(&gateway, signal, by, body(signal, by, "a")).await;
            let expected = refused(by, Code::ResourceExhausted, 429, Some(1));
            assert_eq!(told, expected, "{signal:?} {by:?}");
        }
    }
    drop(half);
    for signal in Signal::ALL {
        for by in EVERY_WAY {
            gateway
                .until("room", |status| status.admission.in_flight_bytes == 0)
                .await;
            let told = send(&gateway, signal, by, body(signal, by, "a")).await;
            assert_eq!(told, Told::Success, "{signal:?} {by:?}");
        }
    }
    let books = gateway.finish().await;
    assert!(
        books
            .signals
            .values()
            .all(|row| row.acknowledged.items == 6)
    );
}

/// Scenario: a memory limiter stands in each pipeline, and each signal brings more than it allows.
/// Guarantees: all are refused as the Collector refuses them, unavailable, with a hint.
///
/// Conforms: processor `memory_limiter` | traces, metrics, logs | `limit_mib`, `spike_limit_mib` | same
#[tokio::test(flavor = "multi_thread")]
async fn the_memory_limiter_holds_for_every_signal() {
    let sink = Sink::start();
    let limiter = "memory_limiter: {check_interval: 1s, limit_mib: 2, spike_limit_mib: 1}";
    let gateway = Fixture::start(&yaml(&sink, "", limiter, "")).await;
    for signal in Signal::ALL {
        for by in EVERY_WAY {
            let large = body(signal, by, &"x".repeat(3 << 19));
            let told = send(&gateway, signal, by, large).await;
            let expected = refused(by, Code::Unavailable, 503, Some(1));
            assert_eq!(told, expected, "{signal:?} {by:?}");
            let told = send(&gateway, signal, by, body(signal, by, "a")).await;
            assert_eq!(told, Told::Success, "{signal:?} {by:?}");
        }
    }
    gateway.finish().await;
}

/// Scenario: the backend does not answer, each signal's queue has room for one request, and another
/// comes over each way.
/// Guarantees: it is refused with a hint and counted as refused in the books of its own signal; nothing
/// of it arrives.
///
/// Conforms: receiver `otlp` | traces, metrics, logs | `partial_success` | better: a request is taken whole or
/// refused whole, with 503 or `UNAVAILABLE` and a time to come again, so that a client that comes again sends nothing
/// twice
/// Conforms: exporter `otlp_grpc` | traces, metrics, logs | `sending_queue` with `queue_size`, full | same
#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_every_signal_with_a_hint() {
    let sink = Sink::start();
    let gate = Gate::default();
    sink.answer_always(Answer::Hold(gate.clone()));
    let queue = ", sending_queue: {queue_size: 1, num_consumers: 1}";
    let gateway = Fixture::start(&yaml(&sink, "", "", queue)).await;
    for signal in Signal::ALL {
        let first = send(&gateway, signal, By::Grpc, wire(signal, "first")).await;
        assert_eq!(first, Told::Success, "{signal:?}");
        for by in EVERY_WAY {
            let told = send(&gateway, signal, by, body(signal, by, "second")).await;
            let expected = refused(by, Code::Unavailable, 503, Some(1));
            assert_eq!(told, expected, "{signal:?} {by:?}");
        }
    }
    gate.open();
    let books = gateway.finish().await;
    assert_eq!(sink.received().len(), 3);
    for row in books.signals.values() {
        assert_eq!((row.acknowledged.items, row.refused.items), (2, 6));
    }
}
