//! What waits here when a reload puts another exporter in the place of this one.

use super::Direct;
use crate::queue::Refusal;
use crate::{LossReason, Parcel};
use std::sync::{Arc, OnceLock};
use tokio::time::Instant;

/// Who has what waited here; nobody as long as it waits here.
pub(super) type Heir = OnceLock<Arc<Direct>>;

impl Direct {
    /// Takes what a process before this one left on disk, whether there is room or not.
    pub(crate) fn restore(&self, parcels: Vec<Parcel>) {
        for parcel in parcels {
            if let Err(refusal) = self.queue.restore(parcel) {
                self.give_up(*refusal);
            }
        }
    }

    /// What waits here waits at the successor from now on, or at who has taken its place by now, also beyond the bounds of its
    /// queue in memory. What is on disk stays there where the other keeps nothing on disk. Nothing is handed over where all are
    /// shut down.
    pub(crate) async fn hand_over(&self, successor: &Arc<Self>, deadline: Instant) {
        let last = Self::last(successor);
        if (self.is_kept() && !last.is_kept()) || !last.queue.is_open() {
            return;
        }
        let _ = self.heir.set(Arc::clone(successor));
        self.queue.close();
        for parcel in self.withdraw_until(deadline).await {
            self.pass_on(parcel, successor, deadline).await;
        }
    }

    /// Gives a parcel to the last in the line of successors, which may become longer meanwhile.
    async fn pass_on(&self, mut parcel: Parcel, successor: &Arc<Self>, deadline: Instant) {
        loop {
            let last = Self::last(successor);
            let is_stored = parcel.stored.is_some();
            let answer = if is_stored && !last.is_kept() {
                Err(Refusal::new(parcel, LossReason::AbandonedAtShutdown))
            } else if last.is_kept() && !is_stored {
                last.put_until(parcel, deadline).await
            } else {
                last.queue.restore(parcel)
            };
            let Err(refusal) = answer else {
                return;
            };
            if Arc::ptr_eq(&last, &Self::last(successor)) {
                return self.give_up(*refusal);
            }
            parcel = refusal.parcel;
        }
    }

    /// As [`Self::put`]; waits for room until the deadline.
    async fn put_until(
        self: &Arc<Self>,
        mut parcel: Parcel,
        deadline: Instant,
    ) -> Result<(), Box<Refusal>> {
        loop {
            let freed = self.queue.freed().notified();
            tokio::pin!(freed);
            // Registered before looking, so that room made in between is not missed.
            freed.as_mut().enable();
            match self.put(parcel).await {
                Err(refusal) if refusal.reason == LossReason::QueueFull => {
                    if tokio::time::timeout_at(deadline, freed).await.is_err() {
                        return Err(refusal);
                    }
                    parcel = refusal.parcel;
                }
                answer => return answer,
            }
        }
    }

    /// The last in a line of successors.
    fn last(first: &Arc<Self>) -> Arc<Self> {
        let mut last = first;
        while let Some(heir) = last.heir.get() {
            last = heir;
        }
        Arc::clone(last)
    }

    /// Nobody takes it: it stays on disk, or is lost.
    fn give_up(&self, Refusal { parcel, reason }: Refusal) {
        if parcel.stored.is_some() {
            return parcel.receipt.kept();
        }
        tracing::error!(
            exporter = self.name(),
            signal = self.signal().name(),
            items = parcel.items,
            reason = reason.name(),
            "nobody takes over what waited, data is lost"
        );
        self.delivery.stats.failed_items.add(parcel.items);
        parcel.receipt.lost(reason);
    }
}
