//! What a receiver that scrapes counts.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tailweir_scrape::{Outcome, ScrapeError};

/// Counts of a receiver that scrapes.
#[derive(Debug, Default)]
pub(crate) struct ScrapeFigures {
    /// Targets that this process scrapes.
    pub(crate) targets: AtomicU64,
    /// Targets that other members of the cluster scrape.
    pub(crate) targets_elsewhere: AtomicU64,
    /// Members that share the targets; none without a cluster.
    pub(crate) sharers: AtomicU64,
    /// Calls to the roll of those who share that had no answer.
    pub(crate) unanswered_calls: AtomicU64,
    /// Targets that cannot be scraped, as they are none.
    pub(crate) refused_targets: AtomicU64,
    /// Files of targets that cannot be read.
    pub(crate) unreadable_files: AtomicU64,
    /// Scrapes that went well.
    pub(crate) good: AtomicU64,
    /// Scrapes of targets that did not answer, or not well.
    pub(crate) unanswered: AtomicU64,
    /// Scrapes whose page could not be read.
    pub(crate) unreadable: AtomicU64,
    /// Scrapes that a limit ended.
    pub(crate) limited: AtomicU64,
    /// Samples that were left out of scrapes that went well.
    pub(crate) left_out: AtomicU64,
    /// Scrapes that no pipeline took in time.
    pub(crate) lost: AtomicU64,
}

impl ScrapeFigures {
    /// Takes notice of the targets that there are, its own and those of others.
    pub(super) fn found(&self, (own, elsewhere): (usize, usize), refused: u64, unreadable: u64) {
        self.targets.store(own as u64, Relaxed);
        self.targets_elsewhere.store(elsewhere as u64, Relaxed);
        self.refused_targets.store(refused, Relaxed);
        self.unreadable_files.store(unreadable, Relaxed);
    }

    /// Takes notice of those who share them.
    pub(super) fn shared(&self, sharers: u64, unanswered_calls: u64) {
        self.sharers.store(sharers, Relaxed);
        self.unanswered_calls.store(unanswered_calls, Relaxed);
    }

    /// Counts a scrape.
    pub(super) fn scraped(&self, outcome: &Outcome) {
        let counter = match &outcome.error {
            None => &self.good,
            Some(ScrapeError::Fetch(_)) => &self.unanswered,
            Some(
                ScrapeError::Malformed { .. }
                | ScrapeError::BadSchema { .. }
                | ScrapeError::NoName
                | ScrapeError::BadName(_)
                | ScrapeError::LabelTwice { .. },
            ) => &self.unreadable,
            Some(_) => &self.limited,
        };
        counter.fetch_add(1, Relaxed);
        if outcome.error.is_none() {
            self.left_out.fetch_add(outcome.left_out, Relaxed);
        }
    }
}
