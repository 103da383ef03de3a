//! The shard itself: its state, the time, and the table.

use crate::copies::Copies;
use crate::copying::Copying;
use crate::exports::Exports;
use crate::room::Crowded;
use crate::settings::slots_of;
use crate::take::Waiting;
use crate::upkeep::Upkeep;
use crate::voice::{Fresh, Pen, Voice};
use crate::{Fate, Outbox, Part, Piece, Refusal, Ruled, ShardSettings, Spans};
use hashbrown::HashMap;
use std::collections::BTreeMap;
use std::sync::Arc;
use tailweir_core::{Moment, SeededState, Slot, TraceId};
use tailweir_otlp::Scan;
use tailweir_placement::{Epoch, Incarnation, RoutingTable, TenureId};
use tailweir_policy::PolicySet;
use tailweir_sampler::{AbandonedTrace, Engine, EngineSettings};
use tailweir_tenure::{Effect, Message, Standing, Tenancy};

/// One part of the slots of one sampler process. See the crate.
///
/// `S` is how the caller has the spans of a part, `T` what it needs to answer one.
pub struct Shard<S, T> {
    pub(crate) settings: ShardSettings,
    pub(crate) engine: Engine,
    pub(crate) tenancy: Tenancy<Piece, Ruled>,
    pub(crate) pen: Pen,
    pub(crate) effects: Vec<Effect<Piece, Ruled>>,
    /// What the engine let go during the call that runs.
    pub(crate) fresh: Vec<Fresh>,
    pub(crate) abandoned: Vec<AbandonedTrace>,
    /// Room for traces that are decided next.
    soon: Vec<(Slot, TraceId)>,
    /// What the engine let go, of traces whose fragments are still to be exported.
    pub(crate) unclaimed: HashMap<TraceId, Fresh, SeededState>,
    pub(crate) waiting: Waiting<T>,
    /// Parts that cannot be answered yet, and why.
    pub(crate) held: Vec<(Part<S, T>, Refusal)>,
    pub(crate) exports: Exports,
    pub(crate) copies: Copies,
    pub(crate) copying: Copying,
    pub(crate) crowded: Crowded,
    /// Room to look at what others delivered.
    pub(crate) scan: Scan,
    pub(crate) upkeep: Upkeep,
    /// Tenures in which it has no part any more, and whether something in them was not confirmed.
    pub(crate) dropped: BTreeMap<TenureId, bool>,
    epoch: Epoch,
    timers: Timers,
    pub(crate) counts: Counts,
}

/// When what is done now and then is due.
#[derive(Debug)]
struct Timers {
    /// When what waits is tried again; nothing while nothing waits. Set once, whatever happens meanwhile.
    retry: Option<Moment>,
    knock: Moment,
}

/// What was given up, since the shard began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    /// Records that were not stored because there is too much of others already.
    pub(crate) copies_refused: u64,
    /// Pieces of other members that are not OTLP.
    pub(crate) unreadable: u64,
    /// Spans that came as they go out, and their bytes: see [`Shard::taken_over`].
    pub(crate) taken_over: (u64, u64),
}

/// What a shard says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShardState {
    /// The newest table that it knows.
    pub epoch: Epoch,
    /// How many tenures it is in, by what it is in them.
    pub tenures: BTreeMap<Standing, usize>,
    /// Bytes that it keeps for others.
    pub copied_bytes: usize,
    /// Verdicts that it remembers, as owner and as second member.
    pub verdicts: usize,
    /// Fragments that it keeps, as owner or as copy.
    pub fragments: usize,
    /// Parts that wait for an answer.
    pub parts_waiting: usize,
    /// Fragments that are not settled, of parts that wait or were refused meanwhile.
    pub fragments_waiting: usize,
    /// Records of other members that wait for a table.
    pub letters_waiting: usize,
    /// Traces whose spans are on their way out: behind a fence, or handed out and not reported as delivered.
    pub exports_waiting: usize,
    /// Traces whose spans left the engine, and that no fragment has claimed. Nothing between two calls.
    pub unclaimed: usize,
    /// Records not stored, for want of memory, since it began.
    pub copies_refused: u64,
    /// Records dropped while a table was awaited, since it began.
    pub behind_dropped: u64,
    /// Pieces that could not be read, since it began.
    pub unreadable: u64,
}

