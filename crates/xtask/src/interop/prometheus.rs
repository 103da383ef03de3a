//! Real Prometheus servers against the real binary.
//!
//! A Tailweir takes metrics over OTLP, shows them on two pages and writes them on. One Prometheus scrapes
//! the pages as OpenMetrics and as text; another one, with native histograms, scrapes protobuf and receives
//! remote write. Each must then know every value; `promtool` must find nothing wrong with the page.

use super::configuration;
use crate::servers::{Prometheus, Release, Tailweir, exchange, free_addresses, now, post};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

const TRACE: &str = "0102030405060708090a0b0c0d0e0f10";

/// Runs it with the release of the system's packages, which knows remote write 1.0.
pub(super) fn run(scratch: &Path, release: &Release) -> Result<()> {
    let servers = Servers::start(scratch, release, "prometheus.WriteRequest")?;
    check_page(servers.text)?;
    println!("prometheus: promtool finds nothing wrong with the page");
    servers.check()?;
    println!("prometheus: remote write has arrived, native histograms too");
    servers.gateway.drain()
}

/// Runs it with a newer release, which knows remote write 2.0: exemplars leave with it too.
pub(super) fn run_built(scratch: &Path, release: &Release) -> Result<()> {
    let servers = Servers::start(scratch, release, "io.prometheus.write.v2.Request")?;
    servers.check()?;
    check_exemplar(&servers.native, "remote_write")?;
    ensure!(
        !servers.gateway.has_logged("may not know remote write 2.0"),
        "the receiver did not say what it wrote"
    );
    println!("prometheus: remote write 2.0 has arrived, with native histograms and exemplars");
    servers.gateway.drain()
}

/// A Tailweir with its metrics, and who asks it and is told.
struct Servers {
    /// Scrapes both pages.
    plain: Prometheus,
    /// Scrapes protobuf, and receives remote write.
    native: Prometheus,
    gateway: Tailweir,
    /// The page that is no OpenMetrics.
    text: SocketAddr,
}

impl Servers {
    /// Starts them, with remote write by this message, and sends the metrics.
    fn start(scratch: &Path, release: &Release, message: &str) -> Result<Self> {
        let [http, admin, open, text, plain, native] = free_addresses()?;
        let plain = Prometheus::start(
            release,
            &scratch.join("prometheus-plain"),
            plain,
            &[("open", &[open]), ("text", &[text])],
            &[],
            &[],
        )?;
        let native = Prometheus::start(
            &release.with_native_histograms(),
            &scratch.join("prometheus-native"),
            native,
            &[("protobuf", &[open])],
            &[],
            &["--web.enable-remote-write-receiver"],
        )?;
        let environment = [
            ("HTTP", http.to_string()),
            ("ADMIN", admin.to_string()),
            ("OPEN", open.to_string()),
            ("TEXT", text.to_string()),
            ("REMOTE", format!("http://{}/api/v1/write", native.address)),
            ("MESSAGE", message.to_owned()),
        ];
        let gateway = Tailweir::start(&configuration("prometheus.yaml"), &environment, admin)?;
        let answer = post(http, "/v1/metrics", &metrics())?;
        ensure!(
            answer == "{}" || answer == r#"{"partialSuccess":{}}"#,
            "{answer}"
        );
        Ok(Self {
            plain,
            native,
            gateway,
            text,
        })
    }

    /// Everything has arrived, by each way.
    fn check(&self) -> Result<()> {
        for page in ["open", "text"] {
            check_values(&self.plain, page)?;
            println!("prometheus: scraped as {page}, every value is there");
        }
        check_exemplar(&self.plain, "open")?;
        check_values(&self.native, "open")?;
        check_native(&self.native, "open")?;
        println!("prometheus: scraped as protobuf, native histograms are there");
        check_values(&self.native, "remote_write")?;
        check_native(&self.native, "remote_write")
    }
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

/// The exemplar came this way, and points at its trace.
fn check_exemplar(prometheus: &Prometheus, via: &str) -> Result<()> {
    let series = format!("latency_seconds_bucket{{via=\"{via}\"}}");
    let found = prometheus.exemplars(&series)?;
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
