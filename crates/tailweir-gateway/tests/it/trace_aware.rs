//! Logs that are kept or dropped with their traces.

use crate::harness::{Fixture, settings};
use http::Method;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use tailweir_config::{EmptyEnvironment, LoadOptions, Sources, load};
use tailweir_core::TraceId;
use tailweir_gateway::TraceAwareRow;
use tailweir_testkit::{Answer, Received, Sink, request, span, trace_id};

/// A gateway with a sampler that keeps traces with errors, and logs that follow it.
pub(crate) fn yaml(backend: &Sink, wait: &str, aware: &str) -> String {
    format!(
        "
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:0'}}, http: {{endpoint: '127.0.0.1:0'}}}}}}
processors:
  tail_sampling:
    decision_wait: {wait}
    policies:
      - {{name: errors, type: status_code, status_code: {{status_codes: [ERROR]}}}}
  tail_sampling/logs:
    trace_aware: {{sampler: tail_sampling{aware}}}
exporters:
  otlp/traces: {{endpoint: '{0}', tls: {{insecure: true}}}}
  otlp/logs: {{endpoint: '{0}', tls: {{insecure: true}},
              retry_on_failure: {{initial_interval: 5ms, max_interval: 10ms}}}}
service:
  pipelines:
    logs: {{receivers: [otlp], processors: [tail_sampling/logs], exporters: [otlp/logs]}}
    traces: {{receivers: [otlp], processors: [tail_sampling], exporters: [otlp/traces]}}
",
        backend.endpoint()
    )
}

