//! Held against the real Collector's processors.

use bytes::Bytes;
use serde_json::Value;
use tailweir_config::{EmptyEnvironment, LoadOptions, Processor, Sources, load};
use tailweir_core::Signal;
use tailweir_otlp::json;
use tailweir_testkit::{Folder, Tally, sorted_form};
use tailweir_transform::{AuthAttribute, ClientContext, Edits};

/// Scenario: requests that went through the Collector's `attributes` processor.
/// Guarantees: the same comes out.
#[test]
fn golden_processors_attributes() {
    run("attributes");
}

/// Scenario: requests that went through the Collector's `resource` processor.
/// Guarantees: the same comes out.
#[test]
fn golden_processors_resource() {
    run("resource");
}

fn run(processor: &str) {
    let folder = Folder::open("processors");
    let mut tally = Tally::default();
    for suite in folder.suites("suite.json") {
        if suite.split('/').next() == Some(processor) {
            let (passed, failures) = replay(&folder, &suite);
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
    let edits = compile(folder.text(&format!("{suite}/config.yaml")), signal);
    edits.check(signal).expect("settings that fit the signal");
    let client = client(&description["client"]);
    let lines = |name: &str| folder.json_lines(&format!("{suite}/{name}"));
    let (mut passed, mut failures) = (0, Vec::new());
    let inputs = lines("input.jsonl")
        .into_iter()
        .zip(lines("expected.jsonl"));
    for (number, (input, expected)) in inputs.enumerate() {
        let before = Bytes::from(wire(signal, &input));
        let after = edits
            .apply(signal, before, &client)
            .expect("a request that may be edited");
        let forms =
            [&wire(signal, &expected), &after.to_vec()].map(|wire| sorted_form(signal, wire));
        match &forms {
            [Ok(expected), Ok(after)] if expected == after => passed += 1,
            forms => failures.push(format!("request {number}: {}", difference(forms))),
        }
    }
    (passed, failures)
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
fn compile(block: &str, signal: Signal) -> Edits {
    let processor = block
        .lines()
        .nth(1)
        .expect("a processor")
        .trim()
        .trim_end_matches(':');
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
    let compiled = match settings.processors.values().next().expect("a processor") {
        Processor::Attributes(settings) => Edits::attributes(settings),
        Processor::Resource(settings) => Edits::resource(settings),
        other => panic!("{other:?} edits nothing"),
    };
    compiled.expect("settings that compile")
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
