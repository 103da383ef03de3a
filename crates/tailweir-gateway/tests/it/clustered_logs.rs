//! Logs that are kept or dropped with their traces, in a cluster.

use crate::cluster::{PATIENCE, Town, send};
use crate::harness::{Fixture, settings};
use crate::trace_aware::{bodies, offer_logs, record, yaml};
use std::ops::Range;
use std::sync::Arc;
use tailweir_core::TraceId;
use tailweir_gateway::{LedgerSnapshot, TraceAwareRow};
use tailweir_placement::{Command, Incarnation};
use tailweir_testkit::{Sink, request, span, trace_id};

/// A trace is decided soon after its root has come, and logs wait for that as long as it takes.
const WINDOW: &str = "600s\n    decision_wait_after_root_received: 300ms";
const TRACES: u64 = 40;

/// Three samplers and a gateway without slots, in a cluster that has begun.
async fn cluster(town: &Arc<Town>, yaml: &str) -> (Vec<Fixture>, Fixture) {
    cluster_of(town, yaml, yaml).await
}

/// The same, with samplers that have another configuration.
async fn cluster_of(town: &Arc<Town>, samplers: &str, yaml: &str) -> (Vec<Fixture>, Fixture) {
    let samplers = town.start_samplers(samplers).await;
    let gateway = town.start(yaml, None, true).await;
    town.rebalance();
    (samplers, gateway)
}

/// One record of each trace, sent as an SDK does: again, when it is asked to come again.
async fn send_logs(gateway: &Fixture, traces: Range<u64>, text: &str) {
    let records = traces.map(|n| record(trace_id(n), 9, &format!("{text} {n}")));
    offer(gateway, &records.collect::<Vec<_>>()).await;
}

async fn offer(gateway: &Fixture, records: &[String]) {
    let sending = async {
        loop {
            match offer_logs(gateway, records).await {
                200 => return,
                status => assert_eq!(status, 503),
            }
        }
    };
    let sent = tokio::time::timeout(PATIENCE, sending).await;
    sent.expect("a request is taken in the end");
}

/// The only span of each trace; those with even numbers have an error.
async fn send_spans(gateway: &Fixture, traces: Range<u64>) {
    let spans = traces.map(|n| {
        let span = span(trace_id(n), 1);
        if n.is_multiple_of(2) {
            span.error()
        } else {
            span.ok()
        }
    });
    send(gateway, request().spans(spans).message()).await;
}

/// One record of each trace, and a span of it that is not its root; of those with even numbers it has an error.
async fn send_undecided(gateway: &Fixture) {
    send_logs(gateway, 0..TRACES, "early").await;
    let spans = (0..TRACES).map(|n| {
        let span = span(trace_id(n), 1).child_of(9);
        if n.is_multiple_of(2) {
            span.error()
        } else {
            span
        }
    });
    send(gateway, request().spans(spans).message()).await;
}

/// The same with other names of both pipelines.
fn renamed(yaml: &str) -> String {
    let renamed = yaml.replace("    traces: {", "    traces/renamed: {");
    renamed.replace("    logs: {", "    logs/renamed: {")
}

/// Tells a sampler of other settings, and waits until it has nothing left of the logs that it holds.
async fn reload(sampler: &Fixture, yaml: &str) {
    let held = || sampler.running.ledger().signals["logs"].held.items;
    assert!(held() > 0);
    sampler.running.reload(settings(yaml)).await.unwrap();
    sampler.until("end of its logs", |_| held() == 0).await;
}

fn kept(traces: Range<u64>, text: &str) -> impl Iterator<Item = String> {
    let kept = traces.filter(|n| n.is_multiple_of(2));
    kept.map(move |n| format!("{text} {n}"))
}

async fn until(sink: &Sink, what: &str, wanted: impl Iterator<Item = String>) {
    let mut wanted: Vec<String> = wanted.collect();
    wanted.sort();
    sink.until(what, |sink| bodies(sink) == wanted).await;
}

async fn rows(members: &[Fixture]) -> Vec<TraceAwareRow> {
    let mut rows = Vec::new();
    for member in members {
        rows.extend(member.running.status().await.trace_aware);
    }
    rows
}

fn items(books: &[LedgerSnapshot], of: impl Fn(&tailweir_gateway::LedgerRow) -> u64) -> u64 {
    books.iter().map(|books| of(&books.signals["logs"])).sum()
}

