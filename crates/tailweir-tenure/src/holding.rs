//! What a member of a tenure keeps. Owner and copy keep the same, so that either can become the other's successor.

use crate::flat::Flat;
use crate::{Index, Manifest, Remaining, Until};
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::hash::Hash;
use tailweir_core::{Moment, TraceId};
use tailweir_placement::Epoch;

/// A verdict, as far as the protocol needs to know it.
pub trait Ruling: Clone + Eq + Ord + Hash + Debug {
    /// Whether the trace goes on to the exporters.
    fn keeps(&self) -> bool;
}

/// Names a fragment in its tenure. Given by the owner, counted on by its successor; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Number(pub u64);

/// The part of one trace in one request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fragment<F> {
    /// Its trace.
    pub trace: TraceId,
    /// Where the caller has its spans.
    pub data: F,
}

/// Numbers of a trace's fragments, in order. Most traces have one or two.
pub(crate) type Numbers = SmallVec<[Number; 2]>;

/// A fragment, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Held<F> {
    pub(crate) fragment: Until<Fragment<F>>,
    pub(crate) stage: Stage,
}

/// How far a fragment is at the owner of its tenure. At a second member all are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Stage {
    /// The second member did not confirm it yet.
    Proposed,
    /// The second member confirmed it while a verdict on its trace was under way. It is acknowledged with the verdict,
    /// which has not seen it: so every span that was acknowledged before a verdict has been seen by it.
    Waiting,
    /// It is safe.
    Stored,
    /// Its trace is kept, and it is not delivered yet.
    Exporting,
}

/// The state of one tenure at one member.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Holding<F, V> {
    pub(crate) opened: bool,
    /// The traces of the tenure, fixed for ever once it is sealed.
    pub(crate) sealed: Option<BTreeSet<TraceId>>,
    pub(crate) closed: bool,
    /// Their numbers are in the order of arrival. An owner has those that wait for its second too.
    pub(crate) fragments: Flat<Number, Held<F>>,
    /// Traces with fragments, or, at a candidate, whose fragments are still to come.
    pub(crate) traces: Flat<TraceId, Numbers>,
    /// Its own and inherited ones. Kept for their whole life, which is longer than that of the fragments.
    pub(crate) verdicts: Flat<TraceId, Until<V>>,
    /// Traces that belong to an older tenure of the slot. They name the tenure and not a node, which may change.
    pub(crate) pins: BTreeMap<TraceId, Epoch>,
    pub(crate) next: Number,
}

impl<F: Clone, V: Ruling> Holding<F, V> {
    pub(crate) fn new() -> Self {
        Self {
            opened: false,
            sealed: None,
            closed: false,
            fragments: Flat::new(),
            traces: Flat::new(),
            verdicts: Flat::new(),
            pins: BTreeMap::new(),
            next: Number(0),
        }
    }

    /// What an index from the owner makes of an empty candidate.
    pub(crate) fn from_index(index: Index<V>, now: Moment) -> Self {
        Self {
            opened: index.opened,
            sealed: index.sealed,
            closed: index.closed,
            fragments: Flat::new(),
            traces: index
                .traces
                .into_iter()
                .map(|trace| (trace, Numbers::new()))
                .collect(),
            verdicts: arrived(index.verdicts, now).collect(),
            pins: index.pins,
            next: index.next,
        }
    }

    pub(crate) fn insert(&mut self, number: Number, fragment: Until<Fragment<F>>, stage: Stage) {
        self.next = self.next.max(Number(number.0 + 1));
        let numbers = self.traces.value(fragment.value.trace);
        if let Err(place) = numbers.binary_search(&number) {
            numbers.insert(place, number);
        }
        self.fragments.insert(number, Held { fragment, stage });
    }

    pub(crate) fn fragment(&self, number: Number) -> Option<&Until<Fragment<F>>> {
        Some(&self.fragments.get(&number)?.fragment)
    }

    /// Fragments of which this holds, in order.
    pub(crate) fn at_stage(&self, is_meant: impl Fn(Stage) -> bool) -> BTreeSet<Number> {
        let all = self.fragments.iter();
        let meant = all.filter(|(_, held)| is_meant(held.stage));
        meant.map(|(&number, _)| number).collect()
    }

    /// Takes a fragment out. Its trace is forgotten with the last one; a verdict is not.
    pub(crate) fn remove(&mut self, number: Number) -> Option<Until<Fragment<F>>> {
        let fragment = self.fragments.remove(&number)?.fragment;
        let trace = fragment.value.trace;
        if let Some(numbers) = self.traces.get_mut(&trace) {
            numbers.retain(|held| *held != number);
            if numbers.is_empty() {
                self.traces.remove(&trace);
            }
        }
        Some(fragment)
    }

    /// The fragments of a trace.
    pub(crate) fn numbers(&self, trace: TraceId) -> Numbers {
        self.traces.get(&trace).cloned().unwrap_or_default()
    }

    pub(crate) fn ruling(&self, trace: TraceId) -> Option<&V> {
        self.verdicts.get(&trace).map(|verdict| &verdict.value)
    }

    pub(crate) fn is_dropped(&self, trace: TraceId) -> bool {
        self.ruling(trace).is_some_and(|ruling| !ruling.keeps())
    }

    /// The traces that a seal fixes: those with a fragment or a verdict.
    pub(crate) fn members(&self) -> BTreeSet<TraceId> {
        let held = self.traces.keys().chain(self.verdicts.keys());
        held.copied().collect()
    }

    /// What a sealed tenure tells the next owner of the slot.
    pub(crate) fn manifest(&self, now: Moment) -> Option<Manifest<V>> {
        let sealed = self.sealed.as_ref()?;
        Some(Manifest {
            open: sealed
                .iter()
                .filter(|trace| !self.verdicts.contains_key(trace))
                .copied()
                .collect(),
            verdicts: leaving(self.verdicts.iter(), now),
        })
    }

    pub(crate) fn inherit(&mut self, verdicts: BTreeMap<TraceId, Remaining<V>>, now: Moment) {
        for (trace, verdict) in arrived(verdicts, now) {
            if !self.verdicts.contains_key(&trace) {
                self.verdicts.insert(trace, verdict);
            }
        }
    }

    /// Forgets verdicts whose life is over, unless their trace still has fragments to deliver.
    pub(crate) fn expire(&mut self, now: Moment) {
        let traces = &self.traces;
        self.verdicts
            .retain(|trace, verdict| verdict.until > now || traces.contains_key(trace));
    }
}

pub(crate) fn leaving<'a, T: Clone + 'a>(
    kept: impl Iterator<Item = (&'a TraceId, &'a Until<T>)>,
    now: Moment,
) -> BTreeMap<TraceId, Remaining<T>> {
    kept.map(|(trace, value)| (*trace, value.leave(now)))
        .collect()
}

pub(crate) fn arrived<T>(
    sent: BTreeMap<TraceId, Remaining<T>>,
    now: Moment,
) -> impl Iterator<Item = (TraceId, Until<T>)> {
    let pairs = sent.into_iter();
    pairs.map(move |(trace, value)| (trace, value.arrive(now)))
}
