//! What the real Collector decides, decided again by `policy simulate`.

use serde_json::Value;
use std::fs;
use tailweir::{Arrivals, golden_simulate};
use tailweir_testkit::{Folder, Tally};
use tempfile::TempDir;

/// Scenario: every suite whose decisions do not hang on the clock is decided offline under
/// `--compat collector`: all together, each trace alone, or one after another at one instant.
/// Guarantees: the file of decisions is the Collector's, trace by trace and policy by policy.
#[test]
fn golden_simulate_decides_as_the_collector() {
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
        tally.record(&suite, mode, passed, None, &failures);
    }
    tally.finish("policy simulate");
}

fn gates(about: &Value) -> Vec<String> {
    let gates = about["feature_gates"].as_array().into_iter().flatten();
    let names = gates.filter_map(Value::as_str);
    names.map(|gate| gate.trim_start_matches('+').to_owned()).collect()
}

/// How many decisions agree, and which do not.
fn compare(expected: &[Value], lines: &str) -> (usize, Vec<String>) {
    let decided: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
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
