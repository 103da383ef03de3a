//! A Jaeger of our own, on loopback, that keeps traces in memory.

use super::backend;
use super::http::exchange;
use super::own_process::OwnProcess;
use super::{Program, free_addresses, until};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;

/// A running Jaeger. Dropping it kills it.
pub(crate) struct Jaeger {
    /// Where it takes OTLP over gRPC.
    pub(crate) grpc: SocketAddr,
    /// Where it takes OTLP over HTTP.
    pub(crate) http: SocketAddr,
    query: SocketAddr,
    _server: OwnProcess,
}

impl Jaeger {
    /// Starts one with its files in this folder, and waits until it answers.
    pub(crate) fn start(program: &Program, folder: &Path) -> Result<Self> {
        let [grpc, http, query, query_grpc] = free_addresses()?;
        let text = configuration(grpc, http, query, query_grpc);
        let server = backend::start(&program.0, folder, &text, "--config")?;
        let jaeger = Self {
            grpc,
            http,
            query,
            _server: server,
        };
        until("Jaeger to be ready", || {
            Ok(exchange(query, "GET", "/api/services", &[], b"")
                .is_ok_and(|(status, _)| status == 200))
        })?;
        Ok(jaeger)
    }

    /// The spans of a trace, as Jaeger shows them; none when it has no such trace.
    pub(crate) fn spans(&self, trace: &str) -> Result<Vec<Value>> {
        let path = format!("/api/traces/{trace}");
        let (status, answer) = exchange(self.query, "GET", &path, &[], b"")?;
        if status == 404 {
            return Ok(Vec::new());
        }
        ensure!(status == 200, "{path}: {status}: {answer}");
        let answer: Value = serde_json::from_str(&answer).context("no JSON")?;
        let spans = answer["data"][0]["spans"].as_array();
        Ok(spans.context("a trace without spans")?.clone())
    }

    /// Waits until a trace has as many spans, and returns them.
    pub(crate) fn until(&self, trace: &str, count: usize) -> Result<Vec<Value>> {
        let mut found = Vec::new();
        until(&format!("trace {trace} with {count} spans"), || {
            found = self.spans(trace)?;
            Ok(found.len() >= count)
        })?;
        Ok(found)
    }
}

/// Whether the spans of a trace, as Jaeger shows them, are a whole tree: one root, every parent there.
pub(crate) fn is_whole(spans: &[Value]) -> bool {
    let parent = |span: &Value| span["references"][0]["spanID"].as_str().map(str::to_owned);
    let is_there = |id: &str| spans.iter().any(|span| span["spanID"] == id);
    let roots = spans.iter().filter(|span| parent(span).is_none()).count();
    roots == 1
        && spans
            .iter()
            .filter_map(parent)
            .all(|parent| is_there(&parent))
}

fn configuration(
    grpc: SocketAddr,
    http: SocketAddr,
    query: SocketAddr,
    query_grpc: SocketAddr,
) -> String {
    format!(
        "\
service:
  extensions: [jaeger_storage, jaeger_query]
  telemetry: {{metrics: {{level: none}}, logs: {{level: warn}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [jaeger_storage_exporter]}}}}
extensions:
  jaeger_storage: {{backends: {{memory: {{memory: {{max_traces: 100000}}}}}}}}
  jaeger_query: {{storage: {{traces: memory}}, http: {{endpoint: \"{query}\"}}, grpc: {{endpoint: \"{query_grpc}\"}}}}
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: \"{grpc}\"}}, http: {{endpoint: \"{http}\"}}}}}}}}
exporters: {{jaeger_storage_exporter: {{trace_storage: memory}}}}
"
    )
}
