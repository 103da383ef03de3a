//! The instrumented applications: how each is installed and run.

use super::gateway::Pair;
use crate::{output, root, run as run_command};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What an application says of one trace that it made.
#[derive(Debug)]
pub(crate) struct Made {
    /// `ordinary`, `slow` or `failing`.
    pub(crate) kind: String,
    /// In lower-case hexadecimal.
    pub(crate) trace_id: String,
    /// How many spans it has.
    pub(crate) spans: u64,
}

/// An application and the protocol that its SDK speaks.
pub(crate) struct Application {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    protocol: &'static str,
}

impl Application {
    /// Installs the Python and the Node application below `scratch`, from their registries.
    pub(crate) fn install_all(scratch: &Path) -> Result<Vec<Self>> {
        let python = install_python(scratch)?;
        let node = install_node(scratch)?;
        let app = root()
            .join("crates/xtask/interop/python/app.py")
            .display()
            .to_string();
        let under_python = |name, protocol| Self {
            name,
            program: python.join("bin/opentelemetry-instrument"),
            arguments: vec![python.join("bin/python").display().to_string(), app.clone()],
            protocol,
        };
        Ok(vec![
            under_python("python-grpc", "grpc"),
            under_python("python-http", "http/protobuf"),
            Self {
                name: "node-http",
                program: "node".into(),
                arguments: vec![
                    "--require".into(),
                    node.join("node_modules/@opentelemetry/auto-instrumentations-node/build/src/register.js")
                        .display()
                        .to_string(),
                    node.join("app.js").display().to_string(),
                ],
                protocol: "http/protobuf",
            },
        ])
    }

    /// Its name, which tells language and protocol.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Runs it to its end against the gateway and returns what it made.
    pub(crate) fn run(&self, pair: &Pair) -> Result<Vec<Made>> {
        let address = if self.protocol == "grpc" {
            pair.grpc()
        } else {
            pair.http()
        };
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command
            .env("OTEL_SERVICE_NAME", "shop")
            .env("OTEL_TRACES_EXPORTER", "otlp");
        command
            .env("OTEL_METRICS_EXPORTER", "none")
            .env("OTEL_LOGS_EXPORTER", "none");
        command.env("OTEL_EXPORTER_OTLP_PROTOCOL", self.protocol);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}"));
        // Detectors of cloud hosts would ask addresses that a test machine does not have.
        command.env("OTEL_NODE_RESOURCE_DETECTORS", "env,host,os");
        output(&mut command)?
            .lines()
            .filter(|line| line.starts_with('{'))
            .map(read)
            .collect()
    }
}

fn read(line: &str) -> Result<Made> {
    let value: serde_json::Value = serde_json::from_str(line)?;
    let text = |key: &str| {
        value[key]
            .as_str()
            .map(str::to_owned)
            .context("a line lacks a field")
    };
    let spans = value["spans"]
        .as_u64()
        .context("a line lacks its number of spans")?;
    Ok(Made {
        kind: text("kind")?,
        trace_id: text("trace_id")?,
        spans,
    })
}

fn install_python(scratch: &Path) -> Result<PathBuf> {
    let folder = scratch.join("python");
    if !folder.join("bin/pip").exists() {
        run_command(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    }
    let wanted = root().join("crates/xtask/interop/python/requirements.txt");
    let mut pip = Command::new(folder.join("bin/pip"));
    run_command(
        pip.args(["install", "--quiet", "--requirement"])
            .arg(wanted),
    )?;
    Ok(folder)
}

fn install_node(scratch: &Path) -> Result<PathBuf> {
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
