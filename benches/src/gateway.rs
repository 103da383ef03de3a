//! The whole gateway as a process: processor time a span, latency, lateness, memory.

use crate::backend::{self, Arrivals};
use crate::load::{Ids, Outcome, Plan, send};
use crate::process::{Server, free_address};
use crate::workload::{self, REQUESTS, SPANS, Template};
use anyhow::{Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time from first span to decision in every run.
pub(crate) const WINDOW: Duration = Duration::from_secs(10);

/// A gateway under measurement.
pub(crate) struct Subject {
    /// For the table.
    pub(crate) name: &'static str,
    /// Its program.
    pub(crate) program: PathBuf,
}

/// Figures of one run.
pub(crate) struct Figures {
    /// Spans acknowledged a second, over the measured part.
    pub(crate) spans_per_second: f64,
    /// Server processor time a span.
    pub(crate) nanos_per_span: f64,
    /// Requests refused in the measured part.
    pub(crate) refused: u64,
    /// Acknowledgement latency, sorted.
    pub(crate) latencies: Vec<Duration>,
    /// Time from deadline to arrival at the backend, sorted.
    pub(crate) lateness: Vec<Duration>,
    /// Most resident bytes.
    pub(crate) resident_bytes: u64,
    /// From start to the first accepted connection.
    pub(crate) listening_after: Duration,
    /// Resident bytes before the first request.
    pub(crate) idle_bytes: u64,
}

/// Fills the window at the rate, then measures for as long again.
pub(crate) async fn measure(
    subject: &Subject,
    rounds: &Arc<Vec<[Template; REQUESTS]>>,
    rate: Option<u64>,
    length: Duration,
) -> Result<Figures> {
    let origin = Instant::now();
    let (sink, arrivals) = backend::start(origin).await?;
    let address = free_address()?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("gateway.yaml");
    fs::write(
        &file,
        configuration(&address.to_string(), &sink.to_string()),
    )?;
    let server = Server::start(&subject.program, &["--config", path(&file)?], address)?;
    let idle_bytes = server.resident_bytes()?;
    let ids = Arc::new(Ids::new(origin));
    let plan = |length| Plan::new(rate, length);
    let address = address.to_string();
    send(
        &address,
        rounds,
        &ids,
        plan(WINDOW + Duration::from_secs(2)),
    )
    .await?;
    arrivals.take_ages();
    let (time, began, spans) = (server.processor_time()?, Instant::now(), arrivals.spans());
    let outcome = send(&address, rounds, &ids, plan(length)).await?;
    let used = server.processor_time()? - time;
    ensure!(
        arrivals.spans() > spans,
        "{} delivered nothing",
        subject.name
    );
    figures(
        &server,
        outcome,
        &arrivals,
        used,
        began.elapsed(),
        idle_bytes,
    )
}

fn figures(
    server: &Server,
    outcome: Outcome,
    arrivals: &Arrivals,
    used: Duration,
    elapsed: Duration,
    idle_bytes: u64,
) -> Result<Figures> {
    let spans = outcome.spans() as f64;
    let lateness = arrivals
        .take_ages()
        .iter()
        .map(|age| age.saturating_sub(WINDOW))
        .collect();
    Ok(Figures {
        spans_per_second: spans / elapsed.as_secs_f64(),
        nanos_per_span: used.as_nanos() as f64 / spans,
        refused: outcome.refused,
        latencies: outcome.latencies,
        lateness,
        resident_bytes: server.resident_bytes()?,
        listening_after: server.listening_after,
        idle_bytes,
    })
}

/// The value at a share of a sorted list; zero of an empty one.
pub(crate) fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let index = (sorted.len() as f64 * share) as usize;
    sorted
        .get(index.min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or_default()
}

/// The encoded rounds, shared by all runs.
pub(crate) fn rounds() -> Arc<Vec<[Template; REQUESTS]>> {
    Arc::new(workload::rounds(25))
}

/// Bytes of one span of the workload, on average.
pub(crate) fn bytes_per_span(rounds: &[[Template; REQUESTS]]) -> f64 {
    let bytes: usize = rounds.iter().flatten().map(Template::len).sum();
    bytes as f64 / (rounds.len() * REQUESTS * SPANS) as f64
}

/// A path as an argument.
pub(crate) fn path(path: &Path) -> Result<&str> {
    path.to_str()
        .ok_or_else(|| anyhow::anyhow!("{} is not UTF-8", path.display()))
}

/// Five policies, two of them on attributes, that keep 10 % of the workload. Both gateways read it.
pub(crate) fn configuration(listen: &str, sink: &str) -> String {
    let wait = WINDOW.as_secs();
    format!(
        "receivers:
  otlp:
    protocols:
      grpc:
        endpoint: {listen}
        max_recv_msg_size_mib: 16
processors:
  tail_sampling:
    decision_wait: {wait}s
    num_traces: 100000000
    policies:
      - {{name: errors, type: status_code, status_code: {{status_codes: [ERROR]}}}}
      - {{name: slow, type: latency, latency: {{threshold_ms: 5000}}}}
      - {{name: gold, type: string_attribute, string_attribute: {{key: customer.tier, values: [gold]}}}}
      - {{name: failing, type: numeric_attribute, numeric_attribute: {{key: http.response.status_code, min_value: 500, max_value: 599}}}}
      - {{name: share, type: probabilistic, probabilistic: {{sampling_percentage: 6.25}}}}
exporters:
  otlp:
    endpoint: {sink}
    compression: none
    tls:
      insecure: true
service:
  telemetry:
    metrics:
      level: none
  pipelines:
    traces:
      receivers: [otlp]
      processors: [tail_sampling]
      exporters: [otlp]
"
    )
}
