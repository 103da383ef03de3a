//! The chart under load: `cluster-tests rollout` does and judges it; and the same chart by Helm 4.

use super::{CONTROL, IMAGE, Kubernetes};
use crate::deploy::{Outcome, chart, tools};
use crate::{Profile, built_with, cargo, output, root, run as run_command};
use anyhow::{Context, Result};
use std::fs;

/// Installs and changes the release in every way; fails unless each verdict is good. What sends the load is built with this
/// profile: one for a release leaves the cluster more of the cores, and takes minutes to build.
pub(super) fn check(cluster: &Kubernetes, only: &[String], profile: Profile) -> Result<Outcome> {
    let mut build = cargo();
    build.args(["build", "--locked", "--package", "cluster-tests"]);
    build.args(["--profile", profile.name()]);
    run_command(&mut build)?;
    let folder = root().join("target/rollout");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let mut rollout = cluster.inside(built_with(profile, "cluster-tests"));
    rollout.arg("rollout");
    rollout.args(["--backend", CONTROL]);
    rollout.arg("--helm").arg(&cluster.programs.helm);
    rollout.arg("--chart").arg(chart::folder());
    rollout.arg("--nodes").arg(&cluster.script);
    rollout.arg("--output").arg(&folder);
    for name in only {
        rollout.args(["--only", name]);
    }
    run_command(&mut rollout)?;
    let table = fs::read_to_string(folder.join("table.md")).context("there is no table")?;
    let changes = table.lines().count().saturating_sub(2);
    Ok(Outcome::Passed(format!(
        "{changes} changes, each judged; see {}",
        folder.join("table.md").display()
    )))
}

/// Install, test, upgrade, rollback, uninstall by the next Helm.
pub(super) fn check_helm_4(cluster: &Kubernetes) -> Result<Outcome> {
    let helm = match tools::helm_4() {
        Ok(helm) => helm,
        Err(error) => return Ok(Outcome::Skipped(format!("{error:#}"))),
    };
    const NAMESPACE: &str = "tailweir-helm4";
    let (repository, tag) = IMAGE;
    let folder = chart::folder();
    let folder = folder.to_string_lossy();
    let image = format!("image.repository={repository},image.tag={tag},image.pullPolicy=Never");
    let run = |arguments: &[&str]| {
        let mut command = cluster.inside(&helm);
        output(command.args(["--namespace", NAMESPACE]).args(arguments))
    };
    let wait = ["--wait", "--timeout", "3m"];
    let install = [
        "install",
        "tailweir",
        &folder,
        "--create-namespace",
        "--set",
        &image,
    ];
    run(&[&install[..], &wait].concat())?;
    run(&["test", "tailweir", "--logs"])?;
    let upgrade = ["upgrade", "tailweir", &folder, "--reuse-values"];
    let change = ["--set-string", "podAnnotations.generation=2"];
    run(&[&upgrade[..], &change, &wait].concat())?;
    run(&[&["rollback", "tailweir", "1"][..], &wait].concat())?;
    run(&["uninstall", "tailweir", "--wait"])?;
    cluster.kubectl(&["delete", "namespace", NAMESPACE])?;
    Ok(Outcome::Passed(
        "install, test, upgrade, rollback and uninstall".to_owned(),
    ))
}
