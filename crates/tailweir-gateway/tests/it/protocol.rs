//! What clients see: status codes, encodings, limits, CORS.

use crate::harness::{Fixture, sampling_yaml, traces_of};
use bytes::Bytes;
use http::Method;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use std::io::Write;
use tailweir_testkit::{Sink, request, span, trace_id};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tonic::Code;
use tonic::codec::CompressionEncoding;
use tonic_types::StatusExt;

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json");

fn one_error() -> tailweir_testkit::RequestBuilder {
    request().service("shop").span(span(trace_id(1), 1).error())
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

async fn gateway(sink: &Sink) -> Fixture {
    Fixture::start(&sampling_yaml(&sink.endpoint())).await
}

/// Scenario: the same trace comes over gRPC in every compression, and over HTTP in every one.
/// Guarantees: each is taken.
///
/// Conforms: receiver `otlp` | traces | over gRPC gzip, zstd | same
#[tokio::test(flavor = "multi_thread")]
async fn every_compression_is_taken() {
    let sink = Sink::start();
    let gateway = gateway(&sink).await;
    for encoding in [CompressionEncoding::Gzip, CompressionEncoding::Zstd] {
        let mut client = TraceServiceClient::new(gateway.channel().await).send_compressed(encoding);
        client.export(one_error().message()).await.unwrap();
    }
    let body = one_error().bytes();
    let snappy = snap::raw::Encoder::new().compress_vec(&body).unwrap();
    for (encoding, body) in [
        ("gzip", gzip(&body)),
        ("zstd", zstd::encode_all(&body[..], 0).unwrap()),
        ("snappy", snappy),
        ("", body.clone()),
        ("identity", body),
    ] {
        let headers = [PROTOBUF, ("content-encoding", encoding)];
        let answer = gateway
            .http(Method::POST, "/v1/traces", &headers, body)
            .await;
        assert_eq!(answer.status, 200, "{encoding}: {:?}", answer.body);
        assert_eq!(answer.header("content-type"), Some(PROTOBUF.1));
        assert!(answer.body.is_empty());
    }
    sink.until("the trace", |sink| sink.spans().len() == 1)
        .await;
    let books = gateway.finish().await;
    let traces = traces_of(&books);
    assert_eq!(
        (traces.acknowledged.items, traces.dropped["duplicate"].items),
        (7, 6)
    );
}

/// Scenario: a trace comes as JSON.
/// Guarantees: it is taken, answered in JSON, and reaches the backend like any other.
#[tokio::test(flavor = "multi_thread")]
async fn json_is_taken_and_answered() {
    let sink = Sink::start();
    let gateway = gateway(&sink).await;
    let body = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{
        "traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7","name":"pay",
        "startTimeUnixNano":"1","endTimeUnixNano":"2","status":{"code":2}}]}]}]}"#;
    let answer = gateway
        .http(Method::POST, "/v1/traces", &[JSON], body)
        .await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some(JSON.1))
    );
    assert_eq!(answer.json(), serde_json::json!({"partialSuccess": {}}));
    sink.until("the trace", |sink| sink.spans().len() == 1)
        .await;
    assert_eq!(sink.spans()[0].name, "pay");
    gateway.finish().await;
}

/// Scenario: requests that are no OTLP: wrong method, path, content type, encoding; broken protobuf
/// and JSON; damaged compression.
/// Guarantees: each gets the status that OTLP wants, never success, and a body in its own encoding.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_otlp_is_refused_for_good() {
    let sink = Sink::start();
    let gateway = gateway(&sink).await;
    let path = "/v1/traces";
    let good = Bytes::from(one_error().bytes());
    let bad = Bytes::from_static(b"\x0a\xff");
    let post = Method::POST;
    let gzip_header = ("content-encoding", "gzip");
    for (status, method, path, headers, body) in [
        (405, Method::GET, path, &[PROTOBUF][..], good.clone()),
        (404, post.clone(), "/v1/nothing", &[PROTOBUF], good.clone()),
        (404, post.clone(), "/v1/metrics", &[PROTOBUF], good.clone()),
        (
            415,
            post.clone(),
            path,
            &[("content-type", "text/plain")],
            good.clone(),
        ),
        (415, post.clone(), path, &[], good.clone()),
        (
            415,
            post.clone(),
            path,
            &[PROTOBUF, ("content-encoding", "br")],
            good.clone(),
        ),
        (400, post.clone(), path, &[PROTOBUF], bad),
        (
            400,
            post.clone(),
            path,
            &[PROTOBUF, gzip_header],
            good.clone(),
        ),
        (
            400,
            post.clone(),
            path,
            &[JSON],
            Bytes::from_static(b"{\"resourceSpans\":7}"),
        ),
        (400, post, path, &[JSON], Bytes::from_static(b"{")),
    ] {
        let answer = gateway.http(method, path, headers, body).await;
        assert_eq!(
            answer.status, status,
            "{path} {headers:?} {:?}",
            answer.body
        );
        assert_eq!(answer.header("retry-after"), None);
        if headers.contains(&JSON) {
            assert_eq!(answer.json()["code"], 3);
        } else if headers.contains(&PROTOBUF) {
            assert_eq!(answer.header("content-type"), Some(PROTOBUF.1));
            let status = tailweir_otlp::Status::from_wire(&answer.body);
            assert!(!status.message.is_empty() && status.code != 0);
        }
    }
    let books = gateway.finish().await;
    assert_eq!(traces_of(&books).acknowledged.items, 0);
}

