//! Real Prometheus servers against the real binary.
//!
//! A Tailweir takes metrics over OTLP, shows them on two pages and writes them on. One Prometheus scrapes
//! the pages as OpenMetrics and as text; another one, with native histograms, scrapes protobuf and receives
//! remote write. Each must then know every value; `promtool` must find nothing wrong with the page.

use super::configuration;
use crate::servers::{
    Prometheus, Tailweir, exchange, free_addresses, install_prometheus, now, post,
};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

const TRACE: &str = "0102030405060708090a0b0c0d0e0f10";

/// Runs it; says why where Prometheus cannot be had.
pub(super) fn run(scratch: &Path) -> Result<()> {
    if let Err(error) = install_prometheus() {
        println!("prometheus: skipped: {error:#}");
        return Ok(());
    }
    let [http, admin, open, text, plain, native] = free_addresses()?;
    let plain = Prometheus::start(
        &scratch.join("prometheus-plain"),
        plain,
        &[("open", &[open]), ("text", &[text])],
        &[],
        &[],
    )?;
    let features = [
        "--enable-feature=native-histograms",
        "--web.enable-remote-write-receiver",
    ];
    let native = Prometheus::start(
        &scratch.join("prometheus-native"),
        native,
        &[("protobuf", &[open])],
        &[],
        &features,
    )?;
    let environment = [
        ("HTTP", http.to_string()),
        ("ADMIN", admin.to_string()),
        ("OPEN", open.to_string()),
        ("TEXT", text.to_string()),
        ("REMOTE", format!("http://{}/api/v1/write", native.address)),
    ];
    let gateway = Tailweir::start(&configuration("prometheus.yaml"), &environment, admin)?;
    let answer = post(http, "/v1/metrics", &metrics())?;
    ensure!(
        answer == "{}" || answer == r#"{"partialSuccess":{}}"#,
        "{answer}"
    );

    check_page(text)?;
    println!("prometheus: promtool finds nothing wrong with the page");
    for page in ["open", "text"] {
        check_values(&plain, page)?;
        println!("prometheus: scraped as {page}, every value is there");
    }
    check_exemplar(&plain)?;
    check_values(&native, "open")?;
    check_native(&native, "open")?;
    println!("prometheus: scraped as protobuf, native histograms are there");
    check_values(&native, "remote_write")?;
    check_native(&native, "remote_write")?;
    println!("prometheus: remote write has arrived, native histograms too");
    gateway.drain()
}

/// One metric of each type, of now.
fn metrics() -> Value {
    let now = now();
    let times = |mut point: Value| {
        point["startTimeUnixNano"] = json!((now - 60_000_000_000).to_string());
        point["timeUnixNano"] = json!(now.to_string());
        point["attributes"] = json!([{"key": "route", "value": {"stringValue": "/"}}]);
        json!([point])
    };
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let exemplar = json!({"timeUnixNano": now.to_string(), "asDouble": 0.5, "traceId": TRACE,
        "spanId": "0102030405060708"});
    let metrics = json!([
        {"name": "orders", "description": "Orders.", "sum": {"aggregationTemporality": 2,
            "isMonotonic": true, "dataPoints": times(json!({"asInt": "7"}))}},
        {"name": "queue.length", "description": "Length.", "gauge": {
            "dataPoints": times(json!({"asDouble": 2.5}))}},
        {"name": "latency", "unit": "s", "description": "Latency.", "histogram": {
            "aggregationTemporality": 2, "dataPoints": times(json!({"count": "3", "sum": 4.5,
            "bucketCounts": ["1", "2"], "explicitBounds": [1.0], "exemplars": [exemplar]}))}},
        {"name": "size", "unit": "By", "description": "Size.", "exponentialHistogram": {
            "aggregationTemporality": 2, "dataPoints": times(json!({"count": "4", "sum": 9.0,
            "scale": 2, "zeroCount": "1", "positive": {"offset": 1, "bucketCounts": ["1", "2"]}}))}},
        {"name": "wait", "unit": "s", "description": "Wait.", "summary": {
            "dataPoints": times(json!({"count": "2", "sum": 3.0,
            "quantileValues": [{"quantile": 0.5, "value": 1.5}]}))}},
    ]);
    let resource = json!({"attributes": [text("service.name", "shop"),
        text("service.instance.id", "one"), text("host.name", "h1")]});
    json!({"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": metrics}]}]})
}

/// Every value of [`metrics`] but the native histogram, as it came this way.
fn check_values(prometheus: &Prometheus, via: &str) -> Result<()> {
    let labels = format!("{{job=\"shop\",instance=\"one\",route=\"/\",via=\"{via}\"");
    let expected = [
        (format!("orders_total{labels}}}"), "7"),
        (format!("queue_length{labels}}}"), "2.5"),
        (format!("latency_seconds_count{labels}}}"), "3"),
        (format!("latency_seconds_sum{labels}}}"), "4.5"),
        (
            format!("latency_seconds_bucket{labels},le=~\"1|1.0\"}}"),
            "1",
        ),
        (format!("wait_seconds{labels},quantile=\"0.5\"}}"), "1.5"),
        (format!("wait_seconds_count{labels}}}"), "2"),
    ];
    for (query, value) in expected {
        prometheus.until(&query, value)?;
    }
    prometheus.until("max(target_info{host_name=\"h1\",job=\"shop\"})", "1")
}

fn check_native(prometheus: &Prometheus, via: &str) -> Result<()> {
    let series = format!("size_bytes{{job=\"shop\",via=\"{via}\"}}");
    prometheus.until(&format!("histogram_count({series})"), "4")?;
    prometheus.until(&format!("histogram_sum({series})"), "9")
}

/// The exemplar came over OpenMetrics, and points at its trace.
fn check_exemplar(prometheus: &Prometheus) -> Result<()> {
    let found = prometheus.exemplars("latency_seconds_bucket")?;
    ensure!(
        found.iter().any(|it| it["labels"]["trace_id"] == TRACE),
        "no exemplar: {found:?}"
    );
    Ok(())
}

/// Has promtool read the page.
fn check_page(page: SocketAddr) -> Result<()> {
    let (_, text) = exchange(page, "GET", "/metrics", &[], b"")?;
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut input = promtool.stdin.take().context("its input is piped")?;
    input.write_all(text.as_bytes())?;
    drop(input);
    let ended = promtool.wait_with_output()?;
    let said = String::from_utf8_lossy(&ended.stderr);
    ensure!(
        ended.status.success() && said.trim().is_empty(),
        "promtool: {said}\n{text}"
    );
    Ok(())
}
