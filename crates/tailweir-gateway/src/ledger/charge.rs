//! A share of what is held, and the duty to say what becomes of it.

use super::{DropReason, Ledger};
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;
use tailweir_core::Signal;
use tailweir_export::{Amount, LossReason, Receipt, Settle, Settlement};

/// An amount that travels through the pipelines. It ends in one of the columns of the ledger, once:
/// by one of the methods here, or, when it is dropped, as lost ([`LossReason::Abandoned`]).
#[must_use = "a charge that is dropped counts its items as lost"]
pub(crate) struct Charge {
    ledger: Arc<Ledger>,
    signal: Signal,
    amount: Amount,
    /// Those who want to know when all of it has come to its end, or is on disk: they are dropped then.
    custody: Vec<Custody>,
    /// It is on disk, and in that column of the books.
    is_spooled: bool,
}

/// Stands for something that others answer for until it is delivered.
pub(crate) trait Guard: Send + Sync {
    /// Whether somebody else delivers it now, so that it may be left out here.
    fn is_void(&self) -> bool {
        false
    }
}

/// Dropped when the last charge over what it stands for has ended, or is spooled.
pub(crate) type Custody = Arc<dyn Guard>;

impl Charge {
    /// Takes this amount into the books.
    pub(crate) fn take(ledger: &Arc<Ledger>, signal: Signal, amount: Amount) -> Self {
        ledger.taken(signal, amount);
        Self::from_store(ledger, signal, amount)
    }

    /// The duty for an amount that was taken before and leaves the store now.
    pub(crate) fn from_store(ledger: &Arc<Ledger>, signal: Signal, amount: Amount) -> Self {
        ledger.book(signal).moving.add(amount);
        Self::of(ledger, signal, amount)
    }

    fn of(ledger: &Arc<Ledger>, signal: Signal, amount: Amount) -> Self {
        Self {
            ledger: Arc::clone(ledger),
            signal,
            amount,
            custody: Vec::new(),
            is_spooled: false,
        }
    }

    /// Takes an amount into the books that an earlier process left on disk.
    pub(crate) fn found(ledger: &Arc<Ledger>, signal: Signal, amount: Amount) -> Self {
        ledger.taken(signal, amount);
        ledger.book(signal).spooled.add(amount);
        Self::spooled(ledger, signal, amount)
    }

    /// The duty for an amount that is on disk, and in the books.
    pub(crate) fn spooled(ledger: &Arc<Ledger>, signal: Signal, amount: Amount) -> Self {
        let mut charge = Self::of(ledger, signal, amount);
        charge.is_spooled = true;
        charge
    }

    /// The same charge, whose end this one hears of.
    pub(crate) fn with_custody(mut self, custody: Custody) -> Self {
        self.custody.push(custody);
        self
    }

    /// How much it is.
    pub(crate) fn amount(&self) -> Amount {
        self.amount
    }

    /// A second charge over the same amount, for another way.
    pub(crate) fn copy(&self) -> Self {
        self.ledger.book(self.signal).copied.add(self.amount);
        let mut copy = Self::from_store(&self.ledger, self.signal, self.amount);
        copy.custody.clone_from(&self.custody);
        copy
    }

    /// Adds another charge of the same signal to this one.
    pub(crate) fn merge(&mut self, mut other: Self) {
        self.amount.items += other.amount.items;
        self.amount.bytes += other.amount.bytes;
        other.amount = Amount::default();
        for custody in other.custody.drain(..) {
            // What was divided and is put together again was one custody's before.
            if !self
                .custody
                .iter()
                .any(|known| Arc::ptr_eq(known, &custody))
            {
                self.custody.push(custody);
            }
        }
    }

    /// Takes `items` of its items off into a charge of their own, the bytes in proportion.
    pub(crate) fn split_off(&mut self, items: u64) -> Self {
        let items = items.min(self.amount.items);
        let all = u128::from(self.amount.items.max(1));
        let bytes = u128::from(self.amount.bytes) * u128::from(items) / all;
        let part = Amount {
            items,
            bytes: bytes as u64,
        };
        self.amount.items -= part.items;
        self.amount.bytes -= part.bytes;
        let mut part = Self::of(&self.ledger, self.signal, part);
        part.custody.clone_from(&self.custody);
        part
    }

