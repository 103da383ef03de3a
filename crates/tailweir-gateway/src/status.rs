//! What a gateway says about itself, for the admin page and for the metrics.

mod batches;
mod connectors;
mod exporters;
mod files;
mod kubernetes;
mod pages;
mod peers;
mod receivers;
mod samplers;
mod scraping;
mod trace_aware;
mod transforms;

pub use batches::BatchRow;
pub use connectors::{ConnectorRow, RouteRow, TotalsRow};
pub use exporters::{BalancerRow, EndpointRow, ExporterRow, SpoolRow};
pub use files::FileRow;
pub use kubernetes::{KubernetesKindRow, KubernetesRow};
pub use pages::PageRow;
pub use peers::{PeerRow, PeerTraffic};
pub(crate) use receivers::addresses;
pub use receivers::{BoundAddress, ReceiverRow};
pub use samplers::{DecisionRow, MemberRow, PolicyRow, SamplerRow, TimesRow, VotesRow};
pub use scraping::ScrapeRow;
pub use trace_aware::TraceAwareRow;
pub use transforms::TransformRow;

use crate::graph::{Graph, Ground};
use crate::ledger::LedgerSnapshot;
use serde::Serialize;
use std::time::Duration;

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
    /// Their bound: what memory allows.
    pub in_flight_bytes_max: u64,
    /// Bytes of requests that samplers work on.
    pub sampling_bytes: u64,
    /// Their bound: those in flight, or while samplers answer late what they answer in time.
    pub sampling_bytes_max: u64,
    /// Memory of what is held behind it, in bytes.
    pub held_bytes: u64,
    /// Requests that were refused for want of room.
    pub refused_requests: u64,
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
                sampling_bytes: admission.sampling(),
                sampling_bytes_max: admission.sampling_max(),
                held_bytes: admission.held(),
                refused_requests: admission.refused(),
            },
            restarts: ground.nursery.restarts(),
            files: graph.map(files::rows).unwrap_or_default(),
            scraping: graph.map(scraping::rows).unwrap_or_default(),
            receivers: graph.map(receivers::rows).unwrap_or_default(),
            samplers: match graph {
                Some(graph) => samplers::rows(graph).await,
                None => Vec::new(),
            },
            trace_aware: graph.map(trace_aware::rows).unwrap_or_default(),
            transforms: graph.map(transforms::rows).unwrap_or_default(),
            kubernetes: graph.map(kubernetes::rows).unwrap_or_default(),
            connectors: graph.map(connectors::rows).unwrap_or_default(),
            routes: graph.map(connectors::routes).unwrap_or_default(),
            batches: graph.map(batches::rows).unwrap_or_default(),
            exporters: graph.map(exporters::rows).unwrap_or_default(),
            pages: graph.map(pages::rows).unwrap_or_default(),
            peers: match &ground.membership {
                Some(membership) => membership.post.rows(),
                None => Vec::new(),
            },
        }
    }
}

/// The start of a digest of the effective settings, in which secrets are redacted.
fn configuration(graph: &Graph) -> String {
    let text = graph.settings.effective().to_string();
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let start = digest.as_ref().iter().take(8);
    start.map(|byte| format!("{byte:02x}")).collect()
}
