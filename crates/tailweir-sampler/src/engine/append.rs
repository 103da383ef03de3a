//! Spans come in: a request is admitted as a whole or refused as a whole.

use super::Engine;
use super::incoming::Incoming;
use crate::gather::{Gather, Group};
use crate::index::Place;
use crate::sink::{EarlyReason, Sink};
use crate::store::Store;
use crate::trace::Trace;
use std::mem;
use tailweir_core::{ByteSize, Moment};
use tailweir_otlp::Scan;

/// What became of the spans of an accepted request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Appended {
    /// Traces seen for the first time.
    pub new_traces: u64,
    /// Spans that wait for the decision, or were decided by it during the call.
    pub held: u64,
    /// Late spans handed on because their trace was kept.
    pub kept: u64,
    /// Late spans let go because their trace was not kept.
    pub discarded: u64,
    /// Spans left out because their ids had been seen.
    pub duplicates: u64,
}

/// Why a request was refused. Nothing of it was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Memory is short, and no trace is old enough to be decided early.
    #[error(
        "no memory for {needed} of spans: {held} of {budget} are held; try again, or raise memory_budget"
    )]
    Memory {
        /// What the request can take at most.
        needed: ByteSize,
        /// What is held.
        held: ByteSize,
        /// The bound.
        budget: ByteSize,
    },
    /// There are too many traces, and they are not to be decided early.
    #[error(
        "{held} traces are held and {new} would be new: the bound is {limit} (num_traces); try again"
    )]
    Traces {
        /// Undecided traces.
        held: usize,
        /// Traces of the request that are not known.
        new: usize,
        /// The bound.
        limit: usize,
    },
    /// The request can never be held.
    #[error(
        "request takes up to {needed}, which the memory budget of {budget} can never hold: send smaller requests, or raise memory_budget"
    )]
    TooLarge {
        /// What the request can take at most.
        needed: ByteSize,
        /// The bound.
        budget: ByteSize,
    },
}

impl Refusal {
    /// Whether the same request may be accepted later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        !matches!(self, Self::TooLarge { .. })
    }
}

impl Engine {
    /// Takes the spans of `scan` whose numbers are in `selected`, all of them or, when it refuses,
    /// none. `scan` must be of `request`.
    ///
    /// Spans of undecided traces are copied and held. Late spans follow the decision at once: those
    /// of kept traces go to `sink` before this returns. So do traces that are decided by this arrival:
    /// because they have grown too large, because others need their room, or because the policies
    /// look at each arrival.
    ///
    /// # Errors
    /// When there is no room. Unless [`Refusal::is_retryable`] says otherwise, it should be answered
    /// so that the client tries again; what it then sends twice is left out.
    pub fn append(
        &mut self,
        now: Moment,
        request: &[u8],
        scan: &Scan,
        selected: &[u32],
        sink: &mut impl Sink,
    ) -> Result<Appended, Refusal> {
        let now = self.begin(now, sink);
        let incoming = Incoming {
            request,
            scan,
            selected,
            is_adopted: false,
        };
        let mut gather = mem::take(&mut self.scratch.gather);
        gather.group(scan, selected, |id| self.table.hash(id));
        let result = self.admit(now, incoming, &gather, sink).map(|()| {
            self.scratch.contexts.clear();
            self.scratch.contexts.resize(scan.context_count(), None);
            let mut appended = Appended::default();
            let places = self.locate(&gather);
            let epoch = self.scratch.epoch;
            for (group, &(mut place)) in gather.groups.iter().zip(&places) {
                // Taking one trace in can decide others.
                if self.scratch.epoch != epoch {
                    place = self.table.find(group.hash, group.id);
                }
                self.take_in(now, incoming, &gather, (group, place), &mut appended, sink);
            }
            self.scratch.places = places;
            appended
        });
        if result.is_err() {
            let bytes = gather.groups.iter().map(|group| group.bytes).sum();
            self.counters.refused.add(selected.len() as u64, bytes);
        }
        self.scratch.gather = gather;
        self.forget_decisions();
        self.check();
        result
    }