    /// Items that a processor made of others are taken into the books, without bytes of their own.
    pub(crate) fn grow(&mut self, items: u64) {
        let made = Amount { items, bytes: 0 };
        self.ledger.taken(self.signal, made);
        self.ledger.book(self.signal).moving.add(made);
        self.amount.items += items;
    }

    /// Undoes [`Self::grow`].
    pub(crate) fn shrink(&mut self, items: u64) {
        let made = Amount {
            items: items.min(self.amount.items),
            bytes: 0,
        };
        self.ledger.book(self.signal).taken.subtract(made);
        self.ledger.book(self.signal).moving.subtract(made);
        self.amount.items -= made.items;
    }

    /// Takes so many of its items into the books once more: they go two ways. Answers what that comes
    /// to.
    pub(crate) fn repeat(&mut self, items: u64) -> Amount {
        let all = u128::from(self.amount.items.max(1));
        let bytes = u128::from(self.amount.bytes) * u128::from(items) / all;
        let more = Amount {
            items,
            bytes: bytes as u64,
        };
        let book = self.ledger.book(self.signal);
        book.copied.add(more);
        book.moving.add(more);
        self.amount.items += more.items;
        self.amount.bytes += more.bytes;
        more
    }

    /// Undoes [`Self::repeat`].
    pub(crate) fn undo_repeat(&mut self, more: Amount) {
        let book = self.ledger.book(self.signal);
        book.copied.subtract(more);
        book.moving.subtract(more);
        self.amount.items -= more.items;
        self.amount.bytes -= more.bytes;
    }

    /// Left out on purpose.
    pub(crate) fn drop_as(mut self, reason: DropReason) {
        let amount = self.leave();
        self.ledger.dropped(self.signal, reason, amount);
    }

    /// Gone.
    pub(crate) fn lose(mut self, reason: LossReason) {
        let amount = self.leave();
        self.ledger.lost(self.signal, reason, amount);
    }

    /// Was never taken after all: the request is refused as a whole, or a store takes it into the
    /// books itself. The ticket takes it up again.
    pub(crate) fn give_back(mut self) -> Ticket {
        let amount = self.leave();
        self.ledger.book(self.signal).taken.subtract(amount);
        Ticket {
            ledger: Arc::clone(&self.ledger),
            signal: self.signal,
            amount,
            custody: std::mem::take(&mut self.custody),
        }
    }

    fn leave(&mut self) -> Amount {
        let amount = std::mem::take(&mut self.amount);
        let book = self.ledger.book(self.signal);
        let place = match self.is_spooled {
            true => &book.spooled,
            false => &book.moving,
        };
        place.subtract(amount);
        amount
    }

    /// Is no copy after all: the way it was made for refused it.
    pub(crate) fn undo_copy(mut self) {
        let amount = self.leave();
        self.ledger.book(self.signal).copied.subtract(amount);
    }

    /// Hands the duty on to an exporter. As long as the receipt is not settled, the charge can be
    /// called back.
    pub(crate) fn into_receipt(self) -> (Receipt, Arc<Settler>) {
        let amount = self.amount;
        let settler = Arc::new(Settler {
            charge: Mutex::new(Some(self)),
        });
        (Receipt::new(settler.clone(), amount), settler)
    }
}

/// What a charge was over. Carries no duty.
pub(crate) struct Ticket {
    ledger: Arc<Ledger>,
    signal: Signal,
    amount: Amount,
    custody: Vec<Custody>,
}

impl Ticket {
    /// The charge once more.
    pub(crate) fn take_up(self) -> Charge {
        let mut charge = Charge::take(&self.ledger, self.signal, self.amount);
        charge.custody = self.custody;
        charge
    }
}

/// The ledger's side of a receipt.
pub(crate) struct Settler {
    charge: Mutex<Option<Charge>>,
}

