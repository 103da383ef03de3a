//! Streams of metrics in a cluster: one member writes each.

use crate::cluster::{Detour, PATIENCE, Town, send as send_traces};
use crate::harness::{Fixture, ask};
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tailweir_gateway::LedgerSnapshot;
use tailweir_placement::{Command, Incarnation};
use tailweir_testkit::{request, span, trace_id};

/// Senders of metrics, each a target of its own.
const TARGETS: u64 = 40;

/// A page, and a sampler beside it without which no slot could change hands.
const YAML: &str = "
receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}
processors: {tail_sampling: {policies: [{name: all, type: always_sample}]}}
exporters:
  nop:
  prometheus: {endpoint: '127.0.0.1:0'}
service:
  pipelines:
    traces: {receivers: [otlp], processors: [tail_sampling], exporters: [nop]}
    metrics: {receivers: [otlp], exporters: [prometheus]}
";

/// A page of what a connector counts of spans, and a sampler of none without which no slot could change hands.
pub(crate) fn counting(connector: &str, options: &str) -> String {
    format!(
        "
cluster: {{id: test, roles: [gateway, sampler], controllers: ['127.0.0.1:1'], insecure: true}}
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:0'}}, http: {{endpoint: '127.0.0.1:0'}}}}}}, nop: }}
processors: {{tail_sampling: {{policies: [{{name: all, type: always_sample}}]}}}}
connectors: {{{connector}: {{metrics_flush_interval: 100ms, {options}}}}}
exporters:
  nop:
  prometheus: {{endpoint: '127.0.0.1:0'}}
service:
  pipelines:
    traces: {{receivers: [nop], processors: [tail_sampling], exporters: [nop]}}
    traces/all: {{receivers: [otlp], exporters: [{connector}]}}
    metrics: {{receivers: [{connector}], exporters: [prometheus]}}
"
    )
}

fn counting_calls() -> String {
    counting("span_metrics", "histogram: {disable: true}")
}

/// Three samplers and two gateways without slots, in a cluster that has begun.
pub(crate) async fn cluster(town: &Arc<Town>, yaml: &str) -> (Vec<Fixture>, [Fixture; 2]) {
    let samplers = town.start_samplers(yaml).await;
    let gateways = [
        town.start(yaml, None, true).await,
        town.start(yaml, None, true).await,
    ];
    town.rebalance();
    (samplers, gateways)
}

/// Two streams of each target with this value, through one gateway, as an SDK sends them.
async fn send(gateway: &Fixture, value: u64) {
    let text = |text: String| json!({"stringValue": text});
    let resource = |target: u64| {
        let metric = |name: &str| {
            let point =
                json!({"timeUnixNano": (1_000 + value).to_string(), "asInt": value.to_string()});
            json!({"name": name, "gauge": {"dataPoints": [point]}})
        };
        let attributes = json!([
            {"key": "service.name", "value": text(format!("shop-{target}"))},
            {"key": "service.instance.id", "value": text("one".to_owned())},
            {"key": "version", "value": text("7".to_owned())},
        ]);
        json!({
            "resource": {"attributes": attributes},
            "scopeMetrics": [{"metrics": [metric("queue.length"), metric("threads")]}],
        })
    };
    let resources: Vec<Value> = (0..TARGETS).map(resource).collect();
    let body = json!({ "resourceMetrics": resources }).to_string();
    let sending = async {
        loop {
            let headers = [("content-type", "application/json")];
            let answer = gateway
                .http(Method::POST, "/v1/metrics", &headers, body.clone())
                .await;
            if answer.status == 200 {
                return;
            }
            assert_eq!(answer.status, 503, "{answer:?}");
        }
    };
    let sent = tokio::time::timeout(PATIENCE, sending).await;
    sent.expect("a request is taken in the end");
}

/// The lines of a member's page, and their values.
pub(crate) async fn page(member: &Fixture) -> Vec<(String, String)> {
    let status = member.running.status().await;
    let address = status.pages[0].address.expect("a TCP port");
    let answer = ask(address, Method::GET, "/metrics", &[], "").await;
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let lines = lines.map(|line| {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        (series.to_owned(), value.to_owned())
    });
    lines.collect()
}

/// Every line of all pages: its values, one for each page that shows it.
async fn pages(members: &[Fixture]) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::<_, Vec<_>>::new();
    for member in members {
        for (series, value) in page(member).await {
            all.entry(series).or_default().push(value);
        }
    }
    all
}

