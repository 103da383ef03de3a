//! `cargo xtask`: what contributors and CI run beside `cargo test`.

#![expect(clippy::print_stdout, reason = "a command-line tool talks on stdout")]

mod cache;
mod conformance;
mod coverage;
mod deploy;
mod documents;
mod fuzz;
mod golden;
mod image;
mod interop;
mod rooms;
mod servers;
mod sources;
mod structure;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Checks, generated documents, golden runs, interoperation.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Prove that rooms depend only on the rooms that `docs/architecture.md` allows.
    CheckDeps,
    /// Prove that every room has its door, its documentation and the shared lints.
    CheckStructure,
    /// Write the documents below `docs/reference`, and the tables of `docs/compatibility.md` from the lines at the tests;
    /// with `--check`, only compare them.
    Docs {
        /// Fail when a document is not what would be written.
        #[arg(long)]
        check: bool,
    },
    /// Run every golden test, on the packed vectors or on those in DIR.
    Golden {
        /// Root of other vectors with the same layout.
        dir: Option<PathBuf>,
        /// Only compare the packed copy with DIR, file by file.
        #[arg(long, requires = "dir")]
        compare: bool,
        /// Only pack DIR into this repository.
        #[arg(long, requires = "dir", conflicts_with = "compare")]
        pack: bool,
    },
    /// Tell which Collector configurations below a folder would run whole here, and what the others miss.
    Coverage {
        /// Folder of YAML files, also those of Kubernetes, Helm and compose that hold a configuration.
        dir: PathBuf,
    },
    /// Run real OpenTelemetry SDKs and Prometheus against the real binary; installs what it needs.
    Interop {
        /// Run Loki, Jaeger and the whole stack instead; builds both from their Go modules, once.
        #[arg(long)]
        backends: bool,
    },
    /// Write the container image, with its bill of materials, without a container engine.
    Image(image::ImageArguments),
    /// Check what `deploy` holds with the tools that read it; installs what it needs, and says what it skipped.
    VerifyDeploy(deploy::DeployArguments),
    /// Run each fuzz target for a while.
    Fuzz {
        /// Seconds for each target.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
}

fn main() -> Result<()> {
    match Cli::parse().task {
        Task::CheckDeps => rooms::check(),
        Task::CheckStructure => structure::check(),
        Task::Docs { check } => documents::write(check),
        Task::Golden {
            dir: Some(dir),
            compare: true,
            ..
        } => golden::compare(&dir),
        Task::Golden {
            dir: Some(dir),
            pack: true,
            ..
        } => golden::pack(&dir),
        Task::Golden { dir, .. } => golden::run(dir.as_deref()),
        Task::Coverage { dir } => coverage::run(&dir),
        Task::Interop { backends: true } => interop::run_backends(),
        Task::Interop { .. } => interop::run(),
        Task::Image(arguments) => image::run(&arguments),
        Task::VerifyDeploy(arguments) => deploy::verify(&arguments),
        Task::Fuzz { seconds } => fuzz::run(seconds),
    }
}

/// The top folder of the repository.
fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).unwrap_or(manifest).to_owned()
}

/// How cargo builds.
#[derive(Clone, Copy)]
enum Profile {
    Development,
    Release,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Development => "dev",
            Self::Release => "release",
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Development => "debug",
            Self::Release => "release",
        }
    }
}

/// Where cargo puts a program of this workspace, built for development.
fn built(program: &str) -> PathBuf {
    built_with(Profile::Development, program)
}

/// Where it puts one that is built with this profile.
fn built_with(profile: Profile, program: &str) -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.join(profile.folder()).join(program)
}

fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs a command to its end; fails, naming it, when it does.
fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("could not start {command:?}"))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}

/// Runs a command to its end and returns what it printed.
fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("could not start {command:?}"))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} ended with {}\n{errors}", output.status);
    }
    String::from_utf8(output.stdout).context("its output is not UTF-8")
}