impl Settler {
    /// The charge, unless it was settled. The receipt means nothing from here on.
    pub(crate) fn recall(&self) -> Option<Charge> {
        self.charge.lock().take()
    }
}

impl Settle for Settler {
    fn spooled(&self) {
        let mut charge = self.charge.lock();
        let Some(charged) = charge.as_mut().filter(|charge| !charge.is_spooled) else {
            return;
        };
        let amount = charged.amount;
        let book = charged.ledger.book(charged.signal);
        book.spooled.add(amount);
        book.moving.subtract(amount);
        charged.is_spooled = true;
        let custody = std::mem::take(&mut charged.custody);
        drop(charge);
        // Whoever hears of it may ask for more.
        drop(custody);
    }

    fn kept(&self) {
        if let Some(mut charge) = self.recall()
            && charge.is_spooled
        {
            // It stays in its column.
            charge.amount = Amount::default();
        }
    }

    fn settle(&self, settlement: Settlement) {
        let Some(mut charge) = self.recall() else {
            return;
        };
        charge.leave();
        let (ledger, signal) = (&charge.ledger, charge.signal);
        ledger.book(signal).delivered.add(settlement.delivered);
        ledger.handed_over(signal, settlement.withdrawn);
        if settlement.lost != Amount::default() {
            let reason = settlement.reason.unwrap_or(LossReason::Abandoned);
            ledger.lost(signal, reason, settlement.lost);
        }
    }

    /// Not when all that answer for it have it delivered elsewhere.
    fn is_wanted(&self) -> bool {
        let charge = self.charge.lock();
        let custody = charge.as_ref().map_or(&[][..], |charge| &charge.custody);
        custody.is_empty() || custody.iter().any(|custody| !custody.is_void())
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        let amount = self.leave();
        if amount != Amount::default() {
            self.ledger.lost(self.signal, LossReason::Abandoned, amount);
        }
    }
}

impl fmt::Debug for Charge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Charge({}, {:?})", self.signal, self.amount)
    }
}

#[cfg(test)]
mod tests {
    use super::{Charge, Custody, Guard};
    use crate::ledger::{DropReason, Ledger};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use tailweir_core::Signal;
    use tailweir_export::{Amount, LossReason, Settle};

    const AMOUNT: Amount = Amount {
        items: 10,
        bytes: 1003,
    };

    /// Scenario: an amount is split in odd parts, merged, copied, delivered, dropped and forgotten.
    /// Guarantees: the books balance to the byte, and what was forgotten is counted as lost.
    #[test]
    fn the_books_balance_whatever_happens_to_a_charge() {
        let ledger = Arc::new(Ledger::default());
        let mut first = Charge::take(&ledger, Signal::Traces, AMOUNT);
        let mut second = first.split_off(3);
        let third = first.split_off(1);
        second.merge(third);
        let copy = first.copy();
        copy.into_receipt().0.delivered();
        drop(first.into_receipt().0);
        second.split_off(1).drop_as(DropReason::NotSampled);
        second.split_off(1).lose(LossReason::QueueFull);
        drop(second);

        let books = ledger.snapshot();
        assert_eq!(books.imbalance(), 0);
        let row = &books.signals["traces"];
        assert_eq!(
            (row.taken.items, row.copied.items, row.held.items),
            (10, 6, 0)
        );
        assert_eq!(row.delivered.items, 6);
        assert_eq!(row.lost["abandoned"].items, 8);
        assert_eq!(row.lost["queue_full"].items, 1);
        assert_eq!(row.dropped["not_sampled"].items, 1);
    }

