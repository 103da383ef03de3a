//! Runs the fuzz targets, each for a bounded time, from the committed corpus.

use crate::{output, root, run as run_command};
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::Command;

/// Runs each target for this long; installs cargo-fuzz when it is missing.
pub(crate) fn run(seconds: u64) -> Result<()> {
    if output(Command::new("cargo").args(["fuzz", "--version"])).is_err() {
        run_command(Command::new("cargo").args(["install", "--locked", "cargo-fuzz"]))?;
    }
    let targets = output(&mut fuzz("list"))?;
    let artifacts = root().join("target/fuzz");
    for target in targets.lines() {
        println!("== fuzz {target} for {seconds} s");
        // New inputs go to a scratch corpus; the committed one only seeds the run.
        let scratch = artifacts.join("corpus").join(target);
        std::fs::create_dir_all(&scratch).context("could not make the scratch corpus")?;
        let mut session = fuzz("run");
        session.args(["--sanitizer", "none", target]).arg(&scratch);
        session.arg(folder().join("corpus").join(target));
        session.args(["--", "-timeout=10", "-rss_limit_mb=2048"]);
        session.arg(format!("-max_total_time={seconds}"));
        run_command(&mut session)?;
    }
    Ok(())
}

fn folder() -> PathBuf {
    root().join("crates/fuzz")
}

/// `cargo fuzz` on the project's targets. Without a sanitizer it works with the pinned toolchain.
fn fuzz(verb: &str) -> Command {
    let mut command = Command::new("cargo");
    command
        .args(["fuzz", verb, "--fuzz-dir"])
        .arg(folder())
        .current_dir(folder());
    command
}
