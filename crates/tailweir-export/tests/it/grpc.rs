//! The `otlp_grpc` exporter against real servers.

use crate::support::{
    Answer, GrpcBackend, Ledger, logs, metrics, quick_retry, span, traces, while_running,
};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::{ClientKeepalive, GrpcCompression, OtlpGrpcExporter, Secret};
use tailweir_core::Signal;
use tailweir_export::{Exporter, ExporterSettings, LossReason, OtlpGrpc};
use tokio::net::TcpListener;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

fn settings(endpoint: impl Into<String>) -> OtlpGrpcExporter {
    let mut settings = OtlpGrpcExporter::default();
    settings.client.endpoint = endpoint.into();
    settings.client.tls.insecure = true;
    settings
}

fn exporter(signal: Signal, settings: &OtlpGrpcExporter) -> Exporter {
    let destination = OtlpGrpc::new(settings, None).unwrap();
    let queue = ExporterSettings {
        retry: Some(quick_retry()),
        ..ExporterSettings::of_otlp_grpc(settings)
    };
    Exporter::new("otlp_grpc", signal, Arc::new(destination), &queue)
}

fn to(backend: &GrpcBackend) -> Exporter {
    exporter(Signal::Traces, &settings(backend.address.to_string()))
}

fn body() -> Bytes {
    traces([(
        "shop",
        vec![span(1, 0, "GET /", 0, 10), span(2, 1, "query", 2, 5)],
    )])
}

/// Sends one request and returns what was settled.
async fn send(exporter: &Exporter, ledger: &Arc<Ledger>, items: u64, body: Bytes) {
    let count = ledger.settlements().len() + 1;
    exporter
        .offer(ledger.parcel_of(exporter.signal(), items, body))
        .await
        .unwrap();
    while_running(exporter, ledger.settled(count)).await;
}

/// Scenario: requests of each signal, packed in each way that the server knows.
/// Guarantees: the server reads exactly the bytes that were sent, from the right service.
///
/// Conforms: exporter `otlp_grpc` | traces, metrics, logs | `endpoint`, `compression: gzip`, `zstd`, `none` | same
#[tokio::test]
async fn requests_of_all_signals_arrive_as_they_are() {
    let backend = GrpcBackend::start([]).await;
    let (gzip, zstd, none) = (
        GrpcCompression::Gzip,
        GrpcCompression::Zstd,
        GrpcCompression::None,
    );
    let mut sent = Vec::new();
    for (signal, body, compression) in [
        (Signal::Traces, body(), gzip),
        (Signal::Traces, body(), zstd),
        (Signal::Traces, body(), none),
        (Signal::Metrics, metrics(&[("cpu", 2)]), gzip),
        (Signal::Logs, logs(&["hello"]), gzip),
    ] {
        let ledger = Ledger::new();
        let mut settings = settings(backend.address.to_string());
        settings.client.compression = compression;
        send(&exporter(signal, &settings), &ledger, 2, body.clone()).await;
        assert_eq!(ledger.items(), (2, 0), "{signal} {compression:?}");
        sent.push(body);
    }
    let received: Vec<_> = backend
        .calls()
        .into_iter()
        .map(|call| call.message)
        .collect();
    assert_eq!(received, sent);
}

/// Scenario: headers, a binary one among them, a user agent and an authority are configured.
/// Guarantees: the server sees them as gRPC has them.
///
/// Conforms: exporter `otlp_grpc` | traces | `headers`, `user_agent`, `timeout`, `keepalive` | same
#[tokio::test]
async fn calls_carry_the_configured_headers() {
    let backend = GrpcBackend::start([]).await;
    let mut settings = settings(backend.address.to_string());
    let secret = |text: &str| Secret::new(text);
    settings.client.headers = [
        ("X-Scope-OrgID".to_owned(), secret("tenant")),
        ("trace-bin".to_owned(), secret("\u{1}")),
    ]
    .into_iter()
    .collect();
    settings.client.user_agent = "mine/2".to_owned();
    settings.client.keepalive = Some(ClientKeepalive {
        time: Duration::from_secs(30),
        ..ClientKeepalive::default()
    });
    let ledger = Ledger::new();
    send(&exporter(Signal::Traces, &settings), &ledger, 2, body()).await;
    let headers = backend.calls()[0].headers.clone();
    assert_eq!(headers.get("x-scope-orgid").unwrap(), "tenant");
    assert_eq!(
        headers
            .get_bin("trace-bin")
            .unwrap()
            .to_bytes()
            .unwrap()
            .as_ref(),
        b"\x01"
    );
    assert_eq!(headers.get("user-agent").unwrap(), "mine/2");
    assert_eq!(headers.get("grpc-timeout").unwrap(), "5000m");
}