    /// Whether there is room, after making some.
    fn admit(
        &mut self,
        now: Moment,
        incoming: Incoming<'_>,
        gather: &Gather,
        sink: &mut impl Sink,
    ) -> Result<(), Refusal> {
        if self.settings.refuse_on_overflow {
            self.admit_traces(gather)?;
        }
        let need = self.need(incoming, gather);
        if self.memory() + need <= self.limit_for_new() / 2 {
            return Ok(());
        }
        let size = |bytes: usize| ByteSize(bytes as u64);
        let (needed, budget) = (size(need), self.settings.memory_budget);
        if need > self.limit_for_new() {
            return Err(Refusal::TooLarge { needed, budget });
        }
        self.relieve(now, need, sink);
        let memory = self.memory();
        let is_new = |group: &Group| self.table.find(group.hash, group.id).is_none();
        let fits = memory + need <= self.limit_for_new()
            || memory + need <= self.limit() && !gather.groups.iter().any(is_new);
        if fits {
            Ok(())
        } else {
            Err(Refusal::Memory {
                needed,
                held: size(memory),
                budget,
            })
        }
    }

    fn admit_traces(&self, gather: &Gather) -> Result<(), Refusal> {
        let (held, limit) = (self.table.held(), self.settings.traces_max);
        if held == 0 || held + gather.groups.len() <= limit {
            return Ok(());
        }
        let is_new = |group: &&Group| self.table.find(group.hash, group.id).is_none();
        let new = gather.groups.iter().filter(is_new).count();
        if new == 0 || held + new <= limit {
            return Ok(());
        }
        Err(Refusal::Traces { held, new, limit })
    }

    /// The most that holding these spans can add to the memory.
    fn need(&self, incoming: Incoming<'_>, gather: &Gather) -> usize {
        let bytes: u64 = gather.groups.iter().map(|group| group.bytes).sum();
        let contexts = incoming.scan.context_count() as u32;
        // Fewer spans than contexts name only some of them, so what all take is an upper bound.
        let context_bytes: usize = (0..contexts)
            .map(|context| {
                let resource = incoming.scan.resource(incoming.request, context);
                let scope = incoming.scan.scope(incoming.request, context);
                Store::context_growth(resource.0, scope.0)
            })
            .sum();
        self.store.growth(incoming.selected.len(), bytes as usize)
            + context_bytes
            + self.table.growth(gather.groups.len())
    }

    /// Looks all traces of a request up before any of them is changed. Look-ups in a large window wait
    /// for memory, and those that do not depend on each other wait together.
    fn locate(&mut self, gather: &Gather) -> Vec<Option<Place>> {
        let mut places = mem::take(&mut self.scratch.places);
        places.clear();
        let find = |group: &Group| self.table.find(group.hash, group.id);
        places.extend(gather.groups.iter().map(find));
        places
    }

    /// Takes in the spans of one trace, which is at this place.
    pub(super) fn take_in(
        &mut self,
        now: Moment,
        incoming: Incoming<'_>,
        gather: &Gather,
        (group, place): (&Group, Option<Place>),
        appended: &mut Appended,
        sink: &mut impl Sink,
    ) {
        let index = match place {
            Some(Place::Held(index)) => index,
            Some(Place::Decided(number)) => {
                let numbers = gather.spans(group, incoming.selected);
                self.follow_decision(number, now, incoming, numbers, appended, sink);
                return;
            }
            None => {
                appended.new_traces += 1;
                self.open_trace(now, group, sink)
            }
        };
        let mut accepted = mem::take(&mut self.scratch.accepted);
        accepted.clear();
        let numbers = gather.spans(group, incoming.selected);
        self.leave_out_duplicates(index, incoming, group, numbers, &mut accepted);
        self.count_duplicates(incoming, group, &accepted, appended);
        if self.policies.looks_on_arrival() {
            self.hold_and_look(index, now, incoming, &accepted, appended, sink);
        } else if !accepted.is_empty() {
            self.hold_all(index, now, incoming, &accepted, appended, sink);
        }
        self.scratch.accepted = accepted;
    }

    /// Enters a new trace, after deciding the oldest when there are too many.
    fn open_trace(&mut self, now: Moment, group: &Group, sink: &mut impl Sink) -> u32 {
        while !self.settings.refuse_on_overflow
            && self.table.held() >= self.settings.traces_max.max(1)
            && let Some((_, oldest)) = self.table.oldest()
            && self.decide(oldest, now, Some(EarlyReason::Traces), sink)
        {}
        let trace = Trace::new(group.id, now);
        let index = self.table.add(group.hash, trace);
        let wait = self.settings.decision_wait;
        self.table
            .deadlines
            .start(&mut self.table.traces, index, now, wait);
        self.counters.new_traces += 1;
        self.counters.held.traces += 1;
        index
    }
}
