//! The engine: one shard's traces from the first span to the decision, and what is remembered after.

mod append;
mod decide;
mod elsewhere;
mod hold;
mod incoming;
mod ingest;
mod known;
mod late;
mod policies;
mod pressure;
mod proposals;
mod round;
mod table;

pub use append::{Appended, Refusal};

use crate::counters::{Counters, PolicyCounts};
use crate::delivered::DeliveredSpans;
use crate::elsewhere::DeliveredElsewhere;
use crate::gather::Gather;
use crate::index::Place;
use crate::settings::EngineSettings;
use crate::sink::{EarlyReason, Sink};
use crate::store::{ContextId, RunEntry, RunPointer, Store};
use foldhash::fast::FixedState;
use hashbrown::HashSet;
use policies::Policies;
use std::cmp::Reverse;
use std::sync::Arc;
use table::Table;
use tailweir_core::{ByteSize, Moment, Randomness, TraceId};
use tailweir_otlp::SpanRecord;
use tailweir_policy::{Decision, PolicySet, Stopwatch};

/// Holds spans by trace, decides each trace once, remembers the decision.
///
/// A plain value: it can be moved to another thread, or lent to an actor by its supervisor. When a
/// call panics (in a policy or in the sink), the next call settles the one trace that was being
/// decided, and nothing else is lost.
pub struct Engine {
    settings: EngineSettings,
    seed: u64,
    /// The latest moment that was heard of: time does not go back.
    now: Moment,
    policies: Policies,
    store: Store,
    table: Table,
    delivered: DeliveredSpans,
    elsewhere: DeliveredElsewhere,
    counters: Counters,
    in_flight: Option<InFlight>,
    /// Bytes of traces whose decision is under way: they are as good as gone.
    leaving: u64,
    scratch: Scratch,
}

/// The trace that is being decided, in case that the call does not come back.
#[derive(Debug, Clone, Copy)]
struct InFlight {
    trace: u32,
    /// Once the decision is remembered.
    decision: Option<Decision>,
}

/// Working memory, kept so that nothing is allocated for a request or a decision.
#[derive(Default)]
struct Scratch {
    gather: Gather,
    /// Where each group of a request was before the first was taken in.
    places: Vec<Option<Place>>,
    accepted: Vec<u32>,
    /// Interned contexts by their number in the request, as long as no run is freed.
    contexts: Vec<Option<ContextId>>,
    /// Changes whenever a trace is decided, or its runs are freed otherwise.
    epoch: u64,
    /// What it was when `contexts` were interned.
    contexts_interned_at: u64,
    entries: Vec<RunEntry>,
    /// The `ResourceSpans` of the last span that was written, within a trace.
    last_resource: Option<u32>,
    fingerprints: Vec<u64>,
    fingerprint_set: HashSet<u64, FixedState>,
    order: Vec<RunPointer>,
    chains: Vec<RunPointer>,
    soon: Vec<TraceId>,
    records: Vec<SpanRecord<'static>>,
    due: Vec<u32>,
    ranked: Vec<(Reverse<Option<Randomness>>, u32)>,
}

/// Spans after which [`Engine::advance`] decides no further trace: some milliseconds of work.
const SPANS_AT_ONCE: u64 = 16_384;

/// Traces whose memory is fetched together, ahead of their decisions.
const FETCHED: usize = 32;

/// What a call of [`Engine::advance`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Advanced {
    /// Traces decided because their time had come.
    pub decided: u64,
    /// Traces decided early, for want of memory.
    pub early: u64,
}

impl Engine {
    /// An empty engine. `seed` should be random in a process, so that clients cannot make the tables
    /// slow; a fixed one makes every run the same.
    #[must_use]
    pub fn new(settings: EngineSettings, policies: Arc<PolicySet>, seed: u64) -> Self {
        let counters = Counters {
            by_policy: vec![Default::default(); policies.len()],
            ..Counters::default()
        };
        Self {
            seed,
            now: Moment::ZERO,
            policies: Policies::new(policies, settings.share),
            store: Store::new(settings.segment_bytes(), seed),
            table: Table::new(&settings, seed),
            delivered: DeliveredSpans::new(
                settings.dedupe_budget.bytes() as usize,
                settings.dedupe_horizon,
            ),
            elsewhere: DeliveredElsewhere::new(seed),
            counters,
            in_flight: None,
            leaving: 0,
            scratch: Scratch {
                fingerprint_set: seeded_set(seed),
                ..Scratch::default()
            },
            settings,
        }
    }