/// Scenario: the server answers UNAVAILABLE twice, then takes the request.
/// Guarantees: it is delivered, once, and the retries are counted.
///
/// Conforms: exporter `otlp_grpc` | traces | `retry_on_failure` | same
#[tokio::test]
async fn an_unavailable_server_is_tried_again() {
    let down = || Answer::Fail(Box::new(Status::unavailable("restarting")));
    let backend = GrpcBackend::start([down(), down()]).await;
    let (ledger, exporter) = (Ledger::new(), to(&backend));
    send(&exporter, &ledger, 2, body()).await;
    assert_eq!(ledger.items(), (2, 0));
    assert_eq!(backend.calls().len(), 3);
    let snapshot = exporter.snapshot();
    assert_eq!((snapshot.retries, snapshot.sent_items), (2, 2));
    assert_eq!(snapshot.last_error, "UNAVAILABLE: restarting");
}

/// Scenario: a full server says when to come again; another does not; a third finds the data invalid.
/// Guarantees: the first is tried again, to the others the request is lost, once.
///
/// Conforms: exporter `otlp_grpc` | traces | which answers are tried again, `RetryInfo` | same
#[tokio::test]
async fn servers_say_whether_to_come_again() {
    let details = ErrorDetails::with_retry_info(Some(Duration::from_millis(2)));
    let full = Status::with_error_details(Code::ResourceExhausted, "full", details);
    for (status, attempts, lost) in [
        (full, 2, 0),
        (Status::resource_exhausted("too large"), 1, 2),
        (Status::invalid_argument("50% off: süß"), 1, 2),
    ] {
        let message = status.message().to_owned();
        let backend = GrpcBackend::start([Answer::Fail(Box::new(status))]).await;
        let (ledger, exporter) = (Ledger::new(), to(&backend));
        send(&exporter, &ledger, 2, body()).await;
        assert_eq!(ledger.items(), (2 - lost, lost), "{message}");
        assert_eq!(backend.calls().len(), attempts);
        assert!(exporter.snapshot().last_error.ends_with(&message));
    }
}

/// Scenario: the server takes the request, but rejects one of its spans.
/// Guarantees: that one is lost, the other delivered; nothing is sent again.
///
/// Conforms: exporter `otlp_grpc` | traces | partial success of the backend | better: what it rejected is counted as
/// lost (`rejected_by_backend`), and logged
#[tokio::test]
async fn rejected_spans_are_lost_and_not_sent_again() {
    let backend = GrpcBackend::start([Answer::Reject(1, "too old")]).await;
    let (ledger, exporter) = (Ledger::new(), to(&backend));
    send(&exporter, &ledger, 2, body()).await;
    assert_eq!(ledger.items(), (1, 1));
    assert_eq!(ledger.reasons(), [Some(LossReason::RejectedByBackend)]);
    assert_eq!(backend.calls().len(), 1);
}

/// Scenario: the server dies while it has a request, and another takes its place.
/// Guarantees: the request is sent again and delivered.
#[tokio::test]
async fn a_server_that_dies_mid_request_loses_nothing() {
    let backend = GrpcBackend::start([Answer::Hang]).await;
    let (ledger, exporter, address) = (Ledger::new(), to(&backend), backend.address);
    exporter.offer(ledger.parcel(2, body())).await.unwrap();
    while_running(&exporter, async {
        backend.called(1).await;
        backend.kill().await;
        let listener = TcpListener::bind(address).await.unwrap();
        let successor = GrpcBackend::serve(listener, None, []);
        ledger.settled(1).await;
        assert_eq!(successor.calls().len(), 1);
    })
    .await;
    assert_eq!(ledger.items(), (2, 0));
}

