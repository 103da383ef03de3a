//! Two Tailweir processes: the gateway under test, and the sink behind it, which also stands behind others.

use super::configuration;
use crate::servers::{Tailweir, free_addresses};
use anyhow::{Context, Result};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// A running gateway and its sink. Dropping it kills both.
pub(crate) struct Pair {
    gateway: Tailweir,
    sink: Sink,
    grpc: SocketAddr,
    http: SocketAddr,
}

/// Writes the requests that it receives to a file. Dropping it kills it.
pub(super) struct Sink {
    process: Tailweir,
    address: SocketAddr,
    file: PathBuf,
}

impl Sink {
    /// Starts it on a free loopback port, with an empty file of this name, and returns when it is ready.
    pub(super) fn start(scratch: &Path, name: &str) -> Result<Self> {
        let file = scratch.join(format!("{name}.jsonl"));
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let [address, admin] = free_addresses()?;
        let environment = [
            ("SINK", address.to_string()),
            ("SINK_ADMIN", admin.to_string()),
            ("SINK_FILE", file.display().to_string()),
        ];
        let process = Tailweir::start(&configuration("sink.yaml"), &environment, admin)?;
        Ok(Self {
            process,
            address,
            file,
        })
    }

    /// Where it takes OTLP over gRPC.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has written so far, but for a line that is not whole yet.
    pub(super) fn requests(&self) -> Result<Vec<Value>> {
        let text = std::fs::read_to_string(&self.file).context("the sink wrote no file")?;
        let lines = text.split_inclusive('\n');
        let whole = lines.filter(|line| line.ends_with('\n'));
        whole.map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// Drains it, and returns all that it wrote.
    pub(super) fn finish(self) -> Result<Vec<Value>> {
        let Self { process, file, .. } = self;
        process.drain()?;
        let text = std::fs::read_to_string(&file).context("the sink wrote no file")?;
        let lines = text.lines();
        lines.map(|line| Ok(serde_json::from_str(line)?)).collect()
    }
}

impl Pair {
    /// Starts both on free loopback ports and returns when they are ready.
    pub(crate) fn start(scratch: &Path, name: &str) -> Result<Self> {
        Self::start_with(scratch, name, "gateway.yaml", &[])
    }

    /// The same, with this configuration of the gateway and what it takes from the environment besides.
    pub(super) fn start_with(
        scratch: &Path,
        name: &str,
        gateway: &str,
        also: &[(&str, String)],
    ) -> Result<Self> {
        let sink = Sink::start(scratch, name)?;
        let [grpc, http, admin] = free_addresses()?;
        let mut environment = vec![
            ("GRPC", grpc.to_string()),
            ("HTTP", http.to_string()),
            ("ADMIN", admin.to_string()),
            ("SINK", sink.address().to_string()),
        ];
        environment.extend_from_slice(also);
        let gateway = Tailweir::start(&configuration(gateway), &environment, admin)?;
        Ok(Self {
            gateway,
            sink,
            grpc,
            http,
        })
    }

    /// Where the gateway takes OTLP over gRPC.
    pub(crate) fn grpc(&self) -> SocketAddr {
        self.grpc
    }

    /// Where the gateway takes OTLP over HTTP.
    pub(crate) fn http(&self) -> SocketAddr {
        self.http
    }

    /// Drains the gateway, then the sink, and returns the requests that the sink wrote.
    pub(crate) fn finish(self) -> Result<Vec<Value>> {
        self.gateway.drain()?;
        self.sink.finish()
    }
}
