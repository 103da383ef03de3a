//! Kept traces in a real Jaeger, logs in a real Loki.

use super::application::{Application, Made};
use super::{SLOW_MIN, configuration};
use crate::servers::{Jaeger, Line, Loki, Program, Tailweir, free_addresses, is_whole, now, post};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;

const TRACE: &str = "0102030405060708090a0b0c0d0e0f10";
const SPAN: &str = "0102030405060708";
/// Whom the hint of the records names.
const TENANT: &str = "acme";
/// Whom the configuration names for OTLP.
const TENANT_OTLP: &str = "otlp";
/// Whom it names for what is pushed with structured metadata, as JSON and as protobuf.
const TENANTS_METADATA: [&str; 2] = ["json", "metadata"];

/// Sends traces of real applications through it, by gRPC and by HTTP.
pub(super) fn check_jaeger(scratch: &Path, program: &Program) -> Result<()> {
    let jaeger = Jaeger::start(program, &scratch.join("jaeger"))?;
    let applications = Application::in_python(scratch)?;
    for (exporter, application) in ["otlp/grpc", "otlp_http/http"]
        .into_iter()
        .zip(applications)
    {
        let [nowhere] = free_addresses()?;
        let gateway = Gateway::start(&jaeger, nowhere, exporter)?;
        let made = application.run(gateway.grpc, gateway.http)?;
        gateway.process.drain()?;
        check_traces(&jaeger, &made)?;
        let name = application.name();
        println!("jaeger: the wanted traces of {name} are there whole by {exporter}, no others");
    }
    Ok(())
}

/// Sends logs of every form through it, by Loki's own protocol and by OTLP.
pub(super) fn check_loki(scratch: &Path, jaeger: &Program, loki: &Program) -> Result<()> {
    let jaeger = Jaeger::start(jaeger, &scratch.join("jaeger"))?;
    let loki = Loki::start(loki, &scratch.join("loki"))?;
    let gateway = Gateway::start(&jaeger, loki.address, "otlp/grpc")?;
    check_logs(&gateway, &loki)?;
    gateway.process.drain()
}

/// A gateway in front of both.
struct Gateway {
    process: Tailweir,
    grpc: SocketAddr,
    http: SocketAddr,
}

impl Gateway {
    fn start(jaeger: &Jaeger, loki: SocketAddr, traces: &str) -> Result<Self> {
        let [grpc, http, admin] = free_addresses()?;
        let environment = [
            ("GRPC", grpc.to_string()),
            ("HTTP", http.to_string()),
            ("ADMIN", admin.to_string()),
            ("JAEGER_GRPC", jaeger.grpc.to_string()),
            ("JAEGER_HTTP", jaeger.http.to_string()),
            ("LOKI", loki.to_string()),
            ("TRACES", traces.to_owned()),
        ];
        let process = Tailweir::start(&configuration("backends.yaml"), &environment, admin)?;
        Ok(Self {
            process,
            grpc,
            http,
        })
    }
}

/// The slow and the failing traces are whole; the ordinary ones are not there.
fn check_traces(jaeger: &Jaeger, made: &[Made]) -> Result<()> {
    for trace in made {
        let id = &trace.trace_id;
        if trace.kind == "ordinary" {
            let spans = jaeger.spans(id)?;
            // On a busy machine an ordinary trace may be a slow one too.
            ensure!(
                spans.is_empty() || is_slow(&spans),
                "{id} was not to be kept: {spans:?}"
            );
            continue;
        }
        let count = usize::try_from(trace.spans)?;
        let spans = jaeger.until(id, count)?;
        ensure!(
            spans.len() == count && is_whole(&spans),
            "{id} is not whole: {spans:?}"
        );
    }
    ensure!(made.len() == 10, "the application made {made:?}");
    Ok(())
}

/// Whether a trace is one for the policy `slow`, by the times that Jaeger shows.
fn is_slow(spans: &[Value]) -> bool {
    let starts = spans.iter().filter_map(|it| it["startTime"].as_u64());
    let ends = spans
        .iter()
        .filter_map(|it| Some(it["startTime"].as_u64()? + it["duration"].as_u64()?));
    let whole = ends.max().zip(starts.min());
    whole.is_some_and(|(end, start)| u128::from(end.saturating_sub(start)) >= SLOW_MIN.as_micros())
}

