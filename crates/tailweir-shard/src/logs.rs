//! Log records that wait for the decisions of their traces, under the hand-over protocol.
//!
//! A [`LogShard`] is what a [`Shard`](crate::Shard) is to spans, for the records of one `trace_aware` processor: owner and
//! second member of the same rows, a tenancy of its own, the same letters. What the protocol calls a trace is a *fragment*
//! here, the records of one trace in one request, under a [key](fragment) that says what is in it: so a request that is sent again
//! is recognised wherever its fragments are by now, and each leaves by a verdict of its own.
//!
//! ```text
//! part ----> admit, take (tenancy) --letter--> second member
//!                    |
//! answer <-- stored -+--> waits (hold) <---- what the sampler beside it decided
//!                               |
//!                               v
//!            kept, dropped --> verdict (tenancy) --letter--> second member
//!                               |
//! leaves, by the fence <--------+
//! ```
//!
//! When a slot moves, its new owner hears every verdict on its traces in the end, those of the tenure before too; the old
//! one does not. So records do not finish where they began: they are handed on at once, as if a gateway brought them, and are
//! freed when the new owner has them twice.

mod bring;
mod carry_out;
mod fragment;
mod leave;
mod outbox;
mod request;
mod settings;

pub use fragment::{LogFragment, Logs};
pub use outbox::{LeavingLogs, LogAmount, LogBooks, LogOutbox, OnwardLogs};
pub use request::{MalformedLogs, body_of};
pub use settings::{LogBounds, LogShardSettings};

use crate::copies::Copies;
use crate::copying::Copying;
use crate::room::{Crowded, no_room};
use crate::settings::slots_of;
use crate::take::Waiting;
use crate::upkeep::Upkeep;
use crate::{Part, Piece, Refusal, Ruled, ShardSettings};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use tailweir_core::{Moment, Slot, TraceId};
use tailweir_placement::{Epoch, Incarnation, RoutingTable, TenureId};
use tailweir_sampler::TraceHold;
use tailweir_tenure::{Effect, Message, Number, Tenancy};

/// What a fragment costs beside its bytes, as far as budgets are concerned: its places here, in the tenancy and in the hold.
const FRAGMENT_BYTES: u64 = 384;

/// A fragment in a tenure.
type At = (TenureId, Number);

/// Where the fragments of a tenure are among those of all.
fn all_of(tenure: TenureId) -> RangeInclusive<At> {
    (tenure, Number(0))..=(tenure, Number(u64::MAX))
}

/// The records of one `trace_aware` processor at one member. See the module.
///
/// `T` is what the caller needs to answer a part.
pub struct LogShard<T> {
    settings: LogShardSettings,
    tenancy: Tenancy<Piece, Ruled>,
    effects: Vec<Effect<Piece, Ruled>>,
    upkeep: Upkeep,
    copies: Copies,
    copying: Copying,
    crowded: Crowded,
    waiting: Waiting<T>,
    /// Parts that cannot be answered yet, and why.
    parts: Vec<(Part<Logs, T>, Refusal)>,
    /// Fragments of the tenures that this member owns.
    entries: BTreeMap<At, Entry>,
    hold: TraceHold<At>,
    /// Tenures that this member owns and whose slots have moved.
    closing: BTreeSet<TenureId>,
    /// To be handed on, at this time or later.
    onward: BTreeMap<At, Moment>,
    /// Judged, and their verdict could not be proposed.
    stalled: BTreeSet<At>,
    /// To be released when the fence of their tenure is open.
    fenced: Vec<At>,
    dropped: BTreeSet<TenureId>,
    /// What all entries cost, in bytes.
    occupied: u64,
    /// How many fragments without a time were taken.
    timeless: u64,
    books: LogBooks,
    epoch: Epoch,
    retry: Option<Moment>,
    knock: Moment,
}

