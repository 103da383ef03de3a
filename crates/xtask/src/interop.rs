//! Real OpenTelemetry SDKs, and real Prometheus servers, against the real binary.
//!
//! An application under zero-code instrumentation sends to a Tailweir with the main configuration;
//! a second Tailweir behind it writes what arrives to a file. The application prints which traces it
//! made; the file must hold the slow and the failing ones whole, and nothing of the others.

mod application;
mod gateway;
mod prometheus;

use crate::{cargo, root, run as run_command};
use anyhow::{Result, ensure};
use application::{Application, Made};
use gateway::Pair;
use serde_json::Value;
use std::collections::BTreeMap;

/// Builds the binary, installs each application and holds the outcome against what it made.
pub(crate) fn run() -> Result<()> {
    run_command(cargo().args(["build", "--package", "tailweir"]))?;
    let scratch = root().join("target/interop");
    std::fs::create_dir_all(&scratch)?;
    prometheus::run(&scratch)?;
    for application in Application::install_all(&scratch)? {
        let pair = Pair::start(&scratch, application.name())?;
        let made = application.run(&pair)?;
        let sink = pair.finish()?;
        check(&made, &sink)?;
        println!(
            "{}: {} traces made, the wanted ones came out whole",
            application.name(),
            made.len()
        );
    }
    Ok(())
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
    let mut arrived = BTreeMap::<String, u64>::new();
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
            *arrived
                .entry(span["traceId"].as_str().unwrap_or_default().to_owned())
                .or_default() += 1;
        }
    }
    ensure!(arrived == wanted, "arrived {arrived:?}\nwanted  {wanted:?}");
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
