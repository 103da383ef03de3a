//! Processors that change requests, as a stage.

use super::{Load, Returned, Stage, Taken};
use crate::ledger::{Charge, DropReason};
use crate::refusal::Refusal;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use tailweir_export::LossReason;
use tailweir_transform::{Count, DropCause, Outcome, Request, Transform, TransformError};

/// Applies a transform, and hands on what it leaves.
///
/// What the stage behind does not take comes back as it was before the transform: whoever offers it
/// again must not have it transformed twice.
pub(crate) struct Transforming {
    transform: Arc<dyn Transform>,
    figures: Arc<Mutex<TransformFigures>>,
    next: Arc<dyn Stage>,
}

/// What a transforming stage counts. A load that was returned is not counted.
#[derive(Debug, Clone, Default)]
pub(crate) struct TransformFigures {
    /// Items that came in.
    pub(crate) incoming: u64,
    /// Items that were handed on.
    pub(crate) outgoing: u64,
    /// Items that were left out.
    pub(crate) dropped: u64,
    /// Items of requests that could not be transformed.
    pub(crate) failed: u64,
    /// What else the transform counts.
    pub(crate) counts: BTreeMap<Count, u64>,
}

impl TransformFigures {
    fn add(&mut self, incoming: u64, outcome: &Outcome) {
        self.incoming += incoming;
        self.outgoing += (incoming + outcome.added).saturating_sub(outcome.dropped);
        self.dropped += outcome.dropped;
        for (count, more) in &outcome.counts {
            *self.counts.entry(count.clone()).or_default() += more;
        }
    }
}

impl Transforming {
    /// This transform in front of `next`.
    pub(crate) fn new(
        transform: Arc<dyn Transform>,
        figures: Arc<Mutex<TransformFigures>>,
        next: Arc<dyn Stage>,
    ) -> Self {
        Self {
            transform,
            figures,
            next,
        }
    }

    async fn transform(&self, mut load: Load) -> Result<(), Box<Returned>> {
        let before = load.body.clone();
        let incoming = load.charge.amount().items;
        let outcome = self.transform.apply(Request {
            signal: load.signal,
            body: before.clone(),
            client: &load.client,
        });
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => return self.give_up(load, &error),
        };
        let left_out = LeftOut::split_off(&mut load.charge, &outcome, self.transform.as_ref());
        load.charge.grow(outcome.added);
        // Unchanged bytes come back as they are, and what was found in them still holds.
        if outcome.body.as_ptr() != before.as_ptr() || outcome.body.len() != before.len() {
            load.scanned = None;
            load.body = outcome.body.clone();
        }
        if load.body.is_empty() {
            self.figures.lock().add(incoming, &outcome);
            return Ok(());
        }
        match self.next.take(load).await {
            Ok(()) => {
                self.figures.lock().add(incoming, &outcome);
                Ok(())
            }
            Err(mut returned) => {
                let load = &mut returned.load;
                load.charge.shrink(outcome.added);
                left_out.take_back(&mut load.charge);
                load.body = before;
                load.scanned = None;
                Err(returned)
            }
        }
    }

    fn give_up(&self, load: Load, error: &TransformError) -> Result<(), Box<Returned>> {
        self.figures.lock().failed += load.charge.amount().items;
        let detail = error.to_string();
        if load.is_held {
            tracing::error!(%detail, "held items could not be processed and are lost");
            load.charge.lose(LossReason::PermanentError);
            return Ok(());
        }
        Err(load.returned(if error.is_permanent() {
            Refusal::Impossible { detail }
        } else {
            Refusal::Failed { detail }
        }))
    }
}

impl Stage for Transforming {
    fn take(&self, load: Load) -> Taken<'_> {
        Box::pin(self.transform(load))
    }
}

/// Items that a transform left out. They are dropped with this, unless the rest was returned.
struct LeftOut {
    charge: Option<Charge>,
    reason: DropReason,
}

