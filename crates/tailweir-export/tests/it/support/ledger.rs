//! The other end of receipts.

use bytes::Bytes;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tailweir_core::Signal;
use tailweir_export::{Amount, LossReason, Parcel, Receipt, Settle, Settlement};
use tokio::sync::Notify;

/// Collects settlements.
#[derive(Default)]
pub(crate) struct Ledger {
    settled: Mutex<Vec<Settlement>>,
    changed: Notify,
    /// What waits is not to be delivered any more.
    wants_nothing: AtomicBool,
    spooled: AtomicUsize,
    kept: AtomicUsize,
}

impl Ledger {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    pub(crate) fn want_nothing(&self) {
        self.wants_nothing.store(true, Ordering::Relaxed);
    }

    pub(crate) fn receipt(self: &Arc<Self>, items: u64, bytes: u64) -> Receipt {
        Receipt::new(self.clone(), Amount { items, bytes })
    }

    /// A parcel of traces that holds so many items.
    pub(crate) fn parcel(self: &Arc<Self>, items: u64, body: impl Into<Bytes>) -> Parcel {
        self.parcel_of(Signal::Traces, items, body)
    }

    pub(crate) fn parcel_of(
        self: &Arc<Self>,
        signal: Signal,
        items: u64,
        body: impl Into<Bytes>,
    ) -> Parcel {
        let body = body.into();
        let receipt = self.receipt(items, body.len() as u64);
        Parcel::new(signal, body, receipt)
    }

    pub(crate) fn settlements(&self) -> Vec<Settlement> {
        self.settled.lock().unwrap().clone()
    }

    /// Waits for so many settlements in all, and returns them.
    pub(crate) async fn settled(&self, count: usize) -> Vec<Settlement> {
        loop {
            let changed = self.changed.notified();
            let settlements = self.settlements();
            if settlements.len() >= count {
                return settlements;
            }
            changed.await;
        }
    }

    /// Items delivered, and items lost.
    pub(crate) fn items(&self) -> (u64, u64) {
        let sum = |of: fn(&Settlement) -> u64| self.settlements().iter().map(of).sum();
        (
            sum(|each| each.delivered.items),
            sum(|each| each.lost.items),
        )
    }

    /// Receipts of what was put on disk, and of what stayed there.
    pub(crate) fn on_disk(&self) -> (usize, usize) {
        (
            self.spooled.load(Ordering::Relaxed),
            self.kept.load(Ordering::Relaxed),
        )
    }

    pub(crate) fn reasons(&self) -> Vec<Option<LossReason>> {
        self.settlements().iter().map(|each| each.reason).collect()
    }
}

impl Settle for Ledger {
    fn spooled(&self) {
        self.spooled.fetch_add(1, Ordering::Relaxed);
    }

    fn kept(&self) {
        self.kept.fetch_add(1, Ordering::Relaxed);
    }

    fn settle(&self, settlement: Settlement) {
        self.settled.lock().unwrap().push(settlement);
        self.changed.notify_waiters();
    }

    fn is_wanted(&self) -> bool {
        !self.wants_nothing.load(Ordering::Relaxed)
    }
}
