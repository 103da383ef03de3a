//! What exporters that are scraped show.

use crate::graph::Graph;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// The page of an exporter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageRow {
    /// The exporter's id.
    pub exporter: String,
    /// Where it listens, with the port that was bound; nothing for a Unix socket.
    pub address: Option<SocketAddr>,
    /// Series that there are.
    pub series: u64,
    /// Bytes of memory that they take, about.
    pub memory_bytes: u64,
    /// Points that could not be shown as they came, by what was the matter.
    pub troubles: BTreeMap<&'static str, u64>,
}

pub(super) fn rows(graph: &Graph) -> Vec<PageRow> {
    let running = graph.exporters.iter();
    running
        .filter_map(|((id, _), running)| Some((id, running.page.as_ref()?)))
        .map(|(id, page)| {
            let figures = page.scraped.figures();
            PageRow {
                exporter: id.to_string(),
                address: page.address(),
                series: figures.series,
                memory_bytes: figures.memory,
                troubles: figures.troubles.into_iter().collect(),
            }
        })
        .collect()
}
