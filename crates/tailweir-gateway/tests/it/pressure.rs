//! Backends that are down, slow or refusing; budgets that are full.

use crate::harness::{Fixture, options, sampling_yaml, sampling_yaml_with, traces_of};
use std::time::Duration;
use tailweir_core::ByteSize;
use tailweir_gateway::Options;
use tailweir_testkit::{Answer, Gate, Sink, request, span, trace_id};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tonic::Code;
use tonic_types::StatusExt;

fn one_error(trace: u64) -> tailweir_testkit::RequestBuilder {
    request()
        .service("shop")
        .span(span(trace_id(trace), 1).error())
}

/// Scenario: the backend refuses a request twice, retryably, and dies over the next attempt; then it
/// listens again.
/// Guarantees: the kept trace arrives, and nothing is counted as lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_kept_trace_outlives_a_failing_backend() {
    let mut sink = Sink::start();
    sink.answer_next(Answer::Refuse(Code::Unavailable));
    sink.answer_next(Answer::RetryAfter(Duration::from_millis(10)));
    sink.answer_next(Answer::Die);
    let gateway = Fixture::start(&sampling_yaml(&sink.endpoint())).await;
    gateway.send(one_error(1).message()).await.unwrap();
    sink.until("the attempt that kills it", |sink| sink.spans().len() == 1)
        .await;
    sink.restart();
    sink.until("the trace once more", |sink| sink.spans().len() == 2)
        .await;
    let books = gateway.finish().await;
    assert_eq!(traces_of(&books).delivered.items, 1);
}

/// Scenario: the backend refuses a kept trace for good.
/// Guarantees: the loss is counted with its reason, and the books balance.
#[tokio::test(flavor = "multi_thread")]
async fn a_permanent_refusal_is_counted_as_lost() {
    let sink = Sink::start();
    sink.answer_always(Answer::Refuse(Code::InvalidArgument));
    let gateway = Fixture::start(&sampling_yaml(&sink.endpoint())).await;
    gateway.send(one_error(1).message()).await.unwrap();
    sink.until("an attempt", |sink| !sink.metadata().is_empty())
        .await;
    let books = gateway.finish_with_losses().await;
    assert_eq!(traces_of(&books).lost["permanent_error"].items, 1);
}

/// Scenario: the backend does not answer, the queue has room for one request, and six kept traces
/// come one after the other.
/// Guarantees: decided traces wait instead of being lost, and all arrive once the backend answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_holds_decisions_back() {
    let sink = Sink::start();
    let gate = Gate::default();
    sink.answer_next(Answer::Hold(gate.clone()));
    let queue = "sending_queue: {queue_size: 1, num_consumers: 1}";
    let yaml = sampling_yaml_with(&sink.endpoint(), queue, "decision_wait: 10ms");
    let gateway = Fixture::start(&yaml).await;
    gateway.send(one_error(0).message()).await.unwrap();
    sink.until("the first", |sink| sink.spans().len() == 1)
        .await;
    for trace in 1..6 {
        gateway.send(one_error(trace).message()).await.unwrap();
    }
    gate.open();
    sink.until("all six", |sink| sink.spans().len() == 6).await;
    let books = gateway.finish().await;
    assert_eq!(traces_of(&books).delivered.items, 6);
}

