//! What a gateway says about itself, for the admin page and for the metrics.

mod connectors;
mod files;
mod kubernetes;
mod pages;
mod peers;
mod samplers;
mod scraping;
mod trace_aware;
mod transforms;

pub use connectors::{ConnectorRow, RouteRow, TotalsRow};
pub use files::FileRow;
pub use kubernetes::{KubernetesKindRow, KubernetesRow};
pub use pages::PageRow;
pub use peers::{PeerRow, PeerTraffic};
pub use samplers::{DecisionRow, MemberRow, PolicyRow, SamplerRow, VotesRow};
pub use scraping::ScrapeRow;
pub use trace_aware::TraceAwareRow;
pub use transforms::TransformRow;

use crate::buckets::Buckets;
use crate::graph::{Graph, Ground};
use crate::ingress::Transport;
use crate::ledger::LedgerSnapshot;
use serde::Serialize;
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tailweir_core::Signal;
use tailweir_export::BalancerSnapshot;

/// Where a receiver listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BoundAddress {
    /// The receiver's id.
    pub receiver: String,
    /// `grpc` or `http`.
    pub transport: &'static str,
    /// The address, with the port that was bound.
    pub address: SocketAddr,
}

/// Everything that a gateway knows about itself. Serialises to the JSON of the admin page.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Whether requests are taken.
    pub ready: bool,
    /// Seconds since the start.
    pub uptime_seconds: u64,
    /// Tells one configuration from another: hexadecimal, of the effective settings without secrets.
    pub configuration: String,
    /// Where receivers listen, Unix sockets left out.
    pub addresses: Vec<BoundAddress>,
    /// The books.
    pub ledger: LedgerSnapshot,
    /// By how much the books do not balance; not zero only while something moves, or by a defect.
    pub imbalance: u64,
    /// The budget in front of everything.
    pub admission: AdmissionRow,
    /// Actors that were started again after a failure.
    pub restarts: u64,
    /// What receivers of files have counted.
    pub files: Vec<FileRow>,
    /// What receivers that scrape have counted.
    pub scraping: Vec<ScrapeRow>,
    /// What receivers have counted.
    pub receivers: Vec<ReceiverRow>,
    /// The samplers, one for each use of a `tail_sampling` processor.
    pub samplers: Vec<SamplerRow>,
    /// The processors that keep logs with their traces.
    pub trace_aware: Vec<TraceAwareRow>,
    /// The processors that change requests.
    pub transforms: Vec<TransformRow>,
    /// What processors know of Kubernetes.
    pub kubernetes: Vec<KubernetesRow>,
    /// The connectors that make telemetry.
    pub connectors: Vec<ConnectorRow>,
    /// The connectors that route.
    pub routes: Vec<RouteRow>,
    /// The batch processors.
    pub batches: Vec<BatchRow>,
    /// The exporters, one for each signal.
    pub exporters: Vec<ExporterRow>,
    /// What the exporters that are scraped show.
    pub pages: Vec<PageRow>,
    /// The other members of the cluster.
    pub peers: Vec<PeerRow>,
}

/// The budget in front of everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AdmissionRow {
    /// Bytes of requests being worked on.
    pub in_flight_bytes: u64,
    /// Their bound.
    pub in_flight_bytes_max: u64,
    /// Memory of what is held behind it, in bytes.
    pub held_bytes: u64,
    /// Requests that were refused for want of room.
    pub refused_requests: u64,
}

/// What a receiver has counted for one transport and signal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceiverRow {
    /// The receiver's id.
    pub receiver: String,
    /// `grpc`, `http` or `file`.
    pub transport: &'static str,
    /// `traces`, `metrics` or `logs`.
    pub signal: &'static str,
    /// Items that were acknowledged.
    pub accepted: u64,
    /// Items of requests that were read and refused.
    pub refused: u64,
    /// Requests that were read.
    pub requests: u64,
    /// Open connections of this transport.
    pub connections: u64,
    /// Connections of this transport that never became HTTP.
    pub failed_handshakes: u64,
    /// Datagrams of this transport that found no room, were too large or could not be read. Nothing where there are
    /// none.
    pub dropped_datagrams: Option<u64>,
}

/// A batch processor of one pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BatchRow {
    /// The pipeline's id.
    pub pipeline: String,
    /// The processor's id.
    pub processor: String,
    /// Batches that left because they were full.
    pub by_size: u64,
    /// Batches that left because their time had come.
    pub by_timeout: u64,
    /// Items that left.
    pub items: u64,
    /// Bytes that left.
    pub bytes: u64,
    /// Combinations of metadata that have a batch of their own.
    pub combinations: u64,
    /// Items that wait.
    pub waiting_items: u64,
    /// Bytes that wait.
    pub waiting_bytes: u64,
    /// Items of each batch that left: counts by bucket.
    #[serde(skip)]
    pub(crate) sizes: Option<Buckets>,
}

