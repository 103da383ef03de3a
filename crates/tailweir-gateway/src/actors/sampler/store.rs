//! What a sampler's actor is lent: the engine, and what has left it but not yet the shard.

use super::ShardChange;
use super::core::Core;
use super::member::{Member, Place};
use super::outlet::Outlet;
use super::witness::Witnesses;
use crate::admission::{Admission, RETRY_AFTER};
use crate::buckets::Buckets;
use crate::clock::{Clock, stopwatch};
use crate::ledger::{DropReason, Ledger};
use crate::pipeline::{Load, Portion, Routed};
use crate::refusal::{Bound, Refusal};
use std::collections::BTreeMap;
use std::sync::Arc;
use tailweir_core::{ByteSize, Moment, Signal, TraceId};
use tailweir_export::{Amount, LossReason};
use tailweir_policy::PolicySet;
use tailweir_sampler::{Counters, Engine, EngineSettings, PolicyCounts};
use tailweir_shard::{Answer, Fate, Part, ShardState};
use tokio::sync::oneshot;

/// Kept bytes that may wait for room behind; past it, spans are refused, whether they come as requests or as parts.
const OUTLET_BYTES_MAX: usize = 16 << 20;

/// What a shard starts with.
pub(crate) struct ShardSettings {
    /// Bounds and windows of this shard alone.
    pub(crate) engine: EngineSettings,
    /// The policies.
    pub(crate) policies: Arc<PolicySet>,
    /// Seeds the engine's tables.
    pub(crate) seed: u64,
    /// Whether thresholds are written into kept spans.
    pub(crate) write_threshold: bool,
    /// Whether the policy's name is written into the scopes of kept spans.
    pub(crate) record_policy: bool,
    /// The books.
    pub(crate) ledger: Arc<Ledger>,
    /// Told how much is held.
    pub(crate) admission: Arc<Admission>,
    /// Told what is decided.
    pub(crate) witnesses: Arc<Witnesses>,
    /// Where it is in a cluster; nothing when the process is alone.
    pub(crate) place: Option<Place>,
}

/// What a shard says of itself.
#[derive(Debug, Clone)]
pub(crate) struct ShardReport {
    /// The engine's counters.
    pub(crate) counters: Counters,
    /// What each policy did, by its name, those of earlier settings included.
    pub(crate) by_policy: BTreeMap<String, PolicyCounts>,
    /// Memory of undecided traces, in bytes.
    pub(crate) held_memory: u64,
    /// Bound of it, in bytes.
    pub(crate) memory_budget: u64,
    /// Memory of what is remembered, in bytes.
    pub(crate) remembered_memory: u64,
    /// Decisions that are remembered.
    pub(crate) remembered_decisions: usize,
    /// Time of each round of decisions, in milliseconds.
    pub(crate) ticks: Buckets,
    /// Bytes of kept spans that wait for room behind.
    pub(crate) held_back_bytes: usize,
    /// Tracestates that could not be given a threshold.
    pub(crate) unwritten_thresholds: u64,
    /// What it is in the cluster, if there is one.
    pub(crate) member: Option<ShardState>,
}

/// See the module.
pub(super) struct ShardStore {
    pub(super) core: Core,
    pub(super) outlet: Outlet,
    ledger: Arc<Ledger>,
    admission: Arc<Admission>,
    booked: Booked,
    /// Time of each round of decisions, in milliseconds.
    ticks: Buckets,
    /// Decisions of policies of earlier settings.
    retired: BTreeMap<String, PolicyCounts>,
    /// Whether it is being emptied: for good, unless it changes.
    is_draining: bool,
}

/// What of the engine's counters is in the books already.
#[derive(Debug, Default)]
struct Booked {
    taken: Amount,
    stored: Amount,
    not_sampled: Amount,
    dropped: Amount,
    duplicates: Amount,
    memory: u64,
}

impl ShardStore {
    pub(super) fn new(settings: ShardSettings) -> Self {
        let ledger = settings.ledger;
        let core = match settings.place {
            None => {
                let mut engine = Engine::new(settings.engine, settings.policies, settings.seed);
                engine.time_policies(stopwatch);
                Core::Alone(Box::new(engine))
            }
            Some(place) => {
                let marks = (settings.write_threshold, settings.record_policy);
                let member = Member::new(
                    place,
                    settings.engine,
                    settings.policies,
                    settings.seed,
                    marks,
                );
                Core::Member(Box::new(member))
            }
        };
        Self {
            core,
            outlet: Outlet::new(
                Arc::clone(&ledger),
                settings.write_threshold,
                settings.record_policy,
                settings.witnesses,
            ),
            ledger,
            admission: settings.admission,
            booked: Booked::default(),
            ticks: Buckets::new(Buckets::MILLISECONDS),
            retired: BTreeMap::new(),
            is_draining: false,
        }
    }

