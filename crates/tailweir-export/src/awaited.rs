//! A parcel whose sender waits for the outcome.

use crate::queue::Refusal;
use crate::receipt::{Settle, Settlement};
use crate::{LossReason, Parcel, Receipt};
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use tailweir_core::{ClientContext, Signal};
use tokio::sync::oneshot;

/// The waiting end.
pub(crate) struct Awaited {
    signal: Signal,
    body: Bytes,
    items: u64,
    bytes: u64,
    client: Option<Arc<ClientContext>>,
    answer: oneshot::Receiver<Answer>,
}

enum Answer {
    Settled,
    /// All was lost: the sender decides what to do with the parcel.
    Lost(Receipt, LossReason),
}

impl Awaited {
    /// Puts a receipt of our own into the parcel, which holds the real one back.
    pub(crate) fn attach(parcel: Parcel) -> (Parcel, Self) {
        let (sender, answer) = oneshot::channel();
        let amount = parcel.receipt.amount();
        let awaited = Self {
            signal: parcel.signal,
            body: parcel.body.clone(),
            items: parcel.items,
            bytes: parcel.bytes,
            client: parcel.client.clone(),
            answer,
        };
        let waiting = Waiting(Mutex::new(Some((parcel.receipt, sender))));
        let parcel = Parcel {
            receipt: Receipt::new(Arc::new(waiting), amount),
            ..parcel
        };
        (parcel, awaited)
    }

    /// Waits until the parcel is settled; hands it back unsettled if all of it was lost.
    pub(crate) async fn outcome(self) -> Result<(), Box<Refusal>> {
        // The sending end is only dropped after it has answered.
        let Ok(Answer::Lost(receipt, reason)) = self.answer.await else {
            return Ok(());
        };
        let parcel = Parcel {
            signal: self.signal,
            body: self.body,
            items: self.items,
            bytes: self.bytes,
            client: self.client,
            receipt,
            stored: None,
        };
        Err(Refusal::new(parcel, reason))
    }
}

/// The settling end.
struct Waiting(Mutex<Option<(Receipt, oneshot::Sender<Answer>)>>);

impl Settle for Waiting {
    fn settle(&self, settlement: Settlement) {
        let Some((receipt, sender)) = self.0.lock().take() else {
            return;
        };
        if let Some(reason) = settlement.reason
            && settlement.delivered.items + settlement.withdrawn.items == 0
        {
            // Nobody waits any more: the loss is final.
            if let Err(Answer::Lost(receipt, reason)) = sender.send(Answer::Lost(receipt, reason)) {
                receipt.lost(reason);
            }
            return;
        }
        receipt.settled(settlement);
        // A sender that no longer waits need not know.
        let _ = sender.send(Answer::Settled);
    }

    fn is_wanted(&self) -> bool {
        let waiting = self.0.lock();
        waiting
            .as_ref()
            .is_none_or(|(receipt, _)| receipt.is_wanted())
    }
}
