//! Held against the real Collector's processors.

use crate::still::still;
use bytes::Bytes;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use tailweir_config::{EmptyEnvironment, LoadOptions, Sources, load};
use tailweir_core::Signal;
use tailweir_otlp::json;
use tailweir_testkit::{Folder, Tally, sorted_form};
use tailweir_transform::{
    AuthAttribute, ClientContext, Outcome, Request, Transform, TransformError, compile,
};

/// Scenario: requests that went through the Collector's `attributes` processor.
/// Guarantees: the same comes out.
///
/// Conforms: processor `attributes` | traces, metrics, logs | all actions with every source of a value, `include`,
/// `exclude` | same
#[test]
fn golden_processors_attributes() {
    run("attributes");
}

/// Scenario: requests that went through the Collector's `transform` processor.
/// Guarantees: the same comes out, and a request fails where it failed there.
///
/// Conforms: processor `transform` | traces, metrics, logs | standard editors and converters, editors of single
/// contexts, contexts, groups with `conditions` and `error_mode` | same
#[test]
fn golden_processors_transform() {
    run("transform");
}

/// Scenario: requests that went through the Collector's `resource` processor.
/// Guarantees: the same comes out.
///
/// Conforms: processor `resource` | traces, metrics, logs | all actions with every source of a value | same
#[test]
fn golden_processors_resource() {
    run("resource");
}

/// Scenario: requests that went through the Collector's `filter` processor.
/// Guarantees: the same comes out, nothing where it dropped all, and an error where it failed.
///
/// Conforms: processor `filter` | traces, metrics, logs | `error_mode`, `trace_conditions`, `metric_conditions`,
/// `log_conditions` | same
/// Conforms: processor `filter` | traces, metrics, logs | `spans`, `traces`, `metrics`, `logs` | same
#[test]
fn golden_processors_filter() {
    run("filter");
}

/// Scenario: requests that went through the Collector's `probabilistic_sampler` processor.
/// Guarantees: the same spans and records are kept, and say the same of their sampling.
///
/// Conforms: processor `probabilistic_sampler` | traces, logs | `mode`, `sampling_percentage`, `hash_seed`,
/// `sampling_precision`, `fail_closed`, `attribute_source`, `from_attribute`, `sampling_priority` | same
#[test]
fn golden_processors_probabilistic_sampler() {
    run("probabilistic_sampler");
}

/// Scenario: requests that went through the Collector's `groupbyattrs` processor.
/// Guarantees: the same items stand together, under the same resources.
///
/// Conforms: processor `groupbyattrs` | traces, metrics, logs | `keys`; without `keys` it puts together what is alike
/// | same
#[test]
fn golden_processors_groupbyattrs() {
    run("groupbyattrs");
}

/// Scenario: requests that went through the Collector's `span` processor.
/// Guarantees: the same comes out.
///
/// Conforms: processor `span` | traces | `name`, `status`, `include`, `exclude` | same
#[test]
fn golden_processors_span() {
    run("span");
}

/// Scenario: requests that went through the Collector's `redaction` processor.
/// Guarantees: the same is masked and removed, and the same is told about it.
///
/// Conforms: processor `redaction` | traces, metrics, logs | all options but the sanitizers | same
#[test]
fn golden_processors_redaction() {
    run("redaction");
}

/// Scenario: requests that went through the `metrics_transform` processor of Collector v0.161.
/// Guarantees: the same comes out, data points in any order.
///
/// Conforms: processor `metrics_transform` | metrics | all actions, operations and aggregations | same
#[test]
fn the_collector_transforms_metrics_the_same() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let folder = Folder::unpacked(&tests, "metricstransformprocessor");
    run_in(&folder, "", "metrics_transform");
}

/// Scenario: statements of databases, and texts that are none, went through the `redaction` processor of Collector v0.161.
/// Guarantees: the same comes out, from attributes, names of spans and bodies of log records.
///
/// Conforms: processor `redaction` | traces, metrics, logs | `db_sanitizer` with `sql`, `redis`, `valkey`,
/// `memcached`, `mongo`, `opensearch`, `es` | same
#[test]
fn the_collector_strips_statements_the_same() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let folder = Folder::unpacked(&tests, "redactionprocessor");
    run_in(&folder, "", "redaction");
}

fn run(processor: &str) {
    run_in(
        &Folder::open("processors"),
        &format!("{processor}/"),
        processor,
    );
}

/// Replays the suites whose paths begin so.
fn run_in(folder: &Folder, prefix: &str, processor: &str) {
    let mut tally = Tally::default();
    for suite in folder.suites("suite.json") {
        if suite.starts_with(prefix) {
            let (passed, failures) = replay(folder, &suite);
            tally.record(&suite, "per_request", passed, None, &failures);
        }
    }
    tally.finish(processor);
}

fn replay(folder: &Folder, suite: &str) -> (usize, Vec<String>) {
    let description = folder.json(&format!("{suite}/suite.json"));
    let signal = Signal::ALL
        .into_iter()
        .find(|signal| description["signal"] == signal.name());
    let signal = signal.expect("a signal");
    let transform = transform(folder.text(&format!("{suite}/config.yaml")), signal);
    let client = client(&description["client"]);
    let lines = |name: &str| folder.json_lines(&format!("{suite}/{name}"));
    let (mut passed, mut failures) = (0, Vec::new());
    let is_any_order = description["normalised"].is_string();
    let inputs = lines("input.jsonl")
        .into_iter()
        .zip(lines("expected.jsonl"));
    for (number, (input, expected)) in inputs.enumerate() {
        let outcome = transform.apply(Request {
            signal,
            body: Bytes::from(wire(signal, &input)),
            client: &client,
        });
        match compare(signal, &expected, outcome, is_any_order) {
            Ok(()) => passed += 1,
            Err(difference) => failures.push(format!("request {number}: {difference}")),
        }
    }
    (passed, failures)
}

