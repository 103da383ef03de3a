//! Processors that change requests.

use crate::graph::Graph;
use serde::Serialize;
use std::collections::BTreeMap;
use tailweir_transform::Count;

/// A processor of one pipeline that changes requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TransformRow {
    /// The pipeline's id.
    pub pipeline: String,
    /// `traces`, `metrics` or `logs`.
    pub signal: &'static str,
    /// The processor's id.
    pub processor: String,
    /// Items that came in.
    pub incoming: u64,
    /// Items that were handed on.
    pub outgoing: u64,
    /// Items that were left out.
    pub dropped: u64,
    /// Items of requests that could not be processed.
    pub failed: u64,
    /// What else it has counted.
    #[serde(skip)]
    pub(crate) counts: BTreeMap<Count, u64>,
}

/// A row for each of them.
pub(super) fn rows(graph: &Graph) -> Vec<TransformRow> {
    let rows = graph
        .transforms
        .iter()
        .map(|((pipeline, processor), figures)| {
            let figures = figures.lock().clone();
            TransformRow {
                pipeline: pipeline.to_string(),
                signal: pipeline.signal.name(),
                processor: processor.to_string(),
                incoming: figures.incoming,
                outgoing: figures.outgoing,
                dropped: figures.dropped,
                failed: figures.failed,
                counts: figures.counts,
            }
        });
    rows.collect()
}
