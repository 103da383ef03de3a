//! Undecided traces, and when each is to be decided.

use crate::list::{Linked, Links, List};
use crate::seen::SeenSpans;
use crate::sink::EarlyReason;
use crate::slab::Slab;
use crate::store::RunPointer;
use std::time::Duration;
use tailweir_core::{Moment, TraceId};
use tailweir_otlp::TraceSummary;
use tailweir_policy::{Decision, Pending};

/// An undecided trace. Its spans are in runs, chained from `last` to the first.
#[derive(Default)]
pub(crate) struct Trace {
    pub(crate) id: TraceId,
    pub(crate) arrived: Moment,
    pub(crate) deadline: Moment,
    pub(crate) summary: TraceSummary,
    pub(crate) last: RunPointer,
    pub(crate) seen: SeenSpans,
    /// Its size as the Collector counts it; 0 unless that is asked for.
    pub(crate) collector_bytes: u64,
    /// What its fragments have shown, when policies look at each as it arrives.
    pub(crate) pending: Option<Box<Pending>>,
    /// What is decided about it, as long as it does not hold yet.
    pub(crate) proposal: Option<Box<Proposal>>,
    links: Links,
    ring: u8,
    /// Whether it is listed among the large ones.
    pub(crate) is_large: bool,
}

/// A decision that does not hold yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proposal {
    pub(crate) decision: Decision,
    pub(crate) early: Option<EarlyReason>,
    /// Whether it was put to those who have to agree. Until then the trace waits for another try; from
    /// then on it waits for nothing here.
    pub(crate) is_put: bool,
}

impl Trace {
    /// Whether a decision about it is under way.
    pub(crate) fn is_put(&self) -> bool {
        self.proposal
            .as_ref()
            .is_some_and(|proposal| proposal.is_put)
    }

    pub(crate) fn new(id: TraceId, arrived: Moment) -> Self {
        Self {
            id,
            arrived,
            ..Self::default()
        }
    }
}

impl Linked for Trace {
    fn links(&self) -> &Links {
        &self.links
    }

    fn links_mut(&mut self) -> &mut Links {
        &mut self.links
    }
}

/// Traces whose wait is equally long, in the order in which the wait began, which is that of their
/// deadlines.
struct Ring {
    wait: Duration,
    list: List,
}

/// Deadlines of all undecided traces: one ring per length of wait. There are as many lengths as
/// there have been settings whose traces are still undecided: two, unless waits were changed.
#[derive(Default)]
pub(crate) struct Deadlines {
    rings: Vec<Ring>,
}

impl Deadlines {
    /// Starts the wait of a trace, which must not be waiting. `now` never decreases.
    pub(crate) fn start(
        &mut self,
        traces: &mut Slab<Trace>,
        index: u32,
        now: Moment,
        wait: Duration,
    ) {
        let ring = self.ring_of(wait);
        let trace = traces.get_mut(index);
        trace.deadline = now + wait;
        trace.ring = ring as u8;
        self.rings[ring].list.push(traces, index);
    }

    /// Ends the wait of a trace.
    pub(crate) fn stop(&mut self, traces: &mut Slab<Trace>, index: u32) {
        let ring = traces.get(index).ring;
        self.rings[usize::from(ring)].list.remove(traces, index);
    }

    /// The trace that is to be decided first, and when.
    pub(crate) fn next(&self, traces: &Slab<Trace>) -> Option<(Moment, u32)> {
        let firsts = self.rings.iter().filter_map(|ring| ring.list.first());
        firsts
            .map(|index| (traces.get(index).deadline, index))
            .min_by_key(|&(at, _)| at)
    }

    /// The trace that arrived first, or nearly so: one that waits for less since its root came is
    /// placed by that.
    pub(crate) fn oldest(&self, traces: &Slab<Trace>) -> Option<(Moment, u32)> {
        let firsts = self.rings.iter().filter_map(|ring| ring.list.first());
        firsts
            .map(|index| (traces.get(index).arrived, index))
            .min_by_key(|&(at, _)| at)
    }

    /// Lists the traces whose deadline is not after `now`, ring by ring.
    pub(crate) fn due(&self, traces: &Slab<Trace>, now: Moment, due: &mut Vec<u32>) {
        for ring in &self.rings {
            let mut next = ring.list.first();
            while let Some(index) = next
                && traces.get(index).deadline <= now
            {
                due.push(index);
                next = List::after(traces, index);
            }
        }
    }

    /// Traces whose deadline is not after `now`, the first ones of each ring, at most `count` of it.
    pub(crate) fn soonest<'a>(
        &'a self,
        traces: &'a Slab<Trace>,
        now: Moment,
        count: usize,
    ) -> impl Iterator<Item = &'a Trace> {
        let firsts = self.rings.iter().filter_map(|ring| ring.list.first());
        firsts.flat_map(move |first| {
            std::iter::successors(Some(first), |&index| List::after(traces, index))
                .map(|index| traces.get(index))
                .take_while(move |trace| trace.deadline <= now)
                .take(count)
        })
    }

    /// The ring for this wait: an existing one, an empty one given a new length, or one more.
    fn ring_of(&mut self, wait: Duration) -> usize {
        if let Some(found) = self.rings.iter().position(|ring| ring.wait == wait) {
            return found;
        }
        if let Some(empty) = self.rings.iter().position(|ring| ring.list.len() == 0) {
            self.rings[empty].wait = wait;
            return empty;
        }
        if self.rings.len() <= usize::from(u8::MAX) {
            self.rings.push(Ring {
                wait,
                list: List::default(),
            });
            return self.rings.len() - 1;
        }
        self.nearest(wait)
    }

    /// With all numbers of rings in use, the ring with the nearest wait: its order may suffer, so a
    /// trace may be decided late by the difference, never lost.
    fn nearest(&self, wait: Duration) -> usize {
        let distance = |ring: &Ring| ring.wait.abs_diff(wait);
        let nearest = self
            .rings
            .iter()
            .enumerate()
            .min_by_key(|(_, ring)| distance(ring));
        nearest.map_or(0, |(number, _)| number)
    }
}
