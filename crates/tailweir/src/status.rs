//! What `/status` says: this process, and what its gateway says about itself.
//!
//! The admin listener writes the page, and everybody reads it: people as text, the status line, and the
//! demo, which may ask another process. What nobody here reads is passed on as it is.

mod text;

pub(crate) use text::page;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The process around a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct ProcessStatus {
    /// Always `tailweir`.
    pub(crate) name: String,
    pub(crate) version: String,
    /// `ready`, `draining` or `failing`.
    pub(crate) phase: String,
    /// Where the configuration came from.
    pub(crate) sources: Vec<String>,
    /// 1 at the start, one more with each reload that took effect.
    pub(crate) revision: u64,
    /// The revision of the cluster's policies that is in force here; 0 when they are those of the file alone.
    #[serde(default)]
    pub(crate) policies: u64,
    /// Why the last reload did not take effect; absent when it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<String>,
}

/// The page as it is written.
#[derive(Debug, Serialize)]
pub(crate) struct FullPage {
    pub(crate) process: ProcessStatus,
    #[serde(flatten)]
    pub(crate) gateway: tailweir_gateway::Status,
}

/// What is read of the page.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub(crate) struct StatusPage {
    pub(crate) process: ProcessStatus,
    pub(crate) uptime_seconds: u64,
    pub(crate) addresses: Vec<Address>,
    pub(crate) ledger: Ledger,
    pub(crate) samplers: Vec<Sampler>,
    pub(crate) exporters: Vec<Exporter>,
}

/// Where a receiver listens.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Address {
    pub(crate) receiver: String,
    pub(crate) transport: String,
    pub(crate) address: String,
}

/// The books of all signals.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub(crate) struct Ledger {
    pub(crate) signals: BTreeMap<String, Books>,
}

/// A number of items and of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(crate) struct Amount {
    /// Spans, data points or log records.
    pub(crate) items: u64,
    /// Bytes of these items as they arrived.
    pub(crate) bytes: u64,
}

impl Amount {
    /// What was added since `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            items: self.items.saturating_sub(before.items),
            bytes: self.bytes.saturating_sub(before.bytes),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            items: self.items + other.items,
            bytes: self.bytes + other.bytes,
        }
    }
}

/// The books of one signal. The words are those of the gateway's ledger.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub(crate) struct Books {
    pub(crate) acknowledged: Amount,
    pub(crate) refused: Amount,
    pub(crate) taken: Amount,
    pub(crate) copied: Amount,
    pub(crate) delivered: Amount,
    pub(crate) spooled: Amount,
    pub(crate) held: Amount,
    /// Taken over by other members of the cluster.
    #[serde(default)]
    pub(crate) handed_over: Amount,
    pub(crate) dropped: BTreeMap<String, Amount>,
    pub(crate) lost: BTreeMap<String, Amount>,
}

impl Books {
    /// Everything that was left out on purpose.
    pub(crate) fn dropped_in_all(&self) -> Amount {
        sum(&self.dropped)
    }

    /// Everything that is gone.
    pub(crate) fn lost_in_all(&self) -> Amount {
        sum(&self.lost)
    }

    /// What was entered since `before`; what is held or spooled stays what there is now.
    pub(crate) fn since(&self, before: &Self) -> Self {
        Self {
            acknowledged: self.acknowledged.since(before.acknowledged),
            refused: self.refused.since(before.refused),
            taken: self.taken.since(before.taken),
            copied: self.copied.since(before.copied),
            delivered: self.delivered.since(before.delivered),
            spooled: self.spooled,
            held: self.held,
            handed_over: self.handed_over.since(before.handed_over),
            dropped: each_since(&self.dropped, &before.dropped),
            lost: each_since(&self.lost, &before.lost),
        }
    }

    /// By how many items the books do not balance. Zero when nothing moves.
    pub(crate) fn imbalance(&self) -> u64 {
        let into = self.taken.items + self.copied.items;
        let out = self.delivered.items
            + self.spooled.items
            + self.held.items
            + self.handed_over.items
            + self.dropped_in_all().items
            + self.lost_in_all().items;
        into.abs_diff(out)
    }
}

fn sum(amounts: &BTreeMap<String, Amount>) -> Amount {
    amounts
        .values()
        .copied()
        .fold(Amount::default(), Amount::plus)
}

fn each_since(
    now: &BTreeMap<String, Amount>,
    before: &BTreeMap<String, Amount>,
) -> BTreeMap<String, Amount> {
    let entry = |(reason, amount): (&String, &Amount)| {
        let before = before.get(reason).copied().unwrap_or_default();
        (reason.clone(), amount.since(before))
    };
    now.iter().map(entry).collect()
}

/// Traces, spans and bytes that went one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(crate) struct TraceAmount {
    pub(crate) traces: u64,
    pub(crate) spans: u64,
    pub(crate) bytes: u64,
}

impl TraceAmount {
    /// What was added since `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            traces: self.traces.saturating_sub(before.traces),
            spans: self.spans.saturating_sub(before.spans),
            bytes: self.bytes.saturating_sub(before.bytes),
        }
    }
}

/// What one policy did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub(crate) struct Policy {
    pub(crate) policy: String,
    pub(crate) sampled: TraceAmount,
    pub(crate) dropped: TraceAmount,
}

/// One `tail_sampling` processor of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub(crate) struct Sampler {
    pub(crate) pipeline: String,
    pub(crate) processor: String,
    pub(crate) held: TraceAmount,
    pub(crate) sampled: TraceAmount,
    pub(crate) not_sampled: TraceAmount,
    pub(crate) dropped: TraceAmount,
    pub(crate) late_sampled: TraceAmount,
    pub(crate) late_not_sampled: TraceAmount,
    pub(crate) policies: Vec<Policy>,
}

/// One exporter, for one signal.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub(crate) struct Exporter {
    pub(crate) exporter: String,
    pub(crate) signal: String,
    pub(crate) sent: u64,
    pub(crate) send_failed: u64,
    pub(crate) queue_bytes: u64,
    pub(crate) last_error: String,
}

impl StatusPage {
    /// Reads a page.
    ///
    /// # Errors
    /// When the text is not a page of this or a near version.
    pub(crate) fn read(json: &str) -> serde_json::Result<Self> {
        serde_json::from_str(json)
    }

    /// The books of traces.
    pub(crate) fn traces(&self) -> Books {
        self.ledger
            .signals
            .get("traces")
            .cloned()
            .unwrap_or_default()
    }
}
