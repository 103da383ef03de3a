//! The books: what was taken, and what became of it.
//!
//! ```text
//! taken + copied = delivered + dropped{decision} + spooled + held + handed over + lost{reason}
//! ```
//!
//! holds for items and for bytes of each signal whenever nothing moves; [`LedgerSnapshot::imbalance`]
//! says by how much it does not. Everything *acknowledged* to a client was taken first. Not everything
//! taken is acknowledged: when one part of a request cannot be held, the whole request is refused, and
//! the parts that were held go their way all the same (the resend is recognised by its ids).
//!
//! What is spooled is on disk, in the queue of an exporter. It stays in that column when the process ends; what the next
//! one finds there is taken by that.
//!
//! Items are spans, data points or log records. Bytes are those of the items as they were taken,
//! whatever edits, batches and compression do to them later, so that the columns can be added up. (Edits
//! before a sampler change how much it takes of what was acknowledged.)

mod charge;
mod snapshot;

pub(crate) use charge::{Charge, Custody, Guard};
pub use snapshot::{AmountRow, LedgerRow, LedgerSnapshot};

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tailweir_core::Signal;
use tailweir_export::{Amount, LossReason};

/// An amount that only grows.
#[derive(Debug, Default)]
struct Total {
    items: AtomicU64,
    bytes: AtomicU64,
}

impl Total {
    fn add(&self, amount: Amount) {
        self.items.fetch_add(amount.items, Relaxed);
        self.bytes.fetch_add(amount.bytes, Relaxed);
    }

    fn subtract(&self, amount: Amount) {
        self.items.fetch_sub(amount.items, Relaxed);
        self.bytes.fetch_sub(amount.bytes, Relaxed);
    }

    fn get(&self) -> Amount {
        Amount {
            items: self.items.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
        }
    }
}

/// Why items were left out on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// No policy wanted the trace.
    NotSampled,
    /// A `drop` policy dropped the trace.
    DropPolicy,
    /// The same span had been taken before.
    Duplicate,
    /// `drop_pending_traces_on_shutdown` is set and the gateway stopped.
    PendingAtShutdown,
    /// The exporter is not built in this version, or is `nop`.
    NotExported,
    /// A condition of a `filter` processor.
    Filtered,
    /// A `probabilistic_sampler` did not choose it.
    NotSampledByChance,
    /// A processor made one data point of several.
    Merged,
    /// It was for connectors alone, which counted it.
    Counted,
    /// No route of a `routing` connector wanted it, and there is no default.
    NotRouted,
    /// Nobody decided about its trace in time, and `undecided` is `drop`.
    Undecided,
}

impl DropReason {
    /// Each of them, in the order in which reports list them.
    pub const ALL: [Self; 11] = [
        Self::NotSampled,
        Self::DropPolicy,
        Self::Duplicate,
        Self::PendingAtShutdown,
        Self::NotExported,
        Self::Filtered,
        Self::NotSampledByChance,
        Self::Merged,
        Self::Counted,
        Self::NotRouted,
        Self::Undecided,
    ];

    /// Its name in metrics and on the status page.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotSampled => "not_sampled",
            Self::DropPolicy => "drop_policy",
            Self::Duplicate => "duplicate",
            Self::PendingAtShutdown => "pending_at_shutdown",
            Self::NotExported => "not_exported",
            Self::Filtered => "filtered",
            Self::NotSampledByChance => "not_sampled_by_chance",
            Self::Merged => "merged",
            Self::Counted => "counted",
            Self::NotRouted => "not_routed",
            Self::Undecided => "undecided",
        }
    }
}

/// The books of one signal.
#[derive(Debug, Default)]
struct Book {
    acknowledged: Total,
    refused: Total,
    taken: Total,
    copied: Total,
    delivered: Total,
    handed_over: Total,
    stored: Total,
    moving: Total,
    spooled: Total,
    dropped: [Total; DropReason::ALL.len()],
    lost: [Total; LossReason::ALL.len()],
}

/// The books of all signals. Counters only; cheap enough for every request.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    books: [Book; Signal::ALL.len()],
}

impl Ledger {
    fn book(&self, signal: Signal) -> &Book {
        &self.books[signal as usize]
    }

    /// A client was told that these items are safe.
    pub(crate) fn acknowledged(&self, signal: Signal, amount: Amount) {
        self.book(signal).acknowledged.add(amount);
    }

    /// A client was told that nothing of these items is safe.
    pub(crate) fn refused(&self, signal: Signal, amount: Amount) {
        self.book(signal).refused.add(amount);
    }

    /// The gateway holds these items from here on.
    pub(crate) fn taken(&self, signal: Signal, amount: Amount) {
        self.book(signal).taken.add(amount);
    }

    /// Items were left out on purpose.
    pub(crate) fn dropped(&self, signal: Signal, reason: DropReason, amount: Amount) {
        self.book(signal).dropped[reason as usize].add(amount);
    }

    /// Items that were taken here are another member's from here on: it said so.
    pub(crate) fn handed_over(&self, signal: Signal, amount: Amount) {
        self.book(signal).handed_over.add(amount);
    }

    /// Items are gone.
    pub(crate) fn lost(&self, signal: Signal, reason: LossReason, amount: Amount) {
        self.book(signal).lost[reason as usize].add(amount);
    }

    /// A store that reported `before` holds `now`. Its own count, so that a span which the store
    /// forgets shows as an imbalance.
    pub(crate) fn store_holds(&self, signal: Signal, before: Amount, now: Amount) {
        let stored = &self.book(signal).stored;
        stored.add(now);
        stored.subtract(before);
    }

    /// The books as they stand.
    pub(crate) fn snapshot(&self) -> LedgerSnapshot {
        let rows = Signal::ALL.map(|signal| (signal.name(), self.book(signal).row()));
        LedgerSnapshot {
            signals: BTreeMap::from(rows),
        }
    }
}

impl Book {
    fn row(&self) -> LedgerRow {
        let (stored, moving) = (self.stored.get(), self.moving.get());
        let held = AmountRow {
            items: stored.items.saturating_add(moving.items),
            bytes: stored.bytes.saturating_add(moving.bytes),
        };
        LedgerRow {
            acknowledged: self.acknowledged.get().into(),
            refused: self.refused.get().into(),
            taken: self.taken.get().into(),
            copied: self.copied.get().into(),
            delivered: self.delivered.get().into(),
            spooled: self.spooled.get().into(),
            held,
            handed_over: self.handed_over.get().into(),
            dropped: named(DropReason::ALL.map(DropReason::name), &self.dropped),
            lost: named(LossReason::ALL.map(LossReason::name), &self.lost),
        }
    }
}

fn named<const N: usize>(
    names: [&'static str; N],
    totals: &[Total; N],
) -> BTreeMap<&'static str, AmountRow> {
    let rows = totals.iter().map(|total| total.get().into());
    names.into_iter().zip(rows).collect()
}
