//! The `load_balancing` exporter against real servers.

use crate::support::{Answer, GrpcBackend, Ledger, span, traces, while_running};
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use std::time::Duration;
use tailweir_config::{LoadBalancingExporter, StaticResolver};
use tailweir_core::Signal;
use tailweir_export::{Exporter, LossReason};
use tokio::time::Instant;
use tonic::Status;

const PATIENCE: Duration = Duration::from_secs(20);

fn settings(endpoints: &[&str]) -> LoadBalancingExporter {
    let mut settings = LoadBalancingExporter::default();
    let otlp = &mut settings.protocol.otlp;
    otlp.client.tls.insecure = true;
    otlp.retry_on_failure.initial_interval = Duration::from_millis(1);
    otlp.retry_on_failure.max_interval = Duration::from_millis(5);
    settings.resolver.r#static = Some(StaticResolver {
        hostnames: endpoints
            .iter()
            .map(|&endpoint| endpoint.to_owned())
            .collect(),
    });
    settings
}

fn exporter(settings: &LoadBalancingExporter) -> Exporter {
    Exporter::balanced("load_balancing", Signal::Traces, settings, None, 1).unwrap()
}

/// A request with a span for each of so many traces.
fn many(count: u8) -> Bytes {
    let spans = (1..=count).map(|number| {
        let mut span = span(number, 0, "GET /", 0, 10);
        span.trace_id = (u128::from(number) << 64 | u128::from(number))
            .to_be_bytes()
            .to_vec();
        span
    });
    traces([("shop", spans.collect())])
}

/// The trace ids that a backend received, in order, one for each span.
fn received(backend: &GrpcBackend) -> Vec<Vec<u8>> {
    let calls = backend.calls().into_iter();
    let requests = calls.map(|call| ExportTraceServiceRequest::decode(&call.message[..]).unwrap());
    let spans = requests
        .flat_map(|request| request.resource_spans)
        .flat_map(|resource| resource.scope_spans)
        .flat_map(|scope| scope.spans);
    let mut ids: Vec<_> = spans.map(|span| span.trace_id).collect();
    ids.sort();
    ids
}

/// Scenario: requests with sixty traces go to three endpoints, twice.
/// Guarantees: each endpoint gets a share, the same traces both times, every span once, and each receipt
/// is settled as delivered.
#[tokio::test]
async fn a_trace_goes_to_the_same_endpoint_every_time() {
    let backends = [
        GrpcBackend::start([]).await,
        GrpcBackend::start([]).await,
        GrpcBackend::start([]).await,
    ];
    let names: Vec<_> = backends
        .iter()
        .map(|backend| backend.address.to_string())
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let exporter = exporter(&settings(&names));
    let ledger = Ledger::new();
    for _ in 0..2 {
        exporter
            .offer(ledger.parcel_of(Signal::Traces, 60, many(60)))
            .await
            .unwrap();
    }
    while_running(&exporter, ledger.settled(2)).await;
    assert_eq!(ledger.items(), (120, 0));
    let mut all = 0;
    for backend in &backends {
        let ids = received(backend);
        assert!(!ids.is_empty());
        let pairs = ids.chunks(2);
        assert!(
            pairs.clone().all(|pair| pair[0] == pair[1]),
            "each trace twice, here"
        );
        all += ids.len();
    }
    assert_eq!(all, 120);
    let snapshot = exporter.snapshot();
    assert_eq!(snapshot.sent_items, 120);
    assert_eq!(snapshot.balancer.unwrap().backends, 3);
}

/// Scenario: one of two endpoints does not answer, and its queue has room for one request.
/// Guarantees: the next request is handed back as a whole: the other endpoint has not got its share, so
/// whoever sends it again adds nothing twice.
///
/// Conforms: exporter `load_balancing` | traces | one endpoint has no room | better: the request is refused as a
/// whole, before anybody has got anything
#[tokio::test]
async fn a_request_is_taken_as_a_whole_or_not_at_all() {
    let slow = GrpcBackend::start([Answer::Hang]).await;
    let quick = GrpcBackend::start([]).await;
    let mut settings = settings(&[&slow.address.to_string(), &quick.address.to_string()]);
    settings.protocol.otlp.sending_queue.queue_size = 1;
    settings.protocol.otlp.timeout = Duration::ZERO;
    let exporter = exporter(&settings);
    let ledger = Ledger::new();
    let test = async {
        let first = ledger.parcel_of(Signal::Traces, 60, many(60));
        exporter.offer(first).await.unwrap();
        slow.called(1).await;
        quick.called(1).await;
        while exporter.snapshot().sent_requests == 0 {
            tokio::task::yield_now().await;
        }
        let second = ledger.parcel_of(Signal::Traces, 60, many(60));
        let refusal = exporter.offer(second).await.unwrap_err();
        assert_eq!(refusal.reason, LossReason::QueueFull);
        assert_eq!(refusal.parcel.items, 60);
        refusal.parcel.receipt.lost(LossReason::QueueFull);
    };
    while_running(&exporter, test).await;
    assert_eq!(quick.calls().len(), 1);
}

