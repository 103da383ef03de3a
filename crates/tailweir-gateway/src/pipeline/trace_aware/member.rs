//! The member's own part of what waits in a cluster: hands on what its shard wants done.

use super::{TraceAware, TraceAwareFigures, TraceAwareRules};
use crate::ledger::{Charge, DropReason, Guard, Ledger};
use crate::pipeline::{Load, PART_TIME, SLOT_SEED, Seat};
use std::sync::{Arc, Weak};
use tailweir_core::Signal;
use tailweir_export::{Amount, LossReason};
use tailweir_placement::TenureId;
use tailweir_shard::{
    Answer, LogAmount, LogBooks, LogBounds, LogOutbox, LogShard, LogShardSettings, OnwardLogs,
};
use tailweir_tenure::Number;
use tokio::sync::oneshot;

/// A log shard that answers those who wait.
pub(super) type Shard = LogShard<oneshot::Sender<Answer>>;
/// What it wants done.
pub(super) type Outbox = LogOutbox<oneshot::Sender<Answer>>;

/// See the module.
pub(super) struct LogMember {
    pub(super) shard: Shard,
    pub(super) outbox: Outbox,
    seat: Arc<Seat>,
    /// What of the shard's books is in the ledger already.
    booked: LogBooks,
}

impl LogMember {
    /// Nothing where the process owns no slots.
    pub(super) fn new(seat: &Arc<Seat>, rules: &TraceAwareRules) -> Option<Self> {
        let one_copy = seat.membership.one_copy;
        let shard = LogShard::new(LogShardSettings {
            incarnation: seat.membership.incarnation?,
            index: 0,
            shards: 1,
            slot_seed: SLOT_SEED,
            seed: SLOT_SEED,
            one_copy,
            patience: PART_TIME,
            bounds: bounds(rules, one_copy),
        });
        Some(Self {
            shard,
            outbox: LogOutbox::default(),
            seat: Arc::clone(seat),
            booked: LogBooks::default(),
        })
    }

    pub(super) fn change(&mut self, rules: &TraceAwareRules) {
        self.shard
            .change(bounds(rules, self.seat.membership.one_copy));
    }

    pub(super) fn tell(&self, figures: &mut TraceAwareFigures) {
        let books = self.shard.books();
        figures.waiting_traces = self.shard.waiting_traces() as u64;
        figures.waiting_bytes = self.shard.owned_bytes();
        figures.copied_bytes = self.shard.copied_bytes() as u64;
        figures.copies_refused = books.copies_refused;
        let counts = &mut figures.counts;
        counts.kept = books.kept.records;
        counts.dropped = books.dropped.records;
        counts.undecided = books.undecided.records;
        counts.undecided_dropped = books.undecided_dropped.records;
        // Beside those that found no room on the way here.
        counts.overflow += books.overflow.records;
        counts.handed_over = books.handed_over.records;
        counts.duplicates = books.duplicates.records;
    }

    /// Bytes that it holds, for itself and for others.
    pub(super) fn bytes(&self) -> u64 {
        self.shard.owned_bytes() + self.shard.copied_bytes() as u64
    }

    pub(super) fn is_empty(&self) -> bool {
        self.shard.is_empty()
    }

    /// Answers, writes and books; what leaves and what is to be handed on is the caller's.
    pub(super) fn dispatch(&mut self, home: &Weak<TraceAware>) -> (Vec<Load>, Vec<OnwardLogs>) {
        for (ticket, answer) in self.outbox.answers.drain(..) {
            // A gateway that has gone needs no answer.
            let _ = ticket.send(answer);
        }
        self.seat.post(self.outbox.letters.drain(..));
        for report in self.outbox.reports.drain(..) {
            self.seat.report(report);
        }
        self.book();
        let ledger = &self.seat.ledger;
        let leaving = self.outbox.leaving.drain(..).map(|logs| {
            let mut charge = Charge::from_store(ledger, Signal::Logs, amount(logs.amount));
            if let Some(at) = logs.place {
                let home = Weak::clone(home);
                charge = charge.with_custody(Arc::new(Delivery { home, at }));
            }
            Load::held(Signal::Logs, logs.bytes, charge)
        });
        let leaving = leaving.collect();
        (leaving, std::mem::take(&mut self.outbox.onward))
    }

    /// Brings the ledger up to the shard's own books.
    fn book(&mut self) {
        let (books, booked) = (self.shard.books(), &self.booked);
        let ledger: &Ledger = &self.seat.ledger;
        let signal = Signal::Logs;
        ledger.taken(signal, grown(books.taken, booked.taken));
        ledger.store_holds(signal, amount(booked.held), amount(books.held));
        ledger.handed_over(signal, grown(books.handed_over, booked.handed_over));
        for (reason, now, before) in [
            (DropReason::NotSampled, books.dropped, booked.dropped),
            (
                DropReason::Undecided,
                books.undecided_dropped,
                booked.undecided_dropped,
            ),
            (DropReason::Duplicate, books.duplicates, booked.duplicates),
        ] {
            ledger.dropped(signal, reason, grown(now, before));
        }
        self.booked = books.clone();
    }

    /// Gives up what is left, and counts it as lost.
    pub(super) fn abandon(&mut self) {
        let left = amount(std::mem::take(&mut self.booked.held));
        if left != Amount::default() {
            tracing::error!(
                records = left.items,
                "logs that wait for decisions are lost"
            );
            let ledger = &self.seat.ledger;
            ledger.lost(Signal::Logs, LossReason::AbandonedAtShutdown, left);
            ledger.store_holds(Signal::Logs, left, Amount::default());
        }
    }
}

fn bounds(rules: &TraceAwareRules, one_copy: bool) -> LogBounds {
    LogBounds::new(rules.hold.clone(), rules.keeps_undecided, one_copy)
}

fn amount(of: LogAmount) -> Amount {
    Amount {
        items: of.records,
        bytes: of.bytes,
    }
}

fn grown(now: LogAmount, before: LogAmount) -> Amount {
    Amount {
        items: now.records - before.records,
        bytes: now.bytes - before.bytes,
    }
}

/// What tells the member that records are delivered, or counted as lost: by being dropped.
struct Delivery {
    home: Weak<TraceAware>,
    at: (TenureId, Number),
}

impl Guard for Delivery {}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(home) = self.home.upgrade() {
            // The member may be the one that drops it: it hears of it by its own run.
            home.delivered.lock().push(self.at);
            home.changed.notify_one();
        }
    }
}
