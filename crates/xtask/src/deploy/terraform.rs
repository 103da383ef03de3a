//! The Terraform module and its examples: format, validation, tests.
//!
//! Providers cannot be had by their registry everywhere, so the Helm provider is built from its module
//! and given as a development override; then `terraform init` is neither needed nor possible.

use super::{Outcome, tools};
use crate::{output, root};
use anyhow::{Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const EXAMPLES: &[&str] = &["single", "cluster-ha", "lgtm"];

/// Formats, validates, tests.
pub(super) fn check() -> Result<Outcome> {
    let scratch = match scratch("terraform")? {
        Ok(scratch) => scratch,
        Err(why) => return Ok(Outcome::Skipped(why)),
    };
    output(
        Command::new("terraform")
            .args(["fmt", "-check", "-diff", "-recursive"])
            .arg(root().join("deploy/terraform")),
    )?;
    let module = scratch.join("terraform/modules/tailweir");
    for place in EXAMPLES
        .iter()
        .map(|name| scratch.join("terraform/examples").join(name))
        .chain([module.clone()])
    {
        terraform(&scratch, &place, &["get"])?;
        terraform(&scratch, &place, &["validate", "-no-color"])?;
    }
    let said = terraform(&scratch, &module, &["test", "-no-color"])?;
    let summary = said.lines().last().unwrap_or_default().to_owned();
    ensure!(said.contains(" 0 failed"), "{said}");
    Ok(Outcome::Passed(format!(
        "formatted; module and {} examples valid; tests: {summary}",
        EXAMPLES.len()
    )))
}

/// A copy to work in, because Terraform writes beside what it reads; or why there is none.
pub(super) fn scratch(name: &str) -> Result<Result<PathBuf, String>> {
    if output(Command::new("terraform").arg("version")).is_err() {
        return Ok(Err("there is no terraform".to_owned()));
    }
    let provider = match tools::helm_provider() {
        Ok(provider) => provider,
        Err(error) => return Ok(Err(format!("{error:#}"))),
    };
    let scratch = root().join("target").join(name);
    if scratch.exists() {
        fs::remove_dir_all(&scratch)?;
    }
    fs::create_dir_all(&scratch)?;
    for part in ["terraform", "helm", "examples", "prometheus", "grafana"] {
        output(
            Command::new("cp")
                .arg("-r")
                .arg(root().join("deploy").join(part))
                .arg(&scratch),
        )?;
    }
    let overrides = provider.parent().unwrap_or(&provider).display();
    let text = format!(
        "provider_installation {{\n  dev_overrides {{ \"hashicorp/helm\" = \"{overrides}\" }}\n}}\n"
    );
    fs::write(scratch.join("terraform.rc"), text)?;
    Ok(Ok(scratch))
}

/// What Terraform has to know to take the provider that was built.
pub(super) fn environment<'a>(scratch: &Path, command: &'a mut Command) -> &'a mut Command {
    command
        .env("TF_CLI_CONFIG_FILE", scratch.join("terraform.rc"))
        .env("CHECKPOINT_DISABLE", "1")
}

fn terraform(scratch: &Path, place: &Path, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new("terraform");
    command.current_dir(place).args(arguments);
    output(environment(scratch, &mut command))
}
