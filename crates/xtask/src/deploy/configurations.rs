//! Configurations that `deploy` holds, and those that the chart makes, read by the product itself.

use super::{Outcome, chart};
use crate::{built, cargo, output, root, run as run_command};
use anyhow::{Context, Result};
use std::fs;
use std::process::Command;

/// Files with a whole configuration.
const FILES: &[&str] = &[
    "deploy/examples/gateway.yaml",
    "deploy/compose/gateway.yaml",
];
/// The line in a rendered example after which the configuration stands, and its indentation.
const START: &str = "  config.yaml: |\n";
const INDENT: &str = "    ";

/// `tailweir validate` on each of them.
pub(super) fn check() -> Result<Outcome> {
    run_command(cargo().args(["build", "--quiet", "--package", "tailweir"]))?;
    let mut sources: Vec<_> = FILES
        .iter()
        .map(|file| root().join(file).display().to_string())
        .collect();
    for example in chart::examples()? {
        let rendered = fs::read_to_string(example.join("rendered.yaml"))?;
        let (_, rest) = rendered
            .split_once(START)
            .with_context(|| format!("{} has no configuration", example.display()))?;
        let lines = rest.lines().map_while(|line| line.strip_prefix(INDENT));
        sources.push(format!("yaml:{}", lines.collect::<Vec<_>>().join("\n")));
    }
    for source in &sources {
        output(Command::new(built("tailweir")).args(["validate", "--config", source]))?;
    }
    Ok(Outcome::Passed(format!(
        "{} read by the product",
        sources.len()
    )))
}
