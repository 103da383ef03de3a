//! Receivers of files.

use crate::graph::Graph;
use serde::Serialize;
use std::sync::atomic::Ordering::Relaxed;

/// A receiver that reads files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileRow {
    /// The receiver's id.
    pub receiver: String,
    /// Files that it reads.
    pub files: u64,
    /// Records that could not be read or were refused for good, and files that could not be opened.
    pub unreadable: u64,
}

/// A row for each of them.
pub(super) fn rows(graph: &Graph) -> Vec<FileRow> {
    let rows = graph.receivers.iter().filter_map(|(id, running)| {
        let figures = running.reading()?.figures();
        Some(FileRow {
            receiver: id.to_string(),
            files: figures.files.load(Relaxed),
            unreadable: figures.unreadable.load(Relaxed),
        })
    });
    rows.collect()
}