/// Scenario: logs of forty traces come through a gateway without slots, then the spans of half of them. While the logs of the others
/// wait, a sampler is drained, so that its slots move; then come the other spans, and late logs of all.
/// Guarantees: the logs that arrive are those of the kept traces, each once, with the severe one and the one without a trace; the drained
/// sampler hands on what waited, and no row names it in the end; the books of the cluster balance and nobody was undecided about.
#[tokio::test(flavor = "multi_thread")]
async fn logs_are_kept_with_their_trace_while_slots_move() {
    let sink = Sink::start();
    let yaml = yaml(&sink, WINDOW, ", wait: 1h");
    let town = Town::of(3);
    let (samplers, gateway) = cluster(&town, &yaml).await;
    send_logs(&gateway, 0..TRACES, "early").await;
    let others = [
        record(trace_id(1), 17, "severe"),
        record(TraceId::default(), 9, "untraced"),
    ];
    offer(&gateway, &others).await;
    let passed = || ["severe", "untraced"].map(str::to_owned).into_iter();
    until(&sink, "what needs no decision", passed()).await;
    let waiting = rows(&samplers).await;
    let traces: u64 = waiting.iter().map(|row| row.waiting_traces).sum();
    assert_eq!(traces, TRACES);
    assert!(
        waiting.iter().all(|row| row.copied_bytes > 0),
        "{waiting:?}"
    );

    send_spans(&gateway, 0..TRACES / 2).await;
    let first = || passed().chain(kept(0..TRACES / 2, "early"));
    until(&sink, "the logs of the first traces", first()).await;
    town.change(|table| {
        table.apply(&Command::Drain(Incarnation(1)));
    });
    town.until("slots without the drained sampler", |table| {
        !table.names(Incarnation(1))
    })
    .await;
    send_spans(&gateway, TRACES / 2..TRACES).await;
    let early = || passed().chain(kept(0..TRACES, "early"));
    until(&sink, "the logs of the other traces", early()).await;
    send_logs(&gateway, 0..TRACES, "late").await;
    let all = || early().chain(kept(0..TRACES, "late"));
    until(&sink, "late logs", all()).await;

    let drained = &rows(&samplers).await[0];
    assert!(drained.handed_over > 0);
    assert_eq!((drained.waiting_traces, drained.waiting_bytes), (0, 0));
    let mut books = vec![gateway.finish().await];
    for member in samplers {
        books.push(member.finish().await);
    }
    assert_eq!(bodies(&sink).len(), all().count(), "nothing twice");
    let sent = 2 * TRACES + 2;
    assert_eq!(items(&books, |row| row.acknowledged.items), sent);
    assert_eq!(items(&books, |row| row.delivered.items), TRACES + 2);
    let dropped = |row: &tailweir_gateway::LedgerRow| row.dropped["not_sampled"].items;
    assert_eq!(items(&books, dropped), TRACES);
    assert_eq!(items(&books, tailweir_gateway::LedgerRow::lost_items), 0);
    assert!(books.iter().all(|books| books.imbalance() == 0));
}

/// Scenario: logs wait for their traces when a sampler is lost.
/// Guarantees: its second members have them; they go the way of the traces, which come later.
#[tokio::test(flavor = "multi_thread")]
async fn logs_that_wait_outlive_their_sampler() {
    let sink = Sink::start();
    let yaml = yaml(&sink, WINDOW, ", wait: 1h");
    let town = Town::of(3);
    let (samplers, gateway) = cluster(&town, &yaml).await;
    send_logs(&gateway, 0..TRACES, "early").await;
    assert!(rows(&samplers).await[0].waiting_traces > 0);

    let lost = Incarnation(1);
    town.paused.set(lost).unwrap();
    town.change(|table| {
        table.apply(&Command::Expire(vec![lost]));
    });
    send_spans(&gateway, 0..TRACES).await;
    until(&sink, "all logs of kept traces", kept(0..TRACES, "early")).await;
    let heirs = rows(&samplers[1..]).await;
    let dropped: u64 = heirs.iter().map(|row| row.dropped).sum();
    assert_eq!(dropped, TRACES / 2);
}

