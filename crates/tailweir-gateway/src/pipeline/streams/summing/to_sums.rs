//! From where a process counts to those who add up.

use super::{Home, Summing};
use crate::pipeline::streams::Bundle;
use crate::pipeline::streams::delivery::Delivery;
use crate::pipeline::{Load, Returned, Stage, Taken};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tailweir_core::Signal;
use tailweir_export::LossReason;

/// Brings the changes that a connector of this process writes to the owners of their series. One load at a time, each with a
/// number, so that an owner knows what it is brought again.
pub(crate) struct ToSums {
    summing: Arc<Summing>,
    origin: u64,
    number: AtomicU64,
}

impl ToSums {
    /// Of a connector that nobody else calls so.
    pub(crate) fn new(summing: Arc<Summing>, origin: u64) -> Self {
        Self {
            summing,
            origin,
            number: AtomicU64::new(0),
        }
    }

    /// Brings a load, for as long as it takes: whoever made it makes no other meanwhile, so that changes gather in its series.
    async fn bring(&self, mut load: Load) -> Result<(), Box<Returned>> {
        let summing = &self.summing;
        let sequence = (self.origin, self.number.fetch_add(1, Relaxed) + 1);
        let bundles = Bundle::all_of(&load.body, &*summing.slot_of);
        let mut delivery = Delivery::new(&summing.seat, bundles).numbered(sequence);
        let home = Home { summing, sequence };
        let outcome = delivery.run_through(&home).await;
        let elsewhere = delivery.elsewhere();
        summing.seat.ledger.taken(Signal::Metrics, elsewhere);
        summing.seat.ledger.handed_over(Signal::Metrics, elsewhere);
        if let Err(refusal) = outcome {
            tracing::error!(connector = %summing.name(), reason = %refusal, "changes cannot be added up and are lost");
            let lost = delivery.into_open();
            let items = lost.iter().map(|bundle| bundle.amount.items).sum();
            load.charge
                .split_off(items)
                .lose(LossReason::PermanentError);
        }
        // Those who add up have it in their books.
        load.charge.give_back();
        Ok(())
    }
}

impl Stage for ToSums {
    fn take(&self, load: Load) -> Taken<'_> {
        Box::pin(self.bring(load))
    }
}
