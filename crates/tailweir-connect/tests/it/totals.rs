//! Several processes count, and totals are what one would have counted.

mod inquiries;
mod workbench;

use crate::makers;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use proptest::prelude::{any, proptest};
use std::collections::BTreeMap;
use tailweir_config::{AggregationTemporality, Connector};
use tailweir_connect::{Exemplars, Made};
use tailweir_core::{Signal, Slot, TraceId};
use tailweir_testkit::{request, span, trace_id};
use workbench::*;
fn counted(all: &BTreeMap<Key, Seen>) -> BTreeMap<&Key, (&[u64], &str)> {
    let seen = all.iter();
    seen.map(|(key, seen)| (key, (&*seen.counted, &*seen.sum)))
        .collect()
}

proptest! {
    /// Scenario: spans come to three processes by chance, which write what they counted by chance; the slots of the series
    /// change owners meanwhile.
    /// Guarantees: in the end there is each series that one process would have, once, with the same count, buckets and sum.
    #[test]
    fn totals_are_what_one_would_have_counted(steps in steps()) {
        for connector in [
            connector("span_metrics", "histogram: {unit: s}"),
            connector("span_metrics", "histogram: {exponential: {max_size: 20}}, exemplars: {enabled: true}"),
            connector("exceptions", ""),
        ] {
            let (totals, alone) = run(&connector, &steps);
            assert_eq!(counted(&totals), counted(&alone));
        }
    }
}

proptest! {
    /// Scenario: any bytes as changes, and once more as totals that are handed over.
    /// Guarantees: no panic, and what is written is a request.
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut owner = adding(&connector("span_metrics", ""));
        let totals = owner.totals().unwrap();
        totals.add(now(1), &bytes);
        let mut out = Vec::new();
        totals.flush(now(2), true, &mut out);
        read(&[made(out)]);
        for slot in (0..=SERVICES.len()).filter_map(Slot::new) {
            let known = totals.withdraw(slot);
            totals.add(now(3), &known);
        }
    }
}

fn span_steps(process: usize, times: usize) -> Vec<Step> {
    vec![Step::Span(process, 0, 0, 10, false); times]
}

/// Scenario: two processes write what they counted, and the owner of the series flushes between; the series moves to the other
/// owner, and more is counted.
/// Guarantees: the first point of a sum is zero; later points go on from there with the same start, at the new owner too.
#[test]
fn a_series_goes_on_at_its_next_owner() {
    let connector = connector("span_metrics", "histogram: {disable: true}");
    let mut cluster = Cluster::new(&connector);
    let body = request()
        .service("cart")
        .spans([span(trace_id(1), 1)])
        .bytes();
    let slot = slot_of(
        tailweir_otlp::RequestView(&body)
            .resources()
            .next()
            .unwrap(),
    )
    .index();
    let mut seen = Vec::new();
    for round in 1..=4_u64 {
        let now = now(10 * round);
        for process in 0..2 {
            feed(&mut cluster.processes[process], now, &body);
            let changes = finish(&mut cluster.processes[process], now);
            cluster.bring(now, changes);
        }
        let mut out = Vec::new();
        let owner = cluster.owner_of[slot];
        cluster.owners[owner]
            .totals()
            .unwrap()
            .flush(now, false, &mut out);
        let points = read(&[made(out)]);
        let point = points.values().next().unwrap();
        seen.push((point.counted[0], point.start, point.time));
        if round == 2 {
            cluster.pass(now, slot);
        }
    }
    let start = now(10).unix_nanos;
    let at = |round: u64| now(10 * round).unix_nanos;
    assert_eq!(
        seen,
        [
            (0, start, at(1)),
            (4, start, at(2)),
            (6, start, at(3)),
            (8, start, at(4))
        ]
    );
}

/// Scenario: changes are wanted; two processes write some, and after a flush one of them.
/// Guarantees: each flush has the sum of what came since the last, from where that ended; without changes there is nothing.
#[test]
fn changes_follow_each_other() {
    let connector = connector(
        "span_metrics",
        "histogram: {disable: true}, aggregation_temporality: AGGREGATION_TEMPORALITY_DELTA",
    );
    assert!(matches!(&connector, Connector::SpanMetrics(settings)
        if settings.aggregation_temporality == AggregationTemporality::Delta));
    let mut cluster = Cluster::new(&connector);
    let body = request()
        .service("cart")
        .spans([span(trace_id(1), 1)])
        .bytes();
    let mut seen = Vec::new();
    for (round, processes) in [(1, 2), (2, 1), (3, 0)] {
        let now = now(10 * round);
        for process in 0..processes {
            feed(&mut cluster.processes[process], now, &body);
            let changes = finish(&mut cluster.processes[process], now);
            cluster.bring(now, changes);
        }
        for owner in &mut cluster.owners {
            let mut out = Vec::new();
            owner.totals().unwrap().flush(now, false, &mut out);
            let points = read(&[made(out)]);
            seen.extend(
                points
                    .values()
                    .map(|point| (point.counted[0], point.start, point.time)),
            );
        }
    }
    let at = |round: u64| now(10 * round).unix_nanos;
    assert_eq!(seen, [(2, at(1), at(1)), (1, at(1), at(2))]);
}

