//! The golden vectors of whole configurations and of component blocks.

use serde_json::Value as Json;
use std::collections::BTreeMap;
use tailweir_config::{Cause, LoadOptions, Severity, Sources, load};
use tailweir_testkit::{Folder, Tally, load_case};

/// Cases on which Tailweir differs by design: whether it accepts them, and why.
const BY_DESIGN: &[(&str, bool, &str)] = &[
    (
        "authenticator_not_configured",
        false,
        "the Collector notices at start; so do we, before",
    ),
    (
        "tail_sampling_unknown_policy_type",
        false,
        "the Collector notices at start; so do we, before",
    ),
    (
        "queue_storage_not_configured",
        false,
        "the Collector notices at start; so do we, before",
    ),
    (
        "load_balancing_port_as_number",
        true,
        "the number of old is taken, with advice",
    ),
    (
        "unknown_exporter_type_loki",
        true,
        "the old exporter is taken, with advice",
    ),
];

/// Why the Collector refuses configurations whose conditions and statements do not compile, or whose folders are not
/// there. Who compiles and opens them here has the same cases in its tests.
const TOLD_LATER: [&str; 3] = ["bad condition", "bad statement", "path does not exist"];

/// Scenario: every whole configuration of the vectors is loaded.
/// Guarantees: accepted and refused as in the Collector, but for components that are not here (which
/// is what the error says then) and differences by design.
#[test]
fn golden_config() {
    let folder = Folder::open("config");
    let mut tally = Tally::default();
    let (mut passed, mut later, mut failures) = (0, 0, Vec::new());
    let mut waiting = BTreeMap::<String, usize>::new();
    for case in folder.suites("case.json") {
        let loaded = load_case(&folder, &case);
        let wanted = folder.json(&format!("{case}/expected.json"));
        let reason = wanted["reason"].as_str().unwrap_or_default();
        let is_told_later = TOLD_LATER.contains(&reason);
        let wanted = wanted["valid"].as_bool().unwrap();
        let accepted = loaded.settings.is_some();
        let by_design = BY_DESIGN.iter().find(|(name, ..)| *name == case);
        let missing: Vec<_> = loaded
            .diagnostics
            .iter()
            .filter(|found| found.cause == Cause::AbsentComponent)
            .collect();
        if let Some(found) = missing.first() {
            *waiting.entry(found.message.clone()).or_default() += 1;
            // Nothing else may be wrong with a configuration that the Collector takes, and what it
            // refuses may pass only where nothing uses the component.
            let only = loaded
                .diagnostics
                .errors()
                .all(|error| matches!(error.cause, Cause::AbsentComponent | Cause::AbsentOption));
            let unused = found.severity == Severity::Warning;
            if (wanted && !only) || (accepted && !unused) {
                failures.push(format!(
                    "{case}: more than a missing component:\n{}",
                    loaded.diagnostics
                ));
            }
        } else if accepted && is_told_later {
            later += 1;
        } else if accepted != by_design.map_or(wanted, |(_, accepts, _)| *accepts) {
            failures.push(format!(
                "{case}: accepted {accepted}\n{}",
                loaded.diagnostics
            ));
        } else {
            passed += usize::from(by_design.is_none());
        }
    }
    for (component, cases) in &waiting {
        println!("waits for a component: {component} ({cases} cases)");
    }
    let cases: usize = waiting.values().sum();
    println!("waiting: {cases} cases");
    println!(
        "told by those who compile conditions and statements, and open folders: {later} cases"
    );
    let reason = "stricter where the Collector fails at start, and old forms run";
    tally.record(
        "config",
        "validate",
        passed,
        Some((BY_DESIGN.len(), reason)),
        &failures,
    );
    tally.finish("config");
}