/// An exporter, for one signal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExporterRow {
    /// The exporter's id.
    pub exporter: String,
    /// `traces`, `metrics` or `logs`.
    pub signal: &'static str,
    /// Whether it exports at all.
    pub exports: bool,
    /// Items that the backend took.
    pub sent: u64,
    /// Items given up after they left the queue.
    pub send_failed: u64,
    /// Items that found no room in the queue.
    pub enqueue_failed: u64,
    /// Items that went nowhere, because it exports nothing.
    pub not_exported: u64,
    /// Attempts beyond the first of their request.
    pub retries: u64,
    /// What the queue holds, in the unit of its sizer.
    pub queue_size: u64,
    /// Most that it may hold.
    pub queue_capacity: u64,
    /// Bytes that the queue holds.
    pub queue_bytes: u64,
    /// The last failure; empty when there was none.
    pub last_error: String,
    /// The endpoints, where several share the load.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balancer: Option<BalancerRow>,
}

/// The endpoints of a `load_balancing` exporter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BalancerRow {
    /// `static` or `dns`.
    pub resolver: &'static str,
    /// Times that the endpoints changed.
    pub updates: u64,
    /// Look-ups with an answer.
    pub resolutions: u64,
    /// Look-ups without.
    pub failed_resolutions: u64,
    /// The endpoints.
    pub endpoints: Vec<EndpointRow>,
}

/// One endpoint of a `load_balancing` exporter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointRow {
    /// As configured or looked up.
    pub endpoint: String,
    /// Requests that it took.
    pub sent_requests: u64,
    /// Requests that were given up.
    pub failed_requests: u64,
}

impl Status {
    /// Bytes that wait in batches, queues and connectors, series included.
    pub(crate) fn waiting_bytes(&self) -> u64 {
        let batches = self.batches.iter().map(|row| row.waiting_bytes);
        let queues = self.exporters.iter().map(|row| row.queue_bytes);
        let connectors = self.connectors.iter();
        let connectors = connectors.map(|row| {
            let totals = row.totals.as_ref();
            let totals = totals.map_or(0, |totals| totals.waiting_bytes + totals.series_bytes);
            row.waiting_bytes + row.series_bytes + totals
        });
        batches.chain(queues).chain(connectors).sum()
    }

    /// Asks everybody. Without a graph, after the shutdown, only the books are left.
    pub(crate) async fn gather(graph: Option<&Graph>, ground: &Ground, uptime: Duration) -> Self {
        let ledger = ground.ledger.snapshot();
        let admission = &ground.admission;
        Self {
            ready: graph.is_some() && ground.nursery.is_alive(),
            uptime_seconds: uptime.as_secs(),
            configuration: graph.map(configuration).unwrap_or_default(),
            addresses: graph.map(addresses).unwrap_or_default(),
            imbalance: ledger.imbalance(),
            ledger,
            admission: AdmissionRow {
                in_flight_bytes: admission.in_flight(),
                in_flight_bytes_max: admission.in_flight_max(),
                held_bytes: admission.held(),
                refused_requests: admission.refused(),
            },
            restarts: ground.nursery.restarts(),
            files: graph.map(files::rows).unwrap_or_default(),
            scraping: graph.map(scraping::rows).unwrap_or_default(),
            receivers: graph.map(receivers).unwrap_or_default(),
            samplers: match graph {
                Some(graph) => samplers::rows(graph).await,
                None => Vec::new(),
            },
            trace_aware: graph.map(trace_aware::rows).unwrap_or_default(),
            transforms: graph.map(transforms::rows).unwrap_or_default(),
            kubernetes: graph.map(kubernetes::rows).unwrap_or_default(),
            connectors: graph.map(connectors::rows).unwrap_or_default(),
            routes: graph.map(connectors::routes).unwrap_or_default(),
            batches: graph.map(batches).unwrap_or_default(),
            exporters: graph.map(exporters).unwrap_or_default(),
            pages: graph.map(pages::rows).unwrap_or_default(),
            peers: match &ground.membership {
                Some(membership) => membership.post.rows(),
                None => Vec::new(),
            },
        }
    }
}

/// Where the receivers of a graph listen.
pub(crate) fn addresses(graph: &Graph) -> Vec<BoundAddress> {
    let mut all = Vec::new();
    for (id, running) in &graph.receivers {
        all.extend(
            running
                .addresses()
                .map(|(transport, address)| BoundAddress {
                    receiver: id.to_string(),
                    transport: transport.name(),
                    address,
                }),
        );
    }
    all
}

