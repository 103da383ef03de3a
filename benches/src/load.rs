//! Sends the workload over gRPC as raw bytes, at a fixed rate or as fast as it is taken.

use crate::workload::{REQUESTS, SPANS, TRACES, Template};
use anyhow::{Result, ensure};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tailweir_core::Signal;
use tailweir_testkit::BytesCodec;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};

/// Where requests of this signal are sent to.
const fn path_of(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    }
}

/// How to send.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// Spans a second over all clients; none: as fast as they are taken.
    pub(crate) rate: Option<u64>,
    /// Time to send for.
    pub(crate) length: Duration,
    /// Clients, each with a connection and one request under way.
    pub(crate) clients: u64,
}

impl Plan {
    /// 32 clients that share the rate, or 16 that never pause.
    pub(crate) fn new(rate: Option<u64>, length: Duration) -> Self {
        Self {
            rate,
            length,
            clients: if rate.is_some() { 32 } else { 16 },
        }
    }
}

/// What became of it.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Requests answered with success.
    pub(crate) accepted: u64,
    /// Requests answered otherwise.
    pub(crate) refused: u64,
    /// Time from sending to success, of each accepted request.
    pub(crate) latencies: Vec<Duration>,
}

impl Outcome {
    /// Spans in accepted requests.
    pub(crate) fn spans(&self) -> u64 {
        self.accepted * SPANS as u64
    }

    fn merge(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.latencies.extend(other.latencies);
    }
}

/// Gives every trace an id of its own that tells when its first span was sent.
pub(crate) struct Ids {
    origin: Instant,
    next: AtomicU64,
}

impl Ids {
    pub(crate) fn new(origin: Instant) -> Self {
        Self {
            origin,
            next: AtomicU64::new(1),
        }
    }

    fn round(&self) -> [[u8; 16]; TRACES] {
        let sent = (self.origin.elapsed().as_nanos() as u64).to_be_bytes();
        let first = self.next.fetch_add(TRACES as u64, Ordering::Relaxed);
        std::array::from_fn(|trace| {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&sent);
            // An odd multiplier spreads the ids without repeating one.
            let spread = (first + trace as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            id[8..].copy_from_slice(&spread.to_be_bytes());
            id
        })
    }

    /// When the first span of the trace with this id was sent.
    pub(crate) fn sent(id: &[u8]) -> Option<Duration> {
        let nanos = id.get(..8)?.try_into().ok()?;
        Some(Duration::from_nanos(u64::from_be_bytes(nanos)))
    }
}

/// Sends by the plan and returns when every answer is in.
pub(crate) async fn send(
    address: &str,
    rounds: &Arc<Vec<[Template; REQUESTS]>>,
    ids: &Arc<Ids>,
    plan: Plan,
) -> Result<Outcome> {
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..plan.clients {
        clients.spawn(client(
            connect(address).await?,
            number,
            Arc::clone(rounds),
            Arc::clone(ids),
            plan,
        ));
    }
    gather(clients).await
}

/// Sends these requests of a signal by the plan, again and again, and returns when every answer is in.
pub(crate) async fn send_bodies(
    address: &str,
    signal: Signal,
    bodies: &Arc<Vec<Bytes>>,
    plan: Plan,
) -> Result<Outcome> {
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..plan.clients {
        let (mut grpc, bodies) = (Grpc::new(connect(address).await?), Arc::clone(bodies));
        clients.spawn(async move {
            let mut outcome = Outcome::default();
            let mut pace = Pace::new(plan, number);
            for body in bodies.iter().cycle().skip(number as usize) {
                if !pace.next().await {
                    break;
                }
                export(&mut grpc, signal, body.clone(), &mut outcome).await;
            }
            outcome
        });
    }
    gather(clients).await
}

/// Sends each of these requests of a signal once.
///
/// # Errors
///
/// When one is refused.
pub(crate) async fn send_once(address: &str, signal: Signal, bodies: Vec<Vec<u8>>) -> Result<()> {
    let (mut grpc, mut outcome) = (Grpc::new(connect(address).await?), Outcome::default());
    for body in bodies {
        export(&mut grpc, signal, Bytes::from(body), &mut outcome).await;
    }
    ensure!(
        outcome.refused == 0,
        "{} requests were refused",
        outcome.refused
    );
    Ok(())
}

async fn connect(address: &str) -> Result<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"))?
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(16 << 20)
        .tcp_nodelay(true);
    Ok(endpoint.connect().await?)
}

async fn gather(mut clients: tokio::task::JoinSet<Outcome>) -> Result<Outcome> {
    let mut all = Outcome::default();
    while let Some(outcome) = clients.join_next().await {
        all.merge(outcome?);
    }
    all.latencies.sort_unstable();
    Ok(all)
}

/// When a client sends: its requests are evenly spaced, and the clients are staggered against each other.
struct Pace {
    start: Instant,
    end: Instant,
    spacing: Option<Duration>,
    sent: u32,
}

impl Pace {
    fn new(plan: Plan, number: u64) -> Self {
        let spacing = plan
            .rate
            .map(|rate| Duration::from_secs_f64(SPANS as f64 * plan.clients as f64 / rate as f64));
        let start = Instant::now()
            + spacing
                .unwrap_or_default()
                .mul_f64(number as f64 / plan.clients as f64);
        Self {
            start,
            end: start + plan.length,
            spacing,
            sent: 0,
        }
    }

    /// Waits until the next request is due; false when there is none.
    async fn next(&mut self) -> bool {
        if let Some(spacing) = self.spacing {
            tokio::time::sleep_until((self.start + spacing * self.sent).into()).await;
        }
        self.sent += 1;
        Instant::now() < self.end
    }
}

async fn client(
    channel: Channel,
    number: u64,
    rounds: Arc<Vec<[Template; REQUESTS]>>,
    ids: Arc<Ids>,
    plan: Plan,
) -> Outcome {
    let mut grpc = Grpc::new(channel);
    let mut outcome = Outcome::default();
    let mut pace = Pace::new(plan, number);
    for round in rounds
        .iter()
        .cycle()
        .skip(number as usize * 7 % rounds.len())
    {
        let mut trace_ids = None;
        for template in round {
            if !pace.next().await {
                return outcome;
            }
            // Made with the first request, because they tell when that was sent.
            let body = template.with_ids(trace_ids.get_or_insert_with(|| ids.round()));
            export(&mut grpc, Signal::Traces, Bytes::from(body), &mut outcome).await;
        }
    }
    outcome
}

async fn export(grpc: &mut Grpc<Channel>, signal: Signal, body: Bytes, outcome: &mut Outcome) {
    let began = Instant::now();
    let answer = async {
        grpc.ready()
            .await
            .map_err(|error| tonic::Status::unavailable(error.to_string()))?;
        let path = http::uri::PathAndQuery::from_static(path_of(signal));
        grpc.unary(tonic::Request::new(body), path, BytesCodec)
            .await
    };
    match answer.await {
        Ok(_) => {
            outcome.accepted += 1;
            outcome.latencies.push(began.elapsed());
        }
        Err(_) => outcome.refused += 1,
    }
}
