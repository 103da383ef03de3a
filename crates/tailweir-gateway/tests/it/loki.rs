//! Logs to Loki: by its own protocol, as configurations of old have it, and by OTLP.

use crate::harness::{Fixture, settings};
use prost::Message;
use tailweir_config::{EmptyEnvironment, LoadOptions, Sources, load};
use tailweir_testkit::{HttpSink, Posted};

const LOGS: &str = r#"{"resourceLogs":[{"resource":{"attributes":[
    {"key":"service.name","value":{"stringValue":"shop"}}]},"scopeLogs":[{"logRecords":[
    {"timeUnixNano":"1581452773000000789","severityNumber":17,"body":{"stringValue":"paid"}},
    {"timeUnixNano":"1581452773000000790","severityNumber":9,"body":{"stringValue":"done"}}]}]}]}"#;

async fn send(gateway: &Fixture) -> u16 {
    let headers = [("content-type", "application/json")];
    gateway
        .http(http::Method::POST, "/v1/logs", &headers, LOGS)
        .await
        .status
}

/// What was pushed, unpacked, as text: enough to see labels and lines.
fn pushed(posted: &Posted) -> String {
    let body = snap::raw::Decoder::new()
        .decompress_vec(&posted.body)
        .unwrap();
    String::from_utf8_lossy(&body).into_owned()
}

/// The example of the repository, with ports and backends of this test, and with the exporter of old for Loki.
fn old_example(loki: &HttpSink) -> String {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../deploy/examples/gateway.yaml"
    );
    std::fs::read_to_string(path)
        .unwrap()
        .replace("0.0.0.0:4317", "127.0.0.1:0")
        .replace("0.0.0.0:4318", "127.0.0.1:0")
        .replace("0.0.0.0:8889", "127.0.0.1:0")
        .replace("otlp_http/loki", "loki")
        .replace("http://loki:3100/otlp", &loki.url("/loki/api/v1/push"))
        .replace("timeout: 1s", "timeout: 10ms")
}

/// Scenario: the gateway of the examples, with the exporter of old, gets logs; Loki fails once, then takes them.
/// Guarantees: they arrive with their labels, edited by the pipeline, and the books balance.
#[tokio::test(flavor = "multi_thread")]
async fn logs_reach_loki_by_its_own_protocol() {
    let loki = HttpSink::start();
    loki.answer_next(503);
    let yaml = old_example(&loki).replace(
        "loki/api/v1/push\n",
        "loki/api/v1/push\n    retry_on_failure: {initial_interval: 5ms, max_interval: 10ms}\n",
    );
    let gateway = Fixture::start(&yaml).await;
    assert_eq!(send(&gateway).await, 200);
    loki.until("a second push", |posted| posted.len() == 2)
        .await;
    let books = gateway.finish().await;
    assert_eq!(books.signals["logs"].delivered.items, 2);
    let pushes = loki.posted();
    assert_eq!(pushes[0].body, pushes[1].body);
    assert_eq!(pushes[1].path, "/loki/api/v1/push");
    let text = pushed(&pushes[1]);
    for part in [
        r#"{exporter="OTLP", job="shop", level="ERROR"}"#,
        r#"{exporter="OTLP", job="shop", level="INFO"}"#,
        r#""body":"paid""#,
        r#""deployment.environment":"production""#,
    ] {
        assert!(text.contains(part), "no {part} in {text}");
    }
}

/// Scenario: Loki refuses the logs for good, and later does not answer for longer than the retries last.
/// Guarantees: each loss is counted with its reason.
#[tokio::test(flavor = "multi_thread")]
async fn what_loki_does_not_take_is_counted() {
    let loki = HttpSink::start();
    loki.answer_next(400);
    for _ in 0..1000 {
        loki.answer_next(500);
    }
    let yaml = old_example(&loki).replace(
        "loki/api/v1/push\n",
        "loki/api/v1/push\n    retry_on_failure: {initial_interval: 5ms, max_interval: 5ms, \
         max_elapsed_time: 40ms}\n",
    );
    let gateway = Fixture::start(&yaml).await;
    send(&gateway).await;
    let failed = |count| {
        move |status: &tailweir_gateway::Status| {
            status
                .exporters
                .iter()
                .any(|row| row.exporter == "loki" && row.send_failed == count)
        }
    };
    gateway.until("the first loss", failed(2)).await;
    send(&gateway).await;
    gateway.until("the second loss", failed(4)).await;
    let books = gateway.finish_with_losses().await;
    let lost = &books.signals["logs"].lost;
    assert_eq!(
        (
            lost["permanent_error"].items,
            lost["retries_exhausted"].items
        ),
        (2, 2)
    );
}

/// Scenario: today's way: `otlphttp` with Loki's OTLP endpoint.
/// Guarantees: the request is at the path that Loki serves, and holds the records as they were sent.
///
/// Conforms: exporter `otlp_http` | logs | `endpoint` of Loki's OTLP | same
#[tokio::test(flavor = "multi_thread")]
async fn otlp_goes_to_the_otlp_endpoint_of_loki() {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    let loki = HttpSink::start();
    let endpoint = loki.url("/otlp");
    let gateway = Fixture::start(&format!(
        "
receivers:
  otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}
exporters:
  otlphttp: {{endpoint: '{endpoint}', compression: none}}
service:
  pipelines:
    logs: {{receivers: [otlp], exporters: [otlphttp]}}
"
    ))
    .await;
    assert_eq!(send(&gateway).await, 200);
    gateway.finish().await;
    let [posted] = loki.posted().try_into().unwrap();
    assert_eq!(posted.path, "/otlp/v1/logs");
    assert_eq!(
        posted.header("content-type"),
        Some("application/x-protobuf")
    );
    let request = ExportLogsServiceRequest::decode(&posted.body[..]).unwrap();
    assert_eq!(request.resource_logs[0].scope_logs[0].log_records.len(), 2);
}

/// Scenario: an old configuration that packs what it pushes, and one that names no endpoint.
/// Guarantees: the first runs with a warning, the second is refused.
///
/// Conforms: exporter `loki` | logs | `compression` of protobuf | no effect: Loki refuses a snappy body that is
/// packed once more; a warning says so
#[test]
fn old_configurations_are_told_what_holds_today() {
    let yaml = |block: &str| {
        format!(
            "receivers: {{nop: }}\nexporters: {{loki: {{{block}}}}}\n\
             service: {{pipelines: {{logs: {{receivers: [nop], exporters: [loki]}}}}}}"
        )
    };
    let told = |yaml: &str| {
        let sources = Sources::new().config(format!("yaml:{yaml}"));
        let loaded = load(&sources, LoadOptions::default(), &EmptyEnvironment);
        (loaded.settings.is_some(), loaded.diagnostics.to_string())
    };
    let packed = yaml("endpoint: 'http://l/loki/api/v1/push', compression: gzip");
    let (runs, said) = told(&packed);
    assert!(
        runs && said.contains("snappy") && said.contains("Loki takes OTLP"),
        "{said}"
    );
    let (runs, said) = told(&yaml(""));
    assert!(!runs && said.contains("no `endpoint`"), "{said}");
    drop(settings(&packed));
}