/// A fragment of which this member is the owner.
#[derive(Debug)]
struct Entry {
    trace: TraceId,
    key: TraceId,
    amount: LogAmount,
    /// When it has waited for too long.
    deadline: Moment,
    state: State,
}

impl Entry {
    /// What it costs, in bytes.
    fn cost(&self) -> u64 {
        cost(self.amount)
    }
}

fn cost(amount: LogAmount) -> u64 {
    amount.bytes + FRAGMENT_BYTES
}

/// Where a fragment is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not stored twice yet, so not acknowledged.
    Pending,
    /// In the hold.
    Waits,
    /// To be brought to the new owner of its slot.
    Onward,
    /// Being brought there.
    UnderWay,
    /// Its verdict is proposed, or about to be.
    Judged(Fate),
    /// Behind the fence.
    Fenced(Fate),
    /// Handed out, and not reported as delivered.
    Released,
}

/// What becomes of a fragment, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    Dropped,
    /// Kept because nobody decided in time.
    Undecided,
    UndecidedDropped,
    /// Kept because there was no room to wait.
    Overflow,
    /// The new owner of its slot has it.
    HandedOn,
}

impl Fate {
    fn keeps(self) -> bool {
        // What the new owner of its slot has is nobody's to let go who takes this member's place.
        !matches!(
            self,
            Self::Dropped | Self::UndecidedDropped | Self::HandedOn
        )
    }
}

impl<T> LogShard<T> {
    /// A shard that holds nothing and knows no table.
    #[must_use]
    pub fn new(settings: LogShardSettings) -> Self {
        Self {
            tenancy: Tenancy::new(settings.incarnation, settings.one_copy),
            effects: Vec::new(),
            upkeep: Upkeep::new(),
            copies: Copies::default(),
            copying: Copying::default(),
            crowded: Crowded::default(),
            waiting: Waiting::new(settings.seed),
            parts: Vec::new(),
            entries: BTreeMap::new(),
            hold: TraceHold::new(settings.bounds.hold.clone()),
            closing: BTreeSet::new(),
            onward: BTreeMap::new(),
            stalled: BTreeSet::new(),
            fenced: Vec::new(),
            dropped: BTreeSet::new(),
            occupied: 0,
            timeless: 0,
            books: LogBooks::default(),
            epoch: Epoch(0),
            retry: None,
            knock: Moment::ZERO,
            settings,
        }
    }

    /// Goes by other bounds from now on. What waits keeps its deadline.
    pub fn change(&mut self, bounds: LogBounds) {
        self.hold.change(bounds.hold.clone());
        self.settings.bounds = bounds;
    }

    /// What became of the records that it took.
    #[must_use]
    pub fn books(&self) -> &LogBooks {
        &self.books
    }

    /// Traces for which records wait.
    #[must_use]
    pub fn waiting_traces(&self) -> usize {
        self.hold.traces()
    }

    /// Bytes of records that it owns, until they are delivered, and what it takes to know of them.
    #[must_use]
    pub fn owned_bytes(&self) -> u64 {
        self.occupied
    }

    /// Bytes that it keeps for other members.
    #[must_use]
    pub fn copied_bytes(&self) -> usize {
        self.copies.bytes()
    }