/// Scenario: a connection on which the server does not answer any more, without closing it.
/// Guarantees: after two attempts it is replaced, instead of swallowing every request.
#[tokio::test]
async fn a_connection_that_answers_nothing_is_replaced() {
    let backend = GrpcBackend::start([Answer::Hang, Answer::Hang]).await;
    let mut settings = settings(backend.address.to_string());
    settings.timeout = Duration::from_millis(50);
    let ledger = Ledger::new();
    send(&exporter(Signal::Traces, &settings), &ledger, 2, body()).await;
    assert_eq!(ledger.items(), (2, 0));
    assert!(
        backend.connections() >= 2,
        "{} connections",
        backend.connections()
    );
}

/// Scenario: fifty requests, ten at a time.
/// Guarantees: they share one connection.
#[tokio::test]
async fn calls_share_a_connection() {
    let backend = GrpcBackend::start([]).await;
    let (ledger, exporter) = (Ledger::new(), to(&backend));
    for _ in 0..50 {
        exporter.offer(ledger.parcel(2, body())).await.unwrap();
    }
    while_running(&exporter, ledger.settled(50)).await;
    assert_eq!((ledger.items(), backend.connections()), ((100, 0), 1));
}

/// A port on which nobody listens.
async fn closed_port() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

/// Scenario: nobody listens; with and without `wait_for_ready`, one attempt allowed.
/// Guarantees: without, the attempt fails at once; with it, the attempt lasts until somebody listens.
///
/// Conforms: exporter `otlp_grpc` | traces | `wait_for_ready` | same
#[tokio::test]
async fn an_attempt_may_wait_for_the_server() {
    for wait_for_ready in [false, true] {
        let address = closed_port().await;
        let mut settings = settings(format!("dns:///{address}"));
        settings.client.wait_for_ready = wait_for_ready;
        settings.retry_on_failure.enabled = false;
        let destination = Arc::new(OtlpGrpc::new(&settings, None).unwrap());
        let queue = ExporterSettings::of_otlp_grpc(&settings);
        let exporter = Exporter::new("otlp_grpc", Signal::Traces, destination, &queue);
        let ledger = Ledger::new();
        exporter.offer(ledger.parcel(2, body())).await.unwrap();
        while_running(&exporter, async {
            if wait_for_ready {
                // The attempt is under way before there is a server.
                tokio::task::yield_now().await;
                let listener = TcpListener::bind(address).await.unwrap();
                let _backend = GrpcBackend::serve(listener, None, []);
                ledger.settled(1).await;
            } else {
                ledger.settled(1).await;
                assert!(
                    exporter
                        .snapshot()
                        .last_error
                        .contains(&address.to_string())
                );
            }
        })
        .await;
        assert_eq!(ledger.items(), if wait_for_ready { (2, 0) } else { (0, 2) });
    }
}

/// Scenario: a name has an address on which nobody listens, beside the server's own.
/// Guarantees: the other address is taken within the same attempt.
///
/// Conforms: exporter `otlp_grpc` | traces | `balancer_name` | same
#[tokio::test]
async fn an_address_without_a_server_is_passed_over() {
    // `localhost` is 127.0.0.1, and on most systems also ::1, where nobody listens.
    let backend = GrpcBackend::start([]).await;
    for balancer in ["round_robin", "pick_first"] {
        let mut settings = settings(format!("localhost:{}", backend.address.port()));
        settings.client.balancer_name = balancer.to_owned();
        let (ledger, exporter) = (Ledger::new(), exporter(Signal::Traces, &settings));
        for _ in 0..3 {
            send(&exporter, &ledger, 2, body()).await;
        }
        assert_eq!(ledger.items(), (6, 0));
        assert_eq!(exporter.snapshot().retries, 0);
    }
}

