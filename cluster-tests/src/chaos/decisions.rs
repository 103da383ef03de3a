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
    Some(Decision {
        node: node.to_owned(),
        trace: TraceKey::try_from(line["trace"].as_str()?.to_owned()).ok()?,
        kept: line["kept"].as_bool()?,
        tenure: line["tenure"].as_str()?.to_owned(),
        view: line["view"].as_u64()?,
    })
}

#[cfg(test)]
mod tests {
    use super::decision;
    use crate::chaos::event::{Decision, TraceKey};
    use serde_json::json;

    /// Scenario: a line as the product writes it.
    /// Guarantees: it is understood.
    #[test]
    fn a_line_is_a_decision() {
        let line = json!({
            "level": "DEBUG",
            "target": "tailweir::decisions",
            "message": "decided",
            "trace": "0000000000000000000000000000002a",
            "tenure": "7@3",
            "view": 5,
            "kept": true,
        });
        let expected = Decision {
            node: "sampler-0".to_owned(),
            trace: TraceKey(42),
            kept: true,
            tenure: "7@3".to_owned(),
            view: 5,
        };
        assert_eq!(decision("sampler-0", &line), Some(expected));
        assert_eq!(decision("sampler-0", &json!({"message": "ready"})), None);
    }
}
