//! Receipts: each accepted item is reported delivered or lost, exactly once.

use crate::LossReason;
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;

/// A number of items and of bytes, as the ledger counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// Spans, data points or log records.
    pub items: u64,
    /// Bytes of their encoding.
    pub bytes: u64,
}

impl Amount {
    /// The part of this amount that `items` of its items are, the bytes in proportion.
    fn part(self, items: u64) -> Self {
        let items = items.min(self.items);
        let share = u128::from(self.bytes) * u128::from(items) / u128::from(self.items.max(1));
        Self {
            items,
            bytes: share as u64,
        }
    }

    fn minus(self, part: Self) -> Self {
        Self {
            items: self.items.saturating_sub(part.items),
            bytes: self.bytes.saturating_sub(part.bytes),
        }
    }

    fn plus(self, part: Self) -> Self {
        Self {
            items: self.items.saturating_add(part.items),
            bytes: self.bytes.saturating_add(part.bytes),
        }
    }
}

/// What became of the whole amount of a receipt: `delivered + withdrawn + lost` is that amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    /// Accepted by every backend it was for.
    pub delivered: Amount,
    /// Left out while it waited, because its sender [did not want it delivered](Settle::is_wanted) any more.
    pub withdrawn: Amount,
    /// The rest.
    pub lost: Amount,
    /// Why, where something was lost; the first reason, where several parts were lost.
    pub reason: Option<LossReason>,
}

/// The ledger's side of a receipt.
pub trait Settle: Send + Sync {
    /// Called exactly once for each receipt, from any thread. Must not block or panic.
    fn settle(&self, settlement: Settlement);

    /// The items are on disk, and survive the process: nobody else has to answer for them any more. [`Self::settle`] is
    /// still called, or [`Self::kept`].
    fn spooled(&self) {}

    /// The process ends, and leaves the items on disk for the next: they are not settled here. Only what was
    /// [spooled](Self::spooled) is kept.
    fn kept(&self) {}

    /// Whether the items are still to be delivered. Asked before they are sent for the first time.
    fn is_wanted(&self) -> bool {
        true
    }
}

/// The duty to report what became of an amount. Settled exactly once: by one of its methods, or, when
/// it is dropped, as lost ([`LossReason::Abandoned`]).
#[must_use = "a receipt that is dropped counts its items as lost"]
pub struct Receipt {
    amount: Amount,
    settle: Option<Arc<dyn Settle>>,
}

impl Receipt {
    /// A receipt over `amount`, to be reported to `settle`.
    pub fn new(settle: Arc<dyn Settle>, amount: Amount) -> Self {
        Self {
            amount,
            settle: Some(settle),
        }
    }

    /// What it stands for.
    #[must_use]
    pub fn amount(&self) -> Amount {
        self.amount
    }

