//! The second member of a tenure: stores, or refuses. It never acts by itself.

use crate::holding::{Holding, Stage};
use crate::{Answer, Fragment, Index, Number, Record, Remaining, Ruling};
use std::collections::{BTreeMap, BTreeSet};
use tailweir_core::{Moment, TraceId};
use tailweir_placement::Epoch;

/// The state of one tenure at its replica or candidate.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Copy<F, V> {
    /// The only view whose records it stores.
    pub(crate) view: Epoch,
    /// Whether it has the owner's index. A replica of a tenure that begins has it: there is nothing in it.
    pub(crate) attached: bool,
    pub(crate) holding: Holding<F, V>,
    /// When it last answered.
    pub(crate) answered: Moment,
}

impl<F: Clone, V: Ruling> Copy<F, V> {
    pub(crate) fn new(view: Epoch, attached: bool) -> Self {
        Self {
            view,
            attached,
            holding: Holding::new(),
            answered: Moment::ZERO,
        }
    }

    /// Stores a record of this view, or says why not. The same record again has the same answer.
    pub(crate) fn store(&mut self, now: Moment, record: Record<F, V>) -> Answer<V> {
        self.answered = now;
        if let Record::Attach(index) = record {
            return self.attach(now, index);
        }
        // A candidate without the index does not know what is sealed or decided, so that it could not refuse.
        if !self.attached {
            return Answer::NotAttached;
        }
        match record {
            Record::Open { verdicts, pins } => self.open(now, verdicts, pins),
            Record::Append { number, fragment } => self.append(now, number, fragment),
            Record::Decide { trace, verdict } => self.decide(now, trace, verdict),
            Record::Seal => self.seal(),
            Record::Absorb { from, verdicts } => {
                self.holding.inherit(verdicts, now);
                self.holding.pins.retain(|_, pinned| *pinned != from);
                Answer::Absorbed { from }
            }
            Record::Close => {
                self.holding.closed = true;
                Answer::Closed
            }
            Record::Attach(_) => Answer::Attached,
            Record::Copy { number, fragment } => {
                if !self.holding.is_dropped(fragment.value.trace) {
                    let fragment = fragment.arrive(now);
                    self.holding.insert(number, fragment, Stage::Stored);
                }
                Answer::Copied(number)
            }
            Record::Free(numbers) => {
                for &number in &numbers {
                    self.holding.remove(number);
                }
                Answer::Freed(numbers)
            }
        }
    }

    fn attach(&mut self, now: Moment, index: Index<V>) -> Answer<V> {
        if !self.attached {
            self.holding = Holding::from_index(index, now);
            self.attached = true;
        }
        Answer::Attached
    }

    /// An Open after the Seal is refused: the owner was moved past before it opened, and others know the tenure as empty.
    fn open(
        &mut self,
        now: Moment,
        verdicts: BTreeMap<TraceId, Remaining<V>>,
        pins: BTreeMap<TraceId, Epoch>,
    ) -> Answer<V> {
        if !self.holding.opened {
            if let Some(sealed) = self.sealed() {
                return sealed;
            }
            self.holding.opened = true;
            self.holding.inherit(verdicts, now);
            self.holding.pins = pins;
        }
        Answer::Opened
    }

    fn append(
        &mut self,
        now: Moment,
        number: Number,
        fragment: Remaining<Fragment<F>>,
    ) -> Answer<V> {
        let trace = fragment.value.trace;
        if self.holding.closed {
            return Answer::Closed;
        }
        let decided = self.holding.verdicts.contains_key(&trace);
        // The sealed set was given to the next owner, which takes every trace outside it for its own.
        if !decided
            && let Some(sealed) = &self.holding.sealed
            && !sealed.contains(&trace)
        {
            return self.sealed().unwrap_or(Answer::Closed);
        }
        if !self.holding.is_dropped(trace) {
            let fragment = fragment.arrive(now);
            self.holding.insert(number, fragment, Stage::Stored);
        }
        Answer::Appended(number)
    }

    /// The first verdict that is stored is the verdict.
    fn decide(&mut self, now: Moment, trace: TraceId, verdict: Remaining<V>) -> Answer<V> {
        if let Some(stored) = self.holding.verdicts.get(&trace) {
            let verdict = stored.leave(now);
            return Answer::Decided { trace, verdict };
        }
        if !self.holding.traces.contains_key(&trace) {
            return Answer::Unknown(trace);
        }
        let stored = verdict.clone().arrive(now);
        self.holding.verdicts.insert(trace, stored);
        if !verdict.value.keeps() {
            self.discard(trace);
        }
        Answer::Decided { trace, verdict }
    }

    /// What is dropped needs no word from the owner to be freed: the verdict says it.
    fn discard(&mut self, trace: TraceId) {
        for number in self.holding.numbers(trace) {
            self.holding.remove(number);
        }
        self.holding.traces.remove(&trace);
    }

    fn seal(&mut self) -> Answer<V> {
        if self.holding.sealed.is_none() {
            self.holding.sealed = Some(self.holding.members());
        }
        self.sealed().unwrap_or(Answer::Closed)
    }

    fn sealed(&self) -> Option<Answer<V>> {
        let traces: BTreeSet<TraceId> = self.holding.sealed.clone()?;
        Some(Answer::Sealed {
            opened: self.holding.opened,
            traces,
        })
    }
}
