//! The `tail_sampling` processor of a logs pipeline: records wait for the decision about their trace.
//!
//! A sampler of traces tells it what was decided. What waits, for a decision or for room behind, is in memory
//! that is shared with the actor that hands it on, so that the actor can die and nothing is lost. What waits
//! for decisions is bounded by `memory_budget`; beyond it records pass at once. What waits for room is bounded
//! too; beyond that requests are refused.
//!
//! In a cluster they wait at the member that owns the slot of their trace, and at its second member: `clustered`.

mod clustered;
mod member;
mod state;

use super::{Exchangeable, Load, Seat, Stage, Taken};
use crate::actors::Witness;
use crate::admission::{Admission, RETRY_AFTER};
use crate::clock::Clock;
use crate::refusal::{Bound, Refusal};
use member::LogMember;
use parking_lot::Mutex;
use state::{State, Waits};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tailweir_core::{Moment, TraceId};
use tailweir_placement::TenureId;
use tailweir_sampler::{LogRule, TraceHold, TraceHoldSettings};
use tailweir_tenure::Number;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Bytes that may wait for room behind.
const LEAVING_BYTES_MAX: u64 = 16 << 20;
/// Pause before records that found no room behind are offered again.
const RETRY_EVERY: Duration = Duration::from_millis(20);

/// What holds for the records.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TraceAwareRules {
    /// What passes without a decision.
    pub(crate) rule: LogRule,
    /// Bounds of what waits for decisions.
    pub(crate) hold: TraceHoldSettings,
    /// Whether records are kept about whose trace nobody decided in time.
    pub(crate) keeps_undecided: bool,
}

/// One trace-aware processor of one logs pipeline.
pub(crate) struct TraceAware {
    id: String,
    next: Exchangeable,
    state: Mutex<State>,
    /// Something leaves, something waits, or the processor was closed.
    due: Notify,
    /// Everything has left, of one that takes nothing more in.
    empty: Notify,
    /// Nothing is handed on any more.
    over: CancellationToken,
    admission: Arc<Admission>,
    clock: Clock,
    /// Its place in a cluster; nothing when the process is alone.
    seat: Option<Arc<Seat>>,
    home: Weak<Self>,
    /// Fragments that were delivered, and of which the member does not know yet.
    delivered: Mutex<Vec<(TenureId, Number)>>,
    /// In a cluster: something happened that may be due earlier than what was.
    changed: Notify,
    /// In a cluster: records are to be handed on to the new owners of their slots.
    moved: Notify,
}

/// Records by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TraceAwareCounts {
    /// Their trace was kept.
    pub(crate) kept: u64,
    /// Their trace was not.
    pub(crate) dropped: u64,
    /// Passed for their severity.
    pub(crate) severe: u64,
    /// Had no trace id and passed.
    pub(crate) untraced: u64,
    /// Had no trace id and were left out.
    pub(crate) untraced_left_out: u64,
    /// Passed because nobody decided about their trace in time.
    pub(crate) undecided: u64,
    /// Were dropped because nobody decided about their trace in time.
    pub(crate) undecided_dropped: u64,
    /// Passed because there was no room for them to wait.
    pub(crate) overflow: u64,
    /// Another member of the cluster has them.
    pub(crate) handed_over: u64,
    /// Were sent again, and known.
    pub(crate) duplicates: u64,
}

/// What it says of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TraceAwareFigures {
    /// Records by what became of them.
    pub(crate) counts: TraceAwareCounts,
    /// Traces for which records wait.
    pub(crate) waiting_traces: u64,
    /// Bytes that wait for decisions.
    pub(crate) waiting_bytes: u64,
    /// Bytes that wait for room behind.
    pub(crate) leaving_bytes: u64,
    /// Bytes that are kept for other members.
    pub(crate) copied_bytes: u64,
    /// Records of other members that were not stored, for want of room.
    pub(crate) copies_refused: u64,
}

impl TraceAware {
    /// The processor `id` in front of `next`, with a place in the cluster if there is one.
    pub(crate) fn new(
        id: String,
        rules: TraceAwareRules,
        next: Arc<dyn Stage>,
        (admission, clock): (Arc<Admission>, Clock),
        seat: Option<Arc<Seat>>,
    ) -> Arc<Self> {
        let waits = match &seat {
            None => Waits::Here(TraceHold::new(rules.hold.clone())),
            Some(seat) => match LogMember::new(seat, &rules) {
                Some(member) => Waits::AtMembers(Box::new(member)),
                None => Waits::Elsewhere,
            },
        };
        Arc::new_cyclic(|home| Self {
            id,
            next: Exchangeable::new(next),
            state: Mutex::new(State::new(rules, waits)),
            due: Notify::new(),
            empty: Notify::new(),
            over: CancellationToken::new(),
            admission,
            clock,
            seat,
            home: Weak::clone(home),
            delivered: Mutex::default(),
            changed: Notify::new(),
            moved: Notify::new(),
        })
    }

    /// Its id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Records go to this stage, by these rules, from here on. What waits keeps its deadline. One that was [drained](Self::drain)
    /// is in service again.
    pub(crate) fn change(&self, rules: TraceAwareRules, next: Arc<dyn Stage>) {
        self.next.exchange(next);
        let mut state = self.state.lock();
        state.is_closed = false;
        state.change(rules);
    }

    /// Its name among the members of the cluster, if there is one.
    pub(crate) fn seat(&self) -> Option<&Arc<Seat>> {
        self.seat.as_ref()
    }

