//! What the protocol asks for is done.

use crate::shard::Shard;
use crate::{Outbox, Piece, Redirect, Report, Ruled, Ruling, Spans};
use std::collections::{BTreeMap, BTreeSet};
use tailweir_core::{Moment, Slot, TraceId};
use tailweir_placement::TenureId;
use tailweir_tenure::{Effect, Number};

impl<S: Spans, T> Shard<S, T> {
    /// Carries out effects, and those that they have, until there are none.
    pub(crate) fn work(&mut self, now: Moment, out: &mut Outbox<T>) {
        loop {
            let effects = std::mem::take(&mut self.effects);
            for effect in effects {
                self.carry_out(now, effect, out);
            }
            if self.effects.is_empty() {
                self.leave_dropped(now, out);
                self.release_exports(now, out);
            }
            if self.effects.is_empty() {
                break;
            }
        }
        self.send_copies(now, out);
        // Whoever kept a decision for want of fragments to deliver has nothing to wait for.
        self.unclaimed.clear();
        out.abandoned.append(&mut self.abandoned);
        self.wait_for_retry(now);
    }

    fn send_copies(&mut self, now: Moment, out: &mut Outbox<T>) {
        while let Some(copies) = self.copying.next(now, &self.tenancy) {
            // The first of a trace has all of its spans.
            let mut is_copied = false;
            for (to, message) in copies {
                let message = self.with_spans(message, &mut is_copied);
                self.copying.sent(now, to, &message);
                self.tell_delivered(to, &message, out);
                out.letters.push((to, message));
            }
        }
    }

    fn carry_out(&mut self, now: Moment, effect: Effect<Piece, Ruled>, out: &mut Outbox<T>) {
        match effect {
            // The owner of a slot may have been its owner before; all tenures of a slot are one shard's.
            Effect::Send { to, message } if to == self.settings.incarnation => {
                self.receive(now, to, message);
            }
            Effect::Send { to, message } => {
                if let Some(message) = self.copying.put(to, message) {
                    let message = self.with_spans(message, &mut false);
                    self.tell_delivered(to, &message, out);
                    out.letters.push((to, message));
                }
            }
            Effect::Acknowledge { tenure, number } => {
                out.answers
                    .extend(self.waiting.settle(tenure, number, None));
            }
            Effect::Return {
                tenure,
                trace,
                number,
            } => self.give_back(now, (tenure, number), trace, out),
            Effect::Export { tenure, number } => self.export(now, tenure, number),
            // The engine lets the spans go when it hears of the verdict.
            Effect::Discard { .. } => {}
            Effect::Decided {
                tenure,
                trace,
                verdict,
            } => self.follow(now, (tenure, trace), verdict.value, out),
            Effect::Reconsider { trace, .. } => self.engine.reconsider(now, trace),
            Effect::Index {
                tenure,
                number,
                fragment,
            } => self.adopt(now, tenure, number, fragment),
            Effect::Drop {
                tenure,
                unconfirmed,
            } => {
                *self.dropped.entry(tenure).or_default() |= unconfirmed;
            }
            Effect::InSync { tenure, view } => {
                out.reports.push(Report::InSync { tenure, view });
            }
            Effect::Clear { tenure, into } => out.reports.push(Report::Clear { tenure, into }),
        }
    }

    /// A fragment was not taken after all: whoever brought it takes it elsewhere.
    fn give_back(
        &mut self,
        now: Moment,
        (tenure, number): (TenureId, Number),
        trace: TraceId,
        out: &mut Outbox<T>,
    ) {
        let redirect = self.moved(tenure, trace);
        let answer = self.waiting.settle(tenure, number, Some(redirect));
        out.answers.extend(answer);
        out.abandoned
            .extend(self.exports.end_wait((tenure, number)));
        // Its spans may be among those that the engine handed on: whoever brings them again is to be believed.
        self.engine.forget_delivered(trace);
        self.forget_if_homeless(now, trace);
    }

    /// A verdict holds.
    fn follow(
        &mut self,
        now: Moment,
        (tenure, trace): (TenureId, TraceId),
        ruled: Ruled,
        out: &mut Outbox<T>,
    ) {
        let decision = ruled.decision(self.settings.revision);
        self.with_engine(now, |engine, voice| {
            engine.follow(now, trace, decision, voice);
        });
        self.claim_fresh();
        if let Some(view) = self.tenancy.view(tenure) {
            out.rulings.push(Ruling {
                trace,
                tenure,
                view,
                ruled,
            });
        }
    }

    /// What is known about a trace in the tenures of its slot.
    pub(crate) fn verdict(&self, slot: Slot, trace: TraceId) -> Option<Ruled> {
        self.tenancy.owned_verdict(slot, trace).copied()
    }

    /// Says that a fragment which was taken belongs to another tenure after all.
    fn moved(&self, tenure: TenureId, trace: TraceId) -> Redirect {
        Redirect {
            trace,
            epoch: self.tenancy.epoch(tenure.slot),
            pinned: None,
        }
    }

    /// Forgets a trace that is held for no tenure any more.
    fn forget_if_homeless(&mut self, now: Moment, trace: TraceId) {
        if self.tenancy.home(self.slot_of(trace), trace).is_none() {
            self.with_engine(now, |engine, voice| engine.give_back(trace, voice));
        }
    }

    /// Forgets what belongs to tenures in which this member has no part any more.
    fn leave_dropped(&mut self, now: Moment, out: &mut Outbox<T>) {
        if self.dropped.is_empty() {
            return;
        }
        let dropped = std::mem::take(&mut self.dropped);
        let waiting = self.waiting.of(|tenure| dropped.contains_key(tenure));
        for ((tenure, number), trace) in waiting {
            let redirect = self.moved(tenure, trace);
            let answer = self.waiting.settle(tenure, number, Some(redirect));
            out.answers.extend(answer);
        }
        let slots: BTreeSet<Slot> = dropped.keys().map(|tenure| tenure.slot).collect();
        let of_slots = |trace: &TraceId| slots.contains(&self.slot_of(*trace));
        let held: Vec<TraceId> = self.engine.held().filter(of_slots).collect();
        for trace in held {
            self.forget_if_homeless(now, trace);
        }
        self.forget_unconfirmed(&dropped);
        let gone = self.exports.forget(&dropped);
        out.abandoned.extend(gone);
    }

    /// Of what was not confirmed in a tenure, the engine knows spans that nobody has.
    fn forget_unconfirmed(&mut self, dropped: &BTreeMap<TenureId, bool>) {
        let unconfirmed = dropped.iter().filter(|(_, unconfirmed)| **unconfirmed);
        let slots: BTreeSet<Slot> = unconfirmed.map(|(tenure, _)| tenure.slot).collect();
        if !slots.is_empty() {
            let seed = self.settings.slot_seed;
            let is_theirs = |trace| slots.contains(&Slot::of(trace, seed));
            self.engine.disown(is_theirs);
        }
    }
}
