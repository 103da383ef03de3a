//! Honeycomb Refinery: its rules, and of its settings what concerns traces.

use super::{Migrated, Report, entries, rules};
use anyhow::{Context, ensure};
use serde_json::{Value, json};

/// Rewrites the rules of an environment.
///
/// # Errors
/// When the text holds no rules of version 2, or not that environment.
pub(crate) fn refinery(
    rules: &Value,
    settings: &Value,
    environment: &str,
) -> anyhow::Result<Migrated> {
    let mut report = Report::default();
    let samplers = rules
        .get("Samplers")
        .context("there is no `Samplers`: not the rules of Refinery 2 or later")?;
    let sampler = samplers.get(environment);
    let known: Vec<_> = entries(samplers).map(|(name, _)| name).collect();
    let sampler = sampler.with_context(|| {
        format!(
            "there is no environment {environment}; there are {}",
            known.join(", ")
        )
    })?;
    for other in known.iter().filter(|name| **name != environment) {
        report.unsupported(
            *other,
            "an environment is known by its API key; run one Tailweir for each, or tell traces apart by a condition on a resource attribute",
        );
    }
    let policies = rules::policies(sampler, &mut report);
    ensure!(
        !policies.is_empty(),
        "nothing of {environment} can be rewritten\n{report}"
    );
    let sampling = sampling(settings, policies, &mut report);
    let endpoint = settings["Network"]["HoneycombAPI"]
        .as_str()
        .unwrap_or("https://api.honeycomb.io");
    report.changed("exporter", format!("OTLP to {endpoint}, with the key in the variable HONEYCOMB_API_KEY; clients may send theirs, it is not passed on"));
    report.changed(
        "sample rates",
        "kept spans carry their share as `ot=th:` in the tracestate, in place of SampleRate",
    );
    report.changed(
        "peers and Redis",
        "not needed: members of a `cluster` agree among themselves",
    );
    let tree = json!({
        "receivers": { "otlp": { "protocols": {
            "grpc": { "endpoint": "0.0.0.0:4317" },
            "http": { "endpoint": "0.0.0.0:4318" },
        } } },
        "processors": { "tail_sampling": sampling, "batch": {} },
        "exporters": { "otlphttp": {
            "endpoint": endpoint,
            "headers": { "x-honeycomb-team": "${env:HONEYCOMB_API_KEY}" },
        } },
        "service": { "pipelines": { "traces": {
            "receivers": ["otlp"],
            "processors": ["tail_sampling", "batch"],
            "exporters": ["otlphttp"],
        } } },
    });
    Ok(Migrated { tree, report })
}

fn sampling(settings: &Value, policies: Vec<Value>, report: &mut Report) -> Value {
    let traces = &settings["Traces"];
    let duration = |key: &str, default: &str| traces[key].as_str().unwrap_or(default).to_owned();
    let (wait, delay) = (duration("TraceTimeout", "60s"), duration("SendDelay", "2s"));
    report.exact(
        "TraceTimeout, SendDelay",
        format!("decision_wait {wait}, and {delay} after the root"),
    );
    if traces.get("SpanLimit").is_some() {
        report.unsupported("SpanLimit", "a large trace is decided early only when memory is short, and then before smaller ones");
    }
    for part in [
        "StressRelief",
        "SampleCache",
        "Collection",
        "RedisPeerManagement",
        "PeerManagement",
    ] {
        if settings.get(part).is_some() {
            report.changed(part, "not needed: memory is bounded by `memory_budget`, and what finds no room is refused");
        }
    }
    json!({
        "decision_wait": wait,
        "decision_wait_after_root_received": delay,
        "num_traces": 1_000_000,
        "policies": policies,
    })
}
