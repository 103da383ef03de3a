//! Spans that come as Jaeger has them.

use crate::harness::Fixture;
use crate::raw_grpc;
use bytes::Bytes;
use http::Method;
use std::net::{SocketAddr, UdpSocket};
use tailweir_testkit::{Answer, Sink};
use tonic::Code;

const POST_SPANS: &str = "/jaeger.api_v2.CollectorService/PostSpans";
const THRIFT: [(&str, &str); 1] = [("content-type", "application/x-thrift")];

fn yaml(backend: &Sink, protocols: &str) -> String {
    format!(
        "
receivers:
  jaeger: {{protocols: {{{protocols}}}}}
exporters:
  otlp: {{endpoint: '{}', tls: {{insecure: true}}, sending_queue: {{enabled: false}}, retry_on_failure: {{enabled: false}}}}
service:
  pipelines:
    traces: {{receivers: [jaeger], exporters: [otlp]}}
",
        backend.endpoint()
    )
}

const SERVERS: &str = "grpc: {endpoint: '127.0.0.1:0'}, thrift_http: {endpoint: '127.0.0.1:0'}";

/// A request of one span with a trace id, an id and this name.
fn post_spans(name: &str) -> Bytes {
    let nested = |content: &[u8]| [&[0x0a, content.len() as u8][..], content].concat();
    let ids = b"\x0a\x10aaaaaaaaaaaaaaaa\x12\x08bbbbbbbb\x1a";
    let span = [&ids[..], &[name.len() as u8], name.as_bytes()].concat();
    nested(&nested(&span)).into()
}

/// The bytes of a batch of one span with a trace id, an id and this name.
fn batch(name: &str) -> Vec<u8> {
    let process = b"\x0c\0\x01\x0b\0\x01\0\0\0\x04shop\0";
    let list = b"\x0f\0\x02\x0c\0\0\0\x01";
    let ids = b"\x0a\0\x01\0\0\0\0\0\0\0\x01\x0a\0\x03\0\0\0\0\0\0\0\x02";
    let mut batch = [&process[..], list, ids, b"\x0b\0\x05"].concat();
    batch.extend(u32::try_from(name.len()).unwrap().to_be_bytes());
    batch.extend(name.as_bytes());
    batch.extend(b"\0\0");
    batch
}

/// A call of an agent, binary.
fn binary_call(name: &str) -> Vec<u8> {
    let head = b"\x80\x01\0\x04\0\0\0\x09emitBatch\0\0\0\0\x0c\0\x01";
    [&head[..], &batch(name), b"\0"].concat()
}

/// The same, compact.
fn compact_call(name: &str) -> Vec<u8> {
    let head = b"\x82\x81\0\x09emitBatch\x1c";
    let batch = b"\x1c\x18\x04shop\0\x19\x1c\x16\x02\x26\x04\x28";
    let name = [&[name.len() as u8], name.as_bytes()].concat();
    [&head[..], batch, &name, b"\0\0\0"].concat()
}

/// Scenario: spans over gRPC, and as thrift over HTTP under both content types.
/// Guarantees: each is taken, arrives, and is in the books.
///
/// Conforms: receiver `jaeger` | traces | protobuf over gRPC (`PostSpans`), binary thrift over HTTP (`/api/traces`) |
/// same
#[tokio::test(flavor = "multi_thread")]
async fn spans_come_over_grpc_and_http() {
    let backend = Sink::start();
    let gateway = Fixture::start(&yaml(&backend, SERVERS)).await;
    let answer = raw_grpc::call(&gateway, POST_SPANS, post_spans("protobuf")).await;
    assert_eq!(answer.unwrap(), Bytes::new());
    let binary = [(
        "content-type",
        "application/vnd.apache.thrift.binary; charset=utf-8",
    )];
    for (headers, name) in [(&THRIFT, "thrift"), (&binary, "binary")] {
        let answer = gateway
            .http(
                Method::POST,
                "/api/traces?format=jaeger.thrift",
                headers,
                batch(name),
            )
            .await;
        assert_eq!((answer.status, answer.body.len()), (202, 0));
    }
    let mut names: Vec<_> = backend.spans().into_iter().map(|span| span.name).collect();
    names.sort();
    assert_eq!(names, ["binary", "protobuf", "thrift"]);
    let books = gateway.finish().await;
    assert_eq!(books.signals["traces"].acknowledged.items, 3);
}

