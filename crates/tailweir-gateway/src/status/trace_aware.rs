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
    /// Traces for which records wait.
    pub waiting_traces: u64,
    /// Bytes that wait for decisions.
    pub waiting_bytes: u64,
    /// Bytes that wait for room behind.
    pub leaving_bytes: u64,
}

impl TraceAwareRow {
    /// Records by the name of what became of them.
    pub(crate) fn outcomes(&self) -> [(&'static str, u64); 8] {
        [
            ("kept", self.kept),
            ("dropped", self.dropped),
            ("severe", self.severe),
            ("untraced", self.untraced),
            ("untraced_left_out", self.untraced_left_out),
            ("undecided", self.undecided),
            ("undecided_dropped", self.undecided_dropped),
            ("overflow", self.overflow),
        ]
    }
}

/// A row for each of them.
pub(super) fn rows(graph: &Graph) -> Vec<TraceAwareRow> {
    let rows = graph.trace_aware.iter().map(|((pipeline, id), running)| {
        let figures = running.stage.figures();
        let TraceAwareCounts {
            kept,
            dropped,
            severe,
            untraced,
            untraced_left_out,
            undecided,
            undecided_dropped,
            overflow,
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
            waiting_traces: figures.waiting_traces,
            waiting_bytes: figures.waiting_bytes,
            leaving_bytes: figures.leaving_bytes,
        }
    });
    rows.collect()
}
