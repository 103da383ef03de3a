//! Converters that take lambdas, which a feature gate switches on.

use crate::processors::{read, wire};
use crate::still::still;
use serde_json::json;
use tailweir_config::{EmptyEnvironment, LoadOptions, Settings, Sources, load};
use tailweir_core::Signal;
use tailweir_transform::{ClientContext, Dialect, Request, compile};

const GATE: &str = "ottl.functions.enableLambda";

fn settings(gates: &str) -> Settings {
    let configuration = "receivers: {nop: }\nexporters: {nop: }\nprocessors:\n  transform: {log_statements: \
        ['set(log.attributes[\"long\"], Filter(log.attributes[\"words\"], (i, word) => Len(word) > 1))']}\n  \
        filter: {log_conditions: ['Any(log.attributes[\"words\"], (i, word) => word == \"drop\")']}\n\
        service: {pipelines: {logs: {receivers: [nop], processors: [transform, filter], exporters: [nop]}}}";
    let sources = Sources::new().config(format!("yaml:{configuration}"));
    let sources = sources.feature_gates(gates);
    let loaded = load(&sources, LoadOptions::default(), &EmptyEnvironment);
    let settings = loaded.settings;
    settings.unwrap_or_else(|| panic!("{}", loaded.diagnostics))
}

/// Scenario: with the gate on, a statement filters a list and a condition looks for a word in it.
/// Guarantees: the statement writes what the lambda lets through, and the record with the word is dropped.
///
/// Conforms: processor `transform`, `filter` | logs | lambdas, with the feature gate `ottl.functions.enableLambda` |
/// same
#[test]
fn lambdas_run_where_their_gate_is_on() {
    let record = |words: [&str; 2]| {
        let words = words.map(|word| json!({"stringValue": word}));
        json!({"attributes": [{"key": "words", "value": {"arrayValue": {"values": words}}}]})
    };
    let records = [record(["a", "bc"]), record(["drop", "x"])];
    let request = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]});
    let mut body = wire(Signal::Logs, &request.to_string());
    let settings = settings(GATE);
    let dialect = Dialect {
        lambdas: settings.lambdas,
        ..still()
    };
    // The pipeline's own order: the statement first.
    let order = settings.pipelines[0].processors.iter();
    for processor in order.map(|id| &settings.processors[id]) {
        let transform = compile(processor, &dialect).unwrap().unwrap();
        let request = Request {
            signal: Signal::Logs,
            body,
            client: &ClientContext::default(),
        };
        body = transform.apply(request).unwrap().body;
    }
    let after = read(Signal::Logs, &body);
    let records = &after["resourceLogs"][0]["scopeLogs"][0]["logRecords"];
    assert_eq!(records.as_array().map(Vec::len), Some(1), "{records}");
    let long = &records[0]["attributes"][1]["value"]["arrayValue"]["values"];
    assert_eq!(*long, json!([{"stringValue": "bc"}]));
}

/// Scenario: the same without the gate.
/// Guarantees: both are refused, with the gate's name.
#[test]
fn lambdas_are_refused_where_their_gate_is_off() {
    let settings = settings("");
    assert!(!settings.lambdas);
    for processor in settings.processors.values() {
        let errors = compile(processor, &still()).unwrap_err().to_string();
        assert!(
            errors.contains(&format!("--feature-gates={GATE}")),
            "{errors}"
        );
    }
}
