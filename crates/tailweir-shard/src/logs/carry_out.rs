//! What the protocol asks for is done.

use super::{At, Entry, Fate, LogFragment, LogOutbox, LogShard, State, all_of};
use crate::{Piece, Redirect, Report};
use tailweir_core::{Moment, TraceId};
use tailweir_placement::TenureId;
use tailweir_tenure::{Effect, Fragment, Until};

impl<T> LogShard<T> {
    /// Carries out effects, and those that they have, until there are none.
    pub(super) fn work(&mut self, now: Moment, out: &mut LogOutbox<T>) {
        loop {
            for effect in std::mem::take(&mut self.effects) {
                self.carry_out(now, effect, out);
            }
            if self.effects.is_empty() {
                self.leave_dropped(out);
                self.release(now, out);
            }
            if self.effects.is_empty() {
                break;
            }
        }
        self.send_copies(now, out);
        self.send_onward(now, out);
        if self.parts.is_empty() && self.fenced.is_empty() && self.stalled.is_empty() {
            self.retry = None;
        } else if self.retry.is_none() {
            self.retry = Some(now + crate::ShardSettings::RETRY);
        }
    }

    fn send_copies(&mut self, now: Moment, out: &mut LogOutbox<T>) {
        while let Some(copies) = self.copying.next(now, &self.tenancy) {
            for (to, message) in copies {
                self.copying.sent(now, to, &message);
                out.letters.push((to, message));
            }
        }
    }

    fn carry_out(
        &mut self,
        now: Moment,
        effect: Effect<Piece, crate::Ruled>,
        out: &mut LogOutbox<T>,
    ) {
        match effect {
            // The owner of a slot may have been its owner before.
            Effect::Send { to, message } if to == self.settings.incarnation => {
                self.receive(now, to, message);
            }
            Effect::Send { to, message } => {
                let message = self.copying.put(to, message);
                out.letters.extend(message.map(|message| (to, message)));
            }
            Effect::Acknowledge { tenure, number } => {
                let at = (tenure, number);
                out.answers
                    .extend(self.waiting.settle(tenure, number, None));
                self.stored(now, at);
            }
            Effect::Return { tenure, number, .. } => self.returned((tenure, number), out),
            Effect::Export { tenure, number } => self.export((tenure, number)),
            Effect::Discard { tenure, number } => self.discard((tenure, number)),
            // Each fragment hears of its verdict by what is to be done with it.
            Effect::Decided { .. } => {}
            Effect::Reconsider { tenure, trace } => {
                let numbers = self.tenancy.numbers(tenure, trace);
                self.stalled.extend(numbers.map(|number| (tenure, number)));
            }
            Effect::Index {
                tenure,
                number,
                fragment,
            } => self.adopt(now, (tenure, number), &fragment),
            Effect::Drop { tenure, .. } => {
                self.dropped.insert(tenure);
            }
            Effect::InSync { tenure, view } => out.reports.push(Report::InSync { tenure, view }),
            Effect::Clear { tenure, into } => out.reports.push(Report::Clear { tenure, into }),
        }
    }

    /// A fragment is stored twice: it is on the books from here on.
    fn stored(&mut self, now: Moment, at: At) {
        let Some(entry) = self.entries.get_mut(&at) else {
            return;
        };
        if entry.state == State::Pending {
            self.books.taken.add(entry.amount);
            self.books.held.add(entry.amount);
            self.wait(now, at);
        }
    }

    /// A fragment was not taken after all.
    fn returned(&mut self, at: At, out: &mut LogOutbox<T>) {
        let Some(entry) = self.entries.remove(&at) else {
            return;
        };
        self.occupied -= entry.cost();
        let redirect = self.moved(at.0, entry.trace);
        out.answers
            .extend(self.waiting.settle(at.0, at.1, Some(redirect)));
    }

    /// A fragment belongs to another tenure.
    pub(super) fn moved(&self, tenure: TenureId, trace: TraceId) -> Redirect {
        Redirect {
            trace,
            epoch: self.tenancy.epoch(tenure.slot),
            pinned: None,
        }
    }

    /// This member was promoted: a fragment that it kept as a copy is its own now, with the time that is left.
    fn adopt(&mut self, now: Moment, at: At, fragment: &Until<Fragment<Piece>>) {
        let Piece::Raw(body) = &fragment.value.data else {
            return;
        };
        let read = LogFragment::read(body);
        let entry = Entry {
            trace: read.as_ref().map_or(TraceId::default(), |read| read.trace),
            key: fragment.value.trace,
            amount: read.as_ref().map(LogFragment::amount).unwrap_or_default(),
            deadline: fragment.until,
            state: State::Judged(Fate::Kept),
        };
        self.occupied += entry.cost();
        self.books.taken.add(entry.amount);
        self.books.held.add(entry.amount);
        self.entries.insert(at, entry);
        if read.is_none() {
            // Of no trace, so nobody would ever decide about it.
            self.judge(now, at, Fate::UndecidedDropped);
        } else if self.tenancy.verdict(at.0, fragment.value.trace).is_none() {
            self.wait(now, at);
        }
    }

    /// Forgets what belongs to tenures in which this member has no part any more. Others answer for it.
    ///
    /// Thousands of tenures may go at once: each costs what it has, and not what there is.
    fn leave_dropped(&mut self, out: &mut LogOutbox<T>) {
        if self.dropped.is_empty() {
            return;
        }
        let dropped = std::mem::take(&mut self.dropped);
        for ((tenure, number), trace) in self.waiting.of(|tenure| dropped.contains(tenure)) {
            let redirect = self.moved(tenure, trace);
            out.answers
                .extend(self.waiting.settle(tenure, number, Some(redirect)));
        }
        for &tenure in &dropped {
            let gone = self.entries.extract_if(all_of(tenure), |_, _| true);
            for (at, entry) in gone.collect::<Vec<_>>() {
                self.leave(at, &entry);
            }
        }
        self.fenced.retain(|at| !dropped.contains(&at.0));
    }

    /// A fragment is another member's, wherever it was on its way.
    fn leave(&mut self, at: At, entry: &Entry) {
        self.occupied -= entry.cost();
        self.onward.remove(&at);
        self.stalled.remove(&at);
        if entry.state == State::Waits {
            // The first fragment takes along those of its trace that leave with it.
            self.hold.withdraw(entry.trace, |other| other.0 != at.0);
        }
        if !matches!(entry.state, State::Pending | State::Released) {
            self.books.held.subtract(entry.amount);
            self.books.handed_over.add(entry.amount);
        }
    }
}
