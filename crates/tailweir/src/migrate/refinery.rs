//! Honeycomb Refinery: its rules, and of its settings what concerns traces.

use super::{Migrated, Report, entries, rules};
use anyhow::{Context, ensure};
use serde_json::{Value, json};

/// What is not as it was, whatever the settings.
const ALWAYS_CHANGED: &[(&str, &str)] = &[
    (
        "sample rates",
        "kept spans carry their share as `ot=th:` in the tracestate, in place of SampleRate",
    ),
    (
        "peers and Redis",
        "not needed: members of a `cluster` agree among themselves",
    ),
    (
        "ports",
        "OTLP is taken on 4317 (gRPC) and 4318 (HTTP), whatever Refinery listened on",
    ),
];
/// Sections of the settings that are read, or that hold for Refinery alone.
const READ: &[&str] = &[
    "General",
    "Network",
    "Traces",
    "GRPCServerParameters",
    "PeerManagement",
    "RedisPeerManagement",
];
/// What is read of `Traces`.
const OF_TRACES: &[&str] = &["TraceTimeout", "SendDelay", "SpanLimit"];
/// Sections that nothing has to stand in for.
const NOT_NEEDED: &[(&str, &str)] = &[
    (
        "StressRelief",
        "memory is bounded by `memory_budget`, and what finds no room is refused",
    ),
    (
        "Collection",
        "memory is bounded by `memory_budget`, a share of the container's limit",
    ),
    (
        "SampleCache",
        "decisions are remembered within a bound (`decision_cache`)",
    ),
    (
        "BufferSizes",
        "queues have bounds of their own (`sending_queue`)",
    ),
];

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
    for (what, why) in ALWAYS_CHANGED {
        report.changed(*what, *why);
    }
    report.unsupported(
        "events and batches of Honeycomb's own (`/1/events`, `/1/batch`)",
        "only OTLP is taken: clients that send them have to change",
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
    for (option, _) in entries(traces).filter(|(option, _)| !OF_TRACES.contains(option)) {
        report.unsupported(format!("Traces.{option}"), "not taken over");
    }
    for (section, _) in entries(settings).filter(|(section, _)| !READ.contains(section)) {
        match NOT_NEEDED.iter().find(|(known, _)| *known == section) {
            Some((_, why)) => report.changed(section, format!("not needed: {why}")),
            None => report.unsupported(section, "not taken over: look at what you set there"),
        }
    }
    json!({
        "decision_wait": wait,
        "decision_wait_after_root_received": delay,
        "num_traces": 1_000_000,
        "policies": policies,
    })
}

#[cfg(test)]
mod tests {
    use super::refinery;
    use crate::migrate::Fit;
    use serde_json::json;

    /// Scenario: settings with sections that are read, that are not needed, and that nothing is made of.
    /// Guarantees: times are taken over; each section that is not read is told by name, and why it is gone where that is known.
    #[test]
    fn no_setting_is_left_out_silently() {
        let rules =
            json!({"Samplers": {"__default__": {"DeterministicSampler": {"SampleRate": 10}}}});
        let settings = json!({
            "Network": {"HoneycombAPI": "https://api.eu1.honeycomb.io"},
            "Traces": {"TraceTimeout": "30s", "SendDelay": "1s", "MaxBatchSize": 500},
            "StressRelief": {"Mode": "monitor"},
            "AccessKeys": {"AcceptOnlyListedKeys": true},
        });
        let migrated = refinery(&rules, &settings, "__default__").unwrap();
        let sampling = &migrated.tree["processors"]["tail_sampling"];
        assert_eq!(sampling["decision_wait"], "30s");
        assert_eq!(sampling["decision_wait_after_root_received"], "1s");
        let report = migrated.report.to_string();
        for told in [
            "changed: StressRelief: not needed: memory",
            "no equivalent: AccessKeys: not taken over",
            "no equivalent: Traces.MaxBatchSize: not taken over",
        ] {
            assert!(report.contains(told), "{told} is not in\n{report}");
        }
        assert_eq!(migrated.report.count(Fit::Unsupported), 3, "{report}");
    }
}