/// The start of a digest of the effective settings, in which secrets are redacted.
fn configuration(graph: &Graph) -> String {
    let text = graph.settings.effective().to_string();
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let start = digest.as_ref().iter().take(8);
    start.map(|byte| format!("{byte:02x}")).collect()
}

fn receivers(graph: &Graph) -> Vec<ReceiverRow> {
    let mut rows = Vec::new();
    for (id, running) in &graph.receivers {
        for (transport, server) in running.servers() {
            for signal in Signal::ALL {
                rows.push(receiver(
                    &id.to_string(),
                    transport,
                    signal,
                    running,
                    Some(server),
                ));
            }
        }
        for (transport, server) in running.datagrams() {
            let mut row = receiver(&id.to_string(), transport, Signal::Traces, running, None);
            row.dropped_datagrams = Some(server.dropped());
            rows.push(row);
        }
        if running.scraping().is_some() {
            rows.push(receiver(
                &id.to_string(),
                Transport::Http,
                Signal::Metrics,
                running,
                None,
            ));
        }
        if running.reading().is_some() {
            for signal in Signal::ALL {
                rows.push(receiver(
                    &id.to_string(),
                    Transport::File,
                    signal,
                    running,
                    None,
                ));
            }
        }
    }
    rows
}

fn receiver(
    id: &str,
    transport: Transport,
    signal: Signal,
    running: &crate::graph::RunningReceiver,
    server: Option<&crate::ingress::Server>,
) -> ReceiverRow {
    let counts = running.intake.figures().of(transport, signal);
    ReceiverRow {
        receiver: id.to_owned(),
        transport: transport.name(),
        signal: signal.name(),
        accepted: counts.accepted.load(Relaxed),
        refused: counts.refused.load(Relaxed),
        requests: counts.requests.load(Relaxed),
        connections: server.map_or(0, |server| server.connections() as u64),
        failed_handshakes: server.map_or(0, crate::ingress::Server::failed_handshakes),
        dropped_datagrams: None,
    }
}

fn batches(graph: &Graph) -> Vec<BatchRow> {
    let rows = graph
        .batchers
        .iter()
        .map(|((pipeline, processor), running)| {
            let figures = running.batcher.figures();
            BatchRow {
                pipeline: pipeline.to_string(),
                processor: processor.to_string(),
                by_size: figures.by_size,
                by_timeout: figures.by_timeout,
                items: figures.items,
                bytes: figures.bytes,
                combinations: figures.combinations,
                waiting_items: figures.waiting_items,
                waiting_bytes: figures.waiting_bytes,
                sizes: Some(figures.sizes),
            }
        });
    rows.collect()
}

fn exporters(graph: &Graph) -> Vec<ExporterRow> {
    let running = graph.exporters.iter().map(|((id, signal), running)| {
        let snapshot = running.exporter.snapshot();
        ExporterRow {
            exporter: id.to_string(),
            signal: signal.name(),
            exports: true,
            sent: snapshot.sent_items,
            send_failed: snapshot.failed_items,
            enqueue_failed: snapshot.enqueue_failed_items,
            not_exported: 0,
            retries: snapshot.retries,
            queue_size: snapshot.queue_size,
            queue_capacity: snapshot.queue_capacity,
            queue_bytes: snapshot.queue_bytes,
            last_error: snapshot.last_error,
            balancer: snapshot.balancer.map(balancer),
        }
    });
    let nowhere = graph
        .not_exported
        .iter()
        .map(|((id, signal), counter)| ExporterRow {
            exporter: id.to_string(),
            signal: signal.name(),
            exports: false,
            sent: 0,
            send_failed: 0,
            enqueue_failed: 0,
            not_exported: counter.items.load(Relaxed),
            retries: 0,
            queue_size: 0,
            queue_capacity: 0,
            queue_bytes: 0,
            last_error: String::new(),
            balancer: None,
        });
    running.chain(nowhere).collect()
}

fn balancer(snapshot: BalancerSnapshot) -> BalancerRow {
    let endpoints = snapshot.outcomes.into_iter().map(|outcome| EndpointRow {
        endpoint: outcome.endpoint,
        sent_requests: outcome.sent_requests,
        failed_requests: outcome.failed_requests,
    });
    BalancerRow {
        resolver: snapshot.resolver,
        updates: snapshot.updates,
        resolutions: snapshot.resolutions,
        failed_resolutions: snapshot.failed_resolutions,
        endpoints: endpoints.collect(),
    }
}
