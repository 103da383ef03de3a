//! Reads the decisions that a member wrote into its log.

use super::event::{Decision, TraceKey};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// The target of the product's events about decisions.
const TARGET: &str = "tailweir::decisions";

/// Every decision in a log. Lines that are no JSON are not decisions.
pub(super) fn read(node: &str, log: &Path) -> Vec<Decision> {
    let Ok(file) = File::open(log) else {
        return Vec::new();
    };
    let lines = BufReader::new(file).lines().map_while(Result::ok);
    let decisions = lines.filter(|line| line.contains(TARGET));
    let decisions = decisions.filter_map(|line| decision(node, &serde_json::from_str(&line).ok()?));
    decisions.collect()
}

fn decision(node: &str, line: &Value) -> Option<Decision> {
    let number = |name: &str| line[name].as_u64().unwrap_or_default();
    let trace = line["trace"].as_str()?.to_owned();
    Some(Decision {
        node: node.to_owned(),
        trace: TraceKey::try_from(trace).ok()?,
        verdict: line["verdict"].as_str().unwrap_or_default().to_owned(),
        tenure: number("tenure"),
        view: number("view"),
        slot: number("slot"),
    })
}
