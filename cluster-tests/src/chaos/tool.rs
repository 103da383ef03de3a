//! Runs the tools of the system.

use anyhow::{Context, Result, bail};
use std::env;
use tokio::process::Command;

/// Whether a program is in the path.
pub(super) fn can_run(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Runs a program to its end; returns what it wrote.
pub(super) async fn run<const N: usize>(program: &str, arguments: [&str; N]) -> Result<String> {
    let mut command = Command::new(program);
    command.args(arguments);
    output(command, program).await
}

/// Runs a command to its end; returns what it wrote, or what it complained of.
pub(super) async fn output(mut command: Command, name: &str) -> Result<String> {
    let output = command
        .output()
        .await
        .with_context(|| format!("{name} cannot be run"))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let command = command.as_std();
        bail!("{command:?}: {}: {}", output.status, complaint.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