/// Whether each stream, and the `target_info` of each target, is shown once, with this value.
fn is_shown_once(all: &BTreeMap<String, Vec<String>>, value: u64) -> bool {
    let value = value.to_string();
    let is_once = |(series, values): (&String, &Vec<String>)| {
        let wanted = if series.starts_with("target_info") {
            "1"
        } else {
            &value
        };
        *values == [wanted]
    };
    all.len() as u64 == 3 * TARGETS && all.iter().all(is_once)
}

async fn until_shown_once(members: &[Fixture], value: u64) {
    let looking = async {
        while !is_shown_once(&pages(members).await, value) {
            tokio::task::yield_now().await;
        }
    };
    let shown = tokio::time::timeout(PATIENCE, looking).await;
    assert!(shown.is_ok(), "not each stream is shown once");
}

pub(crate) async fn finish(members: impl IntoIterator<Item = Fixture>) -> Vec<LedgerSnapshot> {
    let mut books = Vec::new();
    for member in members {
        books.push(member.finish().await);
    }
    books
}

/// Scenario: the same streams come through two gateways in turn, before and after one of three samplers is drained and another
/// is taken for lost.
/// Guarantees: each stream is on one page, with its newest value, and so is each `target_info`; the gateways, which own
/// no slots, show none; who left shows none; everything acknowledged is delivered, once.
///
/// Conforms: exporter `prometheus` | metrics | streams that come through several gateways | better: in a cluster each
/// is on one page
#[tokio::test(flavor = "multi_thread")]
async fn each_stream_is_shown_by_one_member() {
    let town = Town::of(3);
    let (samplers, gateways) = cluster(&town, YAML).await;
    send(&gateways[0], 1).await;
    send(&gateways[1], 2).await;
    let all = pages(&samplers).await;
    assert!(is_shown_once(&all, 2), "{all:?}");
    for sampler in &samplers {
        assert!(!page(sampler).await.is_empty(), "all have a share");
    }
    assert_eq!(pages(&gateways).await, BTreeMap::new());

    town.change(|table| {
        table.apply(&Command::Drain(Incarnation(1)));
        table.apply(&Command::Rebalance);
    });
    send(&gateways[0], 3).await;
    until_shown_once(&samplers, 3).await;
    assert_eq!(page(&samplers[0]).await, []);

    town.change(|table| {
        table.apply(&Command::Expire(vec![Incarnation(2)]));
        table.apply(&Command::Rebalance);
    });
    send(&gateways[1], 4).await;
    until_shown_once(&samplers, 4).await;
    assert_eq!(page(&samplers[2]).await.len() as u64, 3 * TARGETS);

    let books = finish(samplers.into_iter().chain(gateways)).await;
    let sum = |of: fn(&tailweir_gateway::LedgerRow) -> u64| -> u64 {
        books
            .iter()
            .map(|books| of(&books.signals["metrics"]))
            .sum()
    };
    assert_eq!(sum(|row| row.acknowledged.items), 4 * 2 * TARGETS);
    assert!(sum(|row| row.delivered.items) >= 4 * 2 * TARGETS);
    assert_eq!(
        sum(|row| row.handed_over.items),
        sum(|row| row.delivered.items)
    );
    assert_eq!(sum(tailweir_gateway::LedgerRow::lost_items), 0);
}

/// Three spans of each target, through one gateway.
async fn send_spans(gateway: &Fixture, round: u64) {
    let mut request = request();
    for target in 0..TARGETS {
        let spans = (0..3).map(|n| span(trace_id(1_000 * round + 10 * target + n), n + 1));
        request = request.service(&format!("shop-{target}")).spans(spans);
    }
    send_traces(gateway, request.message()).await;
}

/// Waits until each target's calls are on one page, as so many.
async fn until_counted(members: &[Fixture], calls: u64) {
    let calls = [calls.to_string()];
    until_right(members, "calls_total", |seen| {
        seen.len() as u64 == TARGETS && seen.values().all(|values| **values == calls)
    })
    .await;
}

