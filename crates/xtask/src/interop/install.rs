//! Installs the applications below a folder, each with the tool of its language.

use crate::{output, root, run as run_command};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

const JAVA_AGENT: &str = "io.opentelemetry.javaagent:opentelemetry-javaagent";
const JAVA_AGENT_VERSION: &str = "2.33.1";

/// A virtual environment with the SDK and the instrumentations.
pub(super) fn install_python(scratch: &Path) -> Result<PathBuf> {
    install_environment(scratch, "python", "requirements.txt")
}

/// One with exporters for Zipkin and Jaeger, which need an SDK of their age.
pub(super) fn install_exporters(scratch: &Path) -> Result<PathBuf> {
    install_environment(scratch, "python-exporters", "exporters.txt")
}

fn install_environment(scratch: &Path, name: &str, requirements: &str) -> Result<PathBuf> {
    let folder = scratch.join(name);
    if !folder.join("bin/pip").exists() {
        run_command(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    }
    let wanted = root()
        .join("crates/xtask/interop/python")
        .join(requirements);
    let mut pip = Command::new(folder.join("bin/pip"));
    run_command(
        pip.args(["install", "--quiet", "--requirement"])
            .arg(wanted),
    )?;
    Ok(folder)
}

/// A folder with the application and its modules.
pub(super) fn install_node(scratch: &Path) -> Result<PathBuf> {
    let folder = scratch.join("node");
    std::fs::create_dir_all(&folder)?;
    for file in ["package.json", "app.js"] {
        std::fs::copy(
            root().join("crates/xtask/interop/node").join(file),
            folder.join(file),
        )?;
    }
    let mut npm = Command::new("npm");
    npm.args([
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--loglevel=error",
    ]);
    run_command(npm.current_dir(&folder))?;
    Ok(folder)
}

/// The compiled application's folder, and the agent. Compiled, because the agent stays off under `java Shop.java`.
pub(super) fn install_java(scratch: &Path) -> Result<(PathBuf, PathBuf)> {
    let folder = scratch.join("java");
    std::fs::create_dir_all(&folder)?;
    let agent = folder.join(format!("opentelemetry-javaagent-{JAVA_AGENT_VERSION}.jar"));
    if !agent.exists() {
        let mut maven = Command::new("mvn");
        maven
            .args(["-q", "-B", "dependency:copy"])
            .arg(format!("-Dartifact={JAVA_AGENT}:{JAVA_AGENT_VERSION}"))
            .arg(format!("-DoutputDirectory={}", folder.display()));
        output(&mut maven).context("the Java agent cannot be had: it needs Maven")?;
    }
    let mut compiler = Command::new("javac");
    compiler.arg("-d").arg(&folder);
    compiler.arg(root().join("crates/xtask/interop/java/Shop.java"));
    output(&mut compiler).context("there is no Java")?;
    Ok((folder, agent))
}

/// The built application.
pub(super) fn install_go(scratch: &Path) -> Result<PathBuf> {
    let program = scratch.join("go-shop");
    let mut go = Command::new("go");
    go.current_dir(root().join("crates/xtask/interop/go"));
    go.args(["build", "-trimpath", "-o"]).arg(&program);
    output(&mut go).context("the application in Go cannot be built")?;
    Ok(program)
}
