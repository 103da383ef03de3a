//! The Helm chart: linted, rendered for each example, and held against what was rendered before.

use super::{Outcome, keep, tools};
use crate::{output, root};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The Kubernetes that examples are rendered for.
pub(super) const KUBERNETES: &str = "1.34.4";
/// The oldest one that the chart allows, and the newest one whose schemas are known.
const SCHEMAS: &[&str] = &["1.29", "1.34", "1.37"];
/// Kinds of operators, whose schemas `kubernetes-validate` does not have.
const FOREIGN: &[&str] = &[
    "monitoring.coreos.com/",
    "keda.sh/",
    "opentelemetry.io/",
    "cert-manager.io/",
];

/// Where the chart is.
pub(super) fn folder() -> PathBuf {
    root().join("deploy/helm/tailweir")
}

/// `helm lint` with the values of each example.
pub(super) fn lint() -> Result<Outcome> {
    let helm = match tools::helm() {
        Ok(helm) => helm,
        Err(error) => return Ok(Outcome::Skipped(format!("{error:#}"))),
    };
    let examples = examples()?;
    for example in &examples {
        let mut lint = Command::new(&helm);
        lint.args([
            "lint",
            "--strict",
            "--quiet",
            "--kube-version",
            KUBERNETES,
            "--values",
        ]);
        output(lint.arg(example.join("values.yaml")).arg(folder()))?;
    }
    Ok(Outcome::Passed(format!("{} values linted", examples.len())))
}

/// Renders each example and compares it with the file beside its values.
pub(super) fn check_examples(write: bool) -> Result<Outcome> {
    let Ok(helm) = tools::helm() else {
        return Ok(Outcome::Skipped("there is no Helm".into()));
    };
    let examples = examples()?;
    let mut objects = 0;
    for example in &examples {
        let text = render(&helm, example, KUBERNETES)?;
        objects += text
            .lines()
            .filter(|line| line.starts_with("kind: "))
            .count();
        ensure!(
            !text.contains("password:"),
            "{} renders a password",
            example.display()
        );
        keep(&example.join("rendered.yaml"), &text, write)?;
    }
    Ok(Outcome::Passed(format!(
        "{objects} objects of {} examples are as they were",
        examples.len()
    )))
}

/// Holds every object of Kubernetes' own against its schemas, strictly.
pub(super) fn check_schemas() -> Result<Outcome> {
    let Ok(helm) = tools::helm() else {
        return Ok(Outcome::Skipped("there is no Helm".into()));
    };
    let validate = match tools::kubernetes_validate() {
        Ok(validate) => validate,
        Err(error) => {
            return Ok(Outcome::Skipped(format!(
                "kubernetes-validate cannot be had: {error:#}"
            )));
        }
    };
    let mut objects = 0;
    for version in SCHEMAS {
        let scratch = root().join("target/chart").join(version);
        fs::create_dir_all(&scratch)?;
        let mut check = Command::new(&validate);
        check.args(["--strict", "--quiet", "--no-warn", "-k", version]);
        for example in examples()? {
            let text = render(&helm, &example, &format!("{version}.0"))?;
            let own: Vec<_> = text
                .split("---\n")
                .filter(|object| is_own(object))
                .collect();
            objects += own.len();
            let file = scratch
                .join(example.file_name().unwrap_or_default())
                .with_extension("yaml");
            fs::write(&file, own.join("---\n"))?;
            check.arg(file);
        }
        output(&mut check).with_context(|| format!("Kubernetes {version}"))?;
    }
    Ok(Outcome::Passed(format!(
        "{objects} objects under {}",
        SCHEMAS.join(", ")
    )))
}

/// Whether Kubernetes itself knows an object's kind.
pub(super) fn is_own(object: &str) -> bool {
    version(object).is_some_and(|it| !is_of_others(it))
}

/// Whether an operator brings an object's kind.
pub(super) fn is_foreign(object: &str) -> bool {
    version(object).is_some_and(is_of_others)
}

fn version(object: &str) -> Option<&str> {
    let mut lines = object.lines();
    lines.find_map(|line| line.strip_prefix("apiVersion: "))
}

fn is_of_others(version: &str) -> bool {
    FOREIGN.iter().any(|group| version.starts_with(group))
}

fn render(helm: &Path, example: &Path, kubernetes: &str) -> Result<String> {
    let mut template = Command::new(helm);
    template.args(["template", "tailweir"]).arg(folder());
    template.args([
        "--namespace",
        "observability",
        "--kube-version",
        kubernetes,
        "--values",
    ]);
    output(template.arg(example.join("values.yaml")))
}

/// Folders with values, sorted.
pub(super) fn examples() -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder().join("examples"))?;
    let mut folders: Vec<_> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    folders.sort();
    ensure!(!folders.is_empty(), "the chart has no examples");
    Ok(folders)
}