/// Logs of every form, by Loki's own protocol and by OTLP.
fn check_logs(gateway: &Gateway, loki: &Loki) -> Result<()> {
    post(gateway.http, "/v1/logs", &logs())?;
    let raw = only(loki.until(
        TENANT,
        r#"{exporter="OTLP", job="store/shop", instance="one", level="ERROR", region="eu", order="7"}"#,
        1,
    )?)?;
    ensure!(raw.text == "card declined", "the raw line is {raw:?}");
    let query = format!(r#"{{job="store/shop", level="INFO"}} | json | traceid="{TRACE}""#);
    let json = only(loki.until(TENANT, &query, 1)?)?;
    let read: Value = serde_json::from_str(&json.text).context("the line is no JSON")?;
    ensure!(
        read["body"] == "card charged" && read["spanid"] == SPAN,
        "the line as JSON is {json:?}"
    );
    let query = format!(r#"{{job="store/shop", level="WARN"}} | logfmt | traceID="{TRACE}""#);
    let logfmt = only(loki.until(TENANT, &query, 1)?)?;
    ensure!(
        logfmt.labels["msg"] == "card expires" && logfmt.labels["attribute_try"] == "2",
        "the line as logfmt is {logfmt:?}"
    );
    println!("loki: pushed lines are there: labels, hints, tenant, raw, json, logfmt");
    for tenant in TENANTS_METADATA {
        check_metadata(loki, tenant)?;
    }
    println!("loki: so are lines with structured metadata, pushed as JSON and as protobuf");
    let query = format!(r#"{{service_name="shop"}} | trace_id="{TRACE}""#);
    let found = loki.until(TENANT_OTLP, &query, 3)?;
    let line = found.iter().find(|line| line.text == "card declined");
    let labels = &line.context("the line is not there by OTLP")?.labels;
    for (name, value) in [("span_id", SPAN), ("order", "7"), ("severity_text", "ERR")] {
        ensure!(
            labels[name] == value,
            "{name} of the line by OTLP: {labels}"
        );
    }
    for tenant in ["other", TENANT] {
        let query = r#"{service_name="shop", service_namespace="store"}"#;
        ensure!(
            loki.lines(tenant, query)?.is_empty(),
            "{tenant} sees lines of {TENANT_OTLP}"
        );
    }
    println!("loki: OTLP has arrived with structured metadata, each tenant by itself");
    Ok(())
}

/// Ids, attributes and one attribute of the resource are structured metadata: they are found by name, and are
/// not in the line.
fn check_metadata(loki: &Loki, tenant: &str) -> Result<()> {
    let query = format!(r#"{{job="store/shop", level="WARN"}} | trace_id="{TRACE}""#);
    let line = only(loki.until(tenant, &query, 1)?)?;
    for (name, value) in [("span_id", SPAN), ("try", "2"), ("customer", TENANT)] {
        ensure!(line.labels[name] == value, "{name} of {tenant}: {line:?}");
    }
    for gone in [TRACE, SPAN, "attribute_try", "resource_customer"] {
        ensure!(
            !line.text.contains(gone),
            "{gone} is in the line of {tenant}: {line:?}"
        );
    }
    Ok(())
}

fn only(mut lines: Vec<Line>) -> Result<Line> {
    ensure!(lines.len() == 1, "more than one line: {lines:?}");
    lines.pop().context("a line")
}

/// Three records of a trace, each of which hints at another form.
fn logs() -> Value {
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let record = |severity: u32, name: &str, body: &str, attributes: &[Value]| {
        let nanoseconds = now();
        json!({"timeUnixNano": nanoseconds.to_string(), "severityNumber": severity, "severityText": name,
            "body": {"stringValue": body}, "traceId": TRACE, "spanId": SPAN, "attributes": attributes})
    };
    let records = [
        record(
            17,
            "ERR",
            "card declined",
            &[
                text("order", "7"),
                text("loki.attribute.labels", "order"),
                text("loki.format", "raw"),
            ],
        ),
        record(9, "INF", "card charged", &[]),
        record(
            13,
            "WRN",
            r#"msg="card expires""#,
            &[text("try", "2"), text("loki.format", "logfmt")],
        ),
    ];
    let resource = [
        text("service.name", "shop"),
        text("service.namespace", "store"),
        text("service.instance.id", "one"),
        text("region", "eu"),
        text("customer", TENANT),
        text("loki.resource.labels", "region"),
        text("loki.tenant", "customer"),
    ];
    json!({"resourceLogs": [{"resource": {"attributes": resource}, "scopeLogs": [{"logRecords": records}]}]})
}
