//! Kept traces that go to two backends, one of which has no room for a while.

use crate::harness::{Fixture, settings, traces_of};
use tailweir_gateway::{LedgerSnapshot, Status};
use tailweir_testkit::{Answer, Gate, Sink, request, span, trace_id};

/// The queue of the backend that is slow: it has room for one request.
const SLOW: &str = ", sending_queue: {queue_size: 1, num_consumers: 1, block_on_overflow: true}";

fn otlp(name: &str, sink: &Sink, more: &str) -> String {
    let endpoint = sink.endpoint();
    format!("  otlp/{name}: {{endpoint: '{endpoint}', tls: {{insecure: true}}{more}}}\n")
}

fn yaml(connectors: &str, exporters: &str, pipelines: &str) -> String {
    format!(
        "
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:0'}}}}}}
processors:
  tail_sampling:
    decision_wait: 10ms
    policies: [{{name: all, type: always_sample}}]
{connectors}
exporters:
{exporters}
service:
  pipelines:
{pipelines}
"
    )
}

async fn send(gateway: &Fixture, trace: u64) {
    let sent = request().service("shop").span(span(trace_id(trace), 1));
    gateway.send(sent.message()).await.unwrap();
}

/// Sends a trace that the slow backend does not answer for, and one for which it has no room, until that was
/// refused three times.
async fn fill(gateway: &Fixture, slow: &Sink) {
    let refused = |status: &Status| {
        let rows = status.exporters.iter();
        let slow = rows.filter(|row| row.exporter == "otlp/slow");
        slow.map(|row| row.enqueue_failed).sum::<u64>()
    };
    send(gateway, 1).await;
    slow.until("the first trace", |sink| sink.spans().len() == 1)
        .await;
    send(gateway, 2).await;
    gateway
        .until("refusals", |status| refused(status) >= 3)
        .await;
}

/// Both backends have both traces, once.
fn assert_whole(books: &LedgerSnapshot, sinks: [&Sink; 2]) {
    for sink in sinks {
        let spans = sink.spans().into_iter();
        let mut traces: Vec<_> = spans.map(|span| span.trace_id).collect();
        traces.sort_unstable();
        assert_eq!(traces, [1, 2].map(|trace| trace_id(trace).0.to_vec()));
    }
    let row = traces_of(books);
    let ends = (row.taken.items, row.copied.items, row.delivered.items);
    assert_eq!(ends, (2, 2, 4));
}

/// Scenario: behind a sampler a route leads to two pipelines; one ends at a backend and a connector that counts, the other at a
/// backend that has no room for a trace until that was offered several times.
/// Guarantees: each backend gets each trace once, and each is counted once.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_pipeline_refuses_another_gets_once() {
    let (quick, slow, metrics) = (Sink::start(), Sink::start(), Sink::start());
    let gate = Gate::default();
    slow.answer_always(Answer::Hold(gate.clone()));
    let exporters =
        otlp("quick", &quick, "") + &otlp("slow", &slow, SLOW) + &otlp("metrics", &metrics, "");
    let connectors = "connectors:
  count: {}
  routing:
    table:
      - {condition: 'attributes[\"service.name\"] == \"shop\"', pipelines: [traces/a, traces/b]}";
    let pipelines = "    \
         traces/in: {receivers: [otlp], processors: [tail_sampling], exporters: [routing]}\n    \
         traces/a: {receivers: [routing], exporters: [otlp/quick, count]}\n    \
         traces/b: {receivers: [routing], exporters: [otlp/slow]}\n    \
         metrics: {receivers: [count], exporters: [otlp/metrics]}";
    let gateway = Fixture::start(&yaml(connectors, &exporters, pipelines)).await;
    fill(&gateway, &slow).await;
    gate.open();
    let books = gateway.finish().await;
    assert_whole(&books, [&quick, &slow]);
    assert_eq!(books.signals["metrics"].taken.items, 2);
}

/// Scenario: kept traces go to two backends, the second of which has no room for one of them, and is waited for; a reload takes
/// the first away.
/// Guarantees: the second gets that trace once it has room, though it is the first now; nobody gets one twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_reload_forgets_no_backend_that_is_waited_for() {
    let (quick, slow) = (Sink::start(), Sink::start());
    let gate = Gate::default();
    slow.answer_always(Answer::Hold(gate.clone()));
    let exporters = otlp("quick", &quick, "") + &otlp("slow", &slow, SLOW);
    let with = |ends: &str| {
        let traces = "receivers: [otlp], processors: [tail_sampling]";
        let pipelines = format!("    traces: {{{traces}, exporters: [{ends}]}}");
        yaml("", &exporters, &pipelines)
    };
    let gateway = Fixture::start(&with("otlp/quick, otlp/slow")).await;
    fill(&gateway, &slow).await;
    let reloaded = gateway.running.reload(settings(&with("otlp/slow"))).await;
    reloaded.unwrap();
    gate.open();
    let books = gateway.finish().await;
    assert_whole(&books, [&quick, &slow]);
}
