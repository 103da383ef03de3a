//! What the real Collector decides, decided again by `policy simulate`.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use tailweir::{Arrivals, golden_simulate};
use tailweir_testkit::{Folder, Tally};
use tempfile::TempDir;

/// Scenario: every suite whose decisions do not hang on the clock is decided offline under
/// `--compat collector`: all together, each trace alone, or one after another at one instant.
/// Guarantees: the file of decisions is the Collector's, trace by trace and policy by policy; only
/// where a span came twice does it count once.
#[test]
fn golden_tail_sampling_simulated() {
    let folder = Folder::open("tail_sampling");
    let scratch = TempDir::new().unwrap();
    let mut tally = Tally::default();
    for suite in folder.suites("suite.json") {
        let about = folder.json(&format!("{suite}/suite.json"));
        let mode = about["mode"].as_str().unwrap_or_default();
        let arrivals = match mode {
            "batch" | "frozen" => Arrivals::Together,
            "isolated" => Arrivals::Isolated,
            _ => continue,
        };
        let config = scratch.path().join("config.yaml");
        let input = scratch.path().join("input.jsonl");
        fs::write(&config, folder.file(&format!("{suite}/config.yaml"))).unwrap();
        fs::write(&input, folder.file(&format!("{suite}/input.jsonl"))).unwrap();
        let gates = gates(&about);
        let lines = match golden_simulate(&config, &input, &gates, arrivals) {
            Ok(outcome) => outcome.decision_lines(),
            Err(error) => {
                tally.record(&suite, mode, 0, None, &[format!("{error:#}")]);
                continue;
            }
        };
        let expected = folder.json_lines(&format!("{suite}/expected.jsonl"));
        let (passed, failures) = compare(&expected, &lines);
        if suite == COUNTS_DUPLICATES {
            let reason = Some((failures.len(), "a span that came twice counts once"));
            let input = folder.json_lines(&format!("{suite}/input.jsonl"));
            let (_, failures) = compare(&by_distinct_spans(&expected, &input), &lines);
            tally.record(&suite, mode, passed, reason, &failures);
            continue;
        }
        tally.record(&suite, mode, passed, None, &failures);
    }
    tally.finish("policy simulate");
}

/// The Collector counts a span again when a client sends it again; Tailweir takes it for a retry.
const COUNTS_DUPLICATES: &str = "span_count_duplicates";

/// What the policies of that suite say when each span counts once.
fn by_distinct_spans(expected: &[Value], input: &[Value]) -> Vec<Value> {
    let mut spans: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for request in input {
        for span in spans_of(request) {
            let (trace, id) = (span["traceId"].as_str(), span["spanId"].as_str());
            spans
                .entry(trace.expect("a trace id"))
                .or_default()
                .insert(id.expect("a span id"));
        }
    }
    let decision = |expected: &Value| {
        let trace = expected["trace_id"].as_str().expect("a trace id");
        let (decision, policy) = match spans[trace].len() {
            4.. => ("sampled", "four"),
            3 => ("sampled", "three"),
            2 => ("sampled", "two"),
            _ => ("not_sampled", ""),
        };
        json!({"trace_id": trace, "decision": decision, "policy": policy})
    };
    expected.iter().map(decision).collect()
}

fn spans_of(request: &Value) -> impl Iterator<Item = &Value> {
    let resources = request["resourceSpans"].as_array().into_iter().flatten();
    let scopes = resources.flat_map(|it| it["scopeSpans"].as_array().into_iter().flatten());
    scopes.flat_map(|it| it["spans"].as_array().into_iter().flatten())
}

fn gates(about: &Value) -> Vec<String> {
    let gates = about["feature_gates"].as_array().into_iter().flatten();
    let names = gates.filter_map(Value::as_str);
    names
        .map(|gate| gate.trim_start_matches('+').to_owned())
        .collect()
}

/// How many decisions agree, and which do not.
fn compare(expected: &[Value], lines: &str) -> (usize, Vec<String>) {
    let decided: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    if expected.len() != decided.len() {
        let failure = format!("{} decisions instead of {}", decided.len(), expected.len());
        return (0, vec![failure]);
    }
    let pairs = expected.iter().zip(&decided);
    let failures: Vec<_> = pairs
        .filter(|(expected, decided)| expected != decided)
        .map(|(expected, decided)| format!("{decided} instead of {expected}"))
        .collect();
    (expected.len() - failures.len(), failures)
}
