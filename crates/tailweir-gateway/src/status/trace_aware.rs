//! Processors that keep logs with their traces.

use crate::graph::Graph;
use crate::pipeline::TraceAwareCounts;
use serde::Serialize;

/// A trace-aware processor of one logs pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TraceAwareRow {
    /// The pipeline's id.
    pub pipeline: String,
    /// The processor's id.
    pub processor: String,
    /// Records that were kept because their trace was.
    pub kept: u64,
    /// Records that were dropped because their trace was not kept.
    pub dropped: u64,
    /// Records that passed for their severity.
    pub severe: u64,
    /// Records without a trace id that passed.
    pub untraced: u64,
    /// Records without a trace id that were left out.
    pub untraced_left_out: u64,
    /// Records that passed because nobody decided about their trace in time.
    pub undecided: u64,
    /// Records that were dropped because nobody decided about their trace in time.
    pub undecided_dropped: u64,
    /// Records that passed because there was no room for them to wait.
    pub overflow: u64,
    /// Records that another member of the cluster took over: their slots moved.
    pub handed_over: u64,
    /// Records that clients of a cluster sent again, and that were known.
    pub duplicates: u64,
    /// Traces for which records wait.
    pub waiting_traces: u64,
    /// Bytes that wait for decisions.
    pub waiting_bytes: u64,
    /// Bytes that wait for room behind.
    pub leaving_bytes: u64,
    /// Bytes that are kept for other members of the cluster.
    pub copied_bytes: u64,
    /// Records of the protocol that were not stored for other members, for want of room.
    pub copies_refused: u64,
}

impl TraceAwareRow {
    /// Records by the name of what became of them.
    pub(crate) fn outcomes(&self) -> [(&'static str, u64); 10] {
        [
            ("kept", self.kept),
            ("dropped", self.dropped),
            ("severe", self.severe),
            ("untraced", self.untraced),
            ("untraced_left_out", self.untraced_left_out),
            ("undecided", self.undecided),
            ("undecided_dropped", self.undecided_dropped),
            ("overflow", self.overflow),
            ("handed_over", self.handed_over),
            ("duplicate", self.duplicates),
        ]
    }
}

/// A row for each of them.
pub(super) fn rows(graph: &Graph) -> Vec<TraceAwareRow> {
    let rows = graph.trace_aware.iter().map(|((pipeline, id), stage)| {
        let figures = stage.figures();
        let TraceAwareCounts {
            kept,
            dropped,
            severe,
            untraced,
            untraced_left_out,
            undecided,
            undecided_dropped,
            overflow,
            handed_over,
            duplicates,
        } = figures.counts;
        TraceAwareRow {
            pipeline: pipeline.to_string(),
            processor: id.to_string(),
            kept,
            dropped,
            severe,
            untraced,
            untraced_left_out,
            undecided,
            undecided_dropped,
            overflow,
            handed_over,
            duplicates,
            waiting_traces: figures.waiting_traces,
            waiting_bytes: figures.waiting_bytes,
            leaving_bytes: figures.leaving_bytes,
            copied_bytes: figures.copied_bytes,
            copies_refused: figures.copies_refused,
        }
    });
    rows.collect()
}