    /// What it says of itself.
    pub(crate) fn figures(&self) -> TraceAwareFigures {
        self.state.lock().figures()
    }

    /// What holds for a request that comes now.
    fn admits(&self, state: &State) -> Result<LogRule, Refusal> {
        if state.is_closed {
            return Err(Refusal::Stopping);
        }
        if state.leaving_bytes > LEAVING_BYTES_MAX {
            return Err(Refusal::Full {
                bound: Bound::Logs,
                retry_after: RETRY_AFTER,
            });
        }
        Ok(state.rules.rule.clone())
    }

    fn offer(&self, load: Load) -> Result<(), Box<super::Returned>> {
        let mut state = self.state.lock();
        match self.admits(&state) {
            Ok(rule) => state.take(self.clock.now(), &rule, load),
            Err(refusal) => return Err(load.returned(refusal)),
        }
        self.report(&mut state);
        drop(state);
        self.due.notify_one();
        Ok(())
    }

    fn report(&self, state: &mut State) {
        let now = state.bytes();
        self.admission.report_held(state.reported, now);
        state.reported = now;
    }

    /// Hands on what leaves, and lets go of what has waited for too long, until it is [closed](Self::close) or
    /// [given up](Self::give_up). Cancel safe but for the load that is being handed on, which is then counted as lost.
    pub(crate) async fn run(&self) {
        tokio::select! {
            () = self.run_until_over() => {}
            () = self.over.cancelled() => {}
        }
    }

    async fn run_until_over(&self) {
        match &self.seat {
            None => self.run_leaving().await,
            Some(seat) => tokio::select! {
                () = self.run_leaving() => {}
                () = self.run_member() => {}
                () = self.run_onward(seat) => {}
            },
        }
    }

    /// Never ends.
    async fn run_leaving(&self) {
        loop {
            let due = self.due.notified();
            tokio::pin!(due);
            // Registered before looking, so that what happens in between is not missed.
            due.as_mut().enable();
            let next = {
                let mut state = self.state.lock();
                state.expire(self.clock.now());
                let load = state.next_leaving();
                self.report(&mut state);
                match load {
                    Some(load) => Next::Leaves(load),
                    None => {
                        if state.is_closed && state.has_left() {
                            self.empty.notify_waiters();
                        }
                        Next::Waits(state.next_deadline())
                    }
                }
            };
            match next {
                Next::Leaves(load) => self.hand_on(load).await,
                Next::Waits(None) => due.await,
                Next::Waits(Some(deadline)) => tokio::select! {
                    () = due => {}
                    () = tokio::time::sleep_until(self.clock.instant(deadline)) => {}
                },
            }
        }
    }

    async fn hand_on(&self, mut load: Load) {
        while let Err(returned) = self.next.current().take(load).await {
            load = returned.load;
            tokio::time::sleep(RETRY_EVERY).await;
        }
    }

    /// As [`Self::drain`], at most until the deadline, for good. What is left then is lost, and counted.
    pub(crate) async fn close(&self, deadline: Instant) {
        let never = CancellationToken::new();
        let drained = tokio::time::timeout_at(deadline, self.drain(&never)).await;
        if drained.is_err() {
            self.give_up();
        }
        self.over.cancel();
    }

    /// Takes nothing more in, lets go of what still waits for decisions, and waits until all has left. What it keeps for other
    /// members of a cluster stays, and is seen to. Does nothing once it is `back` in service, after which it [changes](Self::change).
    pub(crate) async fn drain(&self, back: &CancellationToken) {
        {
            let mut state = self.state.lock();
            if back.is_cancelled() {
                return;
            }
            state.is_closed = true;
            state.drain();
            self.report(&mut state);
        }
        self.call_member(|shard, now, out| {
            if !back.is_cancelled() {
                shard.drain(now, out);
            }
        });
        self.due.notify_one();
        tokio::select! {
            () = self.emptied() => {}
            () = back.cancelled() => {}
        }
    }

    async fn emptied(&self) {
        loop {
            let empty = self.empty.notified();
            tokio::pin!(empty);
            // Registered before looking, so that what leaves in between is not missed.
            empty.as_mut().enable();
            if self.state.lock().has_left() {
                return;
            }
            empty.await;
        }
    }

    /// Takes nothing more in and hands nothing on. What is left is lost, and counted.
    pub(crate) fn give_up(&self) {
        let mut state = self.state.lock();
        state.is_closed = true;
        if !state.has_left() {
            tracing::error!(processor = %self.id, "logs of traces could not leave in time");
        }
        state.abandon();
        self.report(&mut state);
        drop(state);
        self.over.cancel();
    }
}

/// What there is to do.
enum Next {
    Leaves(Load),
    /// Nothing before this time, or before something happens.
    Waits(Option<Moment>),
}

impl Stage for TraceAware {
    fn take(&self, load: Load) -> Taken<'_> {
        match &self.seat {
            None => Box::pin(std::future::ready(self.offer(load))),
            Some(seat) => Box::pin(self.offer_in_cluster(seat, load)),
        }
    }
}

impl Witness for TraceAware {
    fn decided(&self, traces: &[(TraceId, bool)]) {
        if self.seat.is_some() {
            self.call_member(|shard, now, out| shard.decided(now, traces, out));
            return;
        }
        let mut state = self.state.lock();
        state.decided(traces);
        let leaves = !state.leaving.is_empty();
        self.report(&mut state);
        drop(state);
        if leaves {
            self.due.notify_one();
        }
    }
}

impl Drop for TraceAware {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        state.abandon();
        self.admission.report_held(state.reported, 0);
    }
}
