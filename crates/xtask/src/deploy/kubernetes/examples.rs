//! The chart's examples before the API itself, with the definitions of the kinds that operators bring.

use super::Kubernetes;
use crate::deploy::{Outcome, chart, operators};
use crate::root;
use anyhow::{Context, Result, ensure};
use std::fs;

/// The release's own, and one that an example asks about.
const NAMESPACES: [&str; 2] = ["observability", "shop"];

/// What the examples render, as the API takes it: schemas, defaults, rules, admission. Mistakes in the operators' kinds are
/// refused.
pub(super) fn check(cluster: &Kubernetes) -> Result<Outcome> {
    for namespace in NAMESPACES {
        cluster.kubectl(&["create", "namespace", namespace])?;
    }
    let (folder, kinds) = operators::find_definitions()?;
    let folder = folder.to_string_lossy();
    let definitions = ["--filename", &folder];
    // By the server, because the largest are too large for the annotation that kubectl leaves.
    cluster.kubectl(&[&["apply", "--server-side"][..], &definitions].concat())?;
    let established = ["wait", "--for=condition=Established", "--timeout=60s"];
    cluster.kubectl(&[&established[..], &definitions].concat())?;
    let mut objects = 0;
    for example in chart::examples()? {
        let rendered = fs::read_to_string(example.join("rendered.yaml"))?;
        objects +=
            accepted(cluster, &rendered).with_context(|| format!("{}", example.display()))?;
    }
    let mistaken = operators::mistaken(&operators::objects()?)?;
    for operators::Mistaken {
        object,
        mistake,
        word,
    } in &mistaken
    {
        let Err(refused) = apply(cluster, &[object], &DRY_RUN) else {
            anyhow::bail!("{mistake:?} was accepted");
        };
        let said = format!("{refused:#}");
        ensure!(said.contains(word), "{mistake:?} without {word}: {said}");
    }
    cluster.kubectl(&[&["delete"][..], &definitions].concat())?;
    cluster.kubectl(&[&["delete", "namespace"][..], &NAMESPACES].concat())?;
    Ok(Outcome::Passed(format!(
        "{objects} objects accepted, {kinds} kinds of operators among them; {} mistakes in these refused",
        mistaken.len()
    )))
}

const DRY_RUN: [&str; 2] = ["--dry-run=server", "--validate=strict"];

/// How many objects of an example the API accepts.
fn accepted(cluster: &Kubernetes, rendered: &str) -> Result<usize> {
    let is_object = |it: &&str| it.contains("\nkind: ");
    let objects: Vec<_> = rendered.split("---\n").filter(is_object).collect();
    // A pod is refused whose account is not there, also where nothing is created.
    let is_account = |it: &&&str| it.contains("\nkind: ServiceAccount\n");
    let accounts: Vec<_> = objects.iter().filter(is_account).copied().collect();
    apply(cluster, &accounts, &[])?;
    apply(cluster, &objects, &DRY_RUN)?;
    Ok(objects.len())
}

fn apply(cluster: &Kubernetes, objects: &[&str], how: &[&str]) -> Result<()> {
    let file = root().join("target/chart/applied.yaml");
    fs::create_dir_all(file.parent().context("no folder")?)?;
    fs::write(&file, objects.join("---\n"))?;
    let file = file.to_string_lossy().into_owned();
    cluster
        .kubectl(&[&["apply", "--filename", &file], how].concat())
        .map(drop)
}