/// Scenario: a process counts spans whose traces are decided after it wrote its changes; one is kept, one is not.
/// Guarantees: the exemplar of the kept trace comes with the next changes, and is in one flush of the totals.
#[test]
fn exemplars_follow_decisions() {
    let connector = connector(
        "span_metrics",
        "histogram: {disable: true}, exemplars: {enabled: true}",
    );
    let mut cluster = Cluster::new(&connector);
    let spans = [span(trace_id(1), 1), span(trace_id(2), 2)];
    let body = request().service("cart").spans(spans).bytes();
    let process = &mut cluster.processes[0];
    let mut made_at_once = Vec::new();
    let fed = process.consume(
        now(1),
        Signal::Traces,
        &body,
        Exemplars::Undecided,
        |_| true,
        &mut made_at_once,
    );
    fed.unwrap();
    let mut exemplars = Vec::new();
    for round in 2..=4 {
        let changes = finish(&mut cluster.processes[0], now(round));
        cluster.bring(now(round), changes);
        let written: Vec<Made> = cluster
            .owners
            .iter_mut()
            .flat_map(|owner| finish(owner, now(round)))
            .collect();
        let points = read(&written);
        let point = points.values().next().unwrap();
        exemplars.push((point.counted[0], point.exemplars));
        if round == 2 {
            for (number, is_kept) in [(1, true), (2, false)] {
                let trace: TraceId = trace_id(number);
                cluster.processes[0].decided(trace, is_kept);
            }
        }
    }
    assert_eq!(exemplars, [(2, 0), (2, 1), (2, 0)]);
}

/// Scenario: more combinations of attributes than the limit allows, from two processes.
/// Guarantees: the rest is counted in the series of the rest, and nothing is missing.
#[test]
fn what_finds_no_room_is_counted_together() {
    let connector = connector(
        "span_metrics",
        "histogram: {disable: true}, aggregation_cardinality_limit: 2",
    );
    let mut steps = Vec::new();
    for name in 0..6 {
        steps.push(Step::Span(usize::from(name % 2), 0, name, 10, false));
        steps.push(Step::Write(usize::from(name % 2)));
    }
    steps.extend(span_steps(0, 3));
    let (totals, _) = run(&connector, &steps);
    assert!(totals.len() <= 3, "{totals:?}");
    let sum: u64 = totals.values().map(|seen| seen.counted[0]).sum();
    assert_eq!(sum, 9);
    assert!(
        totals
            .keys()
            .any(|(_, _, attributes)| attributes[0].contains("overflow"))
    );
}

/// Scenario: requests between two services, some of which fail, are seen by three processes, which write what they counted after
/// each of them.
/// Guarantees: the edge is one series of each metric, with the counts and both histograms that one process would have.
#[test]
fn edges_of_several_processes_are_one_series() {
    for options in ["", "exponential_histogram_max_size: 20"] {
        let connector = connector("service_graph", options);
        let mut alone = makers::start(&connector, false);
        let mut cluster = Cluster::new(&connector);
        for number in 0..9_u64 {
            let trace = trace_id(number);
            let client = span(trace, 1).kind(SpanKind::Client);
            let client = client.lasting_millis(10 + number);
            let server = span(trace, 2).child_of(1).kind(SpanKind::Server);
            let server = server.lasting_millis(5);
            let server = match number.is_multiple_of(3) {
                true => server.error(),
                false => server.ok(),
            };
            let body = request().service("shop").span(client);
            let body = body.service("cart").span(server).bytes();
            let process = number as usize % PROCESSES;
            feed(&mut alone, now(number + 1), &body);
            feed(&mut cluster.processes[process], now(number + 1), &body);
            let changes = finish(&mut cluster.processes[process], now(number + 1));
            cluster.bring(now(number + 1), changes);
        }
        let end = now(100);
        let owners = cluster.owners.iter_mut();
        let totals: Vec<Made> = owners.flat_map(|owner| finish(owner, end)).collect();
        let (totals, alone) = (read(&totals), read(&finish(&mut alone, end)));
        assert_eq!(counted(&totals), counted(&alone));
        assert!(!alone.is_empty());
    }
}

/// Scenario: a hundred resources with a megabyte of attributes each, of a connector that has 64 MiB; then one that is known.
/// Guarantees: memory keeps its bound, what finds no room is counted, and what is known goes on.
#[test]
fn resources_have_a_bound() {
    let connector = connector("count", "");
    let (mut process, mut owner) = (makers::start(&connector, true), adding(&connector));
    let mut bring = |number: usize| {
        let service = format!("{number:03}{}", "x".repeat(1 << 20));
        let span = span_of(1, 0, 10, false);
        let spans = request().service(&service).spans([span]).bytes();
        for changes in feed(&mut process, now(1), &spans) {
            owner.totals().unwrap().add(now(1), &changes.body);
        }
        owner.figures()
    };
    let full = (0..100).map(&mut bring).last().unwrap();
    assert!(full.memory < full.memory_max + (4 << 20), "{full:?}");
    assert!(full.overflowed > 30, "{full:?}");
    assert_eq!(bring(0).overflowed, full.overflowed);
    // The last resource that found room took it all: its series is that of the rest.
    assert_eq!(full.resources - 1 + full.overflowed, 100);
}
