//! Receivers that scrape.

use crate::graph::Graph;
use serde::Serialize;
use std::sync::atomic::Ordering::Relaxed;

/// A receiver that scrapes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScrapeRow {
    /// The receiver's id.
    pub receiver: String,
    /// Targets that it scrapes.
    pub targets: u64,
    /// Targets that other members of the cluster scrape.
    pub targets_elsewhere: u64,
    /// Members that share the targets, this one included; none without a cluster.
    pub sharers: u64,
    /// Times that nobody said who shares them.
    pub unanswered_calls: u64,
    /// Targets that cannot be scraped, as they are none.
    pub refused_targets: u64,
    /// Files of targets that cannot be read.
    pub unreadable_files: u64,
    /// Scrapes, by what came of them: `good`, `unanswered`, `unreadable`, `limited`.
    pub scrapes: [(&'static str, u64); 4],
    /// Samples that were left out of good scrapes.
    pub left_out_samples: u64,
    /// Scrapes that no pipeline took before the next was due.
    pub lost: u64,
}

/// A row for each of them.
pub(super) fn rows(graph: &Graph) -> Vec<ScrapeRow> {
    let rows = graph.receivers.iter().filter_map(|(id, running)| {
        let figures = running.scraping()?.figures();
        Some(ScrapeRow {
            receiver: id.to_string(),
            targets: figures.targets.load(Relaxed),
            targets_elsewhere: figures.targets_elsewhere.load(Relaxed),
            sharers: figures.sharers.load(Relaxed),
            unanswered_calls: figures.unanswered_calls.load(Relaxed),
            refused_targets: figures.refused_targets.load(Relaxed),
            unreadable_files: figures.unreadable_files.load(Relaxed),
            scrapes: [
                ("good", figures.good.load(Relaxed)),
                ("unanswered", figures.unanswered.load(Relaxed)),
                ("unreadable", figures.unreadable.load(Relaxed)),
                ("limited", figures.limited.load(Relaxed)),
            ],
            left_out_samples: figures.left_out.load(Relaxed),
            lost: figures.lost.load(Relaxed),
        })
    });
    rows.collect()
}
