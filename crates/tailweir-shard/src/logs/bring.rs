//! Parts of requests of logs: taken, sent elsewhere, held for a while or refused.

use super::{At, Entry, LogAmount, LogFragment, LogOutbox, LogShard, Logs, State, cost};
use crate::{Answer, LeavingLogs, Part, Piece, Redirect, Refusal};
use tailweir_core::{Moment, TraceId};
use tailweir_placement::TenureId;
use tailweir_tenure::{Fragment, Until};

/// Where a fragment goes.
enum Way {
    Take(TenureId),
    /// It is known, and was dropped.
    Known,
    Elsewhere,
}

impl<T> LogShard<T> {
    /// Takes a part, or says who should, or waits, or refuses. The answer may come with a later call.
    pub fn bring(&mut self, now: Moment, mut part: Part<Logs, T>, out: &mut LogOutbox<T>) {
        part.patience = part.patience.min(now + self.settings.patience);
        self.take_or_hold(now, part, out);
        self.work(now, out);
    }

    /// Tries parts again that could not be answered.
    pub(super) fn retry_parts(&mut self, now: Moment, out: &mut LogOutbox<T>) {
        for (part, refusal) in std::mem::take(&mut self.parts) {
            if part.patience <= now {
                out.answers.push((part.ticket, Answer::Refused(refusal)));
            } else {
                self.take_or_hold(now, part, out);
            }
        }
        self.work(now, out);
    }

    fn take_or_hold(&mut self, now: Moment, part: Part<Logs, T>, out: &mut LogOutbox<T>) {
        let keys = part.spans.fragments.iter();
        let keys: Vec<TraceId> = keys
            .map(|fragment| {
                fragment.key(part.spans.handed_on, || {
                    self.timeless += 1;
                    (self.settings.incarnation, self.timeless)
                })
            })
            .collect();
        let mut redirects = Vec::new();
        match self.look(now, &part, &keys, &mut redirects) {
            Ok(ways) => self.take(now, part, &keys, &ways, redirects, out),
            Err(refusal) if refusal.passes_soon() => self.parts.push((part, refusal)),
            Err(refusal) => out.answers.push((part.ticket, Answer::Refused(refusal))),
        }
    }

    /// Says of each fragment where it goes, before anything is changed.
    fn look(
        &self,
        now: Moment,
        part: &Part<Logs, T>,
        keys: &[TraceId],
        redirects: &mut Vec<Redirect>,
    ) -> Result<Vec<Way>, Refusal> {
        let mut ways = Vec::with_capacity(keys.len());
        for (fragment, &key) in part.spans.fragments.iter().zip(keys) {
            let trace = fragment.trace;
            let admitted = self
                .tenancy
                .admit(part.epoch, self.slot_of(trace), part.tenure, key);
            ways.push(match admitted {
                Ok(tenure) if self.crowded.has(now, self.tenancy.second(tenure)) => {
                    return Err(Refusal::NoRoom);
                }
                Ok(tenure) => Way::Take(tenure),
                Err(reply) => match Redirect::of(trace, reply)? {
                    Some(redirect) => {
                        redirects.push(redirect);
                        Way::Elsewhere
                    }
                    None => Way::Known,
                },
            });
        }
        Ok(ways)
    }

    fn take(
        &mut self,
        now: Moment,
        part: Part<Logs, T>,
        keys: &[TraceId],
        ways: &[Way],
        mut redirects: Vec<Redirect>,
        out: &mut LogOutbox<T>,
    ) {
        let mut open = Vec::with_capacity(keys.len());
        let Part {
            spans,
            ticket,
            patience,
            ..
        } = part;
        for ((fragment, &key), way) in spans.fragments.into_iter().zip(keys).zip(ways) {
            let amount = fragment.amount();
            let trace = fragment.trace;
            match way {
                Way::Elsewhere => {}
                Way::Known => self.known(amount),
                Way::Take(tenure) => match self.take_fragment(now, *tenure, key, fragment, out) {
                    Ok(at) => open.extend(at.map(|at| (at, trace))),
                    Err(redirect) => redirects.push(redirect),
                },
            }
        }
        self.waiting
            .begin(ticket, patience, open, redirects, &mut out.answers);
    }

    /// Answers the fragment that is to be stored before the part is answered, if there is one.
    fn take_fragment(
        &mut self,
        now: Moment,
        tenure: TenureId,
        key: TraceId,
        fragment: LogFragment,
        out: &mut LogOutbox<T>,
    ) -> Result<Option<At>, Redirect> {
        let amount = fragment.amount();
        let known = self.tenancy.numbers(tenure, key).next();
        if known.is_some() || self.tenancy.verdict(tenure, key).is_some() {
            self.known(amount);
            let at = known.map(|number| (tenure, number));
            let is_pending = |at: &At| {
                let entry = self.entries.get(at);
                entry.is_some_and(|entry| entry.state == State::Pending)
            };
            return Ok(at.filter(is_pending));
        }
        if self.hold.decision(fragment.trace) == Some(false) {
            self.books.taken.add(amount);
            self.books.dropped.add(amount);
            return Ok(None);
        }
        if self.occupied + cost(amount) > self.settings.bounds.own {
            self.books.taken.add(amount);
            self.books.overflow.add(amount);
            out.leaving.push(LeavingLogs {
                bytes: fragment.body,
                amount,
                place: None,
            });
            return Ok(None);
        }
        let deadline = now + self.settings.bounds.hold.wait;
        let stored = Until {
            value: Fragment {
                trace: key,
                data: Piece::Raw(fragment.body),
            },
            until: deadline,
        };
        let taken = self.tenancy.take(now, tenure, stored, &mut self.effects);
        let Some(number) = taken else {
            return Err(self.moved(tenure, fragment.trace));
        };
        self.occupied += cost(amount);
        let entry = Entry {
            trace: fragment.trace,
            key,
            amount,
            deadline,
            state: State::Pending,
        };
        self.entries.insert((tenure, number), entry);
        Ok(Some((tenure, number)))
    }

    fn known(&mut self, amount: LogAmount) {
        self.books.taken.add(amount);
        self.books.duplicates.add(amount);
    }
}

impl LogFragment {
    pub(super) fn amount(&self) -> LogAmount {
        LogAmount {
            records: self.records,
            bytes: self.body.len() as u64,
        }
    }
}
