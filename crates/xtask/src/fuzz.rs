//! Runs the fuzz targets, each for a bounded time, from the committed corpus.

use crate::{output, root, run as run_command};
use anyhow::{Context, Result};
use std::process::Command;

/// Runs each target for this long; installs cargo-fuzz when it is missing.
pub(crate) fn run(seconds: u64) -> Result<()> {
    if output(Command::new("cargo").args(["fuzz", "--version"])).is_err() {
        run_command(Command::new("cargo").args(["install", "--locked", "cargo-fuzz"]))?;
    }
    let targets = output(fuzz().arg("list"))?;
    let artifacts = root().join("target/fuzz");
    for target in targets.lines() {
        println!("== fuzz {target} for {seconds} s");
        // New inputs go to a scratch corpus; the committed one only seeds the run.
        let scratch = artifacts.join("corpus").join(target);
        std::fs::create_dir_all(&scratch).context("could not make the scratch corpus")?;
        let mut session = fuzz();
        session
            .args(["run", "--sanitizer", "none", target])
            .arg(&scratch);
        session.arg(root().join("fuzz/corpus").join(target));
        session.args(["--", "-timeout=10", "-rss_limit_mb=2048"]);
        session.arg(format!("-max_total_time={seconds}"));
        run_command(&mut session)?;
    }
    Ok(())
}

fn fuzz() -> Command {
    let mut command = Command::new("cargo");
    command.arg("fuzz").current_dir(root().join("fuzz"));
    command
}
