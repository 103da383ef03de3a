//! What `deploy/` holds, checked by the tools that read it: Helm, Prometheus, Terraform, a container.
//!
//! Each stage says what it did, or that it was skipped and why; nothing that was not run passes.

mod access;
mod chart;
mod compose;
mod configurations;
mod container;
mod dashboards;
mod kubernetes;
mod operators;
mod policy;
mod refusals;
mod rules;
mod terraform;
mod tools;
mod values;
mod watched;

use crate::image;
use anyhow::{Result, bail};
use clap::Args;
use std::path::PathBuf;

/// Arguments of `verify-deploy`.
#[derive(Args)]
pub(crate) struct DeployArguments {
    /// Only what takes seconds once the tools are there: no image.
    #[arg(long)]
    quick: bool,
    /// Only alerts and dashboards on the running product under load and faults, which takes some minutes.
    #[arg(long, conflicts_with_all = ["quick", "write", "binary", "cluster", "upgrade_if_built"])]
    watched: bool,
    /// Write what is generated (dashboards, the chart's README, rendered examples) before it is checked.
    #[arg(long)]
    write: bool,
    /// Static binary for the image, instead of building one.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Then roll it all out on a real Kubernetes that is made here. Needs root; the first time builds for half an hour.
    #[arg(long, conflicts_with = "quick")]
    cluster: bool,
    /// Then install, test, upgrade and uninstall the chart on that Kubernetes, if its programs were built before; takes minutes.
    #[arg(long, conflicts_with_all = ["quick", "cluster"])]
    upgrade_if_built: bool,
    /// Only this stage on that Kubernetes, or this change under load; may be given several times.
    #[arg(long, requires = "cluster")]
    only: Vec<String>,
}

/// What became of a stage.
enum Outcome {
    /// What was checked.
    Passed(String),
    /// Why it was not.
    Skipped(String),
}

/// A stage, with what it needs.
type Stage<'a> = (&'static str, Box<dyn Fn() -> Result<Outcome> + 'a>);

/// Runs the stages; fails at the end when one of them has.
pub(crate) fn verify(arguments: &DeployArguments) -> Result<()> {
    let write = arguments.write;
    let mut stages: Vec<Stage<'_>> = vec![
        ("dashboards", Box::new(move || dashboards::check(write))),
        ("metrics", Box::new(rules::check_metrics)),
        ("runbooks", Box::new(rules::check_runbooks)),
        ("alerts and recording rules", Box::new(rules::check_rules)),
        ("chart's README", Box::new(move || values::check(write))),
        ("chart", Box::new(chart::lint)),
        (
            "chart's examples",
            Box::new(move || chart::check_examples(write)),
        ),
        ("chart's refusals", Box::new(refusals::check)),
        ("chart's tokens and roles", Box::new(access::check)),
        ("policy lint", Box::new(policy::check)),
        ("configurations", Box::new(configurations::check)),
        ("compose file", Box::new(compose::check)),
        (
            "objects against Kubernetes' schemas",
            Box::new(chart::check_schemas),
        ),
        ("objects of operators' kinds", Box::new(operators::check)),
        ("terraform", Box::new(terraform::check)),
    ];
    if !arguments.only.is_empty() {
        stages.clear();
    } else if arguments.watched {
        stages = vec![("watched", Box::new(watched::check))];
    } else if !arguments.quick {
        let binary = arguments.binary.as_deref();
        stages.push((
            "image in a container",
            Box::new(move || container::check(binary)),
        ));
    }
    let mut tally = Tally::default();
    for (name, stage) in stages {
        tally.tell(name, stage());
    }
    if arguments.cluster {
        kubernetes::stages(arguments, &mut tally);
    } else if arguments.upgrade_if_built {
        kubernetes::upgrade(arguments, &mut tally);
    }
    tally.close()
}

/// What became of the stages so far.
#[derive(Default)]
struct Tally {
    passed: u32,
    skipped: u32,
    failed: Vec<&'static str>,
}

impl Tally {
    /// Says at once how a stage came out.
    fn tell(&mut self, name: &'static str, outcome: Result<Outcome>) {
        match outcome {
            Ok(Outcome::Passed(what)) => {
                self.passed += 1;
                println!("{name}: {what}");
            }
            Ok(Outcome::Skipped(reason)) => {
                self.skipped += 1;
                println!("{name}: skipped: {reason}");
            }
            Err(error) => {
                println!("{name}: FAILED: {error:#}");
                self.failed.push(name);
            }
        }
    }

    fn close(self) -> Result<()> {
        let (passed, failed, skipped) = (self.passed, self.failed.len(), self.skipped);
        println!("{passed} passed, {failed} failed, {skipped} skipped");
        if failed > 0 {
            bail!("failed: {}", self.failed.join(", "));
        }
        Ok(())
    }
}

/// Compares a generated file with what it should be, or writes it.
fn keep(path: &std::path::Path, text: &str, write: bool) -> Result<()> {
    let written = std::fs::read_to_string(path).unwrap_or_default();
    if written == text {
        return Ok(());
    }
    if write {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        return Ok(std::fs::write(path, text)?);
    }
    let line = written
        .lines()
        .zip(text.lines())
        .take_while(|(old, new)| old == new)
        .count()
        + 1;
    bail!(
        "{} is not up to date from line {line} on; run `cargo xtask verify-deploy --write` and look at the difference",
        path.display()
    )
}

/// Writes the image and says its digest.
fn image(binary: Option<&std::path::Path>, folder: &str) -> Result<image::Image> {
    let folder = crate::root().join("target/image").join(folder);
    image::write(binary, &folder, "tailweir.local/tailweir:test")
}