/// Scenario: every configuration is resolved: substituted and merged.
/// Guarantees: the tree is the Collector's.
#[test]
fn golden_config_resolved() {
    let folder = Folder::open("config");
    let mut tally = Tally::default();
    let (mut passed, mut failures) = (0, Vec::new());
    for case in folder.suites("resolved.json") {
        let wanted = folder.json(&format!("{case}/resolved.json"));
        let loaded = load_case(&folder, &case);
        match same(&loaded.resolved, &wanted) {
            true => passed += 1,
            false => failures.push(format!("{case}:\n got {}\nwant {wanted}", loaded.resolved)),
        }
    }
    tally.record("config", "resolved", passed, None, &failures);
    tally.finish("config, resolved");
}

/// Equal as JSON of Go: numbers by value.
fn same(ours: &Json, theirs: &Json) -> bool {
    match (ours, theirs) {
        (Json::Object(ours), Json::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours
                    .iter()
                    .all(|(key, value)| theirs.get(key).is_some_and(|other| same(value, other)))
        }
        (Json::Array(ours), Json::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| same(a, b))
        }
        (Json::Number(ours), Json::Number(theirs)) => ours.as_f64() == theirs.as_f64(),
        _ => ours == theirs,
    }
}

/// Scenario: the configurations that the Collector accepts are loaded, and what it prints of the
/// components that are here is compared.
/// Guarantees: every option that both print has the same value, so the defaults are the Collector's; what only the Collector
/// prints is known to be without effect here.
///
/// Conforms: receiver `otlp` | traces, metrics, logs | defaults of the options that the vectors print | same
/// Conforms: processor `batch`, `attributes`, `transform`, `filter`, `memory_limiter` | traces, metrics, logs |
/// defaults of the options that the vectors print | same
/// Conforms: processor `probabilistic_sampler`, `tail_sampling` | traces, logs | defaults of the options that the
/// vectors print | same
/// Conforms: processor `metrics_transform` | metrics | defaults of the options that the vectors print | same
/// Conforms: exporter `otlp_grpc`, `otlp_http`, `load_balancing`, `debug`, `file` | traces, metrics, logs | defaults
/// of the options that the vectors print | same
/// Conforms: exporter `prometheus` | metrics | defaults of the options that the vectors print | same
/// Conforms: exporter `zipkin` | traces | defaults of the options that the vectors print | same
/// Conforms: connector `span_metrics`, `service_graph` | traces, metrics | defaults of the options that the vectors
/// print | same
/// Conforms: connector `count` | traces, metrics, logs | defaults of the options that the vectors print | same
/// Conforms: extension `basicauth`, `bearertokenauth`, `health_check`, `pprof`, `zpages`, `file_storage` | defaults
/// of the options that the vectors print | same
#[test]
fn golden_config_effective() {
    let folder = Folder::open("config");
    let mut tally = Tally::default();
    let (mut compared, mut failures) = (0, Vec::new());
    for case in folder.suites("effective.json") {
        let theirs = folder.json(&format!("{case}/effective.json"));
        let Some(settings) = load_case(&folder, &case).settings else {
            continue;
        };
        for section in [
            "receivers",
            "processors",
            "exporters",
            "connectors",
            "extensions",
            "service",
        ] {
            let ours = &settings.effective()[section];
            compare(
                &format!("{case}: {section}"),
                ours,
                &theirs[section],
                &mut compared,
                &mut failures,
            );
        }
    }
    tally.record("config", "effective", compared, None, &failures);
    tally.finish("config, effective");
}

/// Options that are taken and do nothing here, for the reasons in the reference of the configuration.
const NOT_PRINTED: &[&str] = &[
    "check_collector_pipeline",
    "compaction",
    "error_output_paths",
    "file_storage/timeout",
    "force_attempt_http2",
    "max_gc_interval_when_hard_limited",
    "max_gc_interval_when_soft_limited",
    "min_gc_interval_when_hard_limited",
    "min_gc_interval_when_soft_limited",
    "profiles",
    "read_buffer_size",
    "schema_url",
    "transport",
    "write_buffer_size",
];

