//! What a run leaves for people: one page, a timeline of its faults, and the verdicts as data.

use super::event::{Event, Millis, Run};
use super::verdict::{Check, Outcome, Verdicts};
use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// The network of a run of which each change is a scenario.
pub(super) const KUBERNETES: &str = "kubernetes";
/// Violations of an invariant that are on the page. The others are in `verdicts.json`.
const SHOWN_MAX: usize = 3;

/// Writes `faults.jsonl`, `verdicts.json` and `report.md`.
pub(super) fn write(folder: &Path, events: &[Event], verdicts: &Verdicts) -> Result<()> {
    let mut faults = String::new();
    for event in events
        .iter()
        .filter(|event| matches!(event, Event::Fault(_)))
    {
        let _ = writeln!(faults, "{}", serde_json::to_string(event)?);
    }
    let verdicts_text = serde_json::to_string_pretty(verdicts)?;
    let files = [
        ("faults.jsonl", faults),
        ("verdicts.json", verdicts_text),
        ("report.md", page(events, verdicts)),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The page.
#[must_use]
fn page(events: &[Event], verdicts: &Verdicts) -> String {
    let run = &verdicts.run;
    let mut page = format!(
        "# {} with seed {}: {}\n\n{}, {}. Again: `{}`\n",
        run.scenario,
        run.seed,
        outcome(verdicts),
        run.shape,
        run.network,
        again(run),
    );
    page.push_str("\n| | invariant | checked | broken |\n|---|---|---|---|\n");
    for check in &verdicts.checks {
        let _ = writeln!(page, "{}", row(check));
    }
    page.push_str(&figures(verdicts));
    page.push_str("\n## Timeline\n\n");
    for (at, line) in timeline(events) {
        let _ = writeln!(page, "- {:.2} s {line}", at as f64 / 1_000.0);
    }
    for check in verdicts.broken() {
        page.push_str(&violations(check));
    }
    page
}

/// The command that does the same once more.
fn again(run: &Run) -> String {
    let (name, seed) = (&run.scenario, run.seed);
    if run.network == KUBERNETES {
        return format!("cargo xtask verify-deploy --cluster --only '{name}'");
    }
    format!("cargo run -p cluster-tests -- chaos --scenario {name} --seed {seed}")
}

/// How a run came out, in words.
#[must_use]
pub fn outcome(verdicts: &Verdicts) -> String {
    let run = &verdicts.run;
    let is_control = !run.breaks.is_empty();
    let broken: Vec<_> = verdicts
        .broken()
        .map(|check| check.invariant.number())
        .collect();
    match (verdicts.outcome, is_control) {
        (Outcome::Passed, _) if !run.may_break.is_empty() && !broken.is_empty() => {
            format!("passed: broke {}, as it may", broken.join(", "))
        }
        (Outcome::Passed, false) => "passed".to_owned(),
        (Outcome::Passed, true) => {
            format!("passed, a control: broke {} as it must", broken.join(", "))
        }
        (Outcome::Failed, false) => format!("FAILED: {} broken", broken.join(", ")),
        (Outcome::Failed, true) => format!(
            "FAILED, a control: broke {:?}, which is not what it must",
            broken
        ),
        (Outcome::Invalid, _) => "INVALID: the faults did not strike".to_owned(),
    }
}

fn row(check: &Check) -> String {
    let (number, statement) = (check.invariant.number(), check.invariant.statement());
    if check.evaluated {
        let (checked, what, violated) = (check.checked, &check.what, check.violated);
        format!("| {number} | {statement} | {checked} {what} | {violated} |")
    } else {
        format!("| {number} | {statement} | {} | |", check.what)
    }
}

fn figures(verdicts: &Verdicts) -> String {
    let it = &verdicts.figures;
    format!(
        "\n{} traces ({} to keep, {} to drop for certain); {} spans acknowledged, {} given up, {} at the backend, {} again. \
         {} attempts refused, {} without an answer, {} given back unsent. {} requests were disturbed and accepted again after {} ms (p50), \
         {} ms (p99), {} ms (longest); longest time without any acknowledgement {} ms.\n",
        it.traces,
        it.traces_to_keep,
        it.traces_to_drop,
        it.acknowledged_spans,
        it.given_up_spans,
        it.received_spans,
        it.duplicate_spans,
        it.refused_attempts,
        it.unanswered_attempts,
        it.returned_attempts,
        it.disturbed_requests,
        it.accepted_again_p50,
        it.accepted_again_p99,
        it.accepted_again_max,
        it.longest_silence,
    )
}

fn timeline(events: &[Event]) -> Vec<(Millis, String)> {
    let mut lines: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Note { at, text } => Some((*at, text.clone())),
            Event::Fault(it) => Some((
                it.struck,
                format!(
                    "**{:?} of {}** ({:?}) until {:.2} s: {}",
                    it.kind,
                    it.nodes.join(", "),
                    it.hits,
                    it.healed as f64 / 1_000.0,
                    it.evidence
                ),
            )),
            _ => None,
        })
        .collect();
    lines.sort();
    lines
}

fn violations(check: &Check) -> String {
    let mut text = format!("\n## {} is broken\n", check.invariant.number());
    for violation in check.violations.iter().take(SHOWN_MAX) {
        let trace = violation.trace.map(|trace| format!("trace {trace}: "));
        let _ = writeln!(text, "\n{}{}\n", trace.unwrap_or_default(), violation.what);
        for line in &violation.timeline {
            let _ = writeln!(text, "    {line}");
        }
    }
    let more = check.violated.saturating_sub(SHOWN_MAX);
    if more > 0 {
        let _ = writeln!(text, "\n{more} more.");
    }
    text
}
