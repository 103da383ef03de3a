//! Exemplars, and those that wait for the decision on their trace.
//!
//! Where a sampler sees the same spans, an exemplar is worth something only if its trace is kept, and that
//! is known much later than the span is counted. So exemplars wait, some more of them than a data point may
//! have, until the sampler says what became of their traces.
//!
//! A sampler beside it says so by itself. In a cluster traces are mostly decided elsewhere: their owners are asked.
//!
//! ```text
//! ages (not asked yet) --first--> asked --again, again--> decided, or given up after `last`
//! ```

mod resource_keys;

use super::resources::TableKind;
use crate::series::Series;
use hashbrown::HashMap;
use resource_keys::ResourceKeys;
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tailweir_core::{Moment, SeededState, TraceId};
use tailweir_otlp::NewExemplar;

/// Exemplars that may wait in a connector; past it the oldest is let go.
const WAITING_MAX: usize = 1 << 16;
/// Bytes of the keys of series and resources for which they wait; past it too.
const KEY_BYTES_MAX: usize = 32 << 20;
/// Exemplars that may wait for each one that a data point may have.
const WAITING_FACTOR: usize = 16;

/// What is known of the traces of spans that are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exemplars {
    /// They were kept, or nothing decides about them.
    Kept,
    /// A sampler that sees the same spans will decide.
    Undecided,
}

/// When owners of traces are asked what became of them, counted from the first exemplar of the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For the first time: before, it cannot be known.
    pub first: Duration,
    /// Again, so long after the time before.
    pub again: Duration,
    /// Nobody will know any more: its exemplars are given up.
    pub last: Duration,
}

/// Traces of which it is time to do something.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    /// Their owners are to be asked.
    pub(super) asked: Vec<TraceId>,
    /// Nobody has known for too long.
    pub(super) given_up: Vec<TraceId>,
}

/// An exemplar that waits, and where it belongs.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) resource: Arc<[u8]>,
    pub(super) kind: TableKind,
    pub(super) key: Box<[u8]>,
    pub(super) exemplar: NewExemplar,
}

/// The exemplars of one trace.
#[derive(Debug)]
struct Waiting {
    since: Moment,
    /// Whether its owner was asked.
    is_asked: bool,
    candidates: SmallVec<[Candidate; 1]>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Candidates {
    by_trace: HashMap<TraceId, Waiting, SeededState>,
    /// Traces by age, of which nobody was asked. May name some that were decided meanwhile.
    ages: VecDeque<TraceId>,
    /// Traces whose owners were asked, and when they are asked again. May name some that were decided meanwhile.
    asked: VecDeque<(Moment, TraceId)>,
    /// Those that were let go for want of room, until their series know.
    let_go: Vec<Candidate>,
    resources: ResourceKeys,
    waiting: usize,
    key_bytes: usize,
    without_room: u64,
    per_point: usize,
}

impl Candidates {
    pub(super) fn new(per_point: usize, seed: u64) -> Self {
        Self {
            by_trace: HashMap::with_hasher(SeededState::new(seed)),
            ages: VecDeque::new(),
            asked: VecDeque::new(),
            let_go: Vec::new(),
            resources: ResourceKeys::new(seed),
            waiting: 0,
            key_bytes: 0,
            without_room: 0,
            per_point,
        }
    }

    /// Most exemplars of a data point.
    pub(super) fn per_point(&self) -> usize {
        self.per_point
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// How many were let go before a decision.
    pub(super) fn without_room(&self) -> u64 {
        self.without_room
    }

    /// Takes an exemplar whose trace is kept, if the data point may have another.
    pub(super) fn accept(&self, series: &mut Series, exemplar: NewExemplar) {
        if series.exemplars.len() < self.per_point {
            series.exemplars.push(exemplar);
        }
    }

    /// Takes an exemplar that waits, if the series may have another.
    pub(super) fn hold(
        &mut self,
        now: Moment,
        series: &mut Series,
        candidate: impl FnOnce() -> Candidate,
    ) {
        if series.waiting as usize >= self.per_point.saturating_mul(WAITING_FACTOR) {
            return;
        }
        series.waiting += 1;
        let mut candidate = candidate();
        candidate.resource = self.resources.enter(candidate.resource);
        let trace = candidate.exemplar.trace_id;
        let of_trace = self.by_trace.entry(trace).or_insert_with(|| {
            self.ages.push_back(trace);
            Waiting {
                since: now,
                is_asked: false,
                candidates: SmallVec::new(),
            }
        });
        self.waiting += 1;
        self.key_bytes += candidate.key.len();
        of_trace.candidates.push(candidate);
        while (self.waiting > WAITING_MAX || self.bytes() > KEY_BYTES_MAX)
            && let Some(oldest) = self.pop_oldest()
        {
            let gone = self.remove(oldest);
            self.without_room += gone.len() as u64;
            self.let_go.extend(gone);
        }
        if self.ages.len() > 2 * WAITING_MAX {
            let by_trace = &self.by_trace;
            self.ages.retain(|trace| by_trace.contains_key(trace));
        }
    }

    /// Those that were let go since this was called last.
    pub(super) fn take_let_go(&mut self) -> Vec<Candidate> {
        std::mem::take(&mut self.let_go)
    }

    /// Bytes of keys that it holds. Those of resources are held as long as an exemplar waits, whatever becomes of the resource.
    fn bytes(&self) -> usize {
        self.key_bytes + self.resources.bytes()
    }

    fn pop_oldest(&mut self) -> Option<TraceId> {
        let asked = self.asked.pop_front().map(|(_, trace)| trace);
        asked.or_else(|| self.ages.pop_front())
    }

    /// The traces of which it is time to ask, or to give up. At most `max` are to be asked: the others stay due.
    pub(super) fn due(&mut self, now: Moment, patience: &Patience, max: usize) -> Due {
        let mut due = Due::default();
        while due.asked.len() < max
            && let Some(&(again, trace)) = self.asked.front()
            && again <= now
        {
            self.asked.pop_front();
            match self.by_trace.get(&trace) {
                Some(waiting) if now.since(waiting.since) >= patience.last => {
                    due.given_up.push(trace);
                }
                Some(waiting) if waiting.is_asked => due.asked.push(trace),
                Some(_) | None => {}
            }
        }
        while due.asked.len() < max
            && let Some(&trace) = self.ages.front()
        {
            match self.by_trace.get_mut(&trace) {
                Some(waiting) if waiting.is_asked => {}
                Some(waiting) if now.since(waiting.since) < patience.first => break,
                Some(waiting) => {
                    waiting.is_asked = true;
                    due.asked.push(trace);
                }
                None => {}
            }
            self.ages.pop_front();
        }
        let again = now + patience.again;
        self.asked
            .extend(due.asked.iter().map(|trace| (again, *trace)));
        due
    }

    /// What waits for the decision on this trace.
    pub(super) fn take(&mut self, trace: TraceId) -> SmallVec<[Candidate; 1]> {
        if self.waiting == 0 {
            return SmallVec::new();
        }
        self.remove(trace)
    }

    fn remove(&mut self, trace: TraceId) -> SmallVec<[Candidate; 1]> {
        let waiting = self.by_trace.remove(&trace);
        let gone = waiting.map(|it| it.candidates).unwrap_or_default();
        self.waiting -= gone.len();
        for candidate in &gone {
            self.key_bytes -= candidate.key.len();
            self.resources.leave(&candidate.resource);
        }
        gone
    }
}