/// Scenario: a request of 20 MB, more than any window of HTTP/2.
/// Guarantees: it arrives whole.
#[tokio::test]
async fn large_requests_arrive_whole() {
    let name = "x".repeat(1000);
    let spans = (0..20_000).map(|_| span(1, 0, &name, 0, 1)).collect();
    let body = traces([("shop", spans)]);
    let backend = GrpcBackend::start([]).await;
    let mut settings = settings(backend.address.to_string());
    settings.client.compression = GrpcCompression::None;
    let ledger = Ledger::new();
    send(
        &exporter(Signal::Traces, &settings),
        &ledger,
        20_000,
        body.clone(),
    )
    .await;
    assert_eq!(ledger.items(), (20_000, 0));
    assert!(backend.calls()[0].message == body);
}

/// Scenario: a server that is no gRPC server; a server whose answer has no end.
/// Guarantees: the request is lost as a permanent error; not more than a bounded part of the answer is read.
#[tokio::test]
async fn answers_that_are_none_are_bounded() {
    use crate::support::{HttpBackend, Reply};
    for (reply, said) in [
        (Reply::status(404, &[], "not here"), "404"),
        (Reply::Endless, "longer than 65536 bytes"),
    ] {
        let backend = HttpBackend::start([reply]).await;
        let exporter = exporter(Signal::Traces, &settings(backend.address.to_string()));
        let ledger = Ledger::new();
        send(&exporter, &ledger, 2, body()).await;
        assert_eq!(ledger.reasons(), [Some(LossReason::PermanentError)]);
        let error = exporter.snapshot().last_error;
        assert!(error.contains(said), "{error}");
        assert!(
            backend.endless_bytes() < 4 << 20,
            "{} bytes",
            backend.endless_bytes()
        );
    }
}

/// Scenario: settings that cannot work.
/// Guarantees: the error names the option, and repeats no secret.
#[test]
fn settings_that_cannot_work_are_refused() {
    let refused = |settings: &OtlpGrpcExporter| {
        OtlpGrpc::new(settings, None)
            .err()
            .expect("must be refused")
            .to_string()
    };
    assert!(refused(&settings("nonsense")).starts_with("endpoint: "));
    let mut bad = settings("h:1");
    bad.client.headers = [("name".to_owned(), Secret::new("secret\n"))]
        .into_iter()
        .collect();
    let error = refused(&bad);
    assert!(
        error.starts_with("headers.name: ") && !error.contains("secret"),
        "{error}"
    );
    let mut bad = settings("https://h:1");
    bad.client.tls.files.ca_file = "/does/not/exist".to_owned();
    assert!(refused(&bad).starts_with("tls: /does/not/exist"));
}

/// Scenario: snappy, which the server of these tests does not know.
/// Guarantees: the call says so in `grpc-encoding`, and its message is framed snappy of the request.
///
/// Conforms: exporter `otlp_grpc` | traces | `compression: snappy` | same
#[tokio::test]
async fn snappy_is_spoken_as_grpc_has_it() {
    use crate::support::{HttpBackend, Reply};
    let answer = Reply::status(
        200,
        &[("grpc-status", "0"), ("content-type", "application/grpc")],
        "",
    );
    let backend = HttpBackend::start([answer]).await;
    let mut settings = settings(backend.address.to_string());
    settings.client.compression = GrpcCompression::Snappy;
    let ledger = Ledger::new();
    send(&exporter(Signal::Traces, &settings), &ledger, 2, body()).await;
    assert_eq!(ledger.items(), (2, 0));
    let request = &backend.requests()[0];
    assert_eq!(request.headers["grpc-encoding"], "snappy");
    let (prefix, message) = request.body.split_at(5);
    assert_eq!(prefix[0], 1);
    assert_eq!(prefix[1..], (message.len() as u32).to_be_bytes());
    let mut unpacked = Vec::new();
    std::io::copy(&mut snap::read::FrameDecoder::new(message), &mut unpacked).unwrap();
    assert_eq!(unpacked, body());
}
