//! Processors in pipelines: each as it is configured, with the books balanced behind it.

use crate::harness::Fixture;
use http::Method;
use tailweir_testkit::{Received, Sink};

const TRACES: &str = r#"{"resourceSpans": [{"resource": {}, "scopeSpans": [{"spans": [
    {"name": "GET /cart/7", "traceId": "00000000000000000000000000000001", "spanId": "0000000000000001",
     "attributes": [{"key": "card", "value": {"stringValue": "4111"}}, {"key": "tenant", "value": {"stringValue": "a"}}]},
    {"name": "health", "traceId": "ffffffffffffffffffffffffffffffff", "spanId": "0000000000000002"}]}]}]}"#;

const LOGS: &str = r#"{"resourceLogs": [{"scopeLogs": [{"logRecords": [
    {"severityText": "DEBUG"}, {"severityText": "ERROR", "body": {"stringValue": "card 4111"}}]}]}]}"#;

const POINTS: &str = r#"{"resourceMetrics": [{"scopeMetrics": [{"metrics": [
    {"name": "a", "gauge": {"dataPoints": [{"asInt": "1"}, {"asInt": "2"}]}},
    {"name": "b", "gauge": {"dataPoints": [{"asInt": "3"}]}}]}]}]}"#;

fn yaml(sink: &Sink, processors: &str) -> String {
    let endpoint = sink.endpoint();
    format!(
        "
receivers: {{otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}}}
processors:
  filter:
    trace_conditions: ['span.name == \"health\"']
    metric_conditions: ['datapoint.value_int == 1']
    log_conditions: ['log.severity_text == \"DEBUG\"']
  redaction: {{allow_all_keys: true, blocked_values: ['4[0-9]+']}}
  groupbyattrs: {{keys: [tenant]}}
  span: {{name: {{to_attributes: {{rules: ['^GET /cart/(?P<id>[0-9]+)$']}}}}}}
  probabilistic_sampler: {{sampling_percentage: 0}}
  batch: {{timeout: 10ms}}
  tail_sampling: {{decision_wait: 20ms, policies: [{{name: all, type: always_sample}}]}}
exporters: {{otlp: {{endpoint: '{endpoint}', tls: {{insecure: true}}}}}}
service:
  pipelines:
{processors}
"
    )
}

async fn post(fixture: &Fixture, path: &str, body: &'static str) -> u16 {
    let headers = [("content-type", "application/json")];
    fixture
        .http(Method::POST, path, &headers, body)
        .await
        .status
}

fn pipeline(signal: &str, processors: &str) -> String {
    format!("    {signal}: {{receivers: [otlp], processors: [{processors}], exporters: [otlp]}}\n")
}

/// Scenario: traces go through a filter, a redaction, a renaming and a grouping in front of a sampler, and
/// metrics and logs through a filter and a batch.
/// Guarantees: everything is acknowledged, what was filtered is on the books under its reason, what arrives
/// was edited in order, and nothing is lost.
///
/// Conforms: processor `filter` | traces, metrics, logs | what is filtered | better: in the books, as `filtered`
#[tokio::test]
async fn processors_edit_and_drop_and_the_books_balance() {
    let sink = Sink::start();
    let pipelines = [
        pipeline(
            "traces",
            "filter, redaction, span, groupbyattrs, tail_sampling",
        ),
        pipeline("metrics", "filter, batch"),
        pipeline("logs", "filter, redaction, batch"),
    ];
    let fixture = Fixture::start(&yaml(&sink, &pipelines.concat())).await;
    for (path, body) in [
        ("/v1/traces", TRACES),
        ("/v1/metrics", POINTS),
        ("/v1/logs", LOGS),
    ] {
        assert_eq!(post(&fixture, path, body).await, 200, "{path}");
    }
    let books = fixture.finish().await;
    assert_eq!(books.imbalance(), 0);
    for (signal, taken, delivered) in [("traces", 2, 1), ("metrics", 3, 2), ("logs", 2, 1)] {
        let row = &books.signals[signal];
        assert_eq!(row.acknowledged.items, taken, "{signal}");
        assert_eq!(row.dropped["filtered"].items, 1, "{signal}");
        assert_eq!(row.delivered.items, delivered, "{signal}");
    }
    let received = format!("{:?}", sink.received());
    assert!(!received.contains("4111"), "{received}");
    assert!(
        received.contains("/cart/{id}") && received.contains("tenant"),
        "{received}"
    );
    let traces = sink.received().into_iter();
    assert_eq!(
        traces
            .filter(|it| matches!(it, Received::Traces(_)))
            .count(),
        1
    );
}

