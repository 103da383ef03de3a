//! Start, reload, stop.

use crate::harness::{Fixture, options, sampling_yaml, sampling_yaml_with, settings, traces_of};
use std::time::Duration;
use tailweir_gateway::{Gateway, StartError};
use tailweir_testkit::{Answer, Gate, PATIENCE, Sink, request, span, trace_id};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LONG: &str = "decision_wait: 1h";

fn one(trace: u64) -> tailweir_testkit::RequestBuilder {
    request().service("shop").span(span(trace_id(trace), 1))
}

/// Scenario: traces are held whose time has not come, and the gateway is stopped.
/// Guarantees: they are decided by their policies, and what is kept is sent before it ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_decides_and_sends() {
    let sink = Sink::start();
    let gateway = Fixture::start(&sampling_yaml_with(&sink.endpoint(), "", LONG)).await;
    let spans = (0..10).map(|n| {
        let span = span(trace_id(n), 1);
        if n < 4 { span.error() } else { span }
    });
    gateway
        .send(request().service("shop").spans(spans).message())
        .await
        .unwrap();
    let books = gateway.finish().await;
    assert_eq!(sink.spans().len(), 4);
    let traces = traces_of(&books);
    assert_eq!(
        (traces.delivered.items, traces.dropped["not_sampled"].items),
        (4, 6)
    );
}

/// Scenario: the same, with `drop_pending_traces_on_shutdown`.
/// Guarantees: nothing is sent, and every span is counted as dropped for that reason.
#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_drops_what_is_pending_where_wanted() {
    let sink = Sink::start();
    let sampler = format!("{LONG}\n    drop_pending_traces_on_shutdown: true");
    let gateway = Fixture::start(&sampling_yaml_with(&sink.endpoint(), "", &sampler)).await;
    gateway.send(one(1).message()).await.unwrap();
    let books = gateway.finish().await;
    assert!(sink.spans().is_empty());
    assert_eq!(traces_of(&books).dropped["pending_at_shutdown"].items, 1);
}

/// Scenario: the backend never answers, and the gateway is given little time to stop.
/// Guarantees: it ends, says that it was not in time, and counts what it gave up.
#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_ends_at_its_deadline() {
    let sink = Sink::start();
    sink.answer_always(Answer::Hold(Gate::default()));
    let gateway = Fixture::start(&sampling_yaml(&sink.endpoint())).await;
    let kept = request().service("shop").span(span(trace_id(1), 1).error());
    gateway.send(kept.message()).await.unwrap();
    sink.until("the request", |sink| sink.spans().len() == 1)
        .await;
    let end = gateway.running.shutdown(Duration::from_millis(50)).await;
    assert!(!end.in_time);
    assert_eq!(end.ledger.imbalance(), 0);
    assert_eq!(traces_of(&end.ledger).lost_items(), 1, "{:#?}", end.ledger);
}

/// Scenario: a shutdown that would take long is aborted.
/// Guarantees: it returns at once, and the books balance.
#[tokio::test(flavor = "multi_thread")]
async fn an_abort_ends_a_shutdown() {
    let sink = Sink::start();
    sink.answer_always(Answer::Hold(Gate::default()));
    let gateway = Fixture::start(&sampling_yaml(&sink.endpoint())).await;
    let kept = request().service("shop").span(span(trace_id(1), 1).error());
    gateway.send(kept.message()).await.unwrap();
    sink.until("the request", |sink| sink.spans().len() == 1)
        .await;
    let stopping = gateway.running.shutdown(Duration::from_secs(3600));
    let aborted = async { gateway.running.abort() };
    let (end, ()) = tokio::join!(tokio::time::timeout(PATIENCE, stopping), aborted);
    let end = end.expect("the shutdown returns");
    assert!(!end.in_time);
}

/// Scenario: traces are held, and the policies are replaced by ones that keep everything.
/// Guarantees: no held trace is lost, and the new policies decide them.
#[tokio::test(flavor = "multi_thread")]
async fn a_reload_keeps_held_traces_and_decides_them_anew() {
    let sink = Sink::start();
    let yaml = sampling_yaml_with(&sink.endpoint(), "", LONG);
    let gateway = Fixture::start(&yaml).await;
    let mut client = gateway.traces().await;
    client.export(one(1).message()).await.unwrap();
    let all = yaml.replace(
        "{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}",
        "{name: all, type: always_sample}",
    );
    gateway.running.reload(settings(&all)).await.unwrap();
    // The receiver did not change, so the connection still serves.
    client.export(one(2).message()).await.unwrap();
    let status = gateway.running.status().await;
    assert_eq!(status.samplers[0].held.traces, 2);
    assert_eq!(status.samplers[0].policies.last().unwrap().policy, "errors");
    let books = gateway.finish().await;
    assert_eq!(sink.spans().len(), 2);
    assert_eq!(traces_of(&books).delivered.items, 2);
}