/// Scenario: a gateway has the processor before the samplers have it; later they do.
/// Guarantees: its logs are refused, retryably, and nothing of them arrives; then they are taken, and go the way of their traces.
#[tokio::test(flavor = "multi_thread")]
async fn samplers_without_the_processor_refuse_its_logs() {
    let sink = Sink::start();
    let yaml = yaml(&sink, WINDOW, ", wait: 1h");
    let logs =
        "    logs: {receivers: [otlp], processors: [tail_sampling/logs], exporters: [otlp/logs]}\n";
    let before = yaml.replace(logs, "");
    assert_ne!(before, yaml);
    let town = Town::of(3);
    let (samplers, gateway) = cluster_of(&town, &before, &yaml).await;
    let records = [
        record(trace_id(0), 9, "early 0"),
        record(trace_id(1), 17, "severe"),
    ];
    assert_eq!(offer_logs(&gateway, &records).await, 503);
    assert_eq!(bodies(&sink), [""; 0]);
    for sampler in &samplers {
        sampler.running.reload(settings(&yaml)).await.unwrap();
    }
    offer(&gateway, &records).await;
    send_spans(&gateway, 0..2).await;
    let wanted = ["early 0", "severe"].map(str::to_owned);
    until(&sink, "its logs", wanted.into_iter()).await;
}

/// Scenario: logs wait for traces whose time has not come. One after the other the samplers are told that both pipelines have other
/// names, each when the one before has nothing left.
/// Guarantees: the logs of the kept traces arrive, each once, and no others; nothing is lost, and nobody was undecided.
#[tokio::test(flavor = "multi_thread")]
async fn logs_of_pipelines_that_are_renamed_go_the_way_of_their_traces() {
    let sink = Sink::start();
    let yaml = yaml(&sink, WINDOW, ", wait: 1h");
    let renamed = renamed(&yaml);
    let town = Town::of(3);
    let (samplers, gateway) = cluster(&town, &yaml).await;
    send_undecided(&gateway).await;
    for sampler in &samplers {
        reload(sampler, &renamed).await;
    }
    gateway.running.reload(settings(&renamed)).await.unwrap();
    until(&sink, "all logs of kept traces", kept(0..TRACES, "early")).await;

    let mut books = vec![gateway.finish().await];
    for sampler in samplers {
        books.push(sampler.finish().await);
    }
    assert_eq!(items(&books, |row| row.acknowledged.items), TRACES);
    assert_eq!(items(&books, |row| row.delivered.items), TRACES / 2);
    let dropped = |row: &tailweir_gateway::LedgerRow| row.dropped["not_sampled"].items;
    assert_eq!(items(&books, dropped), TRACES / 2);
}

/// Scenario: logs wait for traces whose time has not come. One of three samplers is told that both pipelines have other names; when it
/// has nothing left, another is lost, whose logs and traces it has copies of. Then the third is told.
/// Guarantees: who was told first decides what it takes over, and lets its logs go with it; those of all kept traces arrive, each once,
/// and no others; nobody was undecided, and nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn logs_that_a_sampler_takes_over_while_it_leaves_go_the_way_of_their_traces() {
    let sink = Sink::start();
    let yaml = yaml(&sink, WINDOW, ", wait: 1h");
    let renamed = renamed(&yaml);
    let town = Town::of(3);
    let (mut samplers, gateway) = cluster(&town, &yaml).await;
    send_undecided(&gateway).await;
    reload(&samplers[0], &renamed).await;
    let own = bodies(&sink).len();

    let lost = Incarnation(2);
    town.paused.set(lost).unwrap();
    town.change(|table| {
        table.apply(&Command::Expire(vec![lost]));
    });
    sink.until("logs that were taken over", |sink| bodies(sink).len() > own)
        .await;
    reload(&samplers[2], &renamed).await;
    until(&sink, "all logs of kept traces", kept(0..TRACES, "early")).await;

    // It is not stopped as the others are, but gone.
    let _lost = samplers.remove(1);
    let mut books = vec![gateway.finish().await];
    for sampler in samplers {
        books.push(sampler.finish().await);
    }
    assert_eq!(items(&books, |row| row.delivered.items), TRACES / 2);
    let dropped = |row: &tailweir_gateway::LedgerRow| row.dropped["not_sampled"].items;
    assert_eq!(items(&books, dropped), TRACES / 2);
}
