//! What a member of a tenure keeps. Owner and copy keep the same, so that either can become the other's successor.

use crate::{Index, Manifest, Remaining, Until};
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

/// The state of one tenure at one member.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Holding<F, V> {
    pub(crate) opened: bool,
    /// The traces of the tenure, fixed for ever once it is sealed.
    pub(crate) sealed: Option<BTreeSet<TraceId>>,
    pub(crate) closed: bool,
    /// In the order of arrival. An owner has those that wait for its second too.
    pub(crate) fragments: BTreeMap<Number, Until<Fragment<F>>>,
    /// Traces with fragments, in order, or, at a candidate, whose fragments are still to come.
    pub(crate) traces: BTreeMap<TraceId, Vec<Number>>,
    /// Its own and inherited ones. Kept for their whole life, which is longer than that of the fragments.
    pub(crate) verdicts: BTreeMap<TraceId, Until<V>>,
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
            fragments: BTreeMap::new(),
            traces: BTreeMap::new(),
            verdicts: BTreeMap::new(),
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
            fragments: BTreeMap::new(),
            traces: index
                .traces
                .into_iter()
                .map(|trace| (trace, Vec::new()))
                .collect(),
            verdicts: arrived(index.verdicts, now),
            pins: index.pins,
            next: index.next,
        }
    }

    pub(crate) fn insert(&mut self, number: Number, fragment: Until<Fragment<F>>) {
        self.next = self.next.max(Number(number.0 + 1));
        let trace = fragment.value.trace;
        let numbers = self.traces.entry(trace).or_default();
        if let Err(place) = numbers.binary_search(&number) {
            numbers.insert(place, number);
        }
        self.fragments.insert(number, fragment);
    }

    /// Takes a fragment out. Its trace is forgotten with the last one; a verdict is not.
    pub(crate) fn remove(&mut self, number: Number) -> Option<Until<Fragment<F>>> {
        let fragment = self.fragments.remove(&number)?;
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
    pub(crate) fn numbers(&self, trace: TraceId) -> Vec<Number> {
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
            verdicts: leaving(&self.verdicts, now),
        })
    }

    pub(crate) fn inherit(&mut self, verdicts: BTreeMap<TraceId, Remaining<V>>, now: Moment) {
        for (trace, verdict) in arrived(verdicts, now) {
            self.verdicts.entry(trace).or_insert(verdict);
        }
    }

    /// Forgets verdicts whose life is over, unless their trace still has fragments to deliver.
    pub(crate) fn expire(&mut self, now: Moment) {
        let traces = &self.traces;
        self.verdicts
            .retain(|trace, verdict| verdict.until > now || traces.contains_key(trace));
    }
}

pub(crate) fn leaving<K: Ord + Copy, T: Clone>(
    kept: &BTreeMap<K, Until<T>>,
    now: Moment,
) -> BTreeMap<K, Remaining<T>> {
    let pairs = kept.iter();
    pairs.map(|(key, value)| (*key, value.leave(now))).collect()
}

fn arrived<K: Ord, T>(sent: BTreeMap<K, Remaining<T>>, now: Moment) -> BTreeMap<K, Until<T>> {
    let pairs = sent.into_iter();
    pairs.map(|(key, value)| (key, value.arrive(now))).collect()
}
