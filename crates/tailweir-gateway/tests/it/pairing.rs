//! A graph of services in a cluster: the two spans of a request come where they meet.

use crate::cluster::{PATIENCE, Town, send};
use crate::harness::Fixture;
use crate::streams::{cluster, counting, finish, page, until_right};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use std::sync::atomic::Ordering::Relaxed;
use tailweir_gateway::ConnectorRow;
use tailweir_placement::{Command, Incarnation};
use tailweir_testkit::{request, span, trace_id};

/// Halves wait for longer than any test does.
const STORE: &str = "store: {ttl: 10m, max_items: 1000}";
/// Requests of each round, each a trace of its own.
const REQUESTS: u64 = 60;

/// The clients' spans of a round, through one gateway.
async fn send_clients(gateway: &Fixture, round: u64) {
    let spans = traces(round).map(|trace| span(trace_id(trace), 1).kind(SpanKind::Client));
    send(gateway, request().service("shop").spans(spans).message()).await;
}

/// The servers' spans of a round, through one gateway.
async fn send_servers(gateway: &Fixture, round: u64) {
    let spans = traces(round).map(|trace| {
        let server = span(trace_id(trace), 2).kind(SpanKind::Server);
        server.child_of(1)
    });
    send(gateway, request().service("cart").spans(spans).message()).await;
}

fn traces(round: u64) -> impl Iterator<Item = u64> {
    let first = 1_000 * round;
    first..first + REQUESTS
}

async fn row(member: &Fixture) -> ConnectorRow {
    member.running.status().await.connectors.remove(0)
}

/// Waits until so many requests wait for their other half at these members.
async fn until_waiting(members: &[Fixture], edges: u64) {
    let looking = async {
        loop {
            let mut waiting = 0;
            for member in members {
                waiting += row(member).await.waiting_edges;
            }
            if waiting == edges {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, looking).await;
    assert!(waited.is_ok(), "never {edges} that wait");
}

/// Waits until the only series of requests is on one page, with so many.
async fn until_counted(members: &[Fixture], requests: u64) {
    let requests = [requests.to_string()];
    until_right(members, "request_total", |seen| {
        let is_right = |(series, values): (&String, &Vec<String>)| {
            let is_ours = series.contains("client=\"shop\"") && series.contains("server=\"cart\"");
            is_ours && **values == requests
        };
        seen.len() == 1 && seen.iter().all(is_right)
    })
    .await;
}

/// Scenario: the clients' spans of requests come through one gateway; then one of three samplers is drained, and the servers'
/// spans come through the other gateway; a second round comes the other way round. From the drain on every second answer of
/// members to each other is lost.
/// Guarantees: halves wait at the samplers, and not at the gateways; each request is counted once, in one series on one page, also
/// where its first half had to move and where halves were brought twice; none is left.
///
/// Conforms: connector `service_graph` | traces, metrics | spans of a request that come through two gateways |
/// better: in a cluster paired at the owner of their trace
#[tokio::test(flavor = "multi_thread")]
async fn halves_of_a_request_meet_wherever_they_come_in() {
    let town = Town::of(3);
    let (samplers, gateways) = cluster(&town, &counting("service_graph", STORE)).await;
    send_clients(&gateways[0], 1).await;
    until_waiting(&samplers, REQUESTS).await;
    for sampler in &samplers {
        assert!(row(sampler).await.waiting_edges > 0, "all have a share");
    }

    town.change(|table| {
        table.apply(&Command::Drain(Incarnation(1)));
        table.apply(&Command::Rebalance);
    });
    until_waiting(&samplers[1..], REQUESTS).await;
    town.loses_answers.store(true, Relaxed);
    send_servers(&gateways[1], 1).await;
    send_clients(&gateways[1], 2).await;
    send_servers(&gateways[0], 2).await;
    until_counted(&samplers, 2 * REQUESTS).await;
    until_waiting(&samplers, 0).await;
    until_waiting(&gateways, 0).await;
    assert_eq!(page(&samplers[0]).await, []);
    town.loses_answers.store(false, Relaxed);

    let books = finish(gateways.into_iter().chain(samplers)).await;
    let spans = books.iter().map(|books| &books.signals["traces"]);
    let acknowledged: u64 = spans.clone().map(|row| row.acknowledged.items).sum();
    assert_eq!(acknowledged, 4 * REQUESTS);
    // What is cut out of spans is in no books.
    let counted: u64 = spans.map(|row| row.dropped["counted"].items).sum();
    assert_eq!(counted, 4 * REQUESTS);
}
