//! The configuration file of a member: the same pipeline everywhere, and who it is in the cluster.

use super::policies;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

/// Where clients send.
pub(super) const OTLP_PORT: u16 = 4317;
/// Where members reach each other.
pub(super) const PEER_PORT: u16 = 4319;
/// Where the harness asks.
pub(super) const ADMIN_PORT: u16 = 8888;
/// Where the backend listens.
pub(super) const BACKEND_PORT: u16 = 4327;

/// How long a member is waited for before another takes over.
pub(super) const LEASE: Duration = Duration::from_secs(2);
/// Resident memory that no member may pass.
pub(super) const MEMORY_MAX: u64 = 1 << 30;

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// Everything, without a cluster.
    Process,
    /// Agrees on members and slots.
    Controller,
    /// Owns slots.
    Sampler,
    /// Takes spans from clients.
    Gateway,
}

impl Role {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Controller => "controller",
            Self::Sampler => "sampler",
            Self::Gateway => "gateway",
        }
    }
}

/// Who a member is.
#[derive(Debug)]
pub(super) struct Identity<'a> {
    pub(super) name: &'a str,
    pub(super) role: Role,
    pub(super) address: IpAddr,
    /// Its own, for what outlives it.
    pub(super) data: &'a Path,
    pub(super) zone: &'a str,
}

/// What all members have in common.
#[derive(Debug, Clone)]
pub(super) struct Pipeline {
    pub(super) decision_wait: Duration,
    pub(super) share_percent: f64,
    pub(super) backend: SocketAddr,
    pub(super) controllers: Vec<SocketAddr>,
}

/// The file's text.
pub(super) fn text(identity: &Identity<'_>, pipeline: &Pipeline) -> String {
    let cluster = match identity.role {
        Role::Process => String::new(),
        _ => cluster(identity, &pipeline.controllers),
    };
    let receiver = SocketAddr::new(identity.address, OTLP_PORT);
    pipeline.text(receiver) + &cluster
}

impl Pipeline {
    /// The part of the file that is the same for all members but for where clients send.
    pub(super) fn text(&self, receiver: SocketAddr) -> String {
        let wait = self.decision_wait.as_millis();
        let policies = policies::text(self.share_percent);
        let backend = self.backend;
        format!(
            "\
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: \"{receiver}\"}}
processors:
  tail_sampling:
    decision_wait: {wait}ms
{policies}
exporters:
  otlp:
    endpoint: \"{backend}\"
    tls: {{insecure: true}}
    timeout: 5s
    retry_on_failure: {{initial_interval: 100ms, max_interval: 1s, max_elapsed_time: 0s}}
service:
  telemetry:
    logs: {{level: debug, encoding: json, sampling: {{enabled: false}}}}
  pipelines:
    traces: {{receivers: [otlp], processors: [tail_sampling], exporters: [otlp]}}
"
        )
    }
}

fn cluster(identity: &Identity<'_>, controllers: &[SocketAddr]) -> String {
    let controllers: Vec<String> = controllers.iter().map(|it| format!("\"{it}\"")).collect();
    format!(
        "\
cluster:
  id: chaos
  name: {}
  roles: [{}]
  listen: \"{address}\"
  advertise: \"{address}\"
  controllers: [{}]
  data_dir: \"{}\"
  zone: \"{}\"
  replication: 2
  lease: {}ms
  drain_timeout: 30s
  insecure: true
",
        identity.name,
        identity.role.name(),
        controllers.join(", "),
        identity.data.display(),
        identity.zone,
        LEASE.as_millis(),
        address = SocketAddr::new(identity.address, PEER_PORT),
    )
}