    /// Takes this shard's part of a request, or nothing of it.
    pub(super) fn append(
        &mut self,
        now: Moment,
        routed: &Routed,
        shard: usize,
    ) -> Result<(), Refusal> {
        if self.outlet.bytes() > OUTLET_BYTES_MAX {
            return Err(full(Bound::Queue));
        }
        let Core::Alone(engine) = &mut self.core else {
            // In a cluster spans come as parts.
            return Err(full(Bound::Traces));
        };
        let spans = routed.scanned.split.group(shard);
        let scan = &routed.scanned.scan;
        let appended = engine.append(now, &routed.body, scan, spans, &mut self.outlet);
        self.outlet.seal();
        self.book();
        match appended {
            Ok(_) => Ok(()),
            Err(refusal) => Err(refusal_of(refusal)),
        }
    }

    /// Takes a part of a request for a shard of a cluster, or refuses it.
    pub(super) fn bring(&mut self, now: Moment, part: Part<Portion, oneshot::Sender<Answer>>) {
        match self.refusal_of_parts() {
            Some(refusal) => {
                // A gateway that has gone needs no answer.
                let _ = part.ticket.send(Answer::Refused(refusal));
            }
            None => self.with_member(|member, outlet| member.bring(now, part, outlet)),
        }
    }

    /// Why no part is taken now, if none is.
    fn refusal_of_parts(&self) -> Option<tailweir_shard::Refusal> {
        if self.is_draining {
            // A trace that begins now would be held to the end, and be lost with what is left then.
            return Some(tailweir_shard::Refusal::NotOpen);
        }
        let held = self.outlet.bytes();
        let full = tailweir_sampler::Refusal::Memory {
            needed: ByteSize(0),
            held: ByteSize(held as u64),
            budget: ByteSize(OUTLET_BYTES_MAX as u64),
        };
        (held > OUTLET_BYTES_MAX).then_some(tailweir_shard::Refusal::Full(full))
    }

    /// Decides what is due. Says whether that was too much for one call.
    pub(super) fn advance(&mut self, clock: Clock) -> bool {
        let start = clock.now();
        match &mut self.core {
            Core::Alone(engine) => {
                engine.advance(start, &mut self.outlet);
                self.outlet.seal();
            }
            Core::Member(member) => {
                member.tick(start, &mut self.outlet);
                if self.is_draining {
                    // Of parts that had to wait, some were taken since.
                    member.drain(start, &mut self.outlet);
                }
            }
        }
        let took = clock.now().since(start);
        self.ticks.add(took.as_micros().div_ceil(1000) as u64);
        self.book();
        self.next_deadline().is_some_and(|due| due <= start)
    }

    /// Sees to what waits for other members, and decides nothing, so that no more is kept than finds room behind.
    pub(super) fn upkeep(&mut self, now: Moment) {
        self.with_member(|member, outlet| member.upkeep(now, outlet));
    }

    /// Decides everything, and takes no more parts.
    pub(super) fn drain(&mut self, now: Moment) {
        self.is_draining = true;
        match &mut self.core {
            Core::Alone(engine) => {
                engine.drain(now, &mut self.outlet);
                self.outlet.seal();
            }
            Core::Member(member) => member.drain(now, &mut self.outlet),
        }
        self.book();
    }

    /// Something happened to a shard of a cluster.
    pub(super) fn with_member(&mut self, call: impl FnOnce(&mut Member, &mut Outlet)) {
        if let Core::Member(member) = &mut self.core {
            call(member, &mut self.outlet);
            self.book();
        }
    }

    /// What became of these traces, in their order. Only shards of a cluster are asked.
    pub(super) fn fates(&self, traces: &[TraceId]) -> Vec<Fate> {
        let fate = |trace: &TraceId| match &self.core {
            Core::Alone(_) => Fate::Unknown,
            Core::Member(member) => member.shard().fate(*trace),
        };
        traces.iter().map(fate).collect()
    }

    /// Whether a shard of a cluster has letters to be posted.
    pub(super) fn writes(&self) -> bool {
        matches!(&self.core, Core::Member(member) if member.writes())
    }

    /// Whether everything that was held is decided and has left the engine.
    pub(super) fn is_drained(&self) -> bool {
        match &self.core {
            Core::Alone(_) => true,
            Core::Member(member) => member.is_drained() && self.outlet.open().0 == 0,
        }
    }

    /// Goes by other settings, in service.
    pub(super) fn change(&mut self, change: ShardChange) {
        self.is_draining = false;
        // Counts by policy begin anew with each set, but a metric must not go backwards.
        let before = Arc::clone(self.core.engine().policies());
        let counts = self.core.change(&change);
        add_policies(&mut self.retired, &before, counts);
        self.outlet
            .set_marks(change.write_threshold, change.record_policy);
    }

    pub(super) fn next_deadline(&self) -> Option<Moment> {
        match &self.core {
            Core::Alone(engine) => engine.next_deadline(),
            Core::Member(member) => member.next_deadline(self.outlet.open().0 > 0),
        }
    }

    /// The next decided spans, for the stage behind.
    pub(super) fn next_load(&mut self) -> Option<Load> {
        self.outlet.next()
    }

