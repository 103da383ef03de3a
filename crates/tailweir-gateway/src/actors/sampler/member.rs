//! A shard of a cluster's member: hands on what its shard wants done.

#[cfg(test)]
mod tests;

use super::outlet::{Fragments, Outlet};
use super::{SamplerMsg, ShardChange, ShardInner};
use crate::ledger::{Custody, Guard};
use crate::pipeline::{PART_TIME, Portion, Seat};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tailweir_core::{ByteSize, Moment};
use tailweir_placement::{Incarnation, RoutingTable};
use tailweir_policy::PolicySet;
use tailweir_sampler::{EngineSettings, PolicyCounts, Sink};
use tailweir_shard::{Answer, Outbox, Part, Piece, Ruled, Shard, ShardSettings, Tie};
use tailweir_tenure::{Message, Ruling};
use tokio::sync::oneshot;

/// Kept spans wait for others to go with them at most this long...
const GATHER: Duration = Duration::from_millis(10);
/// ...or until there are so many bytes of them.
const GATHERED: usize = 256 << 10;
/// How long verdicts are remembered for late spans, beyond the window.
const VERDICT_LIFE: Duration = Duration::from_secs(60);

/// Messages that wait at most to leave together.
const MESSAGES_MAX: usize = 4_096;

/// Most verdicts of a sampler, about 100 bytes each.
const VERDICTS_MAX: usize = 4 << 20;

/// Where a shard is in a cluster.
pub(crate) struct Place {
    pub(crate) seat: Arc<Seat>,
    pub(crate) incarnation: Incarnation,
    /// Its number, of so many of this process.
    pub(crate) index: usize,
    pub(crate) shards: usize,
    /// Memory for what others own.
    pub(crate) copies: ByteSize,
    /// Names its policies.
    pub(crate) revision: u64,
    /// The shard itself, to be told what was delivered.
    pub(super) home: Weak<ShardInner>,
}

impl Place {
    /// The place of one shard.
    pub(crate) fn new(
        seat: Arc<Seat>,
        incarnation: Incarnation,
        (index, shards): (usize, usize),
        copies: ByteSize,
        revision: u64,
    ) -> Self {
        Self {
            seat,
            incarnation,
            index,
            shards,
            copies,
            revision,
            home: Weak::new(),
        }
    }
}

/// See the module.
pub(super) struct Member {
    shard: Shard<Portion, oneshot::Sender<Answer>>,
    outbox: Outbox<oneshot::Sender<Answer>>,
    seat: Arc<Seat>,
    home: Weak<ShardInner>,
    /// When what is gathered has to go.
    gathered_since: Option<Moment>,
}

impl Member {
    pub(super) fn new(
        place: Place,
        engine: EngineSettings,
        policies: Arc<PolicySet>,
        seed: u64,
        (write_threshold, record_policy): (bool, bool),
    ) -> Self {
        let settings = ShardSettings {
            incarnation: place.incarnation,
            index: place.index,
            shards: place.shards,
            slot_seed: crate::pipeline::SLOT_SEED,
            one_copy: place.seat.membership.one_copy,
            hold: PART_TIME,
            verdict_life: engine.decision_wait + VERDICT_LIFE,
            verdicts_max: VERDICTS_MAX / place.shards.max(1),
            copies_budget: place.copies.bytes() as usize,
            revision: place.revision,
            write_threshold,
            record_policy,
        };
        let mut shard = Shard::new(settings, engine, policies, seed);
        shard.engine_mut().time_policies(crate::clock::stopwatch);
        Self {
            shard,
            outbox: Outbox::default(),
            seat: place.seat,
            home: place.home,
            gathered_since: None,
        }
    }

    pub(super) fn shard(&self) -> &Shard<Portion, oneshot::Sender<Answer>> {
        &self.shard
    }

    pub(super) fn bring(
        &mut self,
        now: Moment,
        part: Part<Portion, oneshot::Sender<Answer>>,
        outlet: &mut Outlet,
    ) {
        self.shard.bring(now, part, &mut self.outbox);
        self.dispatch(now, outlet);
    }

    pub(super) fn letters(
        &mut self,
        now: Moment,
        from: Incarnation,
        messages: Vec<Message<Piece, Ruled>>,
        outlet: &mut Outlet,
    ) {
        self.shard.letter(now, from, messages, &mut self.outbox);
        self.dispatch(now, outlet);
    }

    pub(super) fn learn(&mut self, now: Moment, table: &RoutingTable, outlet: &mut Outlet) {
        self.shard.learn(now, table, &mut self.outbox);
        self.dispatch(now, outlet);
    }

    /// Goes by the newest table, of which it may have heard nothing.
    pub(super) fn catch_up(&mut self, now: Moment, outlet: &mut Outlet) {
        let table = self.seat.membership.table();
        self.learn(now, &table, outlet);
    }

    pub(super) fn remind(&mut self, now: Moment, member: Incarnation, outlet: &mut Outlet) {
        self.shard.remind(now, member, &mut self.outbox);
        self.dispatch(now, outlet);
    }