/// Waits until the series of one name are right, with their values on all pages.
pub(crate) async fn until_right(
    members: &[Fixture],
    name: &str,
    is_right: impl Fn(&BTreeMap<String, Vec<String>>) -> bool,
) {
    let mut seen = BTreeMap::new();
    let looking = async {
        loop {
            seen = pages(members).await;
            seen.retain(|series, _| series.contains(name));
            if is_right(&seen) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    let is_in_time = tokio::time::timeout(PATIENCE, looking).await.is_ok();
    assert!(is_in_time, "never right: {seen:?}");
}

/// Scenario: spans come through two gateways, which count them; then one of three samplers is drained, and spans go on. Every second
/// answer of members to each other is lost all the time.
/// Guarantees: each series of what was counted is on one page, with the exact count of all gateways, though much was brought
/// twice; after the drain it goes on from there. Changes are in the books until they are part of a sum, and nothing is lost.
///
/// Conforms: connector `span_metrics` | traces, metrics | spans that come through several gateways | better: in a
/// cluster one series with the exact sum
#[tokio::test(flavor = "multi_thread")]
async fn what_all_count_is_one_series() {
    let town = Town::of(3);
    town.loses_answers.store(true, Relaxed);
    let (samplers, gateways) = cluster(&town, &counting_calls()).await;
    send_spans(&gateways[0], 1).await;
    send_spans(&gateways[1], 2).await;
    until_counted(&samplers, 6).await;
    assert_eq!(pages(&gateways).await, BTreeMap::new());

    town.change(|table| {
        table.apply(&Command::Drain(Incarnation(1)));
        table.apply(&Command::Rebalance);
    });
    send_spans(&gateways[0], 3).await;
    send_spans(&gateways[1], 4).await;
    until_counted(&samplers, 12).await;
    assert_eq!(page(&samplers[0]).await, []);
    let (mut taken_over, mut repeated) = (0, 0);
    for sampler in &samplers {
        let status = sampler.running.status().await;
        let totals = status.connectors[0].totals.as_ref().unwrap();
        taken_over += totals.taken_over;
        repeated += totals.repeated;
        assert_eq!((totals.begun_anew, totals.leaving), (0, 0));
    }
    assert!(taken_over > 0 && repeated > 0);
    town.loses_answers.store(false, Relaxed);

    // What was counted may still be on its way once more: the gateways end before the owners.
    let books = finish(gateways.into_iter().chain(samplers)).await;
    let metrics = books.iter().map(|books| &books.signals["metrics"]);
    let sum = |of: fn(&tailweir_gateway::LedgerRow) -> u64| metrics.clone().map(of).sum::<u64>();
    assert!(sum(|row| row.dropped["merged"].items) >= TARGETS);
    assert_eq!(sum(tailweir_gateway::LedgerRow::lost_items), 0);
}

/// Scenario: a sampler is drained and never hears that another took its totals; spans go on; then the other is drained too. The last
/// is brought the totals of the first before those of the second.
/// Guarantees: it waits for those of the second, so that every series has the exact count, and none begins anew.
#[tokio::test(flavor = "multi_thread")]
async fn totals_that_were_taken_unheard_do_not_replace_newer_ones() {
    let town = Town::of(3);
    let (first, second) = (Incarnation(1), Incarnation(2));
    assert!(town.detour.set(Detour::of(first, second)).is_ok());
    let (samplers, gateways) = cluster(&town, &counting_calls()).await;
    for (round, leaves) in [(1, first), (2, second)] {
        send_spans(&gateways[0], round).await;
        until_counted(&samplers, 3 * round).await;
        town.change(|table| {
            table.apply(&Command::Drain(leaves));
            table.apply(&Command::Rebalance);
        });
    }
    send_spans(&gateways[1], 3).await;
    until_counted(&samplers, 9).await;
    let mut taken_over = 0;
    for sampler in &samplers {
        let status = sampler.running.status().await;
        let totals = status.connectors[0].totals.as_ref().unwrap();
        taken_over += totals.taken_over;
        assert_eq!(totals.begun_anew, 0);
    }
    assert!(taken_over > 0);
    finish(gateways.into_iter().chain(samplers)).await;
}

/// Scenario: a sampler is lost after spans were counted; then spans go on.
/// Guarantees: the series of the others go on; those that it had begin anew, each on one page, and count all that comes after the
/// loss.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_lost_member_had_begins_anew() {
    let town = Town::of(3);
    let (mut samplers, gateways) = cluster(&town, &counting_calls()).await;
    send_spans(&gateways[0], 1).await;
    until_counted(&samplers, 3).await;
    let lost = samplers.remove(0);
    let had: Vec<String> = page(&lost)
        .await
        .into_iter()
        .map(|(series, _)| series)
        .collect();
    town.change(|table| {
        table.apply(&Command::Expire(vec![Incarnation(1)]));
        table.apply(&Command::Rebalance);
    });
    send_spans(&gateways[0], 2).await;
    send_spans(&gateways[1], 3).await;
    assert!(!had.is_empty());
    let is_right = |(series, values): (&String, &Vec<String>)| {
        let wanted = if had.contains(series) { "6" } else { "9" };
        *values == [wanted]
    };
    until_right(&samplers, "calls_total", |seen| {
        seen.len() as u64 == TARGETS && seen.iter().all(is_right)
    })
    .await;
    finish(samplers.into_iter().chain(gateways)).await;
    lost.running.abort();
}
