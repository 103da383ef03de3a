//! Exemplars in a cluster whose gateways decide nothing.

use crate::cluster::{PATIENCE, Town, send};
use crate::harness::Fixture;
use crate::streams::{cluster, finish};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;
use tailweir_placement::{Command, Incarnation};
use tailweir_testkit::{Sink, request, span, trace_id, traces_of_exemplars};

const SERVICES: u64 = 6;
/// Traces of each service and round; every fourth is kept.
const TRACES: u64 = 16;

/// What the gateways count, and samplers keep a quarter of; which is no matter of what tells series apart.
fn yaml(traces: &Sink, metrics: &Sink) -> String {
    let exporter = |sink: &Sink| {
        format!(
            "{{endpoint: '{}', tls: {{insecure: true}}}}",
            sink.endpoint()
        )
    };
    format!(
        "
cluster: {{id: test, roles: [gateway, sampler], controllers: ['127.0.0.1:1'], insecure: true}}
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:0'}}}}}}}}
processors:
  tail_sampling:
    decision_wait: 200ms
    policies: [{{name: chosen, type: string_attribute, string_attribute: {{key: keep, values: ['yes']}}}}]
connectors:
  span_metrics:
    metrics_flush_interval: 100ms
    histogram: {{exponential: {{max_size: 20}}}}
    exemplars: {{enabled: true, max_per_data_point: 100}}
exporters: {{otlp/traces: {}, otlp/metrics: {}}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [tail_sampling], exporters: [otlp/traces]}}
    traces/all: {{receivers: [otlp], exporters: [span_metrics]}}
    metrics: {{receivers: [span_metrics], exporters: [otlp/metrics]}}
",
        exporter(traces),
        exporter(metrics)
    )
}

fn number(round: u64, service: u64, trace: u64) -> u64 {
    10_000 * round + 100 * service + trace
}

async fn send_round(gateways: &[Fixture; 2], round: u64) {
    for service in 0..SERVICES {
        for half in 0..2 {
            let of_half = (0..TRACES).filter(|trace| trace % 2 == half || trace % 4 == 0);
            let spans = of_half.map(|trace| {
                let kept = if trace % 4 == 0 { "yes" } else { "no" };
                let id = trace_id(number(round, service, trace));
                span(id, half + 1).attribute("keep", kept)
            });
            let request = request().service(&format!("shop-{service}")).spans(spans);
            send(&gateways[half as usize], request.message()).await;
        }
    }
}

/// The traces of a round that samplers keep.
fn kept(round: u64) -> impl Iterator<Item = Vec<u8>> {
    (0..SERVICES).flat_map(move |service| {
        let kept = (0..TRACES).filter(|trace| trace % 4 == 0);
        kept.map(move |trace| trace_id(number(round, service, trace)).0.to_vec())
    })
}

/// Waits until calls and durations have had an exemplar of each of these traces.
async fn until_named(metrics: &Sink, wanted: &BTreeSet<Vec<u8>>) {
    let looking = async {
        loop {
            let named = traces_of_exemplars(metrics.metrics());
            if named.len() == 2 && named.values().all(|named| named.is_superset(wanted)) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, looking).await;
    assert!(waited.is_ok(), "not all kept traces are named");
}

/// Scenario: spans come through two gateways without slots, which count them; three samplers keep a quarter of the traces. Then one
/// of the samplers is drained, every second answer of members to each other is lost, and spans go on.
/// Guarantees: the series of calls, and those of durations in exponential histograms, have exemplars of every kept trace and of no
/// other; nothing waits in the end, and nothing was given up.
#[tokio::test(flavor = "multi_thread")]
async fn exemplars_of_gateways_without_slots_are_kept_traces() {
    let (traces, metrics) = (Sink::start(), Sink::start());
    let town = Town::of(3);
    let (samplers, gateways) = cluster(&town, &yaml(&traces, &metrics)).await;
    send_round(&gateways, 1).await;
    let mut wanted: BTreeSet<_> = kept(1).collect();
    until_named(&metrics, &wanted).await;

    town.loses_answers.store(true, Relaxed);
    town.change(|table| {
        table.apply(&Command::Drain(Incarnation(1)));
        table.apply(&Command::Rebalance);
    });
    send_round(&gateways, 2).await;
    wanted.extend(kept(2));
    until_named(&metrics, &wanted).await;
    town.loses_answers.store(false, Relaxed);
    for gateway in &gateways {
        gateway
            .until("exemplars that wait no more", |status| {
                status.connectors[0].waiting_exemplars == 0
            })
            .await;
        let status = gateway.running.status().await;
        assert_eq!(status.connectors[0].exemplars_given_up, 0);
    }

    finish(gateways.into_iter().chain(samplers)).await;
    for named in traces_of_exemplars(metrics.metrics()).into_values() {
        assert_eq!(named, wanted);
    }
}
