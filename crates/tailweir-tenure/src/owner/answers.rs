//! Records that an owner proposes, and what it does when they are answered.

use super::{Link, Owner};
use crate::holding::{Stage, leaving};
use crate::{Answer, Effect, Index, Message, Number, Record, Ruling};
use std::collections::BTreeSet;
use tailweir_core::{Moment, TraceId};
use tailweir_placement::{Epoch, Incarnation};

impl<F: Clone, V: Ruling> Owner<F, V> {
    /// Sends a record to the second member; without one, the owner's own memory is all there is, and the record counts
    /// at once.
    pub(super) fn propose(
        &mut self,
        now: Moment,
        record: Record<F, V>,
        out: &mut Vec<Effect<F, V>>,
    ) {
        match self.second.member() {
            Some(to) => {
                let message = Message::Record {
                    tenure: self.id,
                    view: self.view,
                    asked: now,
                    record,
                };
                out.push(Effect::Send { to, message });
            }
            None => {
                let answer = self.alone(record);
                self.settle(now, answer, out);
            }
        }
    }

    fn alone(&self, record: Record<F, V>) -> Answer<V> {
        match record {
            Record::Open { .. } => Answer::Opened,
            Record::Append { number, .. } => Answer::Appended(number),
            Record::Decide { trace, verdict } => Answer::Decided { trace, verdict },
            Record::Seal => {
                let undecided = self.stored_traces();
                let decided = self.holding.verdicts.keys().copied();
                Answer::Sealed {
                    opened: self.holding.opened,
                    traces: undecided.into_iter().chain(decided).collect(),
                }
            }
            Record::Absorb { from, .. } => Answer::Absorbed { from },
            Record::Close => Answer::Closed,
            Record::Attach(_) => Answer::Attached,
            Record::Copy { number, .. } => Answer::Copied(number),
            Record::Free(numbers) => Answer::Freed(numbers),
        }
    }

    /// An answer arrived. It counts only if it comes from the second member that the row names, in the view that the row
    /// has: so that an owner which was replaced, or whose second was, acts on nothing.
    pub(crate) fn answered(
        &mut self,
        now: Moment,
        from: Incarnation,
        view: Epoch,
        asked: Moment,
        answer: Answer<V>,
        out: &mut Vec<Effect<F, V>>,
    ) {
        let is_stale = matches!(answer, Answer::Stale(_));
        if !is_stale && view == self.view && self.second.member() == Some(from) {
            self.fence.answered(asked);
            self.settle(now, answer, out);
            self.progress(now, out);
        }
    }

    fn settle(&mut self, now: Moment, answer: Answer<V>, out: &mut Vec<Effect<F, V>>) {
        match answer {
            Answer::Opened => self.open(out),
            Answer::Appended(number) => self.appended(number, out),
            Answer::Decided { trace, verdict } => {
                if self.verdicts.remove(&trace).is_some() {
                    self.decided(trace, verdict.arrive(now), out);
                }
            }
            Answer::Sealed { opened, traces } => self.sealed(opened, traces, out),
            Answer::Absorbed { from } => self.absorbed(from, out),
            Answer::Closed => self.closed(out),
            Answer::Attached => self.attached(now, out),
            Answer::Copied(number) => self.copied_in_time(now, number, out),
            Answer::Freed(numbers) => self.unconfirmed.retain(|number| !numbers.contains(number)),
            Answer::Unknown(trace) => {
                if self.verdicts.remove(&trace).is_some() {
                    let tenure = self.id;
                    out.push(Effect::Reconsider { tenure, trace });
                }
            }
            Answer::NotAttached => self.attach_anew(out),
            // It is not acted on: the table that it speaks of says the same, and more.
            Answer::Stale(_) => {}
        }
    }

    fn open(&mut self, out: &mut Vec<Effect<F, V>>) {
        if let Some((verdicts, pins)) = self.opening.take() {
            self.holding.opened = true;
            self.holding.pins = pins;
            self.unpin_gone();
            self.inherit(verdicts, out);
            for older in self.older.values_mut() {
                older.opened();
            }
        }
    }

    fn appended(&mut self, number: Number, out: &mut Vec<Effect<F, V>>) {
        let Some(held) = self.holding.fragments.get_mut(&number) else {
            return;
        };
        if held.stage != Stage::Proposed {
            return;
        }
        self.pending -= 1;
        let trace = held.fragment.value.trace;
        if self.verdicts.contains_key(&trace) {
            held.stage = Stage::Waiting;
            return;
        }
        held.stage = Stage::Stored;
        self.acknowledge(number, out);
        match self.holding.ruling(trace).map(Ruling::keeps) {
            Some(true) => self.export(number, out),
            Some(false) => self.discard(number, out),
            None => {}
        }
    }

