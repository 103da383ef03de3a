//! How fragments leave: by the decision of their trace, after their time, or to the new owner of their slot.

use super::{At, Fate, LogFragment, LogOutbox, LogShard, LogShardSettings, State, all_of};
use crate::exports::UNCONFIRMED_MAX;
use crate::{LeavingLogs, OnwardLogs, Outcome, Piece, Ruled};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use tailweir_core::{Moment, PolicyIndex};
use tailweir_placement::TenureId;
use tailweir_policy::CarriedWeight;
use tailweir_sampler::Placed;
use tailweir_tenure::{Number, Until};

impl<T> LogShard<T> {
    /// Fragments are with the backend, or counted as lost.
    pub fn delivered(&mut self, now: Moment, delivered: &[At], out: &mut LogOutbox<T>) {
        let mut by_tenure = BTreeMap::<TenureId, Vec<Number>>::new();
        for at in delivered {
            match self.entries.get(at) {
                Some(entry) if entry.state == State::Released => {
                    self.occupied -= entry.cost();
                    self.entries.remove(at);
                }
                // Said of what left when the tenure was this member's before: it is again, and has it still to let go.
                Some(_) => continue,
                None => {}
            }
            by_tenure.entry(at.0).or_default().push(at.1);
        }
        for (tenure, numbers) in by_tenure {
            self.tenancy
                .delivered(now, tenure, &numbers, &mut self.effects);
        }
        self.work(now, out);
    }

    /// A fragment was brought to the new owner of its slot, which took it or did not.
    pub fn handed_on(
        &mut self,
        now: Moment,
        tenure: TenureId,
        number: Number,
        is_taken: bool,
        out: &mut LogOutbox<T>,
    ) {
        let at = (tenure, number);
        let under_way = self.entries.get_mut(&at);
        if let Some(entry) = under_way.filter(|entry| entry.state == State::UnderWay) {
            match self.hold.decision(entry.trace) {
                _ if is_taken => self.judge(now, at, Fate::HandedOn),
                // Whoever has it by now drops it too.
                Some(false) => self.judge(now, at, Fate::Dropped),
                _ if entry.deadline > now => {
                    entry.state = State::Onward;
                    let again = now + LogShardSettings::HAND_ON_AGAIN;
                    self.onward.insert(at, again.min(entry.deadline));
                }
                Some(true) => self.judge(now, at, Fate::Kept),
                None => self.judge_undecided(now, vec![at]),
            }
        }
        self.work(now, out);
    }

    /// A stored fragment waits for the decision of its trace, where it will be heard.
    pub(super) fn wait(&mut self, now: Moment, at: At) {
        let Some(entry) = self.entries.get_mut(&at) else {
            return;
        };
        if self.closing.contains(&at.0) && self.hold.decision(entry.trace).is_none() {
            entry.state = State::Onward;
            self.onward.insert(at, now);
            return;
        }
        entry.state = State::Waits;
        let (trace, deadline, cost) = (entry.trace, entry.deadline, entry.cost());
        let placed = self.hold.place_until(deadline, trace, cost, at);
        let fate = match placed {
            Placed::Held => return,
            Placed::Decided { is_kept: true, .. } => Fate::Kept,
            Placed::Decided { .. } => Fate::Dropped,
            Placed::NoRoom(_) => Fate::Overflow,
        };
        self.judge(now, at, fate);
    }

    /// What waits in tenures whose slots have moved is to be handed on.
    pub(super) fn leave_closing(&mut self, now: Moment) {
        for tenure in &self.closing {
            for (at, entry) in self.entries.range_mut(all_of(*tenure)) {
                if entry.state == State::Waits {
                    self.hold.withdraw(entry.trace, |other| other != at);
                    entry.state = State::Onward;
                    self.onward.insert(*at, now);
                }
            }
        }
    }

    pub(super) fn send_onward(&mut self, now: Moment, out: &mut LogOutbox<T>) {
        let due = self.onward.extract_if(.., |_, at| *at <= now);
        let due: Vec<At> = due.map(|(at, _)| at).collect();
        for at in due {
            let body = self.body(at);
            let Some(entry) = self.entries.get_mut(&at) else {
                continue;
            };
            entry.state = State::UnderWay;
            out.onward.push(OnwardLogs {
                tenure: at.0,
                number: at.1,
                fragment: LogFragment {
                    trace: entry.trace,
                    body,
                    records: entry.amount.records,
                },
            });
        }
    }

