//! The instrumented applications: how each is run.

use super::install::{install_go, install_java, install_node, install_python};
use crate::{output, root};
use anyhow::{Context, Result};
use std::net::SocketAddr;
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
    /// Installs all below `scratch`, from their registries. Says which it skips, and why.
    pub(crate) fn install_all(scratch: &Path) -> Result<Vec<Self>> {
        let mut all = Self::in_python(scratch)?;
        all.extend(Self::in_node(scratch)?);
        for (language, installed) in [
            ("java", Self::in_java(scratch)),
            ("go", Self::in_go(scratch)),
        ] {
            match installed {
                Ok(applications) => all.extend(applications),
                Err(error) => println!("{language}: skipped: {error:#}"),
            }
        }
        Ok(all)
    }

    /// Zero-code instrumentation of Flask and requests.
    pub(crate) fn in_python(scratch: &Path) -> Result<Vec<Self>> {
        let python = install_python(scratch)?;
        let app = root().join("crates/xtask/interop/python/app.py");
        let program = python.join("bin/opentelemetry-instrument");
        let arguments = [python.join("bin/python"), app].map(|path| path.display().to_string());
        Ok(both(["python-grpc", "python-http"], &program, &arguments))
    }

    /// Zero-code instrumentation of Node's HTTP.
    pub(crate) fn in_node(scratch: &Path) -> Result<Vec<Self>> {
        let node = install_node(scratch)?;
        let register = node
            .join("node_modules/@opentelemetry/auto-instrumentations-node/build/src/register.js");
        let arguments = [
            "--require".to_owned(),
            register.display().to_string(),
            node.join("app.js").display().to_string(),
        ];
        Ok(both(
            ["node-grpc", "node-http"],
            Path::new("node"),
            &arguments,
        ))
    }

    /// The agent of the JVM.
    fn in_java(scratch: &Path) -> Result<Vec<Self>> {
        let (folder, agent) = install_java(scratch)?;
        let arguments = [
            format!("-javaagent:{}", agent.display()),
            "-cp".to_owned(),
            folder.display().to_string(),
            "Shop".to_owned(),
        ];
        Ok(both(
            ["java-grpc", "java-http"],
            Path::new("java"),
            &arguments,
        ))
    }

    /// `otelhttp` and the SDK, which Go has no way to do without.
    fn in_go(scratch: &Path) -> Result<Vec<Self>> {
        Ok(both(["go-grpc", "go-http"], &install_go(scratch)?, &[]))
    }

    /// Its name, which tells language and protocol.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Runs it to its end against a gateway with these receivers and returns what it made.
    pub(crate) fn run(&self, grpc: SocketAddr, http: SocketAddr) -> Result<Vec<Made>> {
        let address = if self.protocol == "grpc" { grpc } else { http };
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command.env("OTEL_SERVICE_NAME", "shop");
        for signal in ["TRACES", "METRICS", "LOGS"] {
            command.env(format!("OTEL_{signal}_EXPORTER"), "otlp");
        }
        command.env("OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED", "true");
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

/// An application by both protocols; the first name is that of gRPC.
fn both(names: [&'static str; 2], program: &Path, arguments: &[String]) -> Vec<Application> {
    let [grpc, http] = names;
    [(grpc, "grpc"), (http, "http/protobuf")]
        .map(|(name, protocol)| Application {
            name,
            program: program.to_owned(),
            arguments: arguments.to_vec(),
            protocol,
        })
        .into()
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
