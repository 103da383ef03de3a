//! Behind a sampler: telemetry with the clients that sent it, each by itself.

use super::{Load, Returned, Stage, Taken};
use bytes::Bytes;
use std::sync::Arc;
use tailweir_otlp::{as_they_stood, by_sender};

/// By what name a load remembers who has taken the part of its first sender.
const FIRST: &str = "of the first sender";

/// Divides loads by the senders that are noted in them, and takes the notes out.
///
/// What the stage behind does not take comes back with its notes, to be offered again.
pub(crate) struct BySender {
    next: Arc<dyn Stage>,
}

impl BySender {
    /// In front of `next`.
    pub(crate) fn new(next: Arc<dyn Stage>) -> Self {
        Self { next }
    }

    async fn divide(&self, mut load: Load) -> Result<(), Box<Returned>> {
        let mut parts = by_sender(&load.body);
        if parts.is_empty() {
            return self.next.take(load).await;
        }
        let mut taken = load.ways_taken.take_within(FIRST);
        for index in 0..parts.len() {
            let part = &mut parts[index];
            let mut charge = load.charge.split_off(part.items);
            let body = Bytes::from(std::mem::take(&mut part.body));
            let client = Arc::new(std::mem::take(&mut part.sender));
            if index + 1 == parts.len() {
                // Nothing is left but the bytes that did not divide evenly.
                let nothing = load.charge.split_off(0);
                charge.merge(std::mem::replace(&mut load.charge, nothing));
            }
            let piece = Load {
                client,
                permit: load.permit.take(),
                is_held: load.is_held,
                // Of what is offered once more, they took the first.
                ways_taken: std::mem::take(&mut taken),
                ..Load::held(load.signal, body, charge)
            };
            let Err(mut returned) = self.next.take(piece).await else {
                continue;
            };
            let rest = &mut returned.load;
            rest.charge.merge(load.charge);
            rest.body = as_they_stood(&load.body, &parts[index..]).into();
            rest.client = load.client;
            rest.scanned = None;
            let within = std::mem::take(&mut rest.ways_taken);
            rest.ways_taken.add_within(FIRST, within);
            return Err(returned);
        }
        Ok(())
    }
}

impl Stage for BySender {
    fn take(&self, load: Load) -> Taken<'_> {
        Box::pin(self.divide(load))
    }
}

#[cfg(test)]
mod tests {
    use super::{BySender, Load, Stage, Taken};
    use crate::ledger::{Charge, Custody, Guard, Ledger};
    use crate::refusal::{Bound, Refusal};
    use parking_lot::Mutex;
    use std::sync::Arc;
    use std::time::Duration;
    use tailweir_core::{ClientContext, Signal};
    use tailweir_export::Amount;
    use tailweir_testkit::{request, span, trace_id};

    /// Refuses some of what it is offered, by number.
    struct Picky {
        refused: Vec<usize>,
        offered: Mutex<Vec<(String, u64, bool)>>,
        taken: Mutex<Vec<(String, u64)>>,
    }

    impl Stage for Picky {
        fn take(&self, mut load: Load) -> Taken<'_> {
            let tenant = load.client.metadata("tenant").concat();
            let items = load.charge.amount().items;
            let mut offered = self.offered.lock();
            let number = offered.len();
            offered.push((tenant.clone(), items, load.ways_taken.has("one")));
            let outcome = if self.refused.contains(&number) {
                load.ways_taken.add("one");
                Err(load.returned(Refusal::Full {
                    bound: Bound::Queue,
                    retry_after: Duration::ZERO,
                }))
            } else {
                self.taken.lock().push((tenant, items));
                load.charge.into_receipt().0.delivered();
                Ok(())
            };
            Box::pin(std::future::ready(outcome))
        }
    }

    /// Waits for the end.
    struct Waiting;

    impl Guard for Waiting {}

    fn of(tenant: &str, traces: &[u64]) -> Vec<u8> {
        let spans = traces.iter().map(|&trace| span(trace_id(trace), 1));
        let client = ClientContext {
            metadata: vec![("tenant".to_owned(), vec![tenant.to_owned()])],
            ..ClientContext::default()
        };
        let body = request().spans(spans).bytes();
        tailweir_otlp::with_sender(&body, &client, 1 << 20).unwrap()
    }

    /// Scenario: a load of three senders, whose second part the stage behind refuses twice, after one of its own ways has taken it.
    /// Guarantees: what was taken is not offered again; what was not is, whole, each to its own ways, until it is taken; the books
    /// balance, and who waits for the end hears of it once.
    #[tokio::test]
    async fn what_was_not_taken_is_offered_again() {
        let ledger = Arc::new(Ledger::default());
        let body = [of("red", &[1, 2]), of("blue", &[3]), of("green", &[4, 5])].concat();
        let amount = Amount {
            items: 5,
            bytes: 1003,
        };
        let heard: Custody = Arc::new(Waiting);
        let charge = Charge::take(&ledger, Signal::Traces, amount);
        let charge = charge.with_custody(Arc::clone(&heard));
        let next = Arc::new(Picky {
            refused: vec![1, 2],
            offered: Mutex::default(),
            taken: Mutex::default(),
        });
        let stage = BySender::new(Arc::clone(&next) as Arc<dyn Stage>);
        let mut load = Load::held(Signal::Traces, body.into(), charge);
        let mut attempts = 0;
        while let Err(returned) = stage.take(load).await {
            attempts += 1;
            load = returned.load;
            assert_eq!(load.charge.amount().items, 3);
            assert_eq!(ledger.snapshot().imbalance(), 0);
        }
        assert_eq!(attempts, 2);
        let names = |pairs: &[(&str, u64)]| -> Vec<(String, u64)> {
            let owned = |(tenant, items): &(&str, u64)| ((*tenant).to_owned(), *items);
            pairs.iter().map(owned).collect()
        };
        let taken = names(&[("red", 2), ("blue", 1), ("green", 2)]);
        assert_eq!(*next.taken.lock(), taken);
        let ways: Vec<_> = next.offered.lock().iter().map(|offer| offer.2).collect();
        assert_eq!(ways, [false, false, true, true, false]);
        let books = ledger.snapshot();
        assert_eq!(books.imbalance(), 0);
        assert_eq!(books.signals["traces"].delivered.items, 5);
        assert_eq!(Arc::strong_count(&heard), 1);
    }
}
