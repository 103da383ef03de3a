//! What a simulation writes: a table for people, lines for programs.

use super::replay::{Outcome, PolicyCounts};
use std::fmt::Write;
use tailweir_core::ByteSize;

impl Outcome {
    /// One JSON object a line for each trace, in order of first arrival.
    #[must_use]
    pub fn decision_lines(&self) -> String {
        let mut lines = String::new();
        for trace in &self.traces {
            // Only a policy's name needs to be escaped. Writing to a string cannot fail.
            let policy = serde_json::Value::from(trace.policy.as_str());
            let _ = writeln!(
                lines,
                r#"{{"trace_id":"{}","decision":"{}","policy":{policy}}}"#,
                trace.id, trace.decision,
            );
        }
        lines
    }
}

/// The table that `policy simulate` prints.
pub(crate) fn table(outcome: &Outcome) -> String {
    let total = outcome.total();
    let kept = outcome.kept_by_policy();
    let labels = kept
        .iter()
        .map(|it| it.name.chars().count() + "kept by ".len());
    let width = labels.max().unwrap_or(0).max("dropped by policy".len());
    let mut table = format!(
        "{:width$} {:>10} {:>12} {:>12} {:>8}\n",
        "", "traces", "spans", "bytes", "traces %"
    );
    let mut row = |label: &str, counts: &PolicyCounts| {
        let share = percent(counts.traces, total.traces);
        let bytes = ByteSize(counts.bytes).to_string();
        let _ = writeln!(
            table,
            "{label:width$} {:>10} {:>12} {bytes:>12} {share:>8}",
            counts.traces, counts.spans
        );
    };
    row("input", &total);
    for counts in &kept {
        row(&format!("kept by {}", counts.name), counts);
    }
    row("kept", &outcome.decided("sampled"));
    row("not sampled", &outcome.decided("not_sampled"));
    row("dropped by policy", &outcome.decided("dropped"));
    if outcome.duplicate_spans > 0 {
        let _ = writeln!(
            table,
            "{} spans came twice and were left out",
            outcome.duplicate_spans
        );
    }
    if outcome.evaluation_errors > 0 {
        let errors = outcome.evaluation_errors;
        let _ = writeln!(
            table,
            "{errors} times a policy failed on a trace and was passed over"
        );
    }
    table
}

/// A share in percent with one digit; `-` of nothing.
fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    format!("{:.1}", part as f64 * 100.0 / whole as f64)
}
