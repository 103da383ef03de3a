//! Tailweir in front of samplers: `load_balancing` from the YAML to the endpoints.

use crate::harness::{Fixture, settings, traces_of};
use std::collections::BTreeSet;
use tailweir_testkit::{Answer, Sink, request, span, trace_id};
use tonic::Code;

fn yaml(endpoints: &[&Sink], more: &str) -> String {
    let endpoints: Vec<_> = endpoints
        .iter()
        .map(|sink| sink.address().to_string())
        .collect();
    let endpoints = endpoints.join("', '");
    format!(
        "
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:0'}}}}}}
exporters:
  loadbalancing:
    protocol:
      otlp:
        tls: {{insecure: true}}
        retry_on_failure: {{initial_interval: 5ms, max_interval: 10ms}}
        {more}
    resolver: {{static: {{hostnames: ['{endpoints}']}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [loadbalancing]}}
"
    )
}

fn part(number: u64) -> tailweir_testkit::RequestBuilder {
    let spans = (0..40).map(move |trace| span(trace_id(trace), number));
    request().service("shop").spans(spans)
}

fn traces(sink: &Sink) -> BTreeSet<Vec<u8>> {
    sink.spans().into_iter().map(|span| span.trace_id).collect()
}

/// Scenario: forty traces come in three requests, and two endpoints share them.
/// Guarantees: each trace is whole at one of them, both have some, and the books balance.
///
/// Conforms: exporter `load_balancing` | traces | `resolver` with `static` | same
#[tokio::test(flavor = "multi_thread")]
async fn every_trace_is_whole_at_one_endpoint() {
    let (left, right) = (Sink::start(), Sink::start());
    let gateway = Fixture::start(&yaml(&[&left, &right], "")).await;
    for number in 1..=3 {
        gateway.send(part(number).message()).await.unwrap();
    }
    let books = gateway.finish().await;
    let (at_left, at_right) = (traces(&left), traces(&right));
    assert!(at_left.is_disjoint(&at_right));
    assert!(!at_left.is_empty() && !at_right.is_empty());
    assert_eq!(left.spans().len(), at_left.len() * 3);
    assert_eq!(left.spans().len() + right.spans().len(), 120);
    assert_eq!(traces_of(&books).delivered.items, 120);
}

/// Scenario: one of two endpoints is down, with what it should get in its queue, and a reload puts
/// another into its place.
/// Guarantees: the new endpoint gets what waited for the dead one; nothing is lost, and the books balance.
#[tokio::test(flavor = "multi_thread")]
async fn what_waited_for_a_dead_endpoint_reaches_the_new_one() {
    let (mut dead, alive, new) = (Sink::start(), Sink::start(), Sink::start());
    let gateway = Fixture::start(&yaml(&[&dead, &alive], "")).await;
    dead.stop();
    for number in 1..=3 {
        gateway.send(part(number).message()).await.unwrap();
    }
    gateway
        .until("attempts at the dead one", |status| {
            status.exporters[0].retries > 3
        })
        .await;
    let other = yaml(&[&alive, &new], "");
    gateway.running.reload(settings(&other)).await.unwrap();
    let all = |_: &tailweir_gateway::Status| alive.spans().len() + new.spans().len() == 120;
    gateway.until("everything", all).await;
    let books = gateway.finish().await;
    assert!(!new.spans().is_empty());
    assert_eq!(traces_of(&books).delivered.items, 120);
}

/// Scenario: an endpoint refuses for good, the other one takes its share; then the metrics are read.
/// Guarantees: exactly the refused share is lost, with its reason, and the endpoints can be told apart.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusing_endpoint_loses_only_its_own_share() {
    let (bad, good) = (Sink::start(), Sink::start());
    bad.answer_always(Answer::Refuse(Code::InvalidArgument));
    let gateway = Fixture::start(&yaml(&[&bad, &good], "")).await;
    gateway.send(part(1).message()).await.unwrap();
    let settled = |status: &tailweir_gateway::Status| {
        let row = &status.exporters[0];
        row.sent + row.send_failed == 40
    };
    gateway.until("an end", settled).await;
    let status = gateway.running.status().await;
    let balancer = status.exporters[0].balancer.as_ref().unwrap();
    assert_eq!((balancer.resolver, balancer.endpoints.len()), ("static", 2));
    for row in &balancer.endpoints {
        let is_bad = row.endpoint == bad.address().to_string();
        let expected = if is_bad { (0, 1) } else { (1, 0) };
        assert_eq!((row.sent_requests, row.failed_requests), expected);
    }
    let books = gateway.finish_with_losses().await;
    let taken = good.spans().len() as u64;
    let row = traces_of(&books);
    assert_eq!(
        (row.delivered.items, row.lost["permanent_error"].items),
        (taken, 40 - taken)
    );
}

/// Scenario: no queue is wanted, and an endpoint is down for one attempt.
/// Guarantees: the client waits, and its success means that both endpoints have their share.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_queue_success_means_delivered() {
    let (left, right) = (Sink::start(), Sink::start());
    left.answer_next(Answer::Refuse(Code::Unavailable));
    let gateway = Fixture::start(&yaml(&[&left, &right], "sending_queue: {enabled: false}")).await;
    gateway.send(part(1).message()).await.unwrap();
    assert_eq!(left.spans().len() + right.spans().len(), 40);
    gateway.finish().await;
}