    /// Scenario: of three requests on their way to an exporter two are put on disk, one of which stays there at the end; the
    /// next process finds it and delivers it.
    /// Guarantees: the books balance at each step; who answered for what is on disk hears so at once; nothing is lost.
    #[test]
    fn what_is_on_disk_stays_in_the_books() {
        let ledger = Arc::new(Ledger::default());
        let heard: Custody = Arc::new(Elsewhere(false.into()));
        let [stays, goes, fails] = [(); 3].map(|()| {
            let charge = Charge::take(&ledger, Signal::Logs, AMOUNT);
            charge.with_custody(Arc::clone(&heard)).into_receipt()
        });
        assert_eq!(Arc::strong_count(&heard), 4);
        for (_, settler) in [&stays, &goes] {
            settler.spooled();
            settler.spooled();
        }
        assert_eq!(Arc::strong_count(&heard), 2);
        let row = |ledger: &Arc<Ledger>| {
            assert_eq!(ledger.snapshot().imbalance(), 0);
            let row = ledger.snapshot().signals["logs"].clone();
            (row.spooled.items, row.held.items, row.delivered.items)
        };
        assert_eq!(row(&ledger), (20, 10, 0));
        goes.0.delivered();
        stays.1.kept();
        drop(stays.0);
        assert_eq!(row(&ledger), (10, 10, 10));
        // What is not on disk cannot stay there.
        fails.1.kept();
        drop(fails.0);
        assert_eq!(row(&ledger), (10, 0, 10));
        let lost = ledger.snapshot().signals["logs"].lost_items();
        assert_eq!(lost, AMOUNT.items);

        let next = Arc::new(Ledger::default());
        let found = Charge::found(&next, Signal::Logs, AMOUNT).into_receipt();
        assert_eq!(row(&next), (10, 0, 0));
        found.0.delivered();
        assert_eq!(row(&next), (0, 0, 10));
    }

    /// Something that somebody else delivers once it is void.
    struct Elsewhere(AtomicBool);

    impl Guard for Elsewhere {
        fn is_void(&self) -> bool {
            self.0.load(Ordering::Relaxed)
        }
    }

    /// Scenario: a request waits for its exporter, in which two tenures have spans; first one, then the other becomes
    /// somebody else's, and the exporter leaves it out.
    /// Guarantees: it is wanted as long as one of them needs it; then the books say that it was handed over.
    #[test]
    fn what_others_deliver_is_handed_over() {
        let ledger = Arc::new(Ledger::default());
        let tenures = [false, false].map(|is_void| Arc::new(Elsewhere(is_void.into())));
        let mut charge = Charge::take(&ledger, Signal::Traces, AMOUNT);
        for tenure in &tenures {
            charge = charge.with_custody(tenure.clone());
        }
        let (receipt, _settler) = charge.into_receipt();
        tenures[0].0.store(true, Ordering::Relaxed);
        assert!(receipt.is_wanted());
        tenures[1].0.store(true, Ordering::Relaxed);
        assert!(!receipt.is_wanted());
        receipt.withdrawn();
        let books = ledger.snapshot();
        assert_eq!(books.imbalance(), 0);
        assert_eq!(books.signals["traces"].handed_over.items, AMOUNT.items);
    }

    /// Scenario: a charge that somebody wants to hear of is divided and put together again, many times, and
    /// put together with one of somebody else.
    /// Guarantees: it names each of them once, and they hear when all of it has ended.
    #[test]
    fn custody_does_not_grow_with_divisions() {
        let ledger = Arc::new(Ledger::default());
        let heard: Custody = Arc::new(Elsewhere(false.into()));
        let mut charge =
            Charge::take(&ledger, Signal::Traces, AMOUNT).with_custody(Arc::clone(&heard));
        for _ in 0..64 {
            let part = charge.split_off(3);
            charge.merge(part);
        }
        assert_eq!(charge.custody.len(), 1);
        let other: Custody = Arc::new(Elsewhere(false.into()));
        charge.merge(Charge::take(&ledger, Signal::Traces, AMOUNT).with_custody(other));
        assert_eq!(charge.custody.len(), 2);
        charge.into_receipt().0.delivered();
        assert_eq!(Arc::strong_count(&heard), 1);
    }

    /// Scenario: more is acknowledged than was taken.
    /// Guarantees: the imbalance shows it.
    #[test]
    fn an_acknowledgement_without_cover_is_an_imbalance() {
        let ledger = Arc::new(Ledger::default());
        ledger.acknowledged(Signal::Logs, AMOUNT);
        assert_eq!(ledger.snapshot().imbalance(), AMOUNT.items);
    }
}