/// Scenario: bytes that are no request, other content types, paths and methods, and a backend that is down.
/// Guarantees: each is refused with the status that OTLP has for it; only the last may come again.
///
/// Conforms: receiver `jaeger` | traces | no room behind; other content types | better: `UNAVAILABLE`, 503 with
/// `Retry-After`; 415
#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_those_of_otlp() {
    let backend = Sink::start();
    let gateway = Fixture::start(&yaml(&backend, SERVERS)).await;
    let json = [("content-type", "application/json")];
    for (method, path, headers, status) in [
        (Method::POST, "/api/traces", &THRIFT, 400),
        (Method::POST, "/api/traces", &json, 415),
        (Method::POST, "/api/v2/spans", &THRIFT, 404),
        (Method::GET, "/api/traces", &THRIFT, 405),
    ] {
        let answer = gateway.http(method, path, headers, "{").await;
        assert_eq!(answer.status, status, "{:?}", answer.body);
        assert_eq!(
            answer.header("content-type"),
            Some("text/plain; charset=utf-8")
        );
        assert_eq!(answer.header("retry-after"), None);
    }
    let calls = [
        (
            POST_SPANS,
            Bytes::from_static(b"\x0a\x05"),
            Code::InvalidArgument,
        ),
        (
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Bytes::new(),
            Code::Unimplemented,
        ),
    ];
    for (method, message, code) in calls {
        let refused = raw_grpc::call(&gateway, method, message).await;
        assert_eq!(refused.unwrap_err().code(), code, "{method}");
    }
    backend.answer_always(Answer::Refuse(Code::Unavailable));
    let refused = raw_grpc::call(&gateway, POST_SPANS, post_spans("x")).await;
    assert_eq!(refused.unwrap_err().code(), Code::Unavailable);
    let answer = gateway
        .http(Method::POST, "/api/traces", &THRIFT, batch("x"))
        .await;
    assert_eq!(answer.status, 503, "{:?}", answer.body);
    assert!(answer.header("retry-after").is_some());
    gateway.finish().await;
}

/// Where a protocol of datagrams listens.
async fn address(gateway: &Fixture, transport: &str) -> SocketAddr {
    let addresses = gateway.running.addresses().await;
    let mut found = addresses.iter();
    found
        .find(|bound| bound.transport == transport)
        .map(|bound| bound.address)
        .unwrap_or_else(|| panic!("no {transport}"))
}

/// Scenario: calls of an agent over IPv4 in datagrams, compact and binary, among datagrams that are none and one that is too
/// large.
/// Guarantees: spans arrive and are in the books; the others are dropped and counted, and the receiver goes on.
///
/// Conforms: receiver `jaeger` | traces | calls of an agent in datagrams, compact and binary; `max_packet_size` |
/// better: what is dropped is counted
#[tokio::test(flavor = "multi_thread")]
async fn spans_come_in_datagrams() {
    let backend = Sink::start();
    let protocols = "thrift_compact: {endpoint: 'localhost:0', max_packet_size: 100}, thrift_binary: {endpoint: '127.0.0.1:0'}";
    let gateway = Fixture::start(&yaml(&backend, protocols)).await;
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let compact = address(&gateway, "udp_thrift_compact").await;
    let binary = address(&gateway, "udp_thrift_binary").await;
    for (to, datagram) in [
        (compact, b"no call".to_vec()),
        (compact, compact_call(&"x".repeat(100))),
        (compact, binary_call("wrong protocol")),
        (binary, Vec::new()),
        (compact, compact_call("compact")),
        (binary, binary_call("binary")),
    ] {
        socket.send_to(&datagram, to).unwrap();
    }
    gateway
        .until("spans and drops", |status| {
            let rows = status.receivers.iter();
            let rows = rows.filter(|row| row.dropped_datagrams.is_some());
            let counts = rows.map(|row| (row.transport, row.accepted, row.dropped_datagrams));
            let wanted = [
                ("udp_thrift_compact", 1, Some(3)),
                ("udp_thrift_binary", 1, Some(1)),
            ];
            counts.eq(wanted)
        })
        .await;
    let mut names: Vec<_> = backend.spans().into_iter().map(|span| span.name).collect();
    names.sort();
    assert_eq!(names, ["binary", "compact"]);
    let books = gateway.finish().await;
    assert_eq!(books.signals["traces"].acknowledged.items, 2);
}
