//! All traces that are known: undecided ones with their deadlines, and remembered decisions.

use crate::cache::{DECISION_BYTES, DecisionCache, Remembered};
use crate::index::{Ids, Index, Place};
use crate::settings::EngineSettings;
use crate::slab::Slab;
use crate::trace::{Deadlines, Trace};
use tailweir_core::{Moment, TraceId};

pub(super) struct Table {
    index: Index,
    pub(super) traces: Slab<Trace>,
    pub(super) deadlines: Deadlines,
    pub(super) cache: DecisionCache,
    /// Undecided traces that take much, so that the largest is found without a search of all.
    large: Vec<u32>,
    /// Memory of sets of span ids.
    pub(super) seen_bytes: usize,
}

/// Bytes that an entry of the index takes, about.
const INDEX_ENTRY_BYTES: usize = 10;

struct Everyone<'a> {
    traces: &'a Slab<Trace>,
    decisions: &'a Slab<Remembered>,
}

impl Ids for Everyone<'_> {
    fn id(&self, place: Place) -> TraceId {
        match place {
            Place::Held(number) => self.traces.get(number).id,
            Place::Decided(number) => self.decisions.get(number).id,
        }
    }
}

impl Table {
    pub(super) fn new(settings: &EngineSettings, seed: u64) -> Self {
        let (sampled, others) = decisions_max(settings);
        Self {
            index: Index::new(seed, settings.traces_expected.min(settings.traces_max)),
            traces: Slab::new(),
            deadlines: Deadlines::default(),
            cache: DecisionCache::new(sampled, others),
            large: Vec::new(),
            seen_bytes: 0,
        }
    }

    pub(super) fn set_bounds(&mut self, settings: &EngineSettings) {
        let (sampled, others) = decisions_max(settings);
        self.cache.set_bounds(sampled, others);
    }

    pub(super) fn hash(&self, id: TraceId) -> u64 {
        self.index.hash(id)
    }

    pub(super) fn find(&self, hash: u64, id: TraceId) -> Option<Place> {
        let ids = Everyone {
            traces: &self.traces,
            decisions: &self.cache.entries,
        };
        self.index.find(hash, id, &ids)
    }

    /// How many traces are undecided.
    pub(super) fn held(&self) -> usize {
        self.traces.len()
    }

    /// How many decisions are remembered.
    pub(super) fn decisions(&self) -> usize {
        self.cache.len()
    }

    /// Memory of undecided traces, without their spans.
    pub(super) fn held_bytes(&self) -> usize {
        let remembered = self.cache.len() * INDEX_ENTRY_BYTES;
        let index = self.index.bytes().saturating_sub(remembered);
        self.traces.bytes() + index + self.seen_bytes
    }

    /// By how many bytes it can grow when so many traces are added.
    pub(super) fn growth(&self, traces: usize) -> usize {
        self.traces.growth(traces) + traces * 2 * INDEX_ENTRY_BYTES
    }

    /// Memory of remembered decisions.
    pub(super) fn decision_bytes(&self) -> usize {
        self.cache.bytes() + self.cache.len() * INDEX_ENTRY_BYTES
    }

    pub(super) fn next_deadline(&self) -> Option<(Moment, u32)> {
        self.deadlines.next(&self.traces)
    }

    pub(super) fn oldest(&self) -> Option<(Moment, u32)> {
        self.deadlines.oldest(&self.traces)
    }

    /// Adds an undecided trace.
    pub(super) fn add(&mut self, hash: u64, trace: Trace) -> u32 {
        let number = self.traces.insert(trace);
        let ids = Everyone {
            traces: &self.traces,
            decisions: &self.cache.entries,
        };
        self.index.insert(hash, Place::Held(number), &ids);
        number
    }

    /// Remembers the decision about an undecided trace, which is then no longer found as such, but
    /// still there until [`Self::take`].
    pub(super) fn remember(&mut self, index: u32, decision: Remembered) -> u32 {
        let hash = self.index.hash(decision.id);
        let number = self.cache.insert(decision);
        self.index
            .relocate(hash, Place::Held(index), Place::Decided(number));
        number
    }

    /// Remembers the decision about a trace that is not known.
    pub(super) fn learn(&mut self, decision: Remembered) {
        let hash = self.index.hash(decision.id);
        let number = self.cache.insert(decision);
        let ids = Everyone {
            traces: &self.traces,
            decisions: &self.cache.entries,
        };
        self.index.insert(hash, Place::Decided(number), &ids);
    }

    /// Takes out the decision of this number.
    pub(super) fn unlearn(&mut self, hash: u64, number: u32) -> Remembered {
        self.index.remove(hash, Place::Decided(number));
        self.cache.remove(number)
    }

    /// Takes out a decision that is beyond the bounds.
    pub(super) fn forget_decision(&mut self) -> Option<Remembered> {
        let (number, decision) = self.cache.evict()?;
        let hash = self.index.hash(decision.id);
        self.index.remove(hash, Place::Decided(number));
        Some(decision)
    }

    /// Removes a trace from the index, so that its id is unknown.
    pub(super) fn forget_held(&mut self, index: u32) {
        let hash = self.index.hash(self.traces.get(index).id);
        self.index.remove(hash, Place::Held(index));
    }

    /// Ends the wait of a trace.
    pub(super) fn stop_waiting(&mut self, index: u32) {
        self.deadlines.stop(&mut self.traces, index);
        let trace = self.traces.get_mut(index);
        if std::mem::take(&mut trace.is_large) {
            self.large.retain(|&other| other != index);
        }
    }

    /// Takes out a trace that no longer waits.
    pub(super) fn take(&mut self, index: u32) -> Trace {
        let trace = self.traces.remove(index);
        self.seen_bytes -= trace.seen.bytes();
        trace
    }

    /// Lists a trace among the large ones.
    pub(super) fn mark_large(&mut self, index: u32) {
        let trace = self.traces.get_mut(index);
        if !trace.is_large {
            trace.is_large = true;
            self.large.push(index);
        }
    }

    /// The largest of the large traces.
    pub(super) fn largest(&self) -> Option<u32> {
        let bytes = |&&index: &&u32| self.traces.get(index).summary.bytes;
        self.large.iter().max_by_key(bytes).copied()
    }

    /// What fragments have shown counts for nothing under other policies.
    pub(super) fn forget_pending(&mut self) {
        self.traces.for_each(|trace| trace.pending = None);
    }
}

fn decisions_max(settings: &EngineSettings) -> (usize, usize) {
    let half = settings.decision_cache_budget.bytes() as usize / 2 / DECISION_BYTES;
    let bound = |set: usize| if set == 0 { half } else { set };
    (
        bound(settings.sampled_decisions_max),
        bound(settings.other_decisions_max),
    )
}
