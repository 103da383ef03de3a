//! Loki, Jaeger, the newest Prometheus and a Collector, built from their Go modules, kept from one run to the next.

use super::own_process::{OwnProcess, empty_folder};
use crate::{cache, output, root};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program of others, pinned by `go.mod` and `go.sum` below `crates/xtask/interop/backends`; the Collector is that of
/// the benchmarks.
pub(crate) struct Program(pub(super) PathBuf);

impl Program {
    /// Finds Loki, or builds it, which takes some minutes once.
    ///
    /// # Errors
    /// When there is no Go, or a module cannot be had.
    pub(crate) fn loki() -> Result<Self> {
        build("loki", "github.com/grafana/loki/v3/cmd/loki").map(Self)
    }

    /// The same for Jaeger.
    ///
    /// # Errors
    /// As of [`Self::loki`].
    pub(crate) fn jaeger() -> Result<Self> {
        build("jaeger", "github.com/jaegertracing/jaeger/cmd/jaeger").map(Self)
    }

    /// The same for Prometheus. Its pages for people are not in it.
    ///
    /// # Errors
    /// As of [`Self::loki`].
    pub(crate) fn prometheus() -> Result<Self> {
        build(
            "prometheus",
            "github.com/prometheus/prometheus/cmd/prometheus",
        )
        .map(Self)
    }

    /// The same for a Collector.
    ///
    /// # Errors
    /// As of [`Self::loki`].
    pub(crate) fn collector() -> Result<Self> {
        let source = root().join("benches/collector");
        let files = ["go.mod", "go.sum", "main.go", "component.go"];
        build_from(&source, "collector", &files, ".").map(Self)
    }

    /// What starts it.
    pub(crate) fn command(&self) -> Command {
        Command::new(&self.0)
    }
}

/// The program of a package of others' modules.
fn build(name: &str, package: &str) -> Result<PathBuf> {
    let source = root().join("crates/xtask/interop/backends").join(name);
    build_from(&source, name, &["go.mod", "go.sum", "tool.go"], package)
}

/// The program of a package, from the cache when it was built of the same files before.
fn build_from(source: &Path, name: &str, files: &[&str], package: &str) -> Result<PathBuf> {
    let key = cache::key(source, files)?;
    let backends = cache::folder()?.join("backends");
    let folder = backends.join(format!("{name}-{key}"));
    let program = folder.join(name);
    if program.exists() {
        return Ok(program);
    }
    std::fs::create_dir_all(&folder)?;
    for file in files {
        std::fs::copy(source.join(file), folder.join(file))?;
    }
    // Under another name until it is whole.
    let unfinished = folder.join("unfinished");
    let mut go = Command::new("nice");
    go.current_dir(&folder)
        .args([
            "go",
            "build",
            "-mod=mod",
            "-trimpath",
            "-ldflags=-s -w",
            "-o",
        ])
        .arg(&unfinished)
        .arg(package)
        .env("CGO_ENABLED", "0");
    output(&mut go)
        .with_context(|| format!("{name} cannot be built: it needs Go and its modules"))?;
    std::fs::rename(&unfinished, &program)?;
    Ok(program)
}

/// Starts a backend with a configuration, in an empty folder of its own. Its log is a file there.
pub(super) fn start(
    program: &Path,
    folder: &Path,
    configuration: &str,
    flag: &str,
) -> Result<OwnProcess> {
    empty_folder(folder)?;
    let file = folder.join("configuration.yaml");
    std::fs::write(&file, configuration)?;
    let mut command = Command::new(program);
    command.arg(format!("{flag}={}", file.display()));
    OwnProcess::start(command.current_dir(folder), &folder.join("log"))
}
