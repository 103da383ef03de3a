//! Connectors that make telemetry, and what routes do.

use crate::graph::{Graph, RunningConnector, RunningSums};
use crate::pipeline::ConnectorFigures;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use tailweir_connect::SeriesFigures;
use tailweir_core::Signal;

/// A connector that makes telemetry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConnectorRow {
    /// The connector's id.
    pub connector: String,
    /// Items that pipelines brought, by signal.
    pub received: BTreeMap<&'static str, u64>,
    /// Items that it made, by signal.
    pub made: BTreeMap<&'static str, u64>,
    /// Bytes of what it made that wait for room behind.
    pub waiting_bytes: u64,
    /// Series that it keeps.
    pub series: u64,
    /// Bytes that they take, about.
    pub series_bytes: u64,
    /// Their bound.
    pub series_bytes_max: u64,
    /// Requests between services that wait for their other half.
    pub waiting_edges: u64,
    /// Exemplars that wait for the decision on their trace.
    pub waiting_exemplars: u64,
    /// Exemplars that were given up, because no member of the cluster knew what became of their trace.
    pub exemplars_given_up: u64,
    /// In a cluster, what this member adds up of what all count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub totals: Option<TotalsRow>,
    /// What else it has counted.
    #[serde(skip)]
    pub(crate) figures: SeriesFigures,
}

/// The totals of a connector at one member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TotalsRow {
    /// Data points that it wrote.
    pub written: u64,
    /// Bytes of what it wrote that wait for room behind.
    pub waiting_bytes: u64,
    /// Series that it keeps.
    pub series: u64,
    /// Bytes that they take, about.
    pub series_bytes: u64,
    /// Their bound.
    pub series_bytes_max: u64,
    /// Data points of changes that found no room for a series of their own.
    pub overflowed: u64,
    /// Changes of a slot that were brought again, and known.
    pub repeated: u64,
    /// Slots whose totals another owner handed over.
    pub taken_over: u64,
    /// Slots whose totals did not come from their owner before, so that their series began anew.
    pub begun_anew: u64,
    /// Slots whose totals wait to be handed over.
    pub leaving: u64,
}

/// A connector that routes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RouteRow {
    /// The connector's id.
    pub connector: String,
    /// Items that pipelines brought.
    pub received: u64,
    /// Items that no route wanted.
    pub unrouted: u64,
    /// Items of requests that could not be routed.
    pub failed: u64,
}

/// A row for each connector that routes.
pub(super) fn routes(graph: &Graph) -> Vec<RouteRow> {
    let rows = graph.routes.iter().map(|(id, figures)| RouteRow {
        connector: id.to_string(),
        received: figures.received.load(Relaxed),
        unrouted: figures.unrouted.load(Relaxed),
        failed: figures.failed.load(Relaxed),
    });
    rows.collect()
}

/// A row for each of them.
pub(super) fn rows(graph: &Graph) -> Vec<ConnectorRow> {
    let rows = graph.connectors.iter().map(|(id, running)| {
        let figures = figures(running);
        ConnectorRow {
            connector: id.to_string(),
            received: by_signal(figures.counts.received),
            made: by_signal(figures.counts.made),
            waiting_bytes: figures.waiting_bytes,
            series: figures.series.series,
            series_bytes: figures.series.memory,
            series_bytes_max: figures.series.memory_max,
            waiting_edges: figures.series.edges,
            waiting_exemplars: figures.series.exemplars_waiting,
            exemplars_given_up: figures.series.exemplars_given_up,
            totals: running.sums.as_ref().map(totals),
            figures: figures.series,
        }
    });
    rows.collect()
}

/// What a connector says of itself, with what brings its halves to other members.
fn figures(running: &RunningConnector) -> ConnectorFigures {
    let mut figures = running.connector.figures();
    if let Some(pairing) = &running.pairing {
        let counts = pairing.pairing.counts();
        figures.waiting_bytes += counts.waiting_bytes;
        figures.series.edges_without_room += counts.without_room;
        figures.series.without_service += counts.without_service;
    }
    figures
}

fn totals(running: &RunningSums) -> TotalsRow {
    let (figures, counts) = (running.sums.figures(), running.summing.counts());
    TotalsRow {
        written: figures.counts.made[Signal::Metrics as usize],
        waiting_bytes: figures.waiting_bytes,
        series: figures.series.series,
        series_bytes: figures.series.memory,
        series_bytes_max: figures.series.memory_max,
        overflowed: figures.series.overflowed,
        repeated: counts.repeated,
        taken_over: counts.taken_over,
        begun_anew: counts.begun_anew,
        leaving: counts.leaving,
    }
}

/// The counts that are not zero, by the name of the signal.
fn by_signal(counts: [u64; Signal::ALL.len()]) -> BTreeMap<&'static str, u64> {
    let named = Signal::ALL.into_iter().map(Signal::name).zip(counts);
    named.filter(|(_, count)| *count > 0).collect()
}
