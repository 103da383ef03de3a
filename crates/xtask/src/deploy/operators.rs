//! Objects of the kinds that operators bring, held against the definitions of these kinds.

mod definitions;

use super::{Outcome, chart, tools};
use crate::{output, root};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(super) use definitions::find as find_definitions;

/// What checks them.
const PROGRAM: &str = "deploy/tools/operators/validate.py";
/// A kind, what its object says, what it could say by mistake, and a word of what has to be said then.
const MISTAKES: &[(&str, &str, &str, &str)] = &[
    (
        "ServiceMonitor",
        "interval: 15s",
        "interval: 15 s",
        "interval",
    ),
    (
        "ServiceMonitor",
        "targetLabel:",
        "targetlabel:",
        "targetlabel",
    ),
    (
        "ServiceMonitor",
        "honorLabels:",
        "honourLabels:",
        "honourLabels",
    ),
    (
        "PrometheusRule",
        "for: 10m",
        "for: ten minutes",
        "ten minutes",
    ),
    ("PrometheusRule", "expr:", "expression:", "expression"),
    (
        "ScaledObject",
        "minReplicaCount: 3",
        "minReplicaCount: three",
        "minReplicaCount",
    ),
    (
        "ScaledObject",
        "maxReplicaCount:",
        "maxReplicas:",
        "maxReplicas",
    ),
    ("Certificate", "isCA: true", "isCA: 1", "isCA"),
    ("Certificate", "secretName:", "secretname:", "secretname"),
    ("Issuer", "secretName:", "secretname:", "secretname"),
    (
        "Instrumentation",
        "type: parentbased_always_on",
        "type: always",
        "sampler.type",
    ),
    ("Instrumentation", "endpoint:", "endpont:", "endpont"),
];

/// An object with a mistake in it.
pub(super) struct Mistaken {
    pub(super) object: String,
    /// What is wrong with it.
    pub(super) mistake: &'static str,
    /// What has to be said of it.
    pub(super) word: &'static str,
}

/// Every object of these kinds below `deploy` is right, every kind has one, and each mistake is found.
pub(super) fn check() -> Result<Outcome> {
    let (folder, kinds) = match find_definitions() {
        Ok(found) => found,
        Err(error) => return Ok(Outcome::Skipped(format!("{error:#}"))),
    };
    let python = match tools::python_with_schemas() {
        Ok(python) => python,
        Err(error) => {
            return Ok(Outcome::Skipped(format!(
                "its validator cannot be had: {error:#}"
            )));
        }
    };
    let objects = objects()?;
    let said = hold(&python, &folder, objects.iter().map(String::as_str))?;
    let mut seen = BTreeSet::new();
    for of_object in &said {
        ensure!(of_object.wrong.is_empty(), "{}", of_object.text());
        seen.insert(&of_object.kind);
    }
    ensure!(
        seen.len() == kinds,
        "of {kinds} kinds only {seen:?} are in an example"
    );
    let mistaken = mistaken(&objects)?;
    let said = hold(&python, &folder, mistaken.iter().map(|it| &*it.object))?;
    for (Mistaken { mistake, word, .. }, said) in mistaken.iter().zip(&said) {
        let is_found = said.wrong.iter().any(|wrong| wrong.contains(word));
        ensure!(is_found, "{mistake:?} is not found: {}", said.text());
    }
    Ok(Outcome::Passed(format!(
        "{} objects of {kinds} kinds, and {} mistakes found",
        objects.len(),
        mistaken.len()
    )))
}

/// The objects of these kinds in every YAML file below `deploy` but the templates.
pub(super) fn objects() -> Result<Vec<String>> {
    let mut files = Vec::new();
    walk(&root().join("deploy"), &mut files)?;
    files.sort();
    let mut objects = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file)?;
        let foreign = text.split("---\n").filter(|it| chart::is_foreign(it));
        objects.extend(foreign.map(str::to_owned));
    }
    Ok(objects)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("templates") {
            walk(&path, files)?;
        } else if path
            .extension()
            .is_some_and(|it| it == "yaml" || it == "yml")
        {
            files.push(path);
        }
    }
    Ok(())
}

/// Objects that are right, with one mistake each.
pub(super) fn mistaken(objects: &[String]) -> Result<Vec<Mistaken>> {
    let make = |&(kind, right, mistake, word)| {
        let line = format!("\nkind: {kind}\n");
        let is_meant = |it: &&String| it.contains(&line) && it.contains(right);
        let object = objects.iter().find(is_meant);
        let object = object.with_context(|| format!("no {kind} has {right:?}"))?;
        Ok(Mistaken {
            object: object.replacen(right, mistake, 1),
            mistake,
            word,
        })
    };
    MISTAKES.iter().map(make).collect()
}

/// What is said of an object.
struct Said {
    kind: String,
    name: String,
    wrong: Vec<String>,
}

impl Said {
    fn text(&self) -> String {
        let (kind, name) = (&self.kind, &self.name);
        format!("{kind} {name}: {}", self.wrong.join("; "))
    }
}

/// Asks the program about objects.
fn hold<'a>(
    python: &Path,
    definitions: &Path,
    objects: impl Iterator<Item = &'a str>,
) -> Result<Vec<Said>> {
    let folder = root().join("target/chart/operators");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    for (number, object) in objects.enumerate() {
        fs::write(folder.join(format!("{number:03}.yaml")), object)?;
    }
    let mut program = Command::new(python);
    program.arg(root().join(PROGRAM));
    let lines = output(program.arg(definitions).arg(&folder))?;
    lines.lines().map(said).collect()
}

fn said(line: &str) -> Result<Said> {
    let said: Value = serde_json::from_str(line)?;
    let text = |of: &Value| of.as_str().unwrap_or_default().to_owned();
    let wrong = said["wrong"].as_array().context("nothing is said")?;
    Ok(Said {
        kind: text(&said["kind"]),
        name: text(&said["name"]),
        wrong: wrong.iter().map(text).collect(),
    })
}