impl<S: Spans, T> Shard<S, T> {
    /// A shard that holds nothing and knows no table.
    #[must_use]
    pub fn new(
        settings: ShardSettings,
        engine: EngineSettings,
        policies: Arc<PolicySet>,
        seed: u64,
    ) -> Self {
        Self {
            engine: Engine::new(engine, policies, seed),
            tenancy: Tenancy::new(settings.incarnation, settings.one_copy),
            pen: Pen::new(&settings),
            effects: Vec::new(),
            fresh: Vec::new(),
            abandoned: Vec::new(),
            soon: Vec::new(),
            unclaimed: HashMap::with_hasher(SeededState::new(seed)),
            waiting: Waiting::new(seed),
            held: Vec::new(),
            exports: Exports::new(seed),
            copies: Copies::default(),
            copying: Copying::default(),
            crowded: Crowded::default(),
            scan: Scan::new(),
            upkeep: Upkeep::new(),
            dropped: BTreeMap::new(),
            epoch: Epoch(0),
            timers: Timers {
                retry: None,
                knock: Moment::ZERO,
            },
            counts: Counts::default(),
            settings,
        }
    }

    /// The engine, to look at.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The engine, for settings that change. Spans and time are the shard's business.
    pub fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// Goes by other policies from now on; see [`Engine::replace_policies`].
    pub fn replace_policies(
        &mut self,
        policies: Arc<PolicySet>,
        revision: u64,
    ) -> Vec<tailweir_sampler::PolicyCounts> {
        self.settings.revision = revision;
        self.engine.replace_policies(policies)
    }

    /// Writes thresholds and names of policies into kept spans, or not, from now on.
    pub fn set_marks(&mut self, write_threshold: bool, record_policy: bool) {
        self.pen.marks.set(write_threshold, record_policy);
    }

    /// Spans whose tracestate could not be given a threshold.
    #[must_use]
    pub fn unwritten_thresholds(&self) -> u64 {
        self.pen.marks.unwritten()
    }

    /// Spans of kept traces that are on their way out of the shard, and their bytes.
    #[must_use]
    pub fn leaving(&self) -> (u64, u64) {
        self.exports.leaving()
    }

    /// Bytes that it holds for other members.
    #[must_use]
    pub fn copied_bytes(&self) -> usize {
        self.copies.bytes()
    }

    /// What it is and has. Looks at every tenure.
    #[must_use]
    pub fn state(&self) -> ShardState {
        let mut tenures = BTreeMap::new();
        for (_, standing) in self.tenancy.standing() {
            *tenures.entry(standing).or_default() += 1;
        }
        ShardState {
            epoch: self.epoch,
            tenures,
            copied_bytes: self.copies.bytes(),
            verdicts: self.upkeep.verdicts(),
            fragments: self.tenancy.fragment_count(),
            parts_waiting: self.held.len() + self.waiting.len(),
            fragments_waiting: self.waiting.fragments(),
            letters_waiting: self.upkeep.behind(),
            exports_waiting: self.exports.len(),
            unclaimed: self.unclaimed.len(),
            copies_refused: self.counts.copies_refused,
            behind_dropped: self.upkeep.behind_dropped(),
            unreadable: self.counts.unreadable,
        }
    }

    /// What became of a trace. Verdicts that do not hold yet are not told.
    #[must_use]
    pub fn fate(&self, trace: TraceId) -> Fate {
        Fate::of(self.verdict(self.slot_of(trace), trace))
    }

