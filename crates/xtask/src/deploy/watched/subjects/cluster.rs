//! Clusters of three processes.

use super::super::load::{LIGHT, Shape};
use super::{Subject, free_addresses};
use anyhow::Result;
use std::net::SocketAddr;
use std::path::Path;

/// More than the last member has room for.
const MANY: Shape = Shape {
    traces: 10,
    padding: 400,
    clients: 100,
    ..LIGHT
};

/// One without a fault.
pub(super) fn sound(folder: &Path, backend: SocketAddr) -> Result<Subject> {
    Ok(Subject {
        shape: LIGHT,
        ..of_three(folder, "cluster", backend, "1s", "64MiB")?
    })
}

/// One whose last member has room for little.
pub(super) fn hurt(folder: &Path, backend: SocketAddr) -> Result<Subject> {
    Ok(Subject {
        shape: MANY,
        alerts: &["TailweirCopiesRefused"],
        alerts_then: &[],
        ..of_three(folder, "cluster-hurt", backend, "60s", "8MiB")?
    })
}

/// Three members; the last has another budget.
fn of_three(
    folder: &Path,
    job: &'static str,
    backend: SocketAddr,
    wait: &str,
    last_budget: &str,
) -> Result<Subject> {
    let peers: [SocketAddr; 3] = free_addresses()?;
    let receivers: [SocketAddr; 3] = free_addresses()?;
    let pages: [SocketAddr; 3] = free_addresses()?;
    let controllers = peers.map(|peer| format!("\"{peer}\"")).join(", ");
    let member = |number: usize| {
        let name = format!("{job}-{number}");
        let (peer, receiver) = (peers[number], receivers[number]);
        let budget = if number < 2 { "64MiB" } else { last_budget };
        let data = folder.join(&name);
        let text = format!(
            "\
receivers: {{otlp: {{protocols: {{http: {{endpoint: \"{receiver}\"}}}}}}}}
processors:
  tail_sampling:
    decision_wait: {wait}
    memory_budget: {budget}
    policies: [{{name: errors, type: status_code, status_code: {{status_codes: [ERROR]}}}}]
exporters:
  otlp_http: {{endpoint: \"http://{backend}/takes\"}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [tail_sampling], exporters: [otlp_http]}}
cluster:
  id: {job}
  name: {name}
  listen: \"{peer}\"
  advertise: \"{peer}\"
  controllers: [{controllers}]
  data_dir: \"{}\"
  insecure: true
",
            data.display()
        );
        (name, text, pages[number])
    };
    Ok(Subject {
        job,
        members: (0..peers.len()).map(member).collect(),
        receiver: receivers[0],
        shape: LIGHT,
        alerts: &[],
        alerts_then: &[],
    })
}