pub(crate) fn record(trace: TraceId, severity: u8, body: &str) -> String {
    let trace = match trace {
        id if id == TraceId::default() => String::new(),
        id => format!(r#""traceId":"{id}","#),
    };
    format!(r#"{{{trace}"severityNumber":{severity},"body":{{"stringValue":"{body}"}}}}"#)
}

async fn send_logs(gateway: &Fixture, records: &[String]) {
    assert_eq!(offer_logs(gateway, records).await, 200);
}

/// Answers the status.
pub(crate) async fn offer_logs(gateway: &Fixture, records: &[String]) -> u16 {
    offer_logs_of(gateway, "", records).await
}

async fn offer_logs_of(gateway: &Fixture, schema_url: &str, records: &[String]) -> u16 {
    let body = format!(
        r#"{{"resourceLogs":[{{"schemaUrl":"{schema_url}","scopeLogs":[{{"logRecords":[{}]}}]}}]}}"#,
        records.join(",")
    );
    let headers = [("content-type", "application/json")];
    let answer = gateway.http(Method::POST, "/v1/logs", &headers, body).await;
    answer.status
}

async fn send_traces(gateway: &Fixture) {
    let failed = span(trace_id(1), 1).error();
    let sent = request().span(failed).span(span(trace_id(2), 1).ok());
    gateway.send(sent.message()).await.unwrap();
}

/// The bodies of the records that arrived, sorted.
pub(crate) fn bodies(sink: &Sink) -> Vec<String> {
    let mut bodies = Vec::new();
    for received in sink.received() {
        let Received::Logs(request) = received else {
            continue;
        };
        let resources = request.resource_logs.into_iter();
        let scopes = resources.flat_map(|resource| resource.scope_logs);
        for record in scopes.flat_map(|scope| scope.log_records) {
            match record.body.and_then(|body| body.value) {
                Some(Value::StringValue(body)) => bodies.push(body),
                other => panic!("no text: {other:?}"),
            }
        }
    }
    bodies.sort();
    bodies
}

async fn row(gateway: &Fixture) -> TraceAwareRow {
    let status = gateway.running.status().await;
    let [row] = status.trace_aware.try_into().unwrap();
    row
}

/// Scenario: logs of a trace that fails, of one that does not, severe ones and some without a trace come before the
/// spans; after the decisions, more come of both traces.
/// Guarantees: the logs that arrive are those of the kept trace, early and late, the severe ones and those without a
/// trace; the others are in the books as not sampled.
///
/// Conforms: processor `tail_sampling` | logs | `trace_aware` | only here: records are kept or dropped with their
/// trace
#[tokio::test(flavor = "multi_thread")]
async fn logs_are_kept_with_their_trace() {
    let backend = Sink::start();
    let gateway = Fixture::start(&yaml(&backend, "20ms", ", wait: 1h")).await;
    let (kept, dropped) = (trace_id(1), trace_id(2));
    let early = [
        record(kept, 9, "kept"),
        record(dropped, 9, "dropped"),
        record(dropped, 17, "severe"),
        record(TraceId::default(), 9, "untraced"),
    ];
    send_logs(&gateway, &early).await;
    let passed = |sink: &Sink| bodies(sink) == ["severe", "untraced"];
    backend.until("what needs no decision", passed).await;
    assert_eq!(row(&gateway).await.waiting_traces, 2);
    assert!(row(&gateway).await.waiting_bytes > 0);

    send_traces(&gateway).await;
    let kept_early = |sink: &Sink| bodies(sink) == ["kept", "severe", "untraced"];
    backend
        .until("the logs of the kept trace", kept_early)
        .await;
    gateway
        .until("both decisions", |status| {
            status.trace_aware[0].waiting_traces == 0
        })
        .await;
    let late = [record(kept, 9, "late"), record(dropped, 9, "too late")];
    send_logs(&gateway, &late).await;
    let row = row(&gateway).await;
    assert_eq!(
        (row.kept, row.dropped, row.severe, row.untraced),
        (2, 2, 1, 1)
    );
    assert_eq!((row.waiting_traces, row.waiting_bytes), (0, 0));

    let books = gateway.finish().await;
    assert_eq!(bodies(&backend), ["kept", "late", "severe", "untraced"]);
    let logs = &books.signals["logs"];
    assert_eq!((logs.acknowledged.items, logs.delivered.items), (6, 4));
    assert_eq!(logs.dropped["not_sampled"].items, 2);
}

/// Scenario: no spans come; another time there is no room to wait, and a share of none for logs without a trace.
/// Guarantees: logs are kept or dropped as the settings say, after their time or at once, each under its name.
#[tokio::test(flavor = "multi_thread")]
async fn logs_that_nobody_decides_about_are_counted() {
    let cases = [
        (", wait: 20ms", "undecided", 1),
        (", wait: 20ms, undecided: drop", "undecided_dropped", 0),
        (", wait: 1h, memory_budget: 1", "overflow", 1),
    ];
    for (aware, outcome, arrive) in cases {
        let backend = Sink::start();
        let aware = format!("{aware}, untraced_percentage: 0, keep_severity: 0");
        let gateway = Fixture::start(&yaml(&backend, "1h", &aware)).await;
        let records = [
            record(trace_id(9), 24, "alone"),
            record(TraceId::default(), 24, "x"),
        ];
        send_logs(&gateway, &records).await;
        let counted = |row: &TraceAwareRow| {
            let outcomes = [
                ("undecided", row.undecided),
                ("undecided_dropped", row.undecided_dropped),
                ("overflow", row.overflow),
                ("untraced_left_out", row.untraced_left_out),
            ];
            let others = outcomes.into_iter().filter(|(_, count)| *count > 0);
            others.map(|(name, _)| name).collect::<Vec<_>>()
        };
        gateway
            .until(outcome, |status| {
                counted(&status.trace_aware[0]) == [outcome, "untraced_left_out"]
            })
            .await;
        let books = gateway.finish().await;
        let logs = &books.signals["logs"];
        assert_eq!(logs.delivered.items, arrive, "{outcome}");
        assert_eq!(logs.dropped["not_sampled_by_chance"].items, 1);
        let undecided = logs.dropped.get("undecided").map_or(0, |row| row.items);
        assert_eq!(undecided, 1 - arrive);
    }
}

/// Scenario: the gateway stops while spans and their logs wait; the backend of the logs fails at first.
/// Guarantees: the sampler decides first, and the logs follow it, all within the shutdown.
#[tokio::test(flavor = "multi_thread")]
async fn at_the_end_logs_follow_the_last_decisions() {
    let backend = Sink::start();
    let gateway = Fixture::start(&yaml(&backend, "1h", "")).await;
    let records = [
        record(trace_id(1), 9, "kept"),
        record(trace_id(2), 9, "dropped"),
    ];
    send_logs(&gateway, &records).await;
    send_traces(&gateway).await;
    backend.answer_next(Answer::Refuse(tonic::Code::Unavailable));
    let books = gateway.finish().await;
    assert_eq!(bodies(&backend), ["kept"]);
    assert_eq!(books.signals["logs"].dropped["not_sampled"].items, 1);
}

/// Scenario: a reload changes what passes by severity while logs wait for their trace.
/// Guarantees: what waits stays and follows the decision; the new rule holds for what comes.
#[tokio::test(flavor = "multi_thread")]
async fn a_reload_lets_no_log_go() {
    let backend = Sink::start();
    let gateway = Fixture::start(&yaml(&backend, "1h", "")).await;
    send_logs(&gateway, &[record(trace_id(1), 9, "waits")]).await;
    let changed = yaml(&backend, "1h", ", keep_severity: INFO");
    gateway.running.reload(settings(&changed)).await.unwrap();
    assert_eq!(row(&gateway).await.waiting_traces, 1);
    send_logs(&gateway, &[record(trace_id(1), 9, "passes")]).await;
    backend
        .until("what the new rule lets pass", |sink| {
            bodies(sink) == ["passes"]
        })
        .await;
    send_traces(&gateway).await;
    gateway.finish().await;
    assert_eq!(bodies(&backend), ["passes", "waits"]);
}

/// Scenario: a request has 3 MiB of resource, and a record of each of twelve traces.
/// Guarantees: records wait with the resource as far as 32 MiB allow; the others pass at once, counted.
#[tokio::test(flavor = "multi_thread")]
async fn a_resource_is_not_repeated_for_every_trace() {
    let backend = Sink::start();
    let gateway = Fixture::start(&yaml(&backend, "1h", ", wait: 1h, undecided: drop")).await;
    let records: Vec<_> = (1..=12)
        .map(|n| record(trace_id(n), 9, &n.to_string()))
        .collect();
    let status = offer_logs_of(&gateway, &"u".repeat(3 << 20), &records).await;
    assert_eq!(status, 200);
    let passed = |sink: &Sink| bodies(sink) == ["11", "12"];
    backend.until("what finds no room", passed).await;
    let row = row(&gateway).await;
    assert_eq!((row.waiting_traces, row.overflow), (10, 2));
    let books = gateway.finish().await;
    assert_eq!(books.signals["logs"].dropped["undecided"].items, 10);
}

/// What a configuration is refused for.
fn told(yaml: &str) -> String {
    let sources = Sources::new().config(format!("yaml:{yaml}"));
    let loaded = load(&sources, LoadOptions::default(), &EmptyEnvironment);
    assert!(loaded.settings.is_none(), "{yaml}");
    loaded.diagnostics.to_string()
}

/// Each case replaces something in a good configuration.
fn refused(good: &str, cases: &[(&str, &str, &str)]) {
    for (from, to, message) in cases {
        let said = told(&good.replace(from, to));
        assert!(said.contains(message), "no `{message}` in {said}");
    }
}

const FOLLOWS: &str = "sampler: tail_sampling";
const TRACES: &str = "processors: [tail_sampling],";

/// Scenario: samplers of logs that follow nobody, or something else.
/// Guarantees: each is refused with what to write.
#[test]
fn samplers_of_logs_must_follow_one_of_traces() {
    let good = yaml(&Sink::start(), "1s", "");
    let other = "no tail_sampling processor";
    refused(
        &good,
        &[
            (FOLLOWS, "sampler: ", "has no `sampler`"),
            (FOLLOWS, "sampler: batch", other),
            (FOLLOWS, "sampler: tail_sampling/logs", other),
            (TRACES, "", "no traces pipeline has the sampler"),
            (
                FOLLOWS,
                "sampler: tail_sampling, pipeline: traces/x",
                "write one of traces",
            ),
        ],
    );
}

/// Scenario: samplers of logs that stand where they cannot, sample by themselves too, or have values out of range.
/// Guarantees: each is refused with what is wrong.
#[test]
fn samplers_of_logs_stand_in_logs_pipelines() {
    let good = yaml(&Sink::start(), "1s", "");
    refused(
        &good,
        &[
            (
                "[tail_sampling/logs]",
                "[tail_sampling]",
                "does not take logs by itself",
            ),
            (TRACES, "processors: [tail_sampling/logs],", "takes logs"),
            (
                "    trace_aware:",
                "    decision_wait: 1s\n    trace_aware:",
                "exclude each other",
            ),
            (
                FOLLOWS,
                "sampler: tail_sampling, untraced_percentage: 101",
                "between 0 and 100",
            ),
            (FOLLOWS, "sampler: tail_sampling, wait: 0s", "above zero"),
        ],
    );
}

/// Scenario: two pipelines have the sampler that logs follow, each with its own decisions.
/// Guarantees: the pipeline has to be named; then it is accepted, in a cluster too.
#[test]
fn a_sampler_of_two_pipelines_is_followed_in_one() {
    let twice = yaml(&Sink::start(), "1s", "").replace(
        "    traces:",
        "    traces/2: {receivers: [otlp], processors: [tail_sampling], exporters: [otlp/traces]}\n    traces:",
    );
    assert!(told(&twice).contains("add `pipeline:` with one of"));
    let named = twice.replace(FOLLOWS, "sampler: tail_sampling, pipeline: traces/2");
    let cluster = "cluster: {id: a, insecure: true, data_dir: /a, controllers: ['127.0.0.1:1']}";
    for good in [named.clone(), format!("{cluster}{named}")] {
        drop(settings(&good));
    }
}