    /// When [`Self::tick`] is due; nothing while it has no part in any tenure.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        let upkeep = (self.epoch > Epoch(0)).then(|| self.upkeep.next_deadline());
        let times = [self.engine.next_deadline(), self.timers.retry, upkeep];
        times.into_iter().flatten().min()
    }

    /// Follows a newer table. Older ones change nothing.
    pub fn learn(&mut self, now: Moment, table: &RoutingTable, out: &mut Outbox<T>) {
        if table.epoch() <= self.epoch {
            return;
        }
        self.epoch = table.epoch();
        let mut owned = 0;
        for slot in self.slots() {
            if let Some(tenures) = table.tenures(slot) {
                owned += usize::from(tenures.current().owner == self.settings.incarnation);
                self.tenancy
                    .learn(now, self.epoch, slot, tenures, &mut self.effects);
            }
        }
        self.share(owned);
        self.upkeep
            .catch_up(now, &mut self.tenancy, &mut self.effects);
        self.work(now, out);
        self.retry_held(now, out);
    }

    /// Letters of another sampler, in the order in which it wrote them.
    pub fn letter(
        &mut self,
        now: Moment,
        from: Incarnation,
        mut messages: Vec<Message<Piece, Ruled>>,
        out: &mut Outbox<T>,
    ) {
        self.copy_in(from, &mut messages);
        self.copying.learn(from, &messages);
        self.learn_delivered(now, &messages);
        let (waiting, answers) = (&mut self.waiting, &mut out.answers);
        self.crowded.learn(now, from, &messages, waiting, answers);
        let (tenancy, effects) = (&mut self.tenancy, &mut self.effects);
        self.upkeep
            .receive_all(now, from, messages, tenancy, effects);
        self.work(now, out);
    }

    /// Letters to this member were lost: what waits for its answer is said again.
    pub fn remind(&mut self, now: Moment, member: Incarnation, out: &mut Outbox<T>) {
        self.tenancy.remind_member(now, member, &mut self.effects);
        self.work(now, out);
    }

    /// Time has passed: decides what is due, and sees to everything that waits.
    pub fn tick(&mut self, now: Moment, out: &mut Outbox<T>) {
        self.with_engine(now, |engine, voice| engine.advance(now, voice));
        self.upkeep(now, out);
    }

    /// As [`Self::tick`], but decides nothing: what was kept finds no room behind. Parts are answered, slots open and close, and
    /// other members hear of it all the same.
    pub fn upkeep(&mut self, now: Moment, out: &mut Outbox<T>) {
        self.timers.retry = None;
        self.keep_up(now);
        self.work(now, out);
        self.retry_held(now, out);
        self.waiting.give_up(now, &mut out.answers);
        if now >= self.timers.knock {
            self.timers.knock = now + ShardSettings::ASK_AGAIN;
            self.knock(now);
        }
        self.work(now, out);
    }

    /// What waits for something that may have come without a word is looked at again soon.
    pub(crate) fn wait_for_retry(&mut self, now: Moment) {
        if self.held.is_empty() && !self.exports.is_fenced() {
            self.timers.retry = None;
        } else if self.timers.retry.is_none() {
            self.timers.retry = Some(now + ShardSettings::RETRY);
        }
    }

    /// Decides what can be decided now, before its time.
    pub fn drain(&mut self, now: Moment, out: &mut Outbox<T>) {
        self.with_engine(now, |engine, voice| engine.drain(now, voice));
        self.work(now, out);
    }

    /// Whether nothing is held of which this member is the owner.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.engine.counters().held.traces == 0 && self.exports.leaving().0 == 0
    }

    /// Limiters have the share of the slots that this shard owns: so the shares of all samplers make one, whoever
    /// owns what.
    fn share(&mut self, owned: usize) {
        let share = owned.max(1) as f64 / Slot::COUNT as f64;
        let mut settings = self.engine.settings().clone();
        if (settings.share - share).abs() > f64::EPSILON {
            settings.share = share;
            self.engine.replace_settings(settings);
        }
    }

    fn slots(&self) -> impl Iterator<Item = Slot> + use<S, T> {
        slots_of(self.settings.index, self.settings.shards)
    }

    pub(crate) fn slot_of(&self, trace: TraceId) -> Slot {
        Slot::of(trace, self.settings.slot_seed)
    }

    pub(crate) fn receive(
        &mut self,
        now: Moment,
        from: Incarnation,
        message: Message<Piece, Ruled>,
    ) {
        self.upkeep
            .receive(now, from, message, &mut self.tenancy, &mut self.effects);
    }

    fn keep_up(&mut self, now: Moment) {
        let (life, max) = (self.settings.verdict_life, self.settings.verdicts_max);
        let slots = self.slots();
        let (upkeep, tenancy) = (&mut self.upkeep, &mut self.tenancy);
        upkeep.ask_again(now, tenancy, &mut self.effects);
        upkeep.sweep(now, slots, life, max, tenancy);
        upkeep.remind(now, tenancy, &mut self.effects);
    }

    /// Calls the engine with the tenancy as its sink, and sorts what it let go.
    pub(crate) fn with_engine<R>(
        &mut self,
        now: Moment,
        call: impl FnOnce(&mut Engine, &mut Voice<'_>) -> R,
    ) -> R {
        let mut voice = Voice {
            now,
            settings: &self.settings,
            tenancy: &mut self.tenancy,
            effects: &mut self.effects,
            pen: &mut self.pen,
            fresh: &mut self.fresh,
            abandoned: &mut self.abandoned,
            soon: &mut self.soon,
        };
        call(&mut self.engine, &mut voice)
    }
}
