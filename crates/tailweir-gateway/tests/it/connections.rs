//! How long connections live.

use crate::harness::{Fixture, sampling_yaml};
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use tailweir_testkit::{PATIENCE, Sink};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A gateway whose server of this protocol has these options.
async fn gateway(sink: &Sink, protocol: &str, options: &str) -> Fixture {
    let opening = format!("{protocol}: {{");
    let yaml = sampling_yaml(&sink.endpoint());
    assert!(yaml.contains(&opening), "{yaml}");
    Fixture::start(&yaml.replace(&opening, &format!("{opening}{options}, "))).await
}

/// Sends these bytes; what came until the other side closed.
async fn answer_to(address: SocketAddr, bytes: &[u8]) -> String {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    };
    let ended = tokio::time::timeout(PATIENCE, exchange).await;
    ended.expect("the connection ends")
}

fn post(length: usize, body: &str) -> String {
    format!(
        "POST /v1/traces HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
}

/// Scenario: HTTP clients that keep their connection after an answer, never end their headers, never
/// end their body; each server has one of the limits.
/// Guarantees: the first is answered before its connection ends, the second gets nothing, the third
/// is told so under `read_timeout` and gets nothing under `write_timeout`.
///
/// Conforms: receiver `otlp` | traces | over HTTP `idle_timeout`, `read_header_timeout`, `read_timeout`,
/// `write_timeout`, `keepalive` | same
#[tokio::test(flavor = "multi_thread")]
async fn http_servers_keep_their_times() {
    let sink = Sink::start();
    for (option, request, answer) in [
        ("idle_timeout: 20ms", post(2, "{}"), "HTTP/1.1 200"),
        (
            "keepalive: {idle_timeout: 20ms}",
            post(2, "{}"),
            "HTTP/1.1 200",
        ),
        ("keepalive: {enabled: false}", post(2, "{}"), "HTTP/1.1 200"),
        ("read_header_timeout: 20ms", "POST /v1/t".to_owned(), ""),
        ("read_timeout: 20ms", post(9, "{}"), "HTTP/1.1 503"),
        ("write_timeout: 20ms", post(9, "{}"), ""),
    ] {
        let gateway = gateway(&sink, "http", option).await;
        let found = answer_to(gateway.http.unwrap(), request.as_bytes()).await;
        assert!(found.starts_with(answer), "{option}: {found}");
        assert_eq!(found.is_empty(), answer.is_empty(), "{option}: {found}");
        gateway.finish().await;
    }
}

/// Scenario: gRPC clients connect and make no call, where connections may be idle, or old, for 20 ms.
/// Guarantees: each is asked to go, and goes.
///
/// Conforms: receiver `otlp` | traces | over gRPC `keepalive` with `max_connection_idle`, `max_connection_age` | same
#[tokio::test(flavor = "multi_thread")]
async fn idle_and_old_grpc_connections_are_closed() {
    let sink = Sink::start();
    for limit in ["max_connection_idle: 20ms", "max_connection_age: 20ms"] {
        let keepalive = format!("keepalive: {{server_parameters: {{{limit}}}}}");
        let gateway = gateway(&sink, "grpc", &keepalive).await;
        let stream = TcpStream::connect(gateway.grpc.unwrap()).await.unwrap();
        let (_sender, connection) = hyper::client::conn::http2::handshake::<_, _, Full<Bytes>>(
            TokioExecutor::new(),
            TokioIo::new(stream),
        )
        .await
        .unwrap();
        let ended = tokio::time::timeout(PATIENCE, connection).await;
        ended.expect(limit).expect("an orderly end");
        gateway.finish().await;
    }
}

/// Scenario: a client sends four pings at once, and no call.
/// Guarantees: under a policy it is told that these are too many, in the words of gRPC, and cut off.
///
/// Conforms: receiver `otlp` | traces | over gRPC `keepalive` with `enforcement_policy` | differs: pings are limited
/// only where the policy is written
#[tokio::test(flavor = "multi_thread")]
async fn grpc_clients_that_ping_too_often_are_cut_off() {
    let sink = Sink::start();
    let gateway = gateway(&sink, "grpc", "keepalive: {enforcement_policy: }").await;
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(b"\0\0\0\x04\0\0\0\0\0");
    for _ in 0..4 {
        bytes.extend(b"\0\0\x08\x06\0\0\0\0\0pingping");
    }
    let answer = answer_to(gateway.grpc.unwrap(), &bytes).await;
    assert!(answer.ends_with("too_many_pings"), "{answer:?}");
    gateway.finish().await;
}

/// Scenario: a server is to listen on every address, of IPv4 alone.
/// Guarantees: it does.
///
/// Conforms: receiver `otlp` | traces | `transport: tcp4` | same
#[tokio::test(flavor = "multi_thread")]
async fn a_server_listens_on_one_family() {
    let sink = Sink::start();
    let yaml = sampling_yaml(&sink.endpoint());
    let yaml = yaml.replace(
        "grpc: {endpoint: '127.0.0.1:0'",
        "grpc: {endpoint: ':0', transport: tcp4",
    );
    let gateway = Fixture::start(&yaml).await;
    assert!(gateway.grpc.unwrap().is_ipv4());
    gateway.finish().await;
}
