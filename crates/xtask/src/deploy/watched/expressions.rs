//! Every expression of the dashboards, every metric that a rule or panel asks for, and the rules themselves.

use super::super::rules::{json_files, names};
use crate::root;
use crate::servers::{Prometheus, ask};
use anyhow::{Result, ensure};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

/// What stands for Grafana's variables.
const VARIABLES: &[(&str, &str)] = &[
    ("$job", ".*"),
    ("$instance", ".*"),
    ("$__rate_interval", "1m"),
    ("$__range", "10m"),
];

/// Queries that have found nothing yet.
pub(super) struct Expressions {
    empty: BTreeSet<String>,
    panels: usize,
    metrics: usize,
}

impl Expressions {
    /// Every expression of a panel, and every metric that a panel or a rule asks for.
    pub(super) fn read() -> Result<Self> {
        let mut panels = BTreeSet::new();
        for file in json_files(&root().join("deploy/grafana/dashboards"))? {
            let dashboard: Value = serde_json::from_str(&fs::read_to_string(&file)?)?;
            let all = dashboard["panels"].as_array().into_iter().flatten();
            let targets = all.flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
            panels.extend(
                targets
                    .filter_map(|target| target["expr"].as_str())
                    .map(chosen),
            );
        }
        let mut metrics = BTreeSet::new();
        for file in ["alerts.yaml", "recording.yaml"] {
            let text = fs::read_to_string(root().join("deploy/prometheus").join(file))?;
            metrics.extend(names(&text).map(str::to_owned));
        }
        metrics.extend(panels.iter().flat_map(|it| names(it)).map(str::to_owned));
        Ok(Self {
            panels: panels.len(),
            metrics: metrics.len(),
            empty: metrics.into_iter().chain(panels).collect(),
        })
    }

    /// Asks those again that have found nothing yet.
    pub(super) fn look(&mut self, prometheus: &Prometheus) -> Result<()> {
        let mut still = BTreeSet::new();
        for query in std::mem::take(&mut self.empty) {
            if prometheus.query(&query)?.is_empty() {
                still.insert(query);
            }
        }
        self.empty = still;
        Ok(())
    }

    /// Each has found something; how many there are.
    pub(super) fn finish(self, prometheus: &Prometheus) -> Result<String> {
        let empty: Vec<_> = self.empty.into_iter().collect();
        ensure!(
            empty.is_empty(),
            "empty on the running product:\n{}",
            empty.join("\n")
        );
        let rules = check_rules(prometheus)?;
        Ok(format!(
            "{} expressions of panels, {rules} rules and {} metrics are not empty",
            self.panels, self.metrics
        ))
    }
}

/// An expression with what Grafana would put in the place of its variables.
fn chosen(expression: &str) -> String {
    let replace = |text: String, (name, value): &(&str, &str)| text.replace(name, value);
    VARIABLES.iter().fold(expression.to_owned(), replace)
}

/// Prometheus could evaluate each rule; how many there are.
fn check_rules(prometheus: &Prometheus) -> Result<usize> {
    let answer = ask(prometheus.address, "/api/v1/rules", &[])?;
    let groups = answer["data"]["groups"].as_array().into_iter().flatten();
    let rules: Vec<_> = groups
        .flat_map(|group| group["rules"].as_array().into_iter().flatten())
        .collect();
    for rule in &rules {
        ensure!(rule["health"] == "ok", "a rule fails: {rule}");
    }
    Ok(rules.len())
}