    /// Whether nothing is held of which this member is the owner.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// When [`Self::tick`] is due; nothing while it knows no table.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        if self.epoch == Epoch(0) {
            return None;
        }
        let upkeep = Some(self.upkeep.next_deadline());
        let onward = self.onward.values().min().copied();
        let times = [upkeep, self.hold.next_deadline(), onward, self.retry];
        times.into_iter().flatten().min()
    }

    /// Follows a newer table. Older ones change nothing.
    pub fn learn(&mut self, now: Moment, table: &RoutingTable, out: &mut LogOutbox<T>) {
        if table.epoch() <= self.epoch {
            return;
        }
        self.epoch = table.epoch();
        self.closing.clear();
        for slot in slots_of(self.settings.index, self.settings.shards) {
            let Some(tenures) = table.tenures(slot) else {
                continue;
            };
            let rows = tenures.closing().iter();
            let own = rows.filter(|row| row.owner == self.settings.incarnation);
            self.closing.extend(own.map(|row| TenureId {
                slot,
                created: row.created,
            }));
            self.tenancy
                .learn(now, self.epoch, slot, tenures, &mut self.effects);
        }
        self.leave_closing(now);
        self.upkeep
            .catch_up(now, &mut self.tenancy, &mut self.effects);
        self.work(now, out);
        self.retry_parts(now, out);
    }

    /// Letters of another sampler, in the order in which it wrote them.
    pub fn letter(
        &mut self,
        now: Moment,
        from: Incarnation,
        mut messages: Vec<Message<Piece, Ruled>>,
        out: &mut LogOutbox<T>,
    ) {
        let budget = self.settings.bounds.copies;
        let refused = self.copies.take_in(budget, &mut messages);
        self.books.copies_refused += refused.len() as u64;
        self.effects.extend(no_room(from, refused));
        self.copying.learn(from, &messages);
        let (waiting, answers) = (&mut self.waiting, &mut out.answers);
        self.crowded.learn(now, from, &messages, waiting, answers);
        let (tenancy, effects) = (&mut self.tenancy, &mut self.effects);
        self.upkeep
            .receive_all(now, from, messages, tenancy, effects);
        self.work(now, out);
    }

    /// Letters to this member were lost: what waits for its answer is said again.
    pub fn remind(&mut self, now: Moment, member: Incarnation, out: &mut LogOutbox<T>) {
        self.tenancy.remind_member(now, member, &mut self.effects);
        self.work(now, out);
    }

    /// Traces were decided: kept or not.
    pub fn decided(&mut self, now: Moment, traces: &[(TraceId, bool)], out: &mut LogOutbox<T>) {
        for &(trace, is_kept) in traces {
            let fate = if is_kept { Fate::Kept } else { Fate::Dropped };
            for at in self.hold.decided(trace, is_kept) {
                self.judge(now, at, fate);
            }
        }
        self.work(now, out);
    }

    /// Time has passed: sees to what has waited for too long, and to everything that is tried again.
    pub fn tick(&mut self, now: Moment, out: &mut LogOutbox<T>) {
        self.retry = None;
        while let Some(expired) = self.hold.expired(now) {
            self.judge_undecided(now, expired);
        }
        for at in std::mem::take(&mut self.stalled) {
            self.propose(now, at);
        }
        self.keep_up(now);
        self.work(now, out);
        self.retry_parts(now, out);
        self.waiting.give_up(now, &mut out.answers);
        if now >= self.knock {
            self.knock = now + ShardSettings::ASK_AGAIN;
            self.knock(now);
        }
        self.work(now, out);
    }

    /// Waits for no decision any more: what waits for one is judged as undecided.
    pub fn drain(&mut self, now: Moment, out: &mut LogOutbox<T>) {
        while let Some(waited) = self.hold.drained() {
            self.judge_undecided(now, waited);
        }
        self.work(now, out);
    }

    fn keep_up(&mut self, now: Moment) {
        let slots = slots_of(self.settings.index, self.settings.shards);
        let (life, max) = (
            LogShardSettings::VERDICT_LIFE,
            LogShardSettings::VERDICTS_MAX,
        );
        let (upkeep, tenancy) = (&mut self.upkeep, &mut self.tenancy);
        upkeep.ask_again(now, tenancy, &mut self.effects);
        upkeep.sweep(now, slots, life, max, tenancy);
        upkeep.remind(now, tenancy, &mut self.effects);
    }

    fn receive(&mut self, now: Moment, from: Incarnation, message: Message<Piece, Ruled>) {
        self.upkeep
            .receive(now, from, message, &mut self.tenancy, &mut self.effects);
    }

    fn slot_of(&self, trace: TraceId) -> Slot {
        Slot::of(trace, self.settings.slot_seed)
    }
}
