//! Spans that come as Zipkin has them.

use crate::harness::Fixture;
use http::Method;
use std::io::Write;
use tailweir_testkit::{Answer, Sink};

fn yaml(backend: &Sink, receiver: &str) -> String {
    format!(
        "
receivers:
  zipkin: {{endpoint: '127.0.0.1:0', {receiver}}}
exporters:
  otlp: {{endpoint: '{}', tls: {{insecure: true}}, sending_queue: {{enabled: false}}, retry_on_failure: {{enabled: false}}}}
service:
  pipelines:
    traces: {{receivers: [zipkin], exporters: [otlp]}}
",
        backend.endpoint()
    )
}

const V2: &str = r#"[{"traceId": "1", "id": "2", "name": "two", "timestamp": 5, "duration": 1, "localEndpoint": {"serviceName": "shop"}}]"#;
const V1: &str = r#"[{"traceId": "0000000000000001", "id": "0000000000000003", "name": "one", "timestamp": 5, "duration": 1}]"#;
/// A list of one span with a trace id, a name and an id.
const THRIFT: &[u8] = b"\x0c\0\0\0\x01\x0a\0\x01\0\0\0\0\0\0\0\x01\x0b\0\x03\0\0\0\x06thrift\x0a\0\x04\0\0\0\0\0\0\0\x04\0";

/// Scenario: spans of versions 1 and 2, as JSON, thrift and protobuf, one of them packed with gzip.
/// Guarantees: each is answered 202, arrives, and is in the books.
///
/// Conforms: receiver `zipkin` | traces | version 1 as JSON and thrift, version 2 as JSON and protobuf, plain and as
/// gzip | same
#[tokio::test(flavor = "multi_thread")]
async fn spans_come_in_each_format() {
    let backend = Sink::start();
    let gateway = Fixture::start(&yaml(&backend, "")).await;
    let protobuf = b"\x0a\x23\x0a\x10aaaaaaaaaaaaaaaa\x1a\x08bbbbbbbb\x2a\x05proto";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(V1.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let json = ("content-type", "application/json");
    for (path, headers, body) in [
        ("/api/v2/spans", &[json][..], V2.as_bytes()),
        ("/", &[], b"[]"),
        (
            "/api/v1/spans",
            &[json, ("content-encoding", "gzip")],
            &gzip,
        ),
        (
            "/api/v1/spans",
            &[("content-type", "application/x-thrift")],
            THRIFT,
        ),
        (
            "/api/v2/spans",
            &[("content-type", "application/x-protobuf")],
            protobuf,
        ),
    ] {
        let answer = gateway
            .http(Method::POST, path, headers, body.to_vec())
            .await;
        assert_eq!(answer.status, 202, "{path} {headers:?}: {:?}", answer.body);
    }
    let mut names: Vec<_> = backend.spans().into_iter().map(|span| span.name).collect();
    names.sort();
    assert_eq!(names, ["one", "proto", "thrift", "two"]);
    let books = gateway.finish().await;
    assert_eq!(books.signals["traces"].acknowledged.items, 4);
}

/// Scenario: a request to a receiver without options, and to receivers with `keep_alives_enabled` and `keepalive`.
/// Guarantees: the first closes the connection with its answer, as the Collector's does; the others keep it.
///
/// Conforms: receiver `zipkin` | traces | `keep_alives_enabled`, `keepalive` | same
#[tokio::test(flavor = "multi_thread")]
async fn connections_are_kept_only_where_asked_for() {
    let backend = Sink::start();
    for (option, connection) in [
        ("", Some("close")),
        ("keep_alives_enabled: true", None),
        ("keepalive: {}", None),
    ] {
        let gateway = Fixture::start(&yaml(&backend, option)).await;
        let json = [("content-type", "application/json")];
        let answer = gateway.http(Method::POST, "/", &json, V2).await;
        assert_eq!(answer.status, 202);
        assert_eq!(answer.header("connection"), connection, "{option}");
        gateway.finish().await;
    }
}

/// Scenario: text that is no JSON, a body above the limit, a method that carries nothing, and a backend that is down.
/// Guarantees: each is refused with the status that OTLP has for it, in plain text, and only the last may come again.
///
/// Conforms: receiver `zipkin` | traces | no room behind; other methods than POST | better: 503 with `Retry-After`;
/// 405
#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_those_of_otlp() {
    let backend = Sink::start();
    let gateway = Fixture::start(&yaml(&backend, "max_request_body_size: 200")).await;
    let large = "x".repeat(300);
    for (method, body, status) in [
        (Method::POST, "{", 400),
        (Method::POST, r#"[{"traceId": "x", "id": "1"}]"#, 400),
        (Method::POST, &large, 413),
        (Method::GET, "", 405),
    ] {
        let answer = gateway
            .http(method, "/api/v2/spans", &[], body.to_owned())
            .await;
        assert_eq!(answer.status, status, "{body}");
        assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
        assert!(!answer.headers.contains_key("retry-after"), "{body}");
    }
    backend.answer_next(Answer::Refuse(tonic::Code::Unavailable));
    let answer = gateway.http(Method::POST, "/api/v2/spans", &[], V2).await;
    assert_eq!(answer.status, 503, "{:?}", answer.body);
    assert!(answer.headers.contains_key("retry-after"));
    gateway.finish().await;
}
