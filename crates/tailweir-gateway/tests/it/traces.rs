//! Traces from a client through the sampler to a backend.

use crate::harness::{Fixture, sampling_yaml, sampling_yaml_with, traces_of};
use opentelemetry_proto::tonic::trace::v1::Span;
use std::collections::BTreeSet;
use tailweir_testkit::{Sink, request, span, trace_id};

fn ids(spans: &[Span]) -> BTreeSet<(Vec<u8>, Vec<u8>)> {
    let ids = spans.iter();
    ids.map(|span| (span.trace_id.clone(), span.span_id.clone()))
        .collect()
}

/// Scenario: twenty traces of three spans each arrive in three requests, over both protocols; every
/// fourth has an error in its last span.
/// Guarantees: exactly those reach the backend, whole and once; the others are counted as dropped.
#[tokio::test(flavor = "multi_thread")]
async fn traces_with_errors_reach_the_backend_whole() {
    let sink = Sink::start();
    let gateway = Fixture::start(&sampling_yaml_with(
        &sink.endpoint(),
        "",
        "decision_wait: 300ms",
    ))
    .await;
    for part in 1..=3_u64 {
        let spans = (0..20).map(|n| {
            let span = span(trace_id(n), part).named(&format!("part {part}"));
            if n % 4 == 0 && part == 3 {
                span.error()
            } else {
                span
            }
        });
        let parts = request().service("shop").spans(spans);
        if part == 2 {
            assert_eq!(gateway.post("/v1/traces", parts.bytes()).await.status, 200);
        } else {
            gateway.send(parts.message()).await.unwrap();
        }
    }
    sink.until("all kept spans", |sink| sink.spans().len() >= 15)
        .await;
    let books = gateway.finish().await;

    let received = sink.spans();
    assert_eq!(received.len(), 15);
    let expected = (0..20)
        .step_by(4)
        .flat_map(|n| (1..=3).map(move |part| (n, part)));
    let expected = expected.map(|(n, part)| span(trace_id(n), part).message());
    assert_eq!(ids(&received), ids(&expected.collect::<Vec<_>>()));
    let traces = traces_of(&books);
    assert_eq!(traces.acknowledged.items, 60);
    assert_eq!(
        (traces.delivered.items, traces.dropped["not_sampled"].items),
        (15, 45)
    );
}

/// Scenario: a span arrives after its trace was kept, another after its trace was not, a third a
/// second time.
/// Guarantees: they follow the decision, and the resend is not exported twice.
#[tokio::test(flavor = "multi_thread")]
async fn late_spans_follow_the_decision() {
    let sink = Sink::start();
    let gateway = Fixture::start(&sampling_yaml(&sink.endpoint())).await;
    let (kept, lost) = (trace_id(1), trace_id(2));
    let first = request()
        .service("shop")
        .span(span(kept, 1).error())
        .span(span(lost, 1));
    gateway.send(first.clone().message()).await.unwrap();
    sink.until("the kept trace", |sink| sink.spans().len() == 1)
        .await;
    let late = request()
        .service("shop")
        .span(span(kept, 2))
        .span(span(lost, 2).error());
    gateway.send(late.message()).await.unwrap();
    gateway.send(first.message()).await.unwrap();
    sink.until("the late span", |sink| sink.spans().len() == 2)
        .await;
    let books = gateway.finish().await;

    assert_eq!(sink.spans().len(), 2);
    let traces = traces_of(&books);
    assert_eq!((traces.acknowledged.items, traces.delivered.items), (6, 2));
    assert_eq!(traces.dropped["duplicate"].items, 1);
}

/// Scenario: a trace is kept whose spans carry no tracestate, another vendor's, and a damaged one.
/// Guarantees: the weight is written where it can be, nothing else of the tracestate changes, and
/// every other byte of the spans is as it was sent.
#[tokio::test(flavor = "multi_thread")]
async fn kept_spans_carry_their_weight() {
    let sink = Sink::start();
    let gateway = Fixture::start(&sampling_yaml(&sink.endpoint())).await;
    let trace = trace_id(1);
    let sent = request()
        .service("shop")
        .span(span(trace, 1).error())
        .span(span(trace, 2).trace_state("vendor=1"))
        .span(span(trace, 3).trace_state("==="));
    gateway.send(sent.clone().message()).await.unwrap();
    sink.until("the trace", |sink| sink.spans().len() == 3)
        .await;
    gateway.finish().await;

    let mut received = sink.spans();
    let states: Vec<_> = received
        .iter()
        .map(|span| span.trace_state.clone())
        .collect();
    assert_eq!(states, ["ot=th:0", "ot=th:0,vendor=1", "==="]);
    let sent = sent
        .message()
        .resource_spans
        .remove(0)
        .scope_spans
        .remove(0)
        .spans;
    for (received, sent) in received.iter_mut().zip(&sent) {
        received.trace_state.clone_from(&sent.trace_state);
    }
    assert_eq!(received, sent);
}

/// Scenario: the Collector's gate for recording policies is on.
/// Guarantees: the scope of a kept trace names the policy, and keeps its own name.
#[tokio::test(flavor = "multi_thread")]
async fn the_deciding_policy_is_recorded_where_wanted() {
    let sink = Sink::start();
    let options = "decision_wait: 30ms\n    record_policy: true";
    let gateway = Fixture::start(&sampling_yaml_with(&sink.endpoint(), "", options)).await;
    let sent = request()
        .service("shop")
        .scope("library")
        .span(span(trace_id(1), 1).error());
    gateway.send(sent.message()).await.unwrap();
    sink.until("the trace", |sink| sink.spans().len() == 1)
        .await;
    gateway.finish().await;

    let tailweir_testkit::Received::Traces(traces) = sink.received().remove(0) else {
        panic!("not traces");
    };
    let scope = traces.resource_spans[0].scope_spans[0]
        .scope
        .clone()
        .unwrap();
    assert_eq!(scope.name, "library");
    assert_eq!(
        scope.attributes,
        [tailweir_testkit::attribute("tailsampling.policy", "errors")]
    );
}