    /// Whether its sender still wants the items delivered.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.settle.as_ref().is_none_or(|settle| settle.is_wanted())
    }

    /// All of it was delivered.
    pub fn delivered(mut self) {
        self.report(Settlement {
            delivered: self.amount,
            withdrawn: Amount::default(),
            lost: Amount::default(),
            reason: None,
        });
    }

    /// All of it is on disk.
    pub(crate) fn spooled(&self) {
        if let Some(settle) = &self.settle {
            settle.spooled();
        }
    }

    /// All of it stays on disk for the next process.
    pub(crate) fn kept(mut self) {
        if let Some(settle) = self.settle.take() {
            settle.kept();
        }
    }

    /// All of it was left out, because it is [not wanted](Self::is_wanted).
    pub fn withdrawn(mut self) {
        self.report(Settlement {
            delivered: Amount::default(),
            withdrawn: self.amount,
            lost: Amount::default(),
            reason: None,
        });
    }

    /// `items` of its items (at most all of them) were lost, the others delivered. The bytes are
    /// shared out in proportion.
    pub fn lost_in_part(mut self, items: u64, reason: LossReason) {
        let lost = self.amount.part(items);
        self.report(Settlement {
            delivered: self.amount.minus(lost),
            withdrawn: Amount::default(),
            lost,
            reason: (lost.items > 0).then_some(reason),
        });
    }

    /// All of it was lost.
    pub fn lost(mut self, reason: LossReason) {
        self.lose(reason);
    }

    /// What another receipt over the same items came to.
    pub(crate) fn settled(mut self, settlement: Settlement) {
        self.report(settlement);
    }

    /// `count` receipts for the same items, each of which goes `count` ways.
    ///
    /// The original is settled when all `count` are: delivered when each way delivered; an item lost on
    /// any way is lost. Where ways lost different parts, their sum counts, at most the whole: which
    /// items they were is not known. No ways at all: the items are delivered (to nobody, as configured).
    #[must_use]
    pub fn split(mut self, count: usize) -> Vec<Self> {
        let Some(settle) = self.settle.take() else {
            return Vec::new();
        };
        match count {
            0 => {
                Self::new(settle, self.amount).delivered();
                Vec::new()
            }
            1 => vec![Self::new(settle, self.amount)],
            _ => {
                let shared = Shared::new(settle, self.amount, count);
                (0..count)
                    .map(|_| Self::new(shared.clone(), self.amount))
                    .collect()
            }
        }
    }

    /// A receipt for each part of the items, which go one way each. The parts are counts of items that
    /// come to the whole; the bytes are shared out in proportion. Without parts the items are delivered.
    ///
    /// The original is settled when all parts are, with the sums of what they report.
    #[must_use]
    pub fn divide(mut self, parts: &[u64]) -> Vec<Self> {
        let Some(settle) = self.settle.take() else {
            return Vec::new();
        };
        if parts.is_empty() {
            Self::new(settle, self.amount).delivered();
            return Vec::new();
        }
        let mut left = self.amount;
        let shared = Shared::new(settle, self.amount, parts.len());
        let mut receipts = Vec::with_capacity(parts.len());
        for (index, &items) in parts.iter().enumerate() {
            let part = if index + 1 == parts.len() {
                left
            } else {
                self.amount.part(items.min(left.items))
            };
            left = left.minus(part);
            receipts.push(Self::new(shared.clone(), part));
        }
        receipts
    }

    fn lose(&mut self, reason: LossReason) {
        self.report(Settlement {
            delivered: Amount::default(),
            withdrawn: Amount::default(),
            lost: self.amount,
            reason: Some(reason),
        });
    }

    fn report(&mut self, settlement: Settlement) {
        if let Some(settle) = self.settle.take() {
            settle.settle(settlement);
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        self.lose(LossReason::Abandoned);
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receipt").field(&self.amount).finish()
    }
}

/// Collects what the shares of one receipt report, and settles it after the last.
struct Shared {
    amount: Amount,
    open: Mutex<Open>,
}

struct Open {
    settle: Option<Arc<dyn Settle>>,
    left: usize,
    withdrawn: Amount,
    lost: Amount,
    reason: Option<LossReason>,
}

impl Shared {
    fn new(settle: Arc<dyn Settle>, amount: Amount, left: usize) -> Arc<Self> {
        Arc::new(Self {
            amount,
            open: Mutex::new(Open {
                settle: Some(settle),
                left,
                withdrawn: Amount::default(),
                lost: Amount::default(),
                reason: None,
            }),
        })
    }

    fn total(&self, open: &Open) -> Settlement {
        // Two ways may have lost the same item.
        let lost = Amount {
            items: open.lost.items.min(self.amount.items),
            bytes: open.lost.bytes.min(self.amount.bytes),
        };
        let rest = self.amount.minus(lost);
        let withdrawn = Amount {
            items: open.withdrawn.items.min(rest.items),
            bytes: open.withdrawn.bytes.min(rest.bytes),
        };
        Settlement {
            delivered: rest.minus(withdrawn),
            withdrawn,
            lost,
            reason: open.reason,
        }
    }
}

impl Settle for Shared {
    fn settle(&self, settlement: Settlement) {
        let mut open = self.open.lock();
        open.left = open.left.saturating_sub(1);
        open.withdrawn = open.withdrawn.plus(settlement.withdrawn);
        open.lost = open.lost.plus(settlement.lost);
        open.reason = open.reason.or(settlement.reason);
        if open.left > 0 {
            return;
        }
        let total = self.total(&open);
        let settle = open.settle.take();
        drop(open);
        if let Some(settle) = settle {
            settle.settle(total);
        }
    }

    fn is_wanted(&self) -> bool {
        let open = self.open.lock();
        open.settle.as_ref().is_none_or(|settle| settle.is_wanted())
    }
}
