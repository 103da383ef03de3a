//! Real Prometheus servers against the real binary.
//!
//! A Tailweir takes metrics over OTLP, shows them on two pages and writes them on. One Prometheus scrapes
//! the pages as OpenMetrics and as text; another one, with native histograms, scrapes protobuf and receives
//! remote write. Each must then know every value; `promtool` must find nothing wrong with the page.

mod server;

use super::gateway::{Process, free_addresses};
use crate::output;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use server::Prometheus;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Time between two looks, and how many of them there are.
const PAUSE: Duration = Duration::from_millis(200);
const LOOKS: usize = 150;
const TIMEOUT: Duration = Duration::from_secs(10);

const TRACE: &str = "0102030405060708090a0b0c0d0e0f10";

/// Runs it; says why where Prometheus cannot be had.
pub(super) fn run(scratch: &Path) -> Result<()> {
    if let Err(error) = install() {
        println!("prometheus: skipped: {error:#}");
        return Ok(());
    }
    let [http, admin, open, text, plain, native] = free_addresses()?;
    let plain = Prometheus::start(
        scratch,
        "plain",
        plain,
        &[("open", open), ("text", text)],
        &[],
    )?;
    let features = [
        "--enable-feature=native-histograms",
        "--web.enable-remote-write-receiver",
    ];
    let native = Prometheus::start(scratch, "native", native, &[("protobuf", open)], &features)?;
    let environment = [
        ("HTTP", http.to_string()),
        ("ADMIN", admin.to_string()),
        ("OPEN", open.to_string()),
        ("TEXT", text.to_string()),
        ("REMOTE", format!("http://{}/api/v1/write", native.address)),
    ];
    let gateway = Process::start("prometheus.yaml", &environment, admin)?;
    let answer = ask(http, "POST", "/v1/metrics", &metrics().to_string())?;
    ensure!(
        answer == json!({"partialSuccess": {}}) || answer == json!({}),
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

/// Prometheus and promtool, from the system's packages.
fn install() -> Result<()> {
    let is_there = |program: &str| output(Command::new(program).arg("--version")).is_ok();
    if is_there("prometheus") && is_there("promtool") {
        return Ok(());
    }
    let mut apt = Command::new("apt-get");
    apt.args(["install", "-y", "--no-install-recommends", "prometheus"]);
    output(apt.env("DEBIAN_FRONTEND", "noninteractive"))
        .map(drop)
        .context("neither Prometheus nor a way to install it is there")
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

#[expect(
    clippy::disallowed_methods,
    reason = "Prometheus takes only samples of now"
)]
fn now() -> u128 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap_or_default().as_nanos()
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
    let second = now() / 1_000_000_000;
    let range = format!("start={}&end={}", second - 3600, second + 3600);
    let path = format!("/api/v1/query_exemplars?query=latency_seconds_bucket&{range}");
    let found = ask(prometheus.address, "GET", &path, "")?;
    ensure!(found.to_string().contains(TRACE), "no exemplar: {found}");
    Ok(())
}

/// Has promtool read the page.
fn check_page(page: SocketAddr) -> Result<()> {
    let text = exchange(page, "GET", "/metrics", "")?;
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

/// Looks until it is so.
fn until(what: &str, mut look: impl FnMut() -> Result<bool>) -> Result<()> {
    let (_keep, pause) = mpsc::channel::<()>();
    for _ in 0..LOOKS {
        if look()? {
            return Ok(());
        }
        // Nobody sends: this waits.
        let _ = pause.recv_timeout(PAUSE);
    }
    anyhow::bail!("waited in vain for {what}")
}

/// Asks over HTTP and reads JSON.
fn ask(address: SocketAddr, method: &str, path: &str, body: &str) -> Result<Value> {
    let answer = exchange(address, method, path, body)?;
    serde_json::from_str(&answer).with_context(|| format!("{path}: {answer}"))
}

/// Asks over HTTP/1.0, which has no chunks.
fn exchange(address: SocketAddr, method: &str, path: &str, body: &str) -> Result<String> {
    let mut connection = TcpStream::connect_timeout(&address, TIMEOUT)?;
    connection.set_read_timeout(Some(TIMEOUT))?;
    let length = body.len();
    write!(
        connection,
        "{method} {path} HTTP/1.0\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    let (_, body) = answer
        .split_once("\r\n\r\n")
        .context("an answer without a head")?;
    Ok(body.to_owned())
}