    /// The stage behind had no room for it; it stays the next.
    pub(super) fn give_back(&mut self, load: Load) {
        self.outlet.give_back(load);
    }

    /// Whether decided spans wait for room behind.
    pub(super) fn is_held_back(&self) -> bool {
        self.outlet.bytes() > 0
    }

    pub(super) fn report(&self) -> ShardReport {
        let mut by_policy = self.retired.clone();
        let engine = self.core.engine();
        add_policies(&mut by_policy, engine.policies(), engine.counts_by_policy());
        ShardReport {
            counters: engine.counters().clone(),
            by_policy,
            held_memory: engine.held_memory().bytes(),
            memory_budget: engine.settings().memory_budget.bytes(),
            remembered_memory: engine.remembered_memory().bytes(),
            remembered_decisions: engine.remembered_decisions(),
            ticks: self.ticks.clone(),
            held_back_bytes: self.outlet.bytes(),
            unwritten_thresholds: self.core.unwritten_thresholds()
                + self.outlet.unwritten_thresholds(),
            member: self.core.state(),
        }
    }

    /// Brings the books up to the engine's own counters. What a dead incarnation left unbooked is
    /// booked by the next call.
    fn book(&mut self) {
        let (counters, booked) = (self.core.engine().counters(), &mut self.booked);
        let signal = Signal::Traces;

        let mut taken = amount(&[counters.appended]);
        if let Core::Member(member) = &self.core {
            let (items, bytes) = member.shard().taken_over();
            taken.items += items;
            taken.bytes += bytes;
        }
        self.ledger.taken(signal, minus(taken, booked.taken));
        booked.taken = taken;

        let mut stored = amount(&[counters.held]);
        let leaving = self.core.leaving();
        let (open_bytes, open) = match &self.core {
            // Sealed before anything is booked.
            Core::Alone(_) => (0, Amount::default()),
            Core::Member(_) => self.outlet.open(),
        };
        stored.items += leaving.items + open.items;
        stored.bytes += leaving.bytes + open.bytes;
        self.ledger.store_holds(signal, booked.stored, stored);
        booked.stored = stored;

        let (decided, late) = (&counters.decided, &counters.late);
        let columns = [
            (
                DropReason::NotSampled,
                amount(&[decided.not_sampled, late.not_sampled]),
                &mut booked.not_sampled,
            ),
            (
                DropReason::DropPolicy,
                amount(&[decided.dropped, late.dropped]),
                &mut booked.dropped,
            ),
            (
                DropReason::Duplicate,
                amount(&[counters.duplicates]),
                &mut booked.duplicates,
            ),
        ];
        for (reason, now, before) in columns {
            self.ledger.dropped(signal, reason, minus(now, *before));
            *before = now;
        }

        let memory = self.core.memory() + (self.outlet.bytes() + open_bytes) as u64;
        self.admission.report_held(booked.memory, memory);
        booked.memory = memory;
    }
}

impl ShardStore {
    /// Gives up what is left, and counts it as lost: nobody will decide it any more.
    pub(super) fn abandon(&mut self) {
        let reason = LossReason::AbandonedAtShutdown;
        let left = std::mem::take(&mut self.booked.stored);
        if left != Amount::default() {
            tracing::error!(spans = left.items, "undecided spans are lost");
            self.ledger.lost(Signal::Traces, reason, left);
            self.ledger
                .store_holds(Signal::Traces, left, Amount::default());
        }
        while let Some(load) = self.outlet.next() {
            load.charge.lose(reason);
        }
        let memory = std::mem::take(&mut self.booked.memory);
        self.admission.report_held(memory, 0);
    }
}

impl Drop for ShardStore {
    fn drop(&mut self) {
        self.abandon();
    }
}

fn add_policies(
    sum: &mut BTreeMap<String, PolicyCounts>,
    policies: &PolicySet,
    counts: impl IntoIterator<Item = PolicyCounts>,
) {
    for (name, count) in policies.names().zip(counts) {
        sum.entry(name.to_owned()).or_default().merge(count);
    }
}

/// What a client is told of the engine's refusal: who sends less fits in, but for what never can.
fn refusal_of(refusal: tailweir_sampler::Refusal) -> Refusal {
    match refusal {
        tailweir_sampler::Refusal::TooLarge { budget, .. } => Refusal::TooLarge {
            limit: budget,
            option: "memory_budget",
        },
        _ => full(Bound::Traces),
    }
}

fn full(bound: Bound) -> Refusal {
    Refusal::Full {
        bound,
        retry_after: RETRY_AFTER,
    }
}

fn amount(parts: &[tailweir_sampler::Amount]) -> Amount {
    Amount {
        items: parts.iter().map(|part| part.spans).sum(),
        bytes: parts.iter().map(|part| part.bytes).sum(),
    }
}

fn minus(now: Amount, before: Amount) -> Amount {
    Amount {
        items: now.items - before.items,
        bytes: now.bytes - before.bytes,
    }
}
