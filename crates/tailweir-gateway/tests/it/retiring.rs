//! Members of a cluster that are told, one after the other, to have no such sampler any more.

use crate::cluster::{PATIENCE, Town, WINDOW, send};
use crate::harness::{Fixture, sampling_yaml_with, settings, traces_of};
use std::collections::BTreeSet;
use std::time::Duration;
use tailweir_gateway::{LedgerRow, LedgerSnapshot};
use tailweir_testkit::{Sink, request, span, trace_id};

const TRACES: u64 = 60;

/// Two spans of each trace, no root; one of every fifth has an error.
async fn send_spans(gateway: &Fixture) {
    let spans = (0..TRACES).flat_map(|trace| {
        [1, 2].map(|id| {
            let span = span(trace_id(trace), id).child_of(9);
            if trace % 5 == 0 && id == 2 {
                span.error()
            } else {
                span
            }
        })
    });
    send(gateway, request().service("shop").spans(spans).message()).await;
}

fn held(member: &Fixture) -> u64 {
    traces_of(&member.running.ledger()).held.items
}

/// Waits until a member holds nothing.
async fn emptied(member: &Fixture) {
    let looking = async {
        while held(member) > 0 {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, looking).await;
    assert!(waited.is_ok(), "it still holds spans");
}

/// Tells a member of other settings, and waits until it holds nothing of what it held by the old ones.
async fn reload(member: &Fixture, yaml: &str) {
    assert!(held(member) > 0);
    member.running.reload(settings(yaml)).await.unwrap();
    emptied(member).await;
}

/// Lets time pass at once, for everybody in this process. Where there is one thread.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

fn sum(books: &[LedgerSnapshot], of: impl Fn(&LedgerRow) -> u64) -> u64 {
    books.iter().map(|books| of(traces_of(books))).sum()
}

/// Three samplers and a gateway, and what tells the samplers that the pipeline is called otherwise.
async fn cluster(sink: &Sink) -> (Vec<Fixture>, Fixture, [String; 2]) {
    let yaml = sampling_yaml_with(&sink.endpoint(), "", WINDOW);
    let renamed = yaml.replace("    traces: {", "    traces/renamed: {");
    assert_ne!(renamed, yaml);
    let town = Town::of(3);
    let samplers = town.start_samplers(&yaml).await;
    let gateway = town.start(&yaml, None, true).await;
    town.rebalance();
    (samplers, gateway, [yaml, renamed])
}

/// Stops all, and checks that what was kept, of so many spans, arrived once, that the others were dropped, and that nothing was lost.
async fn finish(members: impl IntoIterator<Item = Fixture>, sink: &Sink, kept: u64, all: u64) {
    let mut books = Vec::new();
    for member in members {
        books.push(member.finish().await);
    }
    assert_eq!(sink.spans().len() as u64, kept, "nothing twice");
    assert_eq!(sum(&books, |row| row.acknowledged.items), all);
    assert_eq!(sum(&books, |row| row.delivered.items), kept);
    let dropped = sum(&books, |row| row.dropped["not_sampled"].items);
    assert_eq!(dropped, all - kept);
}

/// Renames the pipeline at one sampler after the other.
async fn rename(after_each: impl AsyncFn()) {
    let sink = Sink::start();
    let (samplers, gateway, [_, renamed]) = cluster(&sink).await;
    send_spans(&gateway).await;
    for sampler in &samplers {
        reload(sampler, &renamed).await;
        after_each().await;
    }
    gateway.running.reload(settings(&renamed)).await.unwrap();
    let kept = TRACES / 5 * 2;
    sink.until("all kept spans", |sink| sink.spans().len() as u64 >= kept)
        .await;

    let received = sink.spans();
    let received = received
        .iter()
        .map(|span| (span.trace_id.clone(), span.span_id.clone()));
    let ids: BTreeSet<_> = received.collect();
    let wanted = (0..TRACES)
        .step_by(5)
        .flat_map(|trace| [1, 2].map(|id| span(trace_id(trace), id).message()));
    let wanted: BTreeSet<_> = wanted.map(|span| (span.trace_id, span.span_id)).collect();
    assert_eq!(ids, wanted);
    let members = std::iter::once(gateway).chain(samplers);
    finish(members, &sink, kept, TRACES * 2).await;
}

/// Scenario: three samplers hold traces whose time has not come, each with its second copy at another. One after the other they
/// are told that their pipeline has another name, each when the one before has nothing left.
/// Guarantees: each decides what it held, whether those who confirm it have the sampler still or had it before; the kept traces arrive,
/// whole and once; nothing is lost, and the books of the cluster balance.
#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_that_is_renamed_at_one_member_after_the_other_loses_nothing() {
    rename(async || {}).await;
}

/// Scenario: the same, and between two of them a minute and a half goes by, as it does until a change of files has come to all pods.
/// Guarantees: the same: whoever hears of it last is still confirmed by those who heard of it first.
#[tokio::test]
async fn members_may_hear_of_a_renamed_pipeline_minutes_apart() {
    rename(async || pass(Duration::from_secs(90)).await).await;
}

/// Scenario: samplers are told that their pipeline has another name, and when they have nothing left, that it has its old one again.
/// Then late spans of all traces come, of which no policy would keep one.
/// Guarantees: each has the sampler back that it had: the late spans go the way of their traces, at once. Nothing is lost, and nothing
/// arrives twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_sampler_whose_name_comes_back_is_the_same_again() {
    let sink = Sink::start();
    let (samplers, gateway, [yaml, renamed]) = cluster(&sink).await;
    send_spans(&gateway).await;
    for sampler in &samplers {
        reload(sampler, &renamed).await;
    }
    for sampler in &samplers {
        sampler.running.reload(settings(&yaml)).await.unwrap();
    }
    let late = (0..TRACES).map(|trace| span(trace_id(trace), 3).child_of(9));
    let late = request().service("shop").spans(late).message();
    send(&gateway, late).await;
    let kept = TRACES / 5 * 3;
    sink.until("late spans", |sink| sink.spans().len() as u64 >= kept)
        .await;
    for sampler in &samplers {
        emptied(sampler).await;
    }
    let members = std::iter::once(gateway).chain(samplers);
    finish(members, &sink, kept, TRACES * 3).await;
}

/// Scenario: a member of a cluster is told other policies for its sampler.
/// Guarantees: it may hold as much of its own as before: half of its memory stays for what others own.
#[tokio::test(flavor = "multi_thread")]
async fn a_reload_leaves_room_for_what_others_own() {
    let sink = Sink::start();
    let (samplers, gateway, [yaml, _]) = cluster(&sink).await;
    let room = async || samplers[0].running.status().await.samplers[0].memory_budget_bytes;
    let before = room().await;
    let other = yaml.replace("name: errors", "name: failed");
    assert_ne!(other, yaml);
    samplers[0].running.reload(settings(&other)).await.unwrap();
    assert_eq!((room().await, before > 0), (before, true));
    for member in samplers.into_iter().chain([gateway]) {
        member.finish().await;
    }
}
