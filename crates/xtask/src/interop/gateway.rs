//! Two Tailweir processes: the gateway under test, and the sink behind it.

use super::configuration;
use crate::servers::{Tailweir, free_addresses};
use anyhow::{Context, Result};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// A running gateway and its sink. Dropping it kills both.
pub(crate) struct Pair {
    gateway: Tailweir,
    sink: Tailweir,
    grpc: SocketAddr,
    http: SocketAddr,
    file: PathBuf,
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
        let file = scratch.join(format!("{name}.jsonl"));
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let [grpc, http, admin, sink, sink_admin] = free_addresses()?;
        let mut environment = vec![
            ("GRPC", grpc.to_string()),
            ("HTTP", http.to_string()),
            ("ADMIN", admin.to_string()),
            ("SINK", sink.to_string()),
            ("SINK_ADMIN", sink_admin.to_string()),
            ("SINK_FILE", file.display().to_string()),
        ];
        environment.extend_from_slice(also);
        let sink = Tailweir::start(&configuration("sink.yaml"), &environment, sink_admin)?;
        let gateway = Tailweir::start(&configuration(gateway), &environment, admin)?;
        Ok(Self {
            gateway,
            sink,
            grpc,
            http,
            file,
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
        self.sink.drain()?;
        let text = std::fs::read_to_string(&self.file).context("the sink wrote no file")?;
        text.lines()
            .map(|line| Ok(serde_json::from_str(line)?))
            .collect()
    }
}
