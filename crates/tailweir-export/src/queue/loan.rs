//! Parcels in the hands of a worker.

use super::Queue;
use super::state::Entry;
use crate::{LossReason, Parcel, Receipt};
use std::io;
use std::sync::Arc;
use tailweir_spool::ReadError;

/// A parcel that kills this many workers is lost, so that it does not stop the exporter for good.
const DEATHS_MAX: u8 = 3;

/// Parcels that are sent together, in their order. Ends as its loans end.
pub(crate) struct Batch {
    pub(crate) loans: Vec<Loan>,
}

impl Batch {
    pub(super) fn new(queue: Arc<Queue>, entries: Vec<Entry>) -> Self {
        let lend = |entry| Loan::new(entry, queue.clone());
        Self {
            loans: entries.into_iter().map(lend).collect(),
        }
    }

    /// Whether marking its end, and getting its bodies, takes a disk.
    pub(crate) fn is_stored(&self) -> bool {
        let mut parcels = self.loans.iter().filter_map(Loan::parcel);
        parcels.any(|parcel| parcel.stored.is_some())
    }

    /// Gets the bodies from the disk; what is damaged is lost. Answers how many items that were. Blocks.
    ///
    /// # Errors
    /// When the disk refuses: it may not the next time.
    pub(crate) fn load(&mut self) -> io::Result<u64> {
        let mut lost = 0;
        for mut loan in std::mem::take(&mut self.loans) {
            let loaded = loan.entry.as_mut().map(|entry| entry.parcel.load());
            match loaded {
                Some(Err(ReadError::Damaged)) => {
                    lost += loan.parcel().map_or(0, |parcel| parcel.items);
                    loan.finish(|receipt| receipt.lost(LossReason::SpoolDamaged));
                }
                Some(Err(ReadError::Failed(error))) => return Err(error),
                Some(Ok(())) | None => self.loans.push(loan),
            }
        }
        Ok(lost)
    }

    /// Settles the parcels that waited until nobody wanted them delivered from here any more.
    pub(crate) fn leave_out_unwanted(&mut self) {
        let is_unwanted = |loan: &mut Loan| {
            let parcel = loan.parcel();
            parcel.is_some_and(|parcel| !parcel.receipt.is_wanted())
        };
        for loan in self.loans.extract_if(.., is_unwanted) {
            loan.finish(Receipt::withdrawn);
        }
    }
}

impl Drop for Batch {
    /// Returns loans last to first, so that the front of the queue keeps its order.
    fn drop(&mut self) {
        while self.loans.pop().is_some() {}
    }
}

/// A parcel in the hands of a worker. Dropped unfinished, it goes back to the front of the queue.
pub(crate) struct Loan {
    entry: Option<Entry>,
    queue: Arc<Queue>,
}

impl Loan {
    pub(super) fn new(entry: Entry, queue: Arc<Queue>) -> Self {
        Self {
            entry: Some(entry),
            queue,
        }
    }

    pub(crate) fn parcel(&self) -> Option<&Parcel> {
        self.entry.as_ref().map(|entry| &entry.parcel)
    }

    /// Settles the parcel, then frees its room in the queue: who sees the queue empty may rely on all
    /// receipts being settled.
    pub(crate) fn finish(mut self, settle: impl FnOnce(Receipt)) {
        if let Some(entry) = self.entry.take() {
            self.settle(entry, settle);
        }
    }

    fn settle(&self, entry: Entry, settle: impl FnOnce(Receipt)) {
        settle(entry.parcel.receipt);
        if let Some(stored) = entry.parcel.stored {
            stored.done();
        }
        self.queue.state.lock().release(entry.weight);
        self.queue.freed.notify_waiters();
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        let Some(mut entry) = self.entry.take() else {
            return;
        };
        if std::thread::panicking() {
            entry.deaths += 1;
        }
        let mut state = self.queue.state.lock();
        let loss = match (state.abandoned, entry.deaths) {
            (true, _) => LossReason::AbandonedAtShutdown,
            (false, DEATHS_MAX..) => LossReason::WorkerFailed,
            (false, _) => {
                state.put_back(entry);
                drop(state);
                self.queue.arrived.notify_one();
                self.queue.freed.notify_waiters();
                return;
            }
        };
        drop(state);
        self.settle(entry, |receipt| receipt.lost(loss));
    }
}
