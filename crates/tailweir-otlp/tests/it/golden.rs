//! Held against the real Collector.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tailweir_core::Signal;
use tailweir_otlp::{AnyValue, RequestView, ResourceFields, ScopeFields, SpanView, json};
use tailweir_testkit::{Folder, Tally, normal_form};

/// The Collector takes values nested 2,500 deep. Tailweir refuses more than 64 levels: most protobuf
/// decoders stop there or before, and one such span would lose everything that was sent with it.
const REFUSED_BY_DESIGN: &str = "nested 2500";

/// Scenario: bodies that a Collector took or refused, for each signal.
/// Guarantees: the same are taken and refused, and what is taken says the same. Values nested deeper
/// than protobuf decoders go are refused.
#[test]
fn golden_otlp_json() {
    let folder = Folder::open("otlp_json");
    let mut tally = Tally::default();
    for signal in Signal::ALL {
        let cases = folder.json_lines(&format!("{signal}.jsonl"));
        let by_design = cases
            .iter()
            .filter(|case| case["name"] == REFUSED_BY_DESIGN)
            .count();
        let failures: Vec<_> = cases
            .iter()
            .filter_map(|case| check(signal, case).err())
            .collect();
        tally.record(
            signal.name(),
            "otlp_json",
            cases.len() - failures.len() - by_design,
            (by_design > 0).then_some((by_design, "more than 64 levels are refused")),
            &failures,
        );
    }
    tally.finish("otlp_json");
}

fn check(signal: Signal, case: &Value) -> Result<(), String> {
    let name = case["name"].as_str().expect("a name");
    let mut wire = b"before".to_vec();
    let result = json::to_wire(signal, &input(case), &mut wire);
    if case["result"] == "reject" || name == REFUSED_BY_DESIGN {
        assert_eq!(
            wire, b"before",
            "{name}: nothing is written when a body is refused"
        );
        return if result.is_err() {
            Ok(())
        } else {
            Err(format!("{name}: was taken"))
        };
    }
    result.map_err(|error| format!("{name}: {error}"))?;
    let expected_wire = STANDARD
        .decode(case["protobuf"].as_str().expect("a message"))
        .expect("base64");
    let (expected, actual) = (
        normal_form(signal, &expected_wire),
        normal_form(signal, &wire[6..]),
    );
    match (expected, actual) {
        (Ok(expected), Ok(actual)) if expected == actual => Ok(()),
        // Too deep for this decoder, or text that is not UTF-8: look at what matters.
        (Err(_), Err(_)) if telling(&expected_wire) == telling(&wire[6..]) => Ok(()),
        (expected, actual) => Err(format!("{name}: expected {expected:?}, got {actual:?}")),
    }
}

/// Tracestates and resource attributes, as bytes.
fn telling(wire: &[u8]) -> (Vec<&[u8]>, String) {
    let resources = RequestView(wire).resources();
    let spans = resources
        .clone()
        .flat_map(ResourceFields::scopes)
        .flat_map(ScopeFields::items);
    let trace_states: Vec<_> = spans.map(|span| SpanView(span).trace_state()).collect();
    let mut values = String::new();
    for attribute in resources.flat_map(|resource| resource.resource().attributes()) {
        describe(attribute.value, &mut values);
    }
    assert!(
        !(values.is_empty() && trace_states.is_empty()),
        "nothing to compare"
    );
    (trace_states, values)
}

fn describe(value: AnyValue<'_>, out: &mut String) {
    match value {
        AnyValue::Array(array) => {
            out.push('[');
            array.iter().for_each(|element| describe(element, out));
            out.push(']');
        }
        scalar => *out += &format!("{scalar:?}"),
    }
}

fn input(case: &Value) -> Vec<u8> {
    match case["input"].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => STANDARD
            .decode(case["input_base64"].as_str().expect("a body"))
            .expect("base64"),
    }
}