/// Whether what was handed on is what the Collector handed on.
fn compare(
    signal: Signal,
    expected: &Value,
    outcome: Result<Outcome, TransformError>,
    is_any_order: bool,
) -> Result<(), String> {
    let handed_on = match (&expected["error"]["permanent"], outcome) {
        (Value::Bool(expected), Err(error)) if error.is_permanent() == *expected => return Ok(()),
        (Value::Null, Ok(outcome)) => outcome.body,
        (error, outcome) => return Err(format!("expected error {error}: {outcome:?}")),
    };
    if expected.is_null() || handed_on.is_empty() {
        let empty = wire(signal, &serde_json::json!({}));
        let is_nothing = expected.is_null() || wire(signal, expected) == empty;
        return (is_nothing && handed_on.is_empty())
            .then_some(())
            .ok_or_else(|| format!("expected {expected}, {} bytes", handed_on.len()));
    }
    let written = wire(signal, expected);
    let bodies = [&written[..], &handed_on].map(|body| ordered(signal, body, is_any_order));
    let forms = bodies.map(|body| sorted_form(signal, &body));
    match &forms {
        [Ok(expected), Ok(after)] if expected == after => Ok(()),
        forms => Err(difference(forms)),
    }
}

/// A request as it is compared: data points by their text, where editors give them in any order. Bytes
/// that are not UTF-8 are one U+FFFD.
fn ordered(signal: Signal, body: &[u8], is_any_order: bool) -> Vec<u8> {
    let mut text = Vec::new();
    json::from_wire(signal, body, &mut text).expect("a request");
    let mut text = String::from_utf8(text).expect("JSON");
    while text.contains("\u{fffd}\u{fffd}") {
        text = text.replace("\u{fffd}\u{fffd}", "\u{fffd}");
    }
    let mut document = serde_json::from_str(&text).expect("JSON");
    if is_any_order {
        order(&mut document);
    }
    wire(signal, &document)
}

fn order(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(order),
        Value::Object(entries) => {
            for (key, value) in entries {
                order(value);
                match (key.as_str(), value) {
                    ("attributes", Value::Array(items)) => {
                        items.sort_by_key(|item| item["key"].as_str().map(str::to_owned));
                    }
                    ("dataPoints", Value::Array(items)) => items.sort_by_key(Value::to_string),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// The first line in which they differ, with a few before it.
fn difference(forms: &[Result<String, impl std::fmt::Debug>; 2]) -> String {
    let [Ok(expected), Ok(after)] = forms else {
        return "not decodable".to_owned();
    };
    let pairs: Vec<_> = expected.lines().zip(after.lines()).collect();
    let at = pairs
        .iter()
        .position(|(left, right)| left != right)
        .unwrap_or(pairs.len());
    let from = at.saturating_sub(12);
    let to = (at + 4).min(pairs.len());
    format!("expected and actual: {:#?}", &pairs[from..to])
}

/// Lays the suite's block over a pipeline, as a user would.
pub(crate) fn transform(block: &str, signal: Signal) -> Arc<dyn Transform> {
    let line = block.lines().nth(1).expect("a processor");
    let processor = line.split(':').next().unwrap_or_default().trim();
    let rest = format!(
        "receivers: {{otlp: {{protocols: {{grpc: }}}}}}\n\
         exporters: {{debug: }}\n\
         service: {{pipelines: {{{signal}: {{receivers: [otlp], processors: [{processor}], exporters: [debug]}}}}}}\n"
    );
    let sources = Sources::new().config(format!("yaml:{block}\n{rest}"));
    let loaded = load(&sources, LoadOptions::default(), &EmptyEnvironment);
    let settings = loaded
        .settings
        .unwrap_or_else(|| panic!("{}", loaded.diagnostics));
    let settings = settings.processors.values().next().expect("a processor");
    let transform = compile(settings, &still()).expect("settings that compile");
    let transform = transform.expect("a processor that transforms");
    transform
        .check(signal)
        .expect("settings that fit the signal");
    transform
}

fn wire(signal: Signal, document: &Value) -> Vec<u8> {
    let mut wire = Vec::new();
    json::to_wire(signal, document.to_string().as_bytes(), &mut wire).expect("OTLP/JSON");
    wire
}

fn client(description: &Value) -> ClientContext {
    let texts = |values: &Value| -> Vec<String> {
        let values = values.as_array().map(Vec::as_slice).unwrap_or_default();
        values
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    let entries = |object: &Value| object.as_object().cloned().unwrap_or_default();
    ClientContext {
        address: description["address"]
            .as_str()
            .map(|text| text.parse().expect("an address")),
        metadata: entries(&description["metadata"])
            .into_iter()
            .map(|(name, values)| (name, texts(&values)))
            .collect(),
        // Numbers are not among what the processor can read.
        auth: entries(&description["auth"])
            .into_iter()
            .filter_map(|(name, value)| match value {
                Value::String(text) => Some((name, AuthAttribute::Text(text))),
                _ => None,
            })
            .collect(),
    }
}
