//! A Loki of our own, on loopback, with tenants.

use super::backend;
use super::http::{escaped, exchange};
use super::own_process::OwnProcess;
use super::{Program, ask, free_addresses, until};
use anyhow::Result;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;

/// A running Loki. Dropping it kills it.
pub(crate) struct Loki {
    pub(crate) address: SocketAddr,
    _server: OwnProcess,
}

/// A line that Loki found, with its labels and its structured metadata.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) labels: Value,
    pub(crate) text: String,
}

impl Loki {
    /// Starts one with its files in this folder, and waits until it is ready, which takes it half a minute.
    pub(crate) fn start(program: &Program, folder: &Path) -> Result<Self> {
        let [address, grpc] = free_addresses()?;
        let server = backend::start(
            &program.0,
            folder,
            &configuration(address, grpc),
            "-config.file",
        )?;
        let loki = Self {
            address,
            _server: server,
        };
        until("Loki to be ready", || {
            Ok(exchange(address, "GET", "/ready", &[], b"").is_ok_and(|(status, _)| status == 200))
        })?;
        Ok(loki)
    }

    /// The lines of a tenant that a query finds, of the last hour.
    pub(crate) fn lines(&self, tenant: &str, query: &str) -> Result<Vec<Line>> {
        let path = format!(
            "/loki/api/v1/query_range?since=1h&limit=1000&query={}",
            escaped(query)
        );
        let answer = ask(self.address, &path, &[("x-scope-orgid", tenant)])?;
        let mut found = Vec::new();
        for stream in answer["data"]["result"].as_array().into_iter().flatten() {
            for value in stream["values"].as_array().into_iter().flatten() {
                found.push(Line {
                    labels: stream["stream"].clone(),
                    text: value[1].as_str().unwrap_or_default().to_owned(),
                });
            }
        }
        Ok(found)
    }

    /// Waits until a query finds as many lines as these, and returns them.
    pub(crate) fn until(&self, tenant: &str, query: &str, count: usize) -> Result<Vec<Line>> {
        let mut found = Vec::new();
        until(&format!("{count} lines of {query}"), || {
            found = self.lines(tenant, query)?;
            Ok(found.len() >= count)
        })?;
        Ok(found)
    }
}

fn configuration(http: SocketAddr, grpc: SocketAddr) -> String {
    let (http_port, grpc_port) = (http.port(), grpc.port());
    format!(
        "\
auth_enabled: true
server: {{http_listen_address: 127.0.0.1, http_listen_port: {http_port}, grpc_listen_address: 127.0.0.1, grpc_listen_port: {grpc_port}, log_level: warn}}
common:
  instance_addr: 127.0.0.1
  path_prefix: data
  replication_factor: 1
  ring: {{kvstore: {{store: inmemory}}}}
  storage: {{filesystem: {{chunks_directory: data/chunks, rules_directory: data/rules}}}}
schema_config: {{configs: [{{from: \"2024-01-01\", store: tsdb, object_store: filesystem, schema: v13, index: {{prefix: index_, period: 24h}}}}]}}
limits_config: {{allow_structured_metadata: true}}
analytics: {{reporting_enabled: false}}
"
    )
}