impl LeftOut {
    fn split_off(charge: &mut Charge, outcome: &Outcome, transform: &dyn Transform) -> Self {
        let reason = match transform.drop_cause() {
            DropCause::Filtered => DropReason::Filtered,
            DropCause::NotSampled => DropReason::NotSampledByChance,
            DropCause::Merged => DropReason::Merged,
        };
        Self {
            charge: (outcome.dropped > 0).then(|| charge.split_off(outcome.dropped)),
            reason,
        }
    }

    fn take_back(mut self, into: &mut Charge) {
        if let Some(charge) = self.charge.take() {
            into.merge(charge);
        }
    }
}

impl Drop for LeftOut {
    fn drop(&mut self) {
        if let Some(charge) = self.charge.take() {
            charge.drop_as(self.reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Load, Stage, Taken, Transforming};
    use crate::ledger::{Charge, Ledger};
    use crate::refusal::{Bound, Refusal};
    use bytes::Bytes;
    use parking_lot::Mutex;
    use std::sync::Arc;
    use std::time::Duration;
    use tailweir_core::Signal;
    use tailweir_export::Amount;
    use tailweir_transform::{DropCause, Outcome, Request, Transform, TransformError};

    /// Leaves two items out, makes one, and says so in the body.
    #[derive(Debug)]
    struct Marking;

    impl Transform for Marking {
        fn apply(&self, request: Request<'_>) -> Result<Outcome, TransformError> {
            let mut body = request.body.to_vec();
            body.push(b'!');
            Ok(Outcome {
                dropped: 2,
                added: 1,
                ..Outcome::of(body.into())
            })
        }

        fn drop_cause(&self) -> DropCause {
            DropCause::Filtered
        }
    }

    /// Takes every second load.
    #[derive(Default)]
    struct EverySecond {
        offered: Mutex<Vec<(Bytes, u64)>>,
    }

    impl Stage for EverySecond {
        fn take(&self, load: Load) -> Taken<'_> {
            let mut offered = self.offered.lock();
            offered.push((load.body.clone(), load.charge.amount().items));
            let outcome = if offered.len().is_multiple_of(2) {
                load.charge.into_receipt().0.delivered();
                Ok(())
            } else {
                Err(load.returned(Refusal::Full {
                    bound: Bound::Queue,
                    retry_after: Duration::ZERO,
                }))
            };
            Box::pin(std::future::ready(outcome))
        }
    }

    /// Scenario: what a transform made of a load finds no room, and the load is offered again.
    /// Guarantees: it came back as it was, is transformed once and counted once, and the books balance
    /// before and after.
    #[tokio::test]
    async fn a_returned_load_is_not_transformed_twice() {
        let ledger = Arc::new(Ledger::default());
        let amount = Amount {
            items: 5,
            bytes: 11,
        };
        let charge = Charge::take(&ledger, Signal::Logs, amount);
        let load = Load::held(Signal::Logs, Bytes::from_static(b"body"), charge);
        let next = Arc::new(EverySecond::default());
        let figures = Arc::default();
        let stage = Transforming::new(Arc::new(Marking), Arc::clone(&figures), next.clone());

        let returned = stage.take(load).await.unwrap_err();
        assert_eq!(returned.load.body, "body");
        assert_eq!(returned.load.charge.amount(), amount);
        let books = ledger.snapshot();
        assert_eq!(books.imbalance(), 0);
        assert_eq!(books.signals["logs"].held.items, 5);
        assert_eq!(figures.lock().incoming, 0);

        stage.take(returned.load).await.unwrap();
        let transformed = (Bytes::from_static(b"body!"), 4);
        assert_eq!(*next.offered.lock(), [transformed.clone(), transformed]);
        let books = ledger.snapshot();
        assert_eq!(books.imbalance(), 0);
        let row = &books.signals["logs"];
        assert_eq!(row.dropped["filtered"].items, 2);
        assert_eq!((row.taken.items, row.delivered.items), (6, 4));
        let figures = figures.lock();
        assert_eq!(
            (figures.incoming, figures.outgoing, figures.dropped),
            (5, 4, 2)
        );
    }
}
