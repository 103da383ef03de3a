//! What the Collector's OTTL says about recorded conditions and telemetry.

use crate::subjects::Request;
use serde_json::Value as Json;
use std::collections::HashMap;
use std::sync::Arc;
use tailweir_core::Signal;
use tailweir_ottl::{Determinism, Options, Surroundings, Time};
use tailweir_paths::{Condition, Scene};
use tailweir_testkit::{Folder, Tally};

/// A world that stands still. The vectors use random ids only where any of them will do.
#[derive(Debug)]
struct Still;

impl Surroundings for Still {
    fn now(&self) -> Time {
        Time::from_unix(1_700_000_000, 0)
    }

    fn random(&self) -> [u8; 16] {
        *b"0123456789abcdef"
    }
}

fn options(lambdas: bool) -> Options {
    Options {
        lambdas,
        determinism: Determinism::Waived(Arc::new(Still)),
    }
}

fn scene(name: &str) -> Scene {
    let all = [
        Scene::Span,
        Scene::SpanEvent,
        Scene::Resource,
        Scene::Scope,
        Scene::Log,
        Scene::Metric,
        Scene::DataPoint,
    ];
    all.into_iter()
        .find(|scene| scene.name() == name)
        .expect("a known context")
}

/// The conditions of a file: where they belong, their text, and themselves where they compile.
struct Conditions(Vec<(Scene, String, Option<Condition>)>);

impl Conditions {
    /// Compiles all, and records whether each does as the Collector says.
    fn compile(folder: &Folder, file: &str, options: &Options, tally: &mut Tally) -> Self {
        let mut conditions = Vec::new();
        let mut failures = Vec::new();
        for (number, line) in folder.json_lines(file).iter().enumerate() {
            let scene = scene(line["context"].as_str().expect("a context"));
            let text = line["condition"].as_str().expect("a condition").to_owned();
            let expected = line["compiles"].as_bool().expect("a bool");
            let compiled = Condition::compile(&text, &scene, options);
            if compiled.is_ok() != expected {
                let reason = compiled
                    .as_ref()
                    .err()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                failures.push(format!(
                    "{number} `{text}` should compile: {expected}; {reason}"
                ));
            }
            conditions.push((scene, text, compiled.ok()));
        }
        tally.record(
            file,
            "compile",
            conditions.len() - failures.len(),
            None,
            &failures,
        );
        Self(conditions)
    }
}

/// The subjects of every scene, by number.
fn requests(folder: &Folder) -> HashMap<Signal, Vec<Request>> {
    let files = [
        (Signal::Traces, "spans.jsonl"),
        (Signal::Logs, "logs.jsonl"),
        (Signal::Metrics, "metrics.jsonl"),
    ];
    let read = |(signal, file): (Signal, &str)| {
        let lines = folder.text(file).lines();
        (
            signal,
            lines
                .map(|line| Request::new(signal, line.as_bytes()))
                .collect(),
        )
    };
    files.into_iter().map(read).collect()
}

fn signal(scene: Scene) -> Signal {
    match scene {
        Scene::Span | Scene::SpanEvent | Scene::Resource | Scene::Scope => Signal::Traces,
        Scene::Log => Signal::Logs,
        Scene::Metric | Scene::DataPoint => Signal::Metrics,
    }
}

/// Evaluates every recorded pair of condition and subject.
fn evaluate(folder: &Folder, file: &str, conditions: &Conditions, tally: &mut Tally) {
    let requests = requests(folder);
    let (mut passed, mut failures) = (0, Vec::new());
    for line in folder.text(file).lines() {
        let line: Json = serde_json::from_str(line).expect("a line of JSON");
        let number = |key: &str| line[key].as_u64().unwrap_or_default() as usize;
        let (scene, text, condition) = &conditions.0[number("condition")];
        let Some(condition) = condition else {
            continue;
        };
        let item = requests[&signal(*scene)][number("subject")].item();
        let outcome = condition.evaluate(&item.subject(*scene, number("event")));
        let result = match &outcome {
            Ok(true) => "true",
            Ok(false) => "false",
            Err(_) => "error",
        };
        let expected = line["result"].as_str().expect("a result");
        if result == expected {
            passed += 1;
        } else {
            let reason = outcome
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default();
            let subject = number("subject");
            failures.push(format!(
                "{} `{text}` on {subject} is {expected}, not {result} {reason}",
                number("condition")
            ));
        }
    }
    tally.record(file, "evaluate", passed, None, &failures);
}

/// Scenario: every recorded condition, of all seven contexts, is compiled.
/// Guarantees: it compiles or is refused as in the Collector.
#[test]
fn golden_ottl_conditions() {
    let mut tally = Tally::default();
    Conditions::compile(
        &Folder::open("ottl"),
        "conditions.jsonl",
        &options(false),
        &mut tally,
    );
    tally.finish("ottl conditions");
}

/// Scenario: every recorded condition is evaluated against every recorded subject of its context.
/// Guarantees: true, false or an error, as in the Collector.
#[test]
fn golden_ottl_results() {
    let folder = Folder::open("ottl");
    let mut tally = Tally::default();
    let conditions = Conditions::compile(
        &folder,
        "conditions.jsonl",
        &options(false),
        &mut Tally::default(),
    );
    evaluate(&folder, "results.jsonl", &conditions, &mut tally);
    tally.finish("ottl results");
}

/// Scenario: conditions with lambdas, with the gate on.
/// Guarantees: they compile or are refused, and give what they give in the Collector.
#[test]
fn golden_ottl_lambdas() {
    let folder = Folder::open("ottl");
    let mut tally = Tally::default();
    let conditions = Conditions::compile(
        &folder,
        "lambda_conditions.jsonl",
        &options(true),
        &mut tally,
    );
    evaluate(&folder, "lambda_results.jsonl", &conditions, &mut tally);
    tally.finish("ottl lambdas");
}
