//! Where receivers listen, and what they have taken.

use crate::graph::{Graph, RunningReceiver};
use crate::ingress::{Server, Transport};
use serde::Serialize;
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use tailweir_core::Signal;

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

/// A row for each signal of each of their transports.
pub(super) fn rows(graph: &Graph) -> Vec<ReceiverRow> {
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
    running: &RunningReceiver,
    server: Option<&Server>,
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
        failed_handshakes: server.map_or(0, Server::failed_handshakes),
        dropped_datagrams: None,
    }
}