/// Compares what both have. Durations are text here and nanoseconds there.
fn compare(
    path: &str,
    ours: &Json,
    theirs: &Json,
    compared: &mut usize,
    failures: &mut Vec<String>,
) {
    // A sizer is printed as an empty map there, headers as a list.
    if ["/sizer", "/headers"].iter().any(|end| path.ends_with(end)) {
        return;
    }
    match (ours, theirs) {
        (Json::Object(ours), Json::Object(theirs)) => {
            for (key, other) in theirs {
                let path = format!("{path}/{key}");
                match ours.get(key) {
                    Some(value) => compare(&path, value, other, compared, failures),
                    None if *other == 0 || *other == false || empty(other) => {}
                    None if NOT_PRINTED.iter().any(|end| path.ends_with(end)) => {}
                    None => failures.push(format!("{path}: not printed, {other} there")),
                }
            }
        }
        (Json::Array(ours), Json::Array(theirs)) if ours.len() == theirs.len() => {
            for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                compare(&format!("{path}/{index}"), ours, theirs, compared, failures);
            }
        }
        _ => {
            *compared += 1;
            if !equal(ours, theirs) {
                failures.push(format!("{path}: {ours}, not {theirs}"));
            }
        }
    }
}

fn equal(ours: &Json, theirs: &Json) -> bool {
    match (ours, theirs) {
        (Json::String(ours), Json::String(theirs)) => {
            ours.eq_ignore_ascii_case(theirs) || ours == "[REDACTED]"
        }
        (Json::String(text), Json::Number(nanos)) => nanoseconds(text) == nanos.as_i64(),
        _ => same(ours, theirs) || (empty(ours) && empty(theirs)),
    }
}

/// Nothing, or a block of nothing: the Collector prints blocks that are not written.
fn empty(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Array(items) => items.is_empty(),
        Json::Object(entries) => entries.values().all(|value| empty(value) || *value == 0),
        Json::String(text) => text.is_empty(),
        _ => false,
    }
}

/// What a duration comes to, by way of an option that is a duration.
fn nanoseconds(text: &str) -> Option<i64> {
    let block = format!("tail_sampling: {{decision_wait: {text}}}");
    let options = LoadOptions::default();
    let (settings, _) = tailweir_config::load_tail_sampling_block(
        "",
        &block,
        options,
        &tailweir_config::EmptyEnvironment,
    );
    i64::try_from(settings?.decision_wait.as_nanos()).ok()
}

/// Scenario: the blocks of the other suites are put into a pipeline and loaded.
/// Guarantees: each is accepted without an error or advice.
#[test]
fn golden_processors_blocks() {
    let folder = Folder::open("processors");
    let mut tally = Tally::default();
    let (mut passed, mut failures) = (0, Vec::new());
    for suite in folder.suites("config.yaml") {
        let kind = suite.split('/').next().unwrap();
        if !tailweir_config::components().any(|component| component.name == kind) {
            continue;
        }
        let block = folder.text(&format!("{suite}/config.yaml"));
        let signal = folder.json(&format!("{suite}/suite.json"))["signal"].clone();
        let rest = format!(
            "receivers: {{nop: }}\nexporters: {{nop: }}\nservice: {{pipelines: {{{}: \
             {{receivers: [nop], processors: [{kind}], exporters: [nop]}}}}}}",
            signal.as_str().unwrap()
        );
        let sources = Sources::new()
            .config(format!("yaml:{block}"))
            .config(format!("yaml:{rest}"));
        let loaded = load(
            &sources,
            LoadOptions::default(),
            &tailweir_config::EmptyEnvironment,
        );
        match loaded.settings.is_some() {
            true => passed += 1,
            false => failures.push(format!("{suite}\n{block}\n{}", loaded.diagnostics)),
        }
    }
    tally.record("processors", "loaded", passed, None, &failures);
    tally.finish("component blocks");
}
