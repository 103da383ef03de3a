//! What belongs to traces without being part of them, such as log records, and waits for their decisions.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use tailweir_core::{ByteSize, Moment, TraceId};

/// Bounds of a [`TraceHold`].
#[derive(Debug, Clone, PartialEq)]
pub struct TraceHoldSettings {
    /// Longest time that something waits, from the first of its trace on.
    pub wait: Duration,
    /// Bytes that may wait, what it takes to find them included.
    pub memory_budget: ByteSize,
    /// Most decisions that are remembered. At the bound the oldest goes.
    pub decisions_max: usize,
}

/// Holds things by trace until it is told what was decided about the trace, or their time has come.
///
/// Decisions are remembered, so that what comes after them follows at once. It has no clock: `now` must not
/// go backwards.
///
/// ```
/// use std::time::Duration;
/// use tailweir_core::{ByteSize, Moment, TraceId};
/// use tailweir_sampler::{Placed, TraceHold, TraceHoldSettings};
///
/// let mut hold = TraceHold::new(TraceHoldSettings {
///     wait: Duration::from_secs(60),
///     memory_budget: ByteSize::mib(1),
///     decisions_max: 1000,
/// });
/// let trace = TraceId([7; 16]);
/// assert!(matches!(hold.place(Moment::ZERO, trace, 5, "early"), Placed::Held));
/// assert_eq!(hold.decided(trace, true), ["early"]);
/// assert!(matches!(
///     hold.place(Moment::ZERO, trace, 4, "late"),
///     Placed::Decided { is_kept: true, thing: "late" }
/// ));
/// ```
#[derive(Debug)]
pub struct TraceHold<T> {
    settings: TraceHoldSettings,
    held: BTreeMap<TraceId, Held<T>>,
    deadlines: BTreeSet<(Moment, TraceId)>,
    bytes: u64,
    decisions: BTreeMap<TraceId, bool>,
    /// The traces of `decisions`, the oldest first.
    oldest: VecDeque<TraceId>,
}

/// What waits for one trace.
#[derive(Debug)]
struct Held<T> {
    /// With what each takes of the budget.
    things: Vec<(u64, T)>,
    bytes: u64,
    deadline: Moment,
}

/// What became of something that was placed.
#[derive(Debug, PartialEq, Eq)]
pub enum Placed<T> {
    /// It waits.
    Held,
    /// Its trace was decided before.
    Decided {
        /// Whether the trace is kept.
        is_kept: bool,
        /// Given back.
        thing: T,
    },
    /// There is no room to wait.
    NoRoom(T),
}

impl<T> TraceHold<T> {
    /// What a trace with something that waits costs beside it, in bytes: two places in trees.
    const TRACE_BYTES: u64 = (2 * size_of::<(Moment, TraceId)>() + size_of::<Held<T>>()) as u64;

    /// Holds nothing yet.
    #[must_use]
    pub fn new(settings: TraceHoldSettings) -> Self {
        Self {
            settings,
            held: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            bytes: 0,
            decisions: BTreeMap::new(),
            oldest: VecDeque::new(),
        }
    }

    /// Other bounds from now on. What waits keeps its deadline and its room.
    pub fn change(&mut self, settings: TraceHoldSettings) {
        self.settings = settings;
        self.forget();
    }

    /// Takes something of `size` bytes that belongs to a trace.
    pub fn place(&mut self, now: Moment, trace: TraceId, size: u64, thing: T) -> Placed<T> {
        let deadline = now + self.settings.wait;
        self.place_until(deadline, trace, size, thing)
    }

    /// The same for something that has waited elsewhere before, and waits here no longer than to this moment.
    pub fn place_until(
        &mut self,
        deadline: Moment,
        trace: TraceId,
        size: u64,
        thing: T,
    ) -> Placed<T> {
        if let Some(&is_kept) = self.decisions.get(&trace) {
            return Placed::Decided { is_kept, thing };
        }
        let mut cost = size + size_of::<T>() as u64;
        if !self.held.contains_key(&trace) {
            cost += Self::TRACE_BYTES;
        }
        if self.bytes.saturating_add(cost) > self.settings.memory_budget.bytes() {
            return Placed::NoRoom(thing);
        }
        let held = self.held.entry(trace).or_insert_with(|| {
            self.deadlines.insert((deadline, trace));
            Held {
                things: Vec::new(),
                bytes: 0,
                deadline,
            }
        });
        held.things.push((cost, thing));
        held.bytes += cost;
        self.bytes += cost;
        Placed::Held
    }

    /// A trace was decided. Answers what waited for that, in order of arrival.
    pub fn decided(&mut self, trace: TraceId, is_kept: bool) -> Vec<T> {
        if self.decisions.insert(trace, is_kept).is_none() {
            self.oldest.push_back(trace);
        }
        self.forget();
        self.release(trace)
    }

    /// What was decided about a trace, as far as that is remembered.
    #[must_use]
    pub fn decision(&self, trace: TraceId) -> Option<bool> {
        self.decisions.get(&trace).copied()
    }

    /// Takes back what waits for a trace and is not wanted here any more.
    pub fn withdraw(&mut self, trace: TraceId, is_wanted: impl Fn(&T) -> bool) -> Vec<T> {
        let Some(held) = self.held.get_mut(&trace) else {
            return Vec::new();
        };
        let unwanted = |(_, thing): &mut (u64, T)| !is_wanted(thing);
        let taken: Vec<(u64, T)> = held.things.extract_if(.., unwanted).collect();
        if held.things.is_empty() {
            self.release(trace);
        } else {
            let freed: u64 = taken.iter().map(|(cost, _)| cost).sum();
            held.bytes -= freed;
            self.bytes -= freed;
        }
        taken.into_iter().map(|(_, thing)| thing).collect()
    }

    /// What has waited for too long: the things of the trace whose time came first. Nothing when none's has.
    pub fn expired(&mut self, now: Moment) -> Option<Vec<T>> {
        let &(deadline, trace) = self.deadlines.first()?;
        (deadline <= now).then(|| self.release(trace))
    }

    /// When the next thing has waited for too long.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// What waits for the first trace, whatever its deadline; nothing when nothing waits.
    pub fn drained(&mut self) -> Option<Vec<T>> {
        let (_, trace) = *self.deadlines.first()?;
        Some(self.release(trace))
    }

    /// Traces for which something waits.
    #[must_use]
    pub fn traces(&self) -> usize {
        self.held.len()
    }

    /// Bytes that wait, as they count for the budget.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn release(&mut self, trace: TraceId) -> Vec<T> {
        let Some(held) = self.held.remove(&trace) else {
            return Vec::new();
        };
        self.deadlines.remove(&(held.deadline, trace));
        self.bytes -= held.bytes;
        held.things.into_iter().map(|(_, thing)| thing).collect()
    }

    fn forget(&mut self) {
        while self.oldest.len() > self.settings.decisions_max.max(1) {
            if let Some(trace) = self.oldest.pop_front() {
                self.decisions.remove(&trace);
            }
        }
    }
}
