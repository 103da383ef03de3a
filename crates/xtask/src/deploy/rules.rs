//! Alerts, recording rules and runbooks, and the metrics that they and the dashboards ask for.

use super::{Outcome, tools};
use crate::{output, root};
use anyhow::{Result, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What metrics of the product begin with.
const BEGINNINGS: &[&str] = &["tailweir_", "tailweir:", "otelcol_"];
/// What a histogram's series end with.
const ENDINGS: &[&str] = &["_bucket", "_sum", "_count"];

fn folder() -> PathBuf {
    root().join("deploy/prometheus")
}

/// `promtool` reads the rules, and runs the tests: each alert fires in its fault and in no other.
pub(super) fn check_rules() -> Result<Outcome> {
    let promtool = match tools::system("promtool", "prometheus") {
        Ok(promtool) => promtool,
        Err(error) => return Ok(Outcome::Skipped(format!("{error:#}"))),
    };
    let mut check = Command::new(&promtool);
    check
        .current_dir(folder())
        .args(["check", "rules", "alerts.yaml", "recording.yaml"]);
    output(&mut check)?;
    let mut test = Command::new(&promtool);
    output(
        test.current_dir(folder())
            .args(["test", "rules", "alerts_test.yaml"]),
    )?;
    let tests = fs::read_to_string(folder().join("alerts_test.yaml"))?;
    let alerts = alerts()?;
    for alert in &alerts {
        ensure!(
            tests.contains(&format!("- name: {alert}\n")),
            "{alert} has no test"
        );
    }
    Ok(Outcome::Passed(format!(
        "{} alerts fire in their fault and are silent otherwise",
        alerts.len()
    )))
}

/// Each alert has a runbook of its name, and each runbook an alert.
pub(super) fn check_runbooks() -> Result<Outcome> {
    let mut runbooks = BTreeSet::new();
    for entry in fs::read_dir(root().join("docs/runbooks"))? {
        let path = entry?.path();
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name != "README" {
            runbooks.insert(name);
        }
    }
    let alerts = alerts()?;
    ensure!(
        alerts == runbooks,
        "alerts {alerts:?}\nrunbooks {runbooks:?}"
    );
    let text = fs::read_to_string(folder().join("alerts.yaml"))?;
    for alert in &alerts {
        ensure!(
            text.contains(&format!("docs/runbooks/{alert}.md")),
            "{alert} does not name its runbook"
        );
    }
    Ok(Outcome::Passed(format!("{} alerts have one", alerts.len())))
}

/// Every metric that is asked for anywhere is one of the product's, or recorded.
pub(super) fn check_metrics() -> Result<Outcome> {
    let reference = fs::read_to_string(root().join("docs/reference/metrics.md"))?;
    let recording = fs::read_to_string(folder().join("recording.yaml"))?;
    let mut known: BTreeSet<_> = reference
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    known.extend(
        recording
            .lines()
            .filter_map(|line| line.trim().strip_prefix("- record: ")),
    );
    let mut asked = BTreeSet::new();
    for file in [
        folder().join("alerts.yaml"),
        folder().join("recording.yaml"),
    ]
    .into_iter()
    .chain(json_files(&root().join("deploy/grafana/dashboards"))?)
    {
        let text = fs::read_to_string(&file)?;
        for name in names(&text) {
            let base = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending));
            ensure!(
                known.contains(name) || base.is_some_and(|base| known.contains(base)),
                "{} asks for {name}, which no Tailweir has",
                file.display()
            );
            asked.insert(name.to_owned());
        }
    }
    Ok(Outcome::Passed(format!(
        "{} metrics are asked for, all exist",
        asked.len()
    )))
}

/// Words of a text that look like metrics.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == ':';
    let words = text.split(move |letter| !is_word(letter));
    words.filter(|word| BEGINNINGS.iter().any(|start| word.starts_with(start)))
}

/// Files of a folder of dashboards.
pub(super) fn json_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?;
    entries.map(|entry| Ok(entry?.path())).collect()
}

/// Names of the alerts.
pub(super) fn alerts() -> Result<BTreeSet<String>> {
    let text = fs::read_to_string(folder().join("alerts.yaml"))?;
    let names = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    Ok(names.map(str::to_owned).collect())
}
