//! What exporters have sent, what waits in their queues, and how they share a load.

use crate::graph::Graph;
use serde::Serialize;
use std::sync::atomic::Ordering::Relaxed;
use tailweir_export::BalancerSnapshot;
use tailweir_spool::Figures;

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
    /// Bytes that the queue holds in memory.
    pub queue_bytes: u64,
    /// The last failure; empty when there was none.
    pub last_error: String,
    /// The endpoints, where several share the load.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balancer: Option<BalancerRow>,
    /// The queue's files, where it is on disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spool: Option<SpoolRow>,
}

/// A queue on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SpoolRow {
    /// Requests that are not sent yet.
    pub entries: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Most that they may become.
    pub bytes_max: u64,
    /// Calls that the file system refused.
    pub failures: u64,
    /// Bytes found at the start that are no request: writes that a crash tore, or damage.
    pub ignored_bytes: u64,
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

/// A row for each signal of each of them, and for those that export nothing.
pub(super) fn rows(graph: &Graph) -> Vec<ExporterRow> {
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
            spool: snapshot.spool.map(spool),
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
            spool: None,
        });
    running.chain(nowhere).collect()
}

fn spool(figures: Figures) -> SpoolRow {
    SpoolRow {
        entries: figures.entries,
        bytes: figures.bytes,
        bytes_max: figures.bytes_max,
        failures: figures.failures,
        ignored_bytes: figures.ignored_bytes,
    }
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