/// Scenario: an endpoint that refuses every attempt, retryably, has requests in its queue and in its
/// hands when it leaves; another takes its place.
/// Guarantees: the other one gets every span, and every receipt is settled as delivered.
///
/// Conforms: exporter `load_balancing` | traces | an endpoint leaves | better: what waits for it goes to the
/// endpoints that are left
#[tokio::test]
async fn what_waits_for_an_endpoint_that_leaves_goes_to_the_others() {
    let refuse = || Answer::Fail(Box::new(Status::unavailable("going")));
    let leaving = GrpcBackend::start(std::iter::repeat_with(refuse).take(100_000)).await;
    let staying = GrpcBackend::start([]).await;
    let (old, new) = (
        exporter(&settings(&[&leaving.address.to_string()])),
        exporter(&settings(&[&staying.address.to_string()])),
    );
    let ledger = Ledger::new();
    for _ in 0..30 {
        old.offer(ledger.parcel_of(Signal::Traces, 6, many(6)))
            .await
            .unwrap();
    }
    let deadline = Instant::now() + PATIENCE;
    let change = async {
        leaving.called(20).await;
        old.hand_over(&new, deadline).await;
        assert_eq!(old.shutdown(deadline).await, 0);
    };
    let test = async {
        tokio::join!(old.run(), change);
        ledger.settled(30).await;
    };
    while_running(&new, test).await;
    assert_eq!(ledger.items(), (180, 0));
    assert_eq!(received(&staying).len(), 180);
    let late = old
        .offer(ledger.parcel_of(Signal::Traces, 6, many(6)))
        .await
        .unwrap_err();
    assert_eq!(late.reason, LossReason::AbandonedAtShutdown);
    late.parcel.receipt.lost(late.reason);
}

/// Scenario: a request is given up by one of two endpoints, and taken by the other.
/// Guarantees: its receipt says how much was lost, and why.
#[tokio::test]
async fn a_share_that_is_given_up_is_lost_and_the_rest_delivered() {
    let bad = GrpcBackend::start([Answer::Fail(Box::new(Status::invalid_argument("no")))]).await;
    let good = GrpcBackend::start([]).await;
    let exporter = exporter(&settings(&[
        &bad.address.to_string(),
        &good.address.to_string(),
    ]));
    let ledger = Ledger::new();
    exporter
        .offer(ledger.parcel_of(Signal::Traces, 60, many(60)))
        .await
        .unwrap();
    while_running(&exporter, ledger.settled(1)).await;
    let taken = received(&good).len() as u64;
    assert_eq!(ledger.items(), (taken, 60 - taken));
    assert_eq!(ledger.reasons(), [Some(LossReason::PermanentError)]);
    let outcomes = exporter.snapshot().balancer.unwrap().outcomes;
    let failed: Vec<_> = outcomes
        .iter()
        .filter(|outcome| outcome.failed_requests == 1)
        .collect();
    assert_eq!(
        (failed.len(), &failed[0].endpoint),
        (1, &bad.address.to_string())
    );
}

/// Scenario: the endpoints are the addresses of a name; before it was looked up, something is offered.
/// Guarantees: it is handed back, to be sent again, until there are endpoints; then it arrives.
///
/// Conforms: exporter `load_balancing` | traces | `resolver` with `dns` | same
#[tokio::test]
async fn the_addresses_of_a_name_are_endpoints() {
    let backend = GrpcBackend::start([]).await;
    let mut settings = settings(&[]);
    settings.resolver.r#static = None;
    settings.resolver.dns = Some(tailweir_config::DnsResolver {
        hostname: backend.address.ip().to_string(),
        port: tailweir_config::Port(backend.address.port().to_string()),
        ..tailweir_config::DnsResolver::default()
    });
    let exporter = exporter(&settings);
    let ledger = Ledger::new();
    let early = exporter
        .offer(ledger.parcel_of(Signal::Traces, 6, many(6)))
        .await
        .unwrap_err();
    assert_eq!(early.reason, LossReason::NoEndpoint);
    assert!(early.reason.is_worth_a_resend());
    let test = async {
        let mut parcel = early.parcel;
        while let Err(refusal) = exporter.offer(parcel).await {
            parcel = refusal.parcel;
            tokio::task::yield_now().await;
        }
        ledger.settled(1).await;
    };
    while_running(&exporter, test).await;
    assert_eq!(received(&backend).len(), 6);
    let balancer = exporter.snapshot().balancer.unwrap();
    assert_eq!(
        (balancer.resolver, balancer.resolutions, balancer.backends),
        ("dns", 1, 1)
    );
}

/// Scenario: an endpoint is no address.
/// Guarantees: the exporter is not built, and the error names the option.
#[tokio::test]
async fn an_endpoint_that_is_none_is_refused() {
    let built = Exporter::balanced("lb", Signal::Logs, &settings(&["a b:1"]), None, 1);
    let error = built.unwrap_err();
    assert_eq!(error.option, "resolver.static.hostnames", "{error}");
}