/// Scenario: a sampler by chance that keeps nothing, and a filter whose condition fails, stand in pipelines.
/// Guarantees: what chance drops is acknowledged and on the books; what cannot be processed is refused so that
/// the client may come again.
///
/// Conforms: processor `probabilistic_sampler` | traces | what is not sampled | better: in the books, as
/// `not_sampled_by_chance`
#[tokio::test]
async fn chance_is_on_the_books_and_failures_are_refused() {
    let sink = Sink::start();
    let yaml = yaml(
        &sink,
        &(pipeline("traces", "probabilistic_sampler") + &pipeline("logs", "filter/strict")),
    );
    let strict =
        "  filter/strict: {error_mode: propagate, log_conditions: ['Len(log.flags) > 0']}\n";
    let yaml = yaml.replace("  batch: ", &format!("{strict}  batch: "));
    let fixture = Fixture::start(&yaml).await;
    assert_eq!(post(&fixture, "/v1/traces", TRACES).await, 200);
    assert_eq!(post(&fixture, "/v1/logs", LOGS).await, 503);
    let books = fixture.finish().await;
    assert_eq!(books.imbalance(), 0);
    assert_eq!(
        books.signals["traces"].dropped["not_sampled_by_chance"].items,
        2
    );
    let logs = &books.signals["logs"];
    assert_eq!((logs.acknowledged.items, logs.refused.items), (0, 2));
    assert!(sink.received().is_empty());
}

/// Scenario: the host's name is found out, where it wins over the sender's and where it does not.
/// Guarantees: resources carry the one or the other; what was not there is added in both.
///
/// Conforms: processor `resource_detection` | traces, metrics, logs | `override` | same
#[tokio::test]
async fn what_is_found_out_is_added_to_resources() {
    let sink = Sink::start();
    let yaml = yaml(
        &sink,
        &(pipeline("traces", "resource_detection")
            + &pipeline("metrics", "resourcedetection/kept")
            + &pipeline("logs", "resourcedetection/kept")),
    );
    let system = "detectors: [system], system: {hostname_sources: [os]}";
    let blocks = format!(
        "  resource_detection: {{{system}}}\n  resourcedetection/kept: {{{system}, override: false}}\n"
    );
    let yaml = yaml.replace("  batch: ", &format!("{blocks}  batch: "));
    let fixture = Fixture::start(&yaml).await;
    let resource = r#"{"attributes": [{"key": "host.name", "value": {"stringValue": "theirs"}}]}"#;
    let traces = format!(
        r#"{{"resourceSpans": [{{"resource": {resource}, "scopeSpans": [{{"spans": [
        {{"traceId": "00000000000000000000000000000001", "spanId": "0000000000000001"}}]}}]}}]}}"#
    );
    let logs = format!(
        r#"{{"resourceLogs": [{{"resource": {resource}, "scopeLogs": [{{"logRecords": [{{}}]}}]}}]}}"#
    );
    let metrics = format!(
        r#"{{"resourceMetrics": [{{"resource": {resource}, "scopeMetrics": [{{"metrics": [
        {{"name": "a", "gauge": {{"dataPoints": [{{"asInt": "1"}}]}}}}]}}]}}]}}"#
    );
    for (path, body) in [
        ("/v1/traces", traces),
        ("/v1/metrics", metrics),
        ("/v1/logs", logs),
    ] {
        let headers = [("content-type", "application/json")];
        let answer = fixture.http(Method::POST, path, &headers, body).await;
        assert_eq!(answer.status, 200, "{path}");
    }
    fixture.finish().await;
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    for received in sink.received() {
        let is_traces = matches!(received, Received::Traces(_));
        let received = format!("{received:?}");
        assert!(received.contains("os.type"), "{received}");
        assert_eq!(received.contains("theirs"), !is_traces, "{received}");
        assert_eq!(received.contains(host.trim()), is_traces, "{received}");
    }
    assert_eq!(sink.received().len(), 3);
}
