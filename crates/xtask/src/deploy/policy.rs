//! What a lint of policies finds in the chart's examples: nothing but what is meant so.

use super::{Outcome, chart, tools};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// The Kubernetes whose rules hold, as the lint writes it.
const KUBERNETES: &str = "v1.34";
/// The best grade of a check.
const GOOD: i64 = 10;
/// Findings that are meant so, by what the lint calls the check and says of it.
const EXPLAINED: &[(&str, &str)] = &[
    // A limit of CPU throttles: requests wait, while the node has time (docs/sizing.md).
    ("container-resources", "CPU limit is not set"),
    // Tags of releases do not move, and `image.digest` pins one.
    (
        "container-image-pull-policy",
        "ImagePullPolicy is not set to Always",
    ),
    // The root is read-only, and the one folder that is not has a `sizeLimit`, or is a volume.
    (
        "container-ephemeral-storage-request-and-limit",
        "Ephemeral Storage limit is not set",
    ),
    (
        "container-ephemeral-storage-request-and-limit",
        "Ephemeral Storage request is not set",
    ),
    // `networkPolicy.enabled` is for whoever knows what is on the cluster's network; one example has it.
    (
        "pod-networkpolicy",
        "The pod does not have a matching NetworkPolicy",
    ),
];

/// Fails on a finding that is not explained, and on an explanation that nothing needs.
pub(super) fn check() -> Result<Outcome> {
    let lint = match tools::kube_score() {
        Ok(lint) => lint,
        Err(error) => return Ok(Outcome::Skipped(format!("{error:#}"))),
    };
    let examples = chart::examples()?;
    let mut found = BTreeMap::new();
    for example in &examples {
        for (finding, objects) in findings(&lint, &example.join("rendered.yaml"))? {
            found.entry(finding).or_insert(objects);
        }
    }
    let explained = EXPLAINED.iter();
    let explained: BTreeSet<_> = explained
        .map(|(check, said)| (check.to_string(), said.to_string()))
        .collect();
    let unexplained = found.iter().filter(|(it, _)| !explained.contains(*it));
    let unexplained: Vec<_> = unexplained.collect();
    ensure!(unexplained.is_empty(), "unexplained: {unexplained:#?}");
    let stale = explained.iter().filter(|it| !found.contains_key(*it));
    let stale: Vec<_> = stale.collect();
    ensure!(stale.is_empty(), "explained, and not found: {stale:?}");
    Ok(Outcome::Passed(format!(
        "{} examples, no finding but {} kinds that are meant so",
        examples.len(),
        found.len()
    )))
}

/// A check and what it says.
type Finding = (String, String);

/// What is found in a file, with the objects.
fn findings(lint: &Path, file: &Path) -> Result<BTreeMap<Finding, BTreeSet<String>>> {
    let mut score = Command::new(lint);
    score.args(["score", "--output-format", "json"]);
    score.args(["--kubernetes-version", KUBERNETES]).arg(file);
    // It fails when it finds something.
    let said = score.output()?;
    let objects: Value = serde_json::from_slice(&said.stdout).with_context(|| {
        let errors = String::from_utf8_lossy(&said.stderr);
        format!("{}: {errors}", file.display())
    })?;
    let mut found: BTreeMap<Finding, BTreeSet<String>> = BTreeMap::new();
    for object in items(&objects) {
        let name = object["object_name"].as_str().unwrap_or_default();
        for check in items(&object["checks"]) {
            if check["skipped"] == true || check["grade"].as_i64() >= Some(GOOD) {
                continue;
            }
            let id = check["check"]["id"].as_str().unwrap_or_default();
            for comment in items(&check["comments"]) {
                let summary = comment["summary"].as_str().unwrap_or_default();
                let finding = (id.to_owned(), summary.to_owned());
                found.entry(finding).or_default().insert(name.to_owned());
            }
        }
    }
    ensure!(
        !items(&objects).is_empty(),
        "{}: no objects",
        file.display()
    );
    Ok(found)
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