/// Scenario: messages over the limit of 1 MiB, as sent and only once decompressed, over both protocols.
/// Guarantees: they are refused for good, naming the option to raise.
///
/// Conforms: receiver `otlp` | traces | limits of sizes hold after unpacking | same
#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_refused_for_good() {
    let sink = Sink::start();
    let yaml = sampling_yaml(&sink.endpoint())
        .replace("grpc: {", "grpc: {max_recv_msg_size_mib: 1, ")
        .replace("http: {", "http: {max_request_body_size: 1048576, ");
    let gateway = Fixture::start(&yaml).await;
    let large = request()
        .service("shop")
        .span(span(trace_id(1), 1).named(&"x".repeat(2 << 20)));
    for compression in [None, Some(CompressionEncoding::Gzip)] {
        let mut client = TraceServiceClient::new(gateway.channel().await);
        if let Some(compression) = compression {
            client = client.send_compressed(compression);
        }
        let status = client.export(large.clone().message()).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        assert!(
            status.message().contains("max_recv_msg_size_mib"),
            "{status}"
        );
        assert!(status.get_details_retry_info().is_none());
    }
    let plain = gateway.post("/v1/traces", large.clone().bytes()).await;
    let headers = [PROTOBUF, ("content-encoding", "gzip")];
    let bomb = gzip(&large.bytes());
    let bomb = gateway
        .http(Method::POST, "/v1/traces", &headers, bomb)
        .await;
    for answer in [plain, bomb] {
        assert_eq!(answer.status, 413);
        assert_eq!(answer.header("retry-after"), None);
    }
    gateway.finish().await;
}

/// Scenario: over gRPC, a malformed message, a signal that no pipeline takes, an unknown service.
/// Guarantees: the codes say that sending again does not help.
#[tokio::test(flavor = "multi_thread")]
async fn grpc_errors_are_final_where_they_should_be() {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
    let sink = Sink::start();
    let gateway = gateway(&sink).await;
    let mut wrong = one_error().message();
    wrong.resource_spans[0].scope_spans[0].spans[0].trace_id = vec![1, 2, 3];
    let status = gateway.send(wrong).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    let mut logs = LogsServiceClient::new(gateway.channel().await);
    let status = logs
        .export(ExportLogsServiceRequest::default())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented, "{status}");
    gateway.finish().await;
}

/// Scenario: a receiver listens on a Unix socket, another on every address.
/// Guarantees: both serve, and the socket is gone after the end.
///
/// Conforms: receiver `otlp` | traces | `endpoint` without a host; `transport: unix` | same
#[tokio::test(flavor = "multi_thread")]
async fn other_endpoints_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("otlp.sock");
    let sink = Sink::start();
    let http = format!("http: {{endpoint: '{}', transport: unix}}", path.display());
    let yaml = sampling_yaml(&sink.endpoint())
        .replace("http: {endpoint: '127.0.0.1:0'}", &http)
        .replace("grpc: {endpoint: '127.0.0.1:0'}", "grpc: {endpoint: ':0'}");
    let gateway = Fixture::start(&yaml).await;
    let port = gateway.grpc.unwrap().port();
    let gateway = Fixture {
        grpc: Some(([127, 0, 0, 1], port).into()),
        ..gateway
    };
    gateway.send(one_error().message()).await.unwrap();

    let mut stream = UnixStream::connect(&path).await.unwrap();
    let body = one_error().bytes();
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: application/x-protobuf\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    gateway.finish().await;
    assert!(!path.exists());
}

/// Scenario: a browser asks whether it may send, from an allowed and from a foreign page, then sends.
/// Guarantees: only the allowed page is told yes, and it may read the answer.
///
/// Conforms: receiver `otlp` | traces | `cors` | same
#[tokio::test(flavor = "multi_thread")]
async fn browsers_are_answered_by_the_rules_of_cors() {
    let sink = Sink::start();
    let yaml = sampling_yaml(&sink.endpoint()).replace(
        "http: {",
        "http: {cors: {allowed_origins: ['https://*.example.com']}, ",
    );
    let gateway = Fixture::start(&yaml).await;
    let ask = async |origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type"),
        ];
        gateway
            .http(Method::OPTIONS, "/v1/traces", &headers, "")
            .await
    };
    let origin = "https://app.example.com";
    let yes = ask(origin).await;
    assert_eq!(yes.status, 204);
    assert_eq!(yes.header("access-control-allow-origin"), Some(origin));
    let no = ask("https://example.org").await;
    assert_eq!(no.header("access-control-allow-origin"), None);
    let headers = [PROTOBUF, ("origin", origin)];
    let sent = gateway
        .http(Method::POST, "/v1/traces", &headers, one_error().bytes())
        .await;
    assert_eq!(sent.status, 200);
    assert_eq!(sent.header("access-control-allow-origin"), Some(origin));
    gateway.finish().await;
}