    pub(super) fn delivered(
        &mut self,
        now: Moment,
        fragments: Vec<Fragments>,
        outlet: &mut Outlet,
    ) {
        // What was left out for another owner may be this member's again, and under way once more.
        let own = fragments.into_iter();
        for of_trace in own.filter(|of_trace| !of_trace.tie.is_cut()) {
            let Fragments {
                tenure, numbers, ..
            } = of_trace;
            self.shard
                .delivered(now, tenure, &numbers, &mut self.outbox);
        }
        self.dispatch(now, outlet);
    }

    pub(super) fn tick(&mut self, now: Moment, outlet: &mut Outlet) {
        self.shard.tick(now, &mut self.outbox);
        self.dispatch(now, outlet);
        if self
            .gathered_since
            .is_some_and(|since| now >= since + GATHER)
        {
            self.close(outlet);
        }
    }

    /// Sees to everything but decisions: what was kept finds no room behind.
    pub(super) fn upkeep(&mut self, now: Moment, outlet: &mut Outlet) {
        self.shard.upkeep(now, &mut self.outbox);
        self.dispatch(now, outlet);
    }

    /// Decides what it may decide; the rest goes to other members with its tenures.
    pub(super) fn drain(&mut self, now: Moment, outlet: &mut Outlet) {
        self.shard.drain(now, &mut self.outbox);
        self.dispatch(now, outlet);
        self.close(outlet);
    }

    pub(super) fn is_drained(&self) -> bool {
        self.shard.is_empty()
    }

    pub(super) fn next_deadline(&self, is_gathering: bool) -> Option<Moment> {
        let gathered = self.gathered_since.filter(|_| is_gathering);
        let times = [
            self.shard.next_deadline(),
            gathered.map(|since| since + GATHER),
        ];
        times.into_iter().flatten().min()
    }

    pub(super) fn change(
        &mut self,
        change: &ShardChange,
        policies: Arc<PolicySet>,
    ) -> Vec<PolicyCounts> {
        // The share of the limiters is that of the slots, which no setting changes.
        let mut engine = change.engine.clone();
        engine.share = self.shard.engine().settings().share;
        self.shard.engine_mut().replace_settings(engine);
        self.shard
            .set_marks(change.write_threshold, change.record_policy);
        self.shard.replace_policies(policies, change.revision)
    }

    /// Hands on everything that the shard wants done.
    fn dispatch(&mut self, now: Moment, outlet: &mut Outlet) {
        for (ticket, answer) in self.outbox.answers.drain(..) {
            // A gateway that has gone needs no answer.
            let _ = ticket.send(answer);
        }
        if self.outbox.letters.len() >= MESSAGES_MAX {
            self.post();
        }
        for ruling in self.outbox.rulings.drain(..) {
            outlet.note(ruling.trace, ruling.ruled.keeps());
            tracing::debug!(
                target: "tailweir::decisions",
                trace = %ruling.trace,
                tenure = %ruling.tenure,
                view = ruling.view.0,
                kept = ruling.ruled.keeps(),
                "decided"
            );
        }
        outlet.tell_witnesses();
        for abandoned in self.outbox.abandoned.drain(..) {
            outlet.abandoned(&abandoned);
        }
        for report in self.outbox.reports.drain(..) {
            self.seat.report(report);
        }
        let custody = custody(&self.home);
        for kept in self.outbox.kept.drain(..) {
            outlet.push(kept, &custody);
        }
        match outlet.open().0 {
            0 => self.gathered_since = None,
            bytes if bytes >= GATHERED => self.close(outlet),
            _ => self.gathered_since = self.gathered_since.or(Some(now)),
        }
    }

    fn close(&mut self, outlet: &mut Outlet) {
        outlet.close_in_custody(&custody(&self.home));
        self.gathered_since = None;
    }

    /// Whether there are letters to be posted.
    pub(super) fn writes(&self) -> bool {
        !self.outbox.letters.is_empty()
    }

    /// Posts the letters that wait.
    pub(super) fn post(&mut self) {
        self.seat.post(self.outbox.letters.drain(..));
    }
}

/// What tells a shard that a request is delivered, or counted as lost: by being dropped.
struct Delivery {
    home: Weak<ShardInner>,
    fragments: Vec<Fragments>,
}

impl Guard for Delivery {
    fn is_void(&self) -> bool {
        let mut ties = self.fragments.iter().map(|of_trace| &of_trace.tie);
        ties.all(Tie::is_cut)
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(home) = self.home.upgrade() {
            home.delivered.lock().append(&mut self.fragments);
            home.cast(SamplerMsg::Delivered);
        }
    }
}

fn custody(home: &Weak<ShardInner>) -> impl Fn(Vec<Fragments>) -> Custody + use<> {
    let home = home.clone();
    move |fragments| {
        Arc::new(Delivery {
            home: home.clone(),
            fragments,
        })
    }
}
