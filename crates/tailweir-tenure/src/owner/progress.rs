//! What is due next in a tenure, asked after every event.

use super::older::Older;
use super::{Link, Opening, Owner};
use crate::holding::leaving;
use crate::{Effect, Message, Record, Ruling, Standing};
use tailweir_core::Moment;
use tailweir_placement::{Epoch, Incarnation};

impl<F: Clone, V: Ruling> Owner<F, V> {
    /// Proposes and asks whatever can be now, each once.
    pub(super) fn progress(&mut self, now: Moment, out: &mut Vec<Effect<F, V>>) {
        self.attach(now, out);
        if self.closing {
            if self.second.records() {
                self.seal(now, out);
                self.close(now, out);
            }
            return;
        }
        self.ask(out);
        if self.second.records() {
            self.propose_open(now, out);
            self.absorb(now, out);
        }
    }

    /// Puts everything that has no answer yet once more, after messages may have been lost.
    pub(crate) fn remind(&mut self, now: Moment, out: &mut Vec<Effect<F, V>>) {
        self.proposed = super::Proposed {
            close: self.proposed.close,
            ..super::Proposed::default()
        };
        for older in self.older.values_mut() {
            older.asked = None;
            older.proposed = false;
        }
        if self.second.records() {
            if let Link::Candidate { uncopied, .. } = &self.second {
                let missing = uncopied.clone();
                self.propose_fragments(now, &missing, true, out);
            }
            let pending = self.pending();
            self.propose_fragments(now, &pending, false, out);
            for (trace, verdict) in leaving(self.verdicts.iter(), now) {
                self.propose(now, Record::Decide { trace, verdict }, out);
            }
            if !self.unconfirmed.is_empty() {
                self.propose(now, Record::Free(self.unconfirmed.clone()), out);
            }
            if self.proposed.close {
                self.propose(now, Record::Close, out);
            }
        }
        self.report_in_sync(out);
        self.report_absorbed(out);
        self.progress(now, out);
    }

    /// Whether this member has something to answer.
    pub(crate) fn waits_for(&self, member: Incarnation) -> bool {
        let asks = |older: &Older<V>| older.asked == Some(member);
        self.second.member() == Some(member) || self.older.values().any(asks)
    }

    /// Puts the questions without an answer again.
    pub(crate) fn ask_again(&mut self, now: Moment, out: &mut Vec<Effect<F, V>>) {
        for older in self.older.values_mut() {
            older.asked = None;
        }
        self.progress(now, out);
    }

    pub(crate) fn standing(&self) -> Standing {
        if self.holding.closed {
            Standing::Closed
        } else if self.closing {
            Standing::Finishes
        } else if self.holding.opened {
            Standing::Serves
        } else {
            Standing::Opens
        }
    }

    fn attach(&mut self, now: Moment, out: &mut Vec<Effect<F, V>>) {
        if !self.second.records() && !self.proposed.attach {
            self.proposed.attach = true;
            let index = self.index(now);
            self.propose(now, Record::Attach(index), out);
        }
    }

    fn seal(&mut self, now: Moment, out: &mut Vec<Effect<F, V>>) {
        if self.holding.sealed.is_none() && !self.proposed.seal {
            self.proposed.seal = true;
            self.propose(now, Record::Seal, out);
        }
    }

    /// A tenure is closed when each of its traces is decided and everything that it kept is delivered: a tenure that was
    /// cleared with a kept trace undelivered would lose it with its owner.
    ///
    /// A trace that has neither fragments nor a verdict was decided so long ago that this is forgotten. The replica looks for
    /// old verdicts at another time, so that it may have sealed it.
    fn close(&mut self, now: Moment, out: &mut Vec<Effect<F, V>>) {
        let Some(sealed) = &self.holding.sealed else {
            return;
        };
        let (verdicts, traces) = (&self.holding.verdicts, &self.holding.traces);
        let decided = |trace| verdicts.contains_key(trace) || !traces.contains_key(trace);
        let done = self.holding.fragments.is_empty() && sealed.iter().all(decided);
        if done && !self.holding.closed && !self.proposed.close {
            self.proposed.close = true;
            self.propose(now, Record::Close, out);
        }
    }

    /// Asks *every* closing tenure, not only the last one: its owner by the newest table, and again when that changes.
    fn ask(&mut self, out: &mut Vec<Effect<F, V>>) {
        let opened = self.holding.opened;
        let wanted: Vec<Epoch> = self
            .older
            .iter()
            .filter(|(_, older)| {
                let missing = if opened {
                    older.remainder.is_none() && !older.absorbed
                } else {
                    older.manifest.is_none()
                };
                missing && older.asked != Some(older.owner)
            })
            .map(|(&created, _)| created)
            .collect();
        for created in wanted {
            let tenure = self.older_id(created);
            let message = if opened {
                Message::AskRemainder { tenure }
            } else {
                Message::AskManifest { tenure }
            };
            if let Some(older) = self.older.get_mut(&created) {
                older.asked = Some(older.owner);
                let to = older.owner;
                out.push(Effect::Send { to, message });
            }
        }
    }

    fn propose_open(&mut self, now: Moment, out: &mut Vec<Effect<F, V>>) {
        let gathered = self.older.values().all(|older| older.manifest.is_some());
        if self.holding.opened || self.proposed.open || !gathered {
            return;
        }
        self.proposed.open = true;
        let (verdicts, pins) = self.gathered_opening();
        let record = Record::Open {
            verdicts: leaving(verdicts.iter(), now),
            pins: pins.clone(),
        };
        self.opening = Some((verdicts, pins));
        self.propose(now, record, out);
        if self.holding.opened {
            self.ask(out);
        }
    }

    /// A trace that any tenure decided is decided; the others belong to the tenure that has them.
    fn gathered_opening(&self) -> Opening<V> {
        let mut opening = Opening::<V>::default();
        for manifest in self
            .older
            .values()
            .filter_map(|older| older.manifest.as_ref())
        {
            opening.0.extend(manifest.verdicts.clone());
        }
        for (&created, older) in &self.older {
            let open = older.manifest.iter().flat_map(|manifest| &manifest.open);
            let undecided = open.filter(|trace| !opening.0.contains_key(trace));
            opening.1.extend(undecided.map(|&trace| (trace, created)));
        }
        opening
    }

    fn absorb(&mut self, now: Moment, out: &mut Vec<Effect<F, V>>) {
        if !self.holding.opened {
            return;
        }
        let due: Vec<Epoch> = self
            .older
            .iter()
            .filter(|(_, older)| older.remainder.is_some() && !older.proposed)
            .map(|(&created, _)| created)
            .collect();
        for from in due {
            let Some(older) = self.older.get_mut(&from) else {
                continue;
            };
            older.proposed = true;
            let verdicts = older.remainder.as_ref();
            let verdicts = verdicts
                .map(|kept| leaving(kept.iter(), now))
                .unwrap_or_default();
            self.propose(now, Record::Absorb { from, verdicts }, out);
        }
    }

    fn report_absorbed(&self, out: &mut Vec<Effect<F, V>>) {
        let absorbed = self.older.iter().filter(|(_, older)| older.absorbed);
        out.extend(absorbed.map(|(&created, _)| Effect::Clear {
            tenure: self.older_id(created),
            into: self.id.created,
        }));
    }
}