/// Scenario: a reload brings a policy that does not compile, then an exporter elsewhere.
/// Guarantees: the first changes nothing; after the second, kept traces go to the new backend, and
/// what the old exporter still had is sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_reload_changes_all_or_nothing() {
    let (old, new) = (Sink::start(), Sink::start());
    let gate = Gate::default();
    old.answer_next(Answer::Hold(gate.clone()));
    let gateway = Fixture::start(&sampling_yaml(&old.endpoint())).await;
    let kept = |trace| {
        request()
            .service("shop")
            .span(span(trace_id(trace), 1).error())
            .message()
    };
    gateway.send(kept(1)).await.unwrap();
    old.until("the first", |sink| sink.spans().len() == 1).await;

    let before = gateway.running.status().await.configuration;
    let broken =
        sampling_yaml(&new.endpoint()).replace("status_codes: [ERROR]", "status_codes: [ERR]");
    if let Some(broken) = crate::harness::try_settings(&broken) {
        let error = gateway.running.reload(broken).await.unwrap_err();
        assert!(matches!(error, StartError::Policies { .. }), "{error}");
    }
    assert_eq!(gateway.running.status().await.configuration, before);

    gateway
        .running
        .reload(settings(&sampling_yaml(&new.endpoint())))
        .await
        .unwrap();
    assert_ne!(gateway.running.status().await.configuration, before);
    gateway.send(kept(2)).await.unwrap();
    new.until("the second", |sink| sink.spans().len() == 1)
        .await;
    gate.open();
    let books = gateway.finish().await;
    assert_eq!(traces_of(&books).delivered.items, 2);
    assert_eq!((old.spans().len(), new.spans().len()), (1, 1));
}

/// Scenario: a reload moves the receiver to other limits, which needs a new listener.
/// Guarantees: the new one serves with its limits, and held traces are not touched.
#[tokio::test(flavor = "multi_thread")]
async fn a_reload_replaces_a_changed_receiver() {
    let sink = Sink::start();
    let yaml = sampling_yaml_with(&sink.endpoint(), "", LONG);
    let gateway = Fixture::start(&yaml).await;
    gateway.send(one(1).message()).await.unwrap();
    let changed = yaml.replace("http: {", "http: {max_request_body_size: 10, ");
    gateway.running.reload(settings(&changed)).await.unwrap();
    let addresses = gateway.running.addresses().await;
    let http = addresses
        .iter()
        .find(|bound| bound.transport == "http")
        .unwrap()
        .address;
    let moved = Fixture {
        http: Some(http),
        ..gateway
    };
    assert_eq!(moved.post("/v1/traces", one(2).bytes()).await.status, 413);
    assert_eq!(moved.running.status().await.samplers[0].held.traces, 1);
    moved.finish().await;
}

/// Scenario: a port is taken; a policy does not compile.
/// Guarantees: the start fails and says what is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_cannot_work_says_why() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().to_string();
    let yaml = sampling_yaml("http://localhost:1").replacen("127.0.0.1:0", &port, 1);
    let error = Gateway::start(settings(&yaml), options())
        .await
        .err()
        .unwrap();
    assert!(matches!(error, StartError::Bind { .. }), "{error}");
    assert!(error.to_string().contains(&port), "{error}");
}

/// Scenario: a client connects and sends nothing, another sends half a preface, and the gateway stops.
/// Guarantees: neither holds the shutdown up.
#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_do_not_hold_up_the_end() {
    let sink = Sink::start();
    let gateway = Fixture::start(&sampling_yaml(&sink.endpoint())).await;
    let mut silent = TcpStream::connect(gateway.grpc.unwrap()).await.unwrap();
    let mut half = TcpStream::connect(gateway.grpc.unwrap()).await.unwrap();
    half.write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();
    // A request that was answered shows that both connections were accepted before it.
    gateway.send(one(1).message()).await.unwrap();
    gateway.finish().await;
    assert_eq!(silent.read(&mut [0; 1]).await.unwrap_or(0), 0);
}

/// Scenario: two receivers have a request each whose body does not end, and the gateway is told to stop within an hour.
/// Guarantees: both stop listening at once, instead of one after the other; when the clients have gone it ends.
#[tokio::test(flavor = "multi_thread")]
async fn receivers_stop_together() {
    let sink = Sink::start();
    let yaml = format!(
        "
receivers:
  otlp/one: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}
  otlp/two: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}
exporters:
  otlp: {{endpoint: {}, tls: {{insecure: true}}}}
service:
  pipelines:
    traces: {{receivers: [otlp/one, otlp/two], exporters: [otlp]}}
",
        sink.endpoint()
    );
    let gateway = Fixture::start(&yaml).await;
    let addresses = gateway.running.addresses().await;
    assert_eq!(addresses.len(), 2);
    let mut clients = Vec::new();
    for bound in &addresses {
        let mut client = TcpStream::connect(bound.address).await.unwrap();
        let head = "POST /v1/traces HTTP/1.1\r\nhost: here\r\ncontent-type: application/x-protobuf\r\n\
            content-length: 1000\r\nexpect: 100-continue\r\n\r\n";
        client.write_all(head.as_bytes()).await.unwrap();
        // It says so when it waits for the body.
        client.read_exact(&mut [0; 12]).await.unwrap();
        clients.push(client);
    }
    let hour = Duration::from_secs(3600);
    let all_closed = async {
        for bound in &addresses {
            while TcpStream::connect(bound.address).await.is_ok() {
                tokio::task::yield_now().await;
            }
        }
        drop(clients);
    };
    let stopping = gateway.running.shutdown(hour);
    let both = async { tokio::join!(stopping, all_closed).0 };
    let end = tokio::time::timeout(PATIENCE, both).await.unwrap();
    assert!(end.in_time);
}