/// Scenario: a client that sends half of its request takes up the budget of requests in flight, and
/// others come over both protocols.
/// Guarantees: they are refused before they are read, with a hint when to come back; once the first has
/// gone, the same requests are taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_budget_refuses_with_a_retry_hint() {
    let sink = Sink::start();
    let options = Options {
        in_flight_max: Some(ByteSize(1000)),
        ..options()
    };
    let gateway = Fixture::start_with(&sampling_yaml(&sink.endpoint()), options).await;
    let mut half = TcpStream::connect(gateway.http.unwrap()).await.unwrap();
    let head = "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-length: 999\r\n\
                content-type: application/x-protobuf\r\n\r\nhalf";
    half.write_all(head.as_bytes()).await.unwrap();
    gateway
        .until("half a request", |status| {
            status.admission.in_flight_bytes >= 999
        })
        .await;
    let status = gateway.send(one_error(1).message()).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    let hint = status.get_details_retry_info().unwrap().retry_delay;
    assert_eq!(hint, Some(Duration::from_secs(1)));
    let answer = gateway.post("/v1/traces", one_error(1).bytes()).await;
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (429, Some("1"))
    );
    let status = gateway.running.status().await;
    assert_eq!(status.admission.refused_requests, 2);
    drop(half);
    gateway
        .until("room", |status| status.admission.in_flight_bytes == 0)
        .await;
    gateway.send(one_error(1).message()).await.unwrap();
    let books = gateway.finish().await;
    assert_eq!(traces_of(&books).acknowledged.items, 1);
}

/// Scenario: a request is larger than the whole budget of requests in flight.
/// Guarantees: it is refused for good, since to come again could never help.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_budget_can_never_hold_is_refused_for_good() {
    let sink = Sink::start();
    let options = Options {
        in_flight_max: Some(ByteSize(10)),
        ..options()
    };
    let gateway = Fixture::start_with(&sampling_yaml(&sink.endpoint()), options).await;
    let status = gateway.send(one_error(1).message()).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.get_details_retry_info().is_none());
    let answer = gateway.post("/v1/traces", one_error(1).bytes()).await;
    assert_eq!((answer.status, answer.header("retry-after")), (413, None));
    gateway.finish().await;
}

/// Scenario: new traces are held back at `num_traces`, and the store is full of undecided ones.
/// Guarantees: a request that brings new ones is refused as a whole, retryably, also when it is sent
/// again; more spans of the held ones are taken.
#[tokio::test(flavor = "multi_thread")]
async fn too_many_traces_are_refused_as_a_whole() {
    let sink = Sink::start();
    let sampler = "decision_wait: 60s\n    num_traces: 2\n    block_on_overflow: true";
    let yaml = sampling_yaml_with(&sink.endpoint(), "", sampler);
    let gateway = Fixture::start(&yaml).await;
    let traces = |ids: std::ops::Range<u64>, part| {
        let spans = ids.map(move |n| span(trace_id(n), part).error());
        request().service("shop").spans(spans)
    };
    gateway.send(traces(0..8, 1).message()).await.unwrap();
    let many = traces(8..16, 1);
    for _ in 0..2 {
        let status = gateway.send(many.clone().message()).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        assert!(status.get_details_retry_info().is_some());
    }
    gateway.send(traces(0..8, 2).message()).await.unwrap();
    let books = gateway.finish().await;
    let traces = traces_of(&books);
    assert_eq!((traces.acknowledged.items, traces.refused.items), (16, 16));
    assert_eq!(traces.delivered.items, 16);
}

/// Scenario: a memory limiter allows less than one request.
/// Guarantees: requests are refused as the Collector refuses them, unavailable, with a hint.
#[tokio::test(flavor = "multi_thread")]
async fn the_memory_limiter_refuses_as_the_collector_does() {
    let sink = Sink::start();
    let yaml = sampling_yaml(&sink.endpoint())
        .replace(
            "processors:\n",
            "processors:\n  memory_limiter: {check_interval: 1s, limit_mib: 2, spike_limit_mib: 1}\n",
        )
        .replace("[tail_sampling]", "[memory_limiter, tail_sampling]");
    let gateway = Fixture::start(&yaml).await;
    let spans = (0..12_000).map(|n| span(trace_id(n), n).named(&"x".repeat(64)));
    let large = request().service("shop").spans(spans);
    let status = gateway.send(large.message()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert!(status.get_details_retry_info().is_some());
    gateway.send(one_error(1).message()).await.unwrap();
    gateway.finish().await;
}