    /// The verdict holds: what it keeps is exported, except for fragments that are not stored yet; they follow when they
    /// are. What it drops is gone at once, and nothing of it has to be stored any more.
    fn decided(&mut self, trace: TraceId, verdict: crate::Until<V>, out: &mut Vec<Effect<F, V>>) {
        let keeps = verdict.value.keeps();
        out.push(self.holds(trace, verdict.clone()));
        self.holding.verdicts.insert(trace, verdict);
        for number in self.holding.numbers(trace) {
            let stage = self.stage(number);
            let pending = stage == Some(Stage::Proposed);
            if stage == Some(Stage::Waiting) || (pending && !keeps) {
                self.acknowledge(number, out);
            }
            if !keeps {
                self.pending -= usize::from(pending);
                self.discard(number, out);
                self.copied(number, out);
            } else if !pending {
                self.export(number, out);
            }
        }
    }

    /// The replica's word is the truth about what the tenure has. A fragment that waits for it and is not in the set was
    /// refused: the next owner takes its trace.
    fn sealed(&mut self, opened: bool, traces: BTreeSet<TraceId>, out: &mut Vec<Effect<F, V>>) {
        if self.holding.sealed.is_some() {
            return;
        }
        if opened {
            self.open(out);
        }
        self.opening = None;
        // A trace of the set that is unknown here came with an Absorb record whose answer is still under way.
        let mut crossed = std::mem::take(&mut self.crossing);
        crossed.retain(|trace, _| traces.contains(trace));
        self.inherit(crossed, out);
        let lost =
            |trace: &TraceId| !traces.contains(trace) && !self.holding.verdicts.contains_key(trace);
        let mut returned = self.pending();
        returned.retain(|&number| {
            let fragment = self.holding.fragment(number);
            fragment.is_some_and(|fragment| lost(&fragment.value.trace))
        });
        self.holding.sealed = Some(traces);
        self.give_back(returned, out);
    }

    fn closed(&mut self, out: &mut Vec<Effect<F, V>>) {
        self.holding.closed = true;
        let returned = self.pending();
        self.give_back(returned, out);
    }

    /// Of those that the second member is still to confirm.
    fn give_back(&mut self, numbers: BTreeSet<Number>, out: &mut Vec<Effect<F, V>>) {
        for number in numbers {
            self.pending -= 1;
            if let Some(fragment) = self.holding.remove(number) {
                out.push(Effect::Return {
                    tenure: self.id,
                    trace: fragment.value.trace,
                    number,
                });
            }
        }
    }

    /// The candidate has the index: it gets the fragments, and everything that waited for a second member.
    fn attached(&mut self, now: Moment, out: &mut Vec<Effect<F, V>>) {
        let missing = self.holding.at_stage(|stage| stage != Stage::Proposed);
        let Link::Candidate {
            attached: attached @ false,
            uncopied,
            ..
        } = &mut self.second
        else {
            return;
        };
        *attached = true;
        uncopied.clone_from(&missing);
        self.propose_fragments(now, &missing, true, out);
        let waiting = self.pending();
        self.propose_fragments(now, &waiting, false, out);
        self.report_in_sync(out);
    }

    pub(super) fn propose_fragments(
        &mut self,
        now: Moment,
        numbers: &BTreeSet<Number>,
        copy: bool,
        out: &mut Vec<Effect<F, V>>,
    ) {
        for &number in numbers {
            let Some(fragment) = self.holding.fragment(number) else {
                continue;
            };
            let fragment = fragment.leave(now);
            let record = if copy {
                Record::Copy { number, fragment }
            } else {
                Record::Append { number, fragment }
            };
            self.propose(now, record, out);
        }
    }

    /// A copy that arrives after its fragment was delivered would be exported again by a successor: it is freed again.
    fn copied_in_time(&mut self, now: Moment, number: Number, out: &mut Vec<Effect<F, V>>) {
        if !self.holding.fragments.contains_key(&number) {
            self.propose(now, Record::Free(BTreeSet::from([number])), out);
        }
        self.copied(number, out);
    }

    /// The candidate has this fragment, or does not need it any more.
    pub(super) fn copied(&mut self, number: Number, out: &mut Vec<Effect<F, V>>) {
        if let Link::Candidate { uncopied, .. } = &mut self.second
            && uncopied.remove(&number)
        {
            self.report_in_sync(out);
        }
    }

    pub(super) fn report_in_sync(&self, out: &mut Vec<Effect<F, V>>) {
        if let Link::Candidate {
            attached: true,
            uncopied,
            ..
        } = &self.second
            && uncopied.is_empty()
        {
            out.push(Effect::InSync {
                tenure: self.id,
                view: self.view,
            });
        }
    }

    /// Traces without a verdict of which the second member has a fragment, or had before it was replaced.
    fn stored_traces(&self) -> BTreeSet<TraceId> {
        let traces = self.holding.traces.keys().copied();
        traces
            .filter(|&trace| self.holding.ruling(trace).is_none() && self.has_stored(trace))
            .collect()
    }

    pub(super) fn index(&self, now: Moment) -> Index<V> {
        Index {
            opened: self.holding.opened,
            sealed: self.holding.sealed.clone(),
            closed: self.holding.closed,
            traces: self.stored_traces(),
            verdicts: leaving(self.holding.verdicts.iter(), now),
            pins: self.holding.pins.clone(),
            next: self.holding.next,
        }
    }
}