    pub(super) fn judge_undecided(&mut self, now: Moment, fragments: Vec<At>) {
        let fate = if self.settings.bounds.keeps_undecided {
            Fate::Undecided
        } else {
            Fate::UndecidedDropped
        };
        for at in fragments {
            self.judge(now, at, fate);
        }
    }

    pub(super) fn judge(&mut self, now: Moment, at: At, fate: Fate) {
        if let Some(entry) = self.entries.get_mut(&at) {
            entry.state = State::Judged(fate);
            self.propose(now, at);
        }
    }

    /// Proposes the verdict on a fragment, or waits until somebody is there to store it.
    pub(super) fn propose(&mut self, now: Moment, at: At) {
        let Some(entry) = self.entries.get(&at) else {
            return;
        };
        let State::Judged(fate) = entry.state else {
            return;
        };
        let key = entry.key;
        if !self.tenancy.is_decidable(at.0, key) {
            self.stalled.insert(at);
            return;
        }
        let verdict = Until {
            value: verdict(fate.keeps()),
            until: now + LogShardSettings::VERDICT_LIFE,
        };
        self.tenancy
            .decide(now, at.0, key, verdict, &mut self.effects);
    }

    /// The verdict on a fragment keeps it, and is stored: that of this member, or of the owner before.
    pub(super) fn export(&mut self, at: At) {
        let Some(entry) = self.entries.get_mut(&at) else {
            return;
        };
        let fate = match entry.state {
            State::Judged(fate) if fate.keeps() => fate,
            _ => Fate::Kept,
        };
        entry.state = State::Fenced(fate);
        self.fenced.push(at);
    }

    /// The verdict on a fragment drops it, or says that it is elsewhere, and is stored.
    pub(super) fn discard(&mut self, at: At) {
        let Some(entry) = self.entries.remove(&at) else {
            return;
        };
        self.occupied -= entry.cost();
        self.books.held.subtract(entry.amount);
        match entry.state {
            State::Judged(Fate::HandedOn) => self.books.handed_over.add(entry.amount),
            State::Judged(Fate::UndecidedDropped) => self.books.undecided_dropped.add(entry.amount),
            _ => self.books.dropped.add(entry.amount),
        }
    }

    /// Hands out what the fence lets pass.
    pub(super) fn release(&mut self, now: Moment, out: &mut LogOutbox<T>) {
        for at in std::mem::take(&mut self.fenced) {
            let is_open = self.tenancy.may_export(now, at.0);
            if !is_open || self.tenancy.unconfirmed(at.0) >= UNCONFIRMED_MAX {
                self.fenced.push(at);
                continue;
            }
            let bytes = self.body(at);
            let Some(entry) = self.entries.get_mut(&at) else {
                continue;
            };
            let amount = entry.amount;
            self.books.held.subtract(amount);
            match entry.state {
                State::Fenced(Fate::Undecided) => self.books.undecided.add(amount),
                State::Fenced(Fate::Overflow) => self.books.overflow.add(amount),
                _ => self.books.kept.add(amount),
            }
            entry.state = State::Released;
            out.leaving.push(LeavingLogs {
                bytes,
                amount,
                place: Some(at),
            });
        }
    }

    /// Asks the second members of tenures for a sign of life whose fence is closed for want of one.
    pub(super) fn knock(&mut self, now: Moment) {
        let tenures: BTreeSet<TenureId> = self.fenced.iter().map(|at| at.0).collect();
        for tenure in tenures {
            if !self.tenancy.may_export(now, tenure) {
                self.tenancy.probe(now, tenure, &mut self.effects);
            }
        }
    }

    fn body(&self, at: At) -> Bytes {
        match self.tenancy.fragment(at.0, at.1).map(|held| &held.data) {
            Some(Piece::Raw(bytes) | Piece::Marked { bytes, .. }) => bytes.clone(),
            Some(Piece::Held) | None => Bytes::new(),
        }
    }
}

/// A verdict says of a fragment whether it goes on. No policy made it.
fn verdict(keeps: bool) -> Ruled {
    Ruled {
        outcome: if keeps {
            Outcome::Sampled(None)
        } else {
            Outcome::NotSampled
        },
        policy: PolicyIndex(0),
        sub_policy: None,
        carried: CarriedWeight::Independent,
        revision: 0,
    }
}
