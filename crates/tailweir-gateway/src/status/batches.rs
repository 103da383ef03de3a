//! What `batch` processors have put together.

use crate::buckets::Buckets;
use crate::graph::Graph;
use serde::Serialize;

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

/// A row for each of them.
pub(super) fn rows(graph: &Graph) -> Vec<BatchRow> {
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
