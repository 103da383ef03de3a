//! The example that users start from.

use crate::gateway::Gateway;
use serde_json::json;
use std::net::SocketAddr;
use tailweir_testkit::{http_get, http_post};

/// Scenario: metrics are sent to the gateway of `deploy/examples`.
/// Guarantees: they are on its page for Prometheus, with what its processors add, and in the books.
#[test]
fn metrics_of_the_example_are_on_its_page() {
    let example = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../deploy/examples/gateway.yaml"
    );
    let example = std::fs::read_to_string(example).expect("the example");
    let gateway = Gateway::start(
        &example,
        [
            "--set=receivers.otlp.protocols.grpc.endpoint=127.0.0.1:0",
            "--set=receivers.otlp.protocols.http.endpoint=127.0.0.1:0",
            "--set=exporters.prometheus.endpoint=127.0.0.1:0",
            "--set=processors.batch.timeout=10ms",
            "--set=service.telemetry.logs.encoding=json",
        ],
    );
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let resource = json!({"attributes": [
        text("service.name", "shop"), text("service.instance.id", "one")]});
    let sum = json!({"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [
        {"timeUnixNano": "1700000000000000000", "asInt": "7"}]});
    let metrics = json!([{"name": "orders", "sum": sum}]);
    let request = json!({"resourceMetrics": [
        {"resource": resource, "scopeMetrics": [{"metrics": metrics}]}]});
    let answer = http_post(
        gateway.otlp_http,
        "/v1/metrics",
        "application/json",
        request.to_string().as_bytes(),
    );
    assert_eq!(answer.status, 200, "{}", answer.body);
    let status = gateway.until("series", |status| status["pages"][0]["series"] == 1);
    let address = status["pages"][0]["address"].as_str().expect("an address");
    let address: SocketAddr = address.parse().expect("an address");
    let page = http_get(address, "/metrics").body;
    assert!(
        page.contains("orders_total{instance=\"one\",job=\"shop\""),
        "{page}"
    );
    assert!(
        page.contains("target_info{deployment_environment=\"production\""),
        "{page}"
    );
    let books = &gateway.until("delivery", |status| {
        status["ledger"]["signals"]["metrics"]["delivered"]["items"] == 1
    });
    assert_eq!(books["imbalance"], 0);
}
