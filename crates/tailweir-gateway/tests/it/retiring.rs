//! Members of a cluster that are told, one after the other, to have no such sampler any more.

use crate::cluster::{Town, WINDOW, send};
use crate::harness::{Fixture, sampling_yaml_with, settings, traces_of};
use std::collections::BTreeSet;
use tailweir_gateway::{LedgerRow, LedgerSnapshot};
use tailweir_placement::Command;
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

/// Tells a member of other settings, and waits until it holds nothing of what it held by the old ones.
async fn reload(member: &Fixture, yaml: &str) {
    assert!(traces_of(&member.running.ledger()).held.items > 0);
    member.running.reload(settings(yaml)).await.unwrap();
    let is_empty = || traces_of(&member.running.ledger()).held.items == 0;
    member.until("end of its spans", |_| is_empty()).await;
}

fn sum(books: &[LedgerSnapshot], of: impl Fn(&LedgerRow) -> u64) -> u64 {
    books.iter().map(|books| of(traces_of(books))).sum()
}

/// Scenario: three samplers hold traces whose time has not come, each with its second copy at another. One after the other they
/// are told that their pipeline has another name, each when the one before has nothing left.
/// Guarantees: each decides what it held, whether those who confirm it have the sampler still or had it before; the kept traces arrive,
/// whole and once; nothing is lost, and the books of the cluster balance.
#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_that_is_renamed_at_one_member_after_the_other_loses_nothing() {
    let sink = Sink::start();
    let yaml = sampling_yaml_with(&sink.endpoint(), "", WINDOW);
    let renamed = yaml.replace("    traces: {", "    traces/renamed: {");
    assert_ne!(renamed, yaml);
    let town = Town::of(3);
    let mut samplers = Vec::new();
    for number in 1..=3 {
        samplers.push(town.start(&yaml, Some(number), false).await);
    }
    let gateway = town.start(&yaml, None, true).await;
    town.change(|table| {
        table.apply(&Command::Rebalance);
    });
    send_spans(&gateway).await;
    for sampler in &samplers {
        reload(sampler, &renamed).await;
    }
    gateway.running.reload(settings(&renamed)).await.unwrap();
    let kept = TRACES / 5 * 2;
    sink.until("all kept spans", |sink| sink.spans().len() as u64 >= kept)
        .await;

    let mut books = vec![gateway.finish().await];
    for sampler in samplers {
        books.push(sampler.finish().await);
    }
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
    assert_eq!(sink.spans().len() as u64, kept, "nothing twice");
    let all = TRACES * 2;
    assert_eq!(sum(&books, |row| row.acknowledged.items), all);
    assert_eq!(sum(&books, |row| row.delivered.items), kept);
    let dropped = sum(&books, |row| row.dropped["not_sampled"].items);
    assert_eq!(dropped, all - kept);
}
