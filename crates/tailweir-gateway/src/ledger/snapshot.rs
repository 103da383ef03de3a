//! The books at one moment, for the status page and for tests.

use serde::Serialize;
use std::collections::BTreeMap;
use tailweir_export::Amount;

/// A number of items and of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct AmountRow {
    /// Spans, data points or log records.
    pub items: u64,
    /// Bytes of these items as they arrived.
    pub bytes: u64,
}

impl From<Amount> for AmountRow {
    fn from(amount: Amount) -> Self {
        Self {
            items: amount.items,
            bytes: amount.bytes,
        }
    }
}

/// The books of one signal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LedgerRow {
    /// Told to clients to be safe.
    pub acknowledged: AmountRow,
    /// Told to clients not to be taken. Not part of the sum.
    pub refused: AmountRow,
    /// Taken by the gateway; at least what was acknowledged.
    pub taken: AmountRow,
    /// Further copies, where a request or a kept trace goes to several pipelines.
    pub copied: AmountRow,
    /// Accepted by the backends they were for.
    pub delivered: AmountRow,
    /// On disk, in queues of exporters: it survives the process.
    pub spooled: AmountRow,
    /// In the store, in batches, in queues in memory, on their way.
    pub held: AmountRow,
    /// Held by another member of the cluster, which took them over. Zero outside a cluster.
    pub handed_over: AmountRow,
    /// Left out on purpose, by reason.
    pub dropped: BTreeMap<&'static str, AmountRow>,
    /// Gone, by reason.
    pub lost: BTreeMap<&'static str, AmountRow>,
}

/// The books of all signals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LedgerSnapshot {
    /// By the signal's name.
    pub signals: BTreeMap<&'static str, LedgerRow>,
}

impl LedgerSnapshot {
    /// By how much the books do not balance, over all signals, items and bytes. Zero when nothing
    /// moves; anything else is a defect of the gateway.
    #[must_use]
    pub fn imbalance(&self) -> u64 {
        self.signals.values().map(LedgerRow::imbalance).sum()
    }
}

impl LedgerRow {
    /// As [`LedgerSnapshot::imbalance`], for one signal.
    #[must_use]
    pub fn imbalance(&self) -> u64 {
        let uncovered = self.acknowledged.items.saturating_sub(self.taken.items);
        self.off_by(|amount| amount.items) + self.off_by(|amount| amount.bytes) + uncovered
    }

    /// Items lost, for whatever reason.
    #[must_use]
    pub fn lost_items(&self) -> u64 {
        self.lost.values().map(|amount| amount.items).sum()
    }

    fn off_by(&self, of: impl Fn(&AmountRow) -> u64) -> u64 {
        let sum = |rows: &BTreeMap<&'static str, AmountRow>| rows.values().map(&of).sum::<u64>();
        let into = of(&self.taken) + of(&self.copied);
        let out = of(&self.delivered)
            + of(&self.spooled)
            + of(&self.held)
            + of(&self.handed_over)
            + sum(&self.dropped)
            + sum(&self.lost);
        into.abs_diff(out)
    }
}
