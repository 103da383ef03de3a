//! Real OpenTelemetry SDKs, Collectors, and servers of others, against the real binary.
//!
//! An application under zero-code instrumentation sends to a Tailweir with the main configuration;
//! a second Tailweir behind it writes what arrives to a file. The application prints which traces it
//! made; the file must hold the slow and the failing ones whole, and nothing of the others.

mod application;
mod backends;
mod cluster_pages;
mod exporters;
mod fleet;
mod gateway;
mod install;
mod prometheus;
mod stack;

use crate::servers::{Program, Release};
use crate::{cargo, root, run as run_command};
use anyhow::{Context, Result, ensure};
use application::{Application, Made};
use gateway::Pair;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// What the policy `slow` of the configurations wants.
const SLOW_MIN: Duration = Duration::from_secs(2);

/// Builds the binary, installs each application and holds the outcome against what it made.
pub(crate) fn run() -> Result<()> {
    let scratch = prepare()?;
    with(
        "prometheus, cluster pages",
        Release::packaged(),
        |release| {
            prometheus::run(&scratch, release)?;
            cluster_pages::run(&scratch, release)
        },
    )?;
    exporters::run(&scratch)?;
    for application in Application::install_all(&scratch)? {
        let pair = Pair::start(&scratch, application.name())?;
        let made = application.run(pair.grpc(), pair.http())?;
        let sink = pair.finish()?;
        check(&made, &sink)?;
        check_metrics(&sink)?;
        check_logs(&made, &sink)?;
        println!(
            "{}: {} traces made, the wanted ones came out whole; metrics, logs with their trace",
            application.name(),
            made.len()
        );
    }
    Ok(())
}

/// Builds the binary and the programs of others, and holds what these know against what was sent.
pub(crate) fn run_backends() -> Result<()> {
    let scratch = prepare()?;
    with("fleet", Program::collector(), |collector| {
        fleet::run(&scratch, collector)
    })?;
    with("prometheus", Release::built(), |prometheus| {
        prometheus::run_built(&scratch, prometheus)
    })?;
    with("jaeger, loki, stack", Program::jaeger(), |jaeger| {
        backends::check_jaeger(&scratch, jaeger)?;
        with("loki, stack", Program::loki(), |loki| {
            backends::check_loki(&scratch, jaeger, loki)?;
            with("stack", Release::packaged(), |prometheus| {
                stack::run(&scratch, jaeger, loki, prometheus)
            })
        })
    })
}

/// Runs it with what it needs; says why where that cannot be had.
fn with<P>(what: &str, needed: Result<P>, run: impl FnOnce(&P) -> Result<()>) -> Result<()> {
    match needed {
        Ok(needed) => run(&needed),
        Err(error) => {
            println!("{what}: skipped: {error:#}");
            Ok(())
        }
    }
}

/// Builds the binary; where files of a run go.
fn prepare() -> Result<PathBuf> {
    run_command(cargo().args(["build", "--package", "tailweir"]))?;
    let scratch = root().join("target/interop");
    std::fs::create_dir_all(&scratch)?;
    Ok(scratch)
}

/// A configuration of `crates/xtask/interop`.
fn configuration(name: &str) -> PathBuf {
    root().join("crates/xtask/interop").join(name)
}

/// Holds the sink's requests against what the application says it made.
fn check(made: &[Made], requests: &[Value]) -> Result<()> {
    let wanted: BTreeMap<_, _> = made
        .iter()
        .filter(|trace| trace.kind != "ordinary")
        .map(|trace| (trace.trace_id.clone(), trace.spans))
        .collect();
    ensure!(
        wanted.len() == 2 && made.len() == 10,
        "the application made {made:?}"
    );
    let mut arrived = BTreeMap::<String, Vec<&Value>>::new();
    for resource in requests
        .iter()
        .flat_map(|request| list(&request["resourceSpans"]))
    {
        let environment = attribute(&resource["resource"], "deployment.environment");
        ensure!(
            environment == Some("production"),
            "the resource attribute is {environment:?}"
        );
        for span in list(&resource["scopeSpans"])
            .iter()
            .flat_map(|scope| list(&scope["spans"]))
        {
            for secret in ["user.email", "payment.card_number"] {
                ensure!(attribute(span, secret).is_none(), "{secret} came through");
            }
            let trace = span["traceId"].as_str().unwrap_or_default();
            arrived.entry(trace.to_owned()).or_default().push(span);
        }
    }
    // On a busy machine an ordinary trace may be a slow one too.
    arrived.retain(|trace, spans| wanted.contains_key(trace) || !is_slow(spans));
    let arrived: BTreeMap<_, _> = arrived
        .into_iter()
        .map(|(trace, spans)| (trace, spans.len() as u64))
        .collect();
    ensure!(arrived == wanted, "arrived {arrived:?}\nwanted  {wanted:?}");
    Ok(())
}

/// Whether a trace is one for the policy `slow`, by the times of its spans.
fn is_slow(spans: &[&Value]) -> bool {
    let time = |span: &Value, key: &str| span[key].as_str().and_then(|it| it.parse::<u64>().ok());
    let start = spans
        .iter()
        .filter_map(|it| time(it, "startTimeUnixNano"))
        .min();
    let end = spans
        .iter()
        .filter_map(|it| time(it, "endTimeUnixNano"))
        .max();
    end.zip(start)
        .is_some_and(|(end, start)| end.saturating_sub(start) >= SLOW_MIN.as_nanos() as u64)
}

/// Metrics of the application's HTTP came out, with what the pipeline gives their resource.
fn check_metrics(requests: &[Value]) -> Result<()> {
    let mut names = BTreeSet::new();
    for resource in requests
        .iter()
        .flat_map(|request| list(&request["resourceMetrics"]))
    {
        let environment = attribute(&resource["resource"], "deployment.environment");
        ensure!(
            environment == Some("production"),
            "the resource of metrics has {environment:?}"
        );
        let scopes = list(&resource["scopeMetrics"]).iter();
        let metrics = scopes.flat_map(|scope| list(&scope["metrics"]));
        names.extend(metrics.filter_map(|metric| metric["name"].as_str()));
    }
    ensure!(
        names.iter().any(|name| name.starts_with("http.")),
        "the metrics that came out: {names:?}"
    );
    Ok(())
}

/// The record that the failing trace wrote came out, with its trace.
fn check_logs(made: &[Made], requests: &[Value]) -> Result<()> {
    let failing = made.iter().find(|trace| trace.kind == "failing");
    let failing = failing.context("no trace failed")?;
    let records: Vec<_> = requests
        .iter()
        .flat_map(|request| list(&request["resourceLogs"]))
        .flat_map(|resource| list(&resource["scopeLogs"]))
        .flat_map(|scope| list(&scope["logRecords"]))
        .collect();
    ensure!(
        records
            .iter()
            .any(|record| record["traceId"] == failing.trace_id
                && record["severityNumber"].as_u64() >= Some(17)),
        "no record of {}: {records:?}",
        failing.trace_id
    );
    Ok(())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn attribute<'a>(holder: &'a Value, key: &str) -> Option<&'a str> {
    let found = list(&holder["attributes"])
        .iter()
        .find(|attribute| attribute["key"] == key)?;
    Some(found["value"]["stringValue"].as_str().unwrap_or("not text"))
}