    /// When [`Self::advance`] is to be called next; nothing while no trace is held.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        self.table.next_deadline().map(|(deadline, _)| deadline)
    }

    /// Decides the traces whose deadline is not after `now`, in the order of the deadlines, and keeps
    /// the memory in order. Call it at [`Self::next_deadline`], or at any other time.
    ///
    /// After 16,384 spans it leaves the rest to the next call, so that requests wait a few milliseconds at
    /// most; [`Self::next_deadline`] is not after `now` then. Traces whose order matters, because
    /// limiters admit them by rank, are decided in one round however many there are.
    pub fn advance(&mut self, now: Moment, sink: &mut impl Sink) -> Advanced {
        let now = self.begin(now, sink);
        let mut advanced = Advanced::default();
        if self.policies.ranks_traces() {
            advanced.decided = self.decide_round(now, now, None, sink);
        }
        let mut spans = 0;
        while spans < SPANS_AT_ONCE
            && let Some((deadline, index)) = self.table.next_deadline()
            && deadline <= now
        {
            if advanced.decided.is_multiple_of(FETCHED as u64) {
                self.fetch_soonest(now, sink);
            }
            spans += u64::from(self.table.traces.get(index).summary.spans);
            self.decide(index, now, None, sink);
            advanced.decided += 1;
        }
        self.delivered.expire(now);
        advanced.early = self.relieve(now, 0, sink);
        self.forget_decisions();
        self.tidy();
        self.check();
        advanced
    }

    /// Decides everything that is held, in the order of arrival, or gives it up when
    /// [`EngineSettings::abandon_on_drain`] says so. The engine goes on working. Where decisions have to be
    /// agreed to, what waits for that is still held.
    pub fn drain(&mut self, now: Moment, sink: &mut impl Sink) {
        let now = self.begin(now, sink);
        if self.policies.ranks_traces() && !self.settings.abandon_on_drain {
            let end_of_time = Moment::from_nanos(u64::MAX);
            self.decide_round(now, end_of_time, Some(EarlyReason::Drained), sink);
        }
        let mut tries = self.table.held();
        while tries > 0
            && let Some((_, index)) = self.table.oldest()
        {
            tries -= 1;
            if self.settings.abandon_on_drain {
                self.abandon(index, crate::AbandonReason::Drained, sink);
            } else {
                self.decide(index, now, Some(EarlyReason::Drained), sink);
            }
        }
        self.store.drop_spare();
        self.check();
    }

    /// Decides by other policies from now on, traces that are held included. Decisions that were made
    /// stand. Returns the counts by policy of the old ones; new counts begin at zero. Limiters that are
    /// in both keep what is in their buckets.
    pub fn replace_policies(&mut self, policies: Arc<PolicySet>) -> Vec<PolicyCounts> {
        let counts = self.counts_by_policy().collect();
        self.counters.by_policy = vec![Default::default(); policies.len()];
        self.policies.replace(policies, self.settings.share);
        self.table.forget_pending();
        counts
    }

    /// Times the policies by this stopwatch from now on.
    pub fn time_policies(&mut self, stopwatch: Stopwatch) {
        self.policies.state.time_by(stopwatch);
    }

    /// What each of the policies in force did.
    pub fn counts_by_policy(&self) -> impl Iterator<Item = PolicyCounts> {
        let decided = self.counters.by_policy.iter();
        let both = decided.zip(self.policies.state.votes());
        both.map(|(&decided, &votes)| PolicyCounts { decided, votes })
    }

    /// Goes by other settings from now on. Traces that are held keep their deadlines; the size of
    /// segments and the size of the tables stay.
    pub fn replace_settings(&mut self, settings: EngineSettings) {
        self.table.set_bounds(&settings);
        self.delivered.set_bounds(
            settings.dedupe_budget.bytes() as usize,
            settings.dedupe_horizon,
        );
        if settings.share != self.settings.share {
            self.policies.set_share(settings.share);
        }
        self.settings = settings;
    }

    /// What was done so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> &EngineSettings {
        &self.settings
    }

    /// The policies in force.
    #[must_use]
    pub fn policies(&self) -> &Arc<PolicySet> {
        self.policies.current()
    }

    /// Memory that counts against [`EngineSettings::memory_budget`].
    #[must_use]
    pub fn held_memory(&self) -> ByteSize {
        ByteSize((self.store.bytes() + self.table.held_bytes()) as u64)
    }

    /// Memory of the decision cache and of the ids of kept spans, which have budgets of their own.
    #[must_use]
    pub fn remembered_memory(&self) -> ByteSize {
        let delivered = self.delivered.bytes() + self.elsewhere.bytes();
        ByteSize((self.table.decision_bytes() + delivered) as u64)
    }

    /// How many decisions are remembered.
    #[must_use]
    pub fn remembered_decisions(&self) -> usize {
        self.table.decisions()
    }

    /// What every call does first: time goes on, and a trace that a panic left behind is settled.
    fn begin(&mut self, now: Moment, sink: &mut impl Sink) -> Moment {
        self.now = self.now.max(now);
        self.recover(sink);
        self.now
    }

    /// Fetches what the next decisions will read. Traces that have waited for seconds have left the
    /// processor's caches, and one after the other each would wait for memory several times.
    fn fetch_soonest(&mut self, now: Moment, sink: &mut impl Sink) {
        let table = &self.table;
        let soonest = table.deadlines.soonest(&table.traces, now, FETCHED);
        let Scratch { chains, soon, .. } = &mut self.scratch;
        chains.clear();
        soon.clear();
        for trace in soonest {
            chains.push(trace.last);
            soon.push(trace.id);
        }
        sink.expects(soon);
        self.store.fetch(chains);
    }

    fn check(&self) {
        debug_assert_eq!(self.counters.check(), Ok(()));
        debug_assert_eq!(self.counters.held.traces, self.table.held() as u64);
    }
}

fn seeded_set(seed: u64) -> HashSet<u64, FixedState> {
    HashSet::with_hasher(FixedState::with_seed(seed))
}

/// The same allocation for records of another lifetime. The vector comes back empty.
fn emptied<'b>(mut records: Vec<SpanRecord<'_>>) -> Vec<SpanRecord<'b>> {
    records.clear();
    // Collecting in place keeps the allocation: source and target have one layout.
    records
        .into_iter()
        .map(|_| unreachable!("it is empty"))
        .collect()
}
