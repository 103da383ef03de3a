//! The `tail_sampling` processor of a logs pipeline: records wait for the decision about their trace.
//!
//! A sampler of traces tells it what was decided. What waits, for a decision or for room behind, is in memory
//! that is shared with the actor that hands it on, so that the actor can die and nothing is lost. What waits
//! for decisions is bounded by `memory_budget`; beyond it records pass at once. What waits for room is bounded
//! too; beyond that requests are refused.

use super::{Exchangeable, Load, Stage, Taken};
use crate::actors::Witness;
use crate::admission::{Admission, RETRY_AFTER};
use crate::clock::Clock;
use crate::ledger::DropReason;
use crate::refusal::{Bound, Refusal};
use bytes::Bytes;
use parking_lot::Mutex;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tailweir_core::{Moment, Signal, TraceId};
use tailweir_sampler::{LogFate, LogPart, LogRule, Placed, TraceHold, TraceHoldSettings};
use tokio::sync::Notify;
use tokio::time::Instant;

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
    /// Everything has left after the close.
    empty: Notify,
    admission: Arc<Admission>,
    clock: Clock,
}

struct State {
    rules: TraceAwareRules,
    hold: TraceHold<Load>,
    leaving: VecDeque<Load>,
    leaving_bytes: u64,
    is_closed: bool,
    /// What the admission was last told.
    reported: u64,
    counts: TraceAwareCounts,
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
}

impl TraceAware {
    /// The processor `id` in front of `next`.
    pub(crate) fn new(
        id: String,
        rules: TraceAwareRules,
        next: Arc<dyn Stage>,
        admission: Arc<Admission>,
        clock: Clock,
    ) -> Self {
        Self {
            id,
            next: Exchangeable::new(next),
            state: Mutex::new(State {
                hold: TraceHold::new(rules.hold.clone()),
                rules,
                leaving: VecDeque::new(),
                leaving_bytes: 0,
                is_closed: false,
                reported: 0,
                counts: TraceAwareCounts::default(),
            }),
            due: Notify::new(),
            empty: Notify::new(),
            admission,
            clock,
        }
    }

    /// Its id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Records go to this stage, by these rules, from here on. What waits keeps its deadline.
    pub(crate) fn change(&self, rules: TraceAwareRules, next: Arc<dyn Stage>) {
        self.next.exchange(next);
        let mut state = self.state.lock();
        state.hold.change(rules.hold.clone());
        state.rules = rules;
    }

    /// What it says of itself.
    pub(crate) fn figures(&self) -> TraceAwareFigures {
        let state = self.state.lock();
        TraceAwareFigures {
            counts: state.counts,
            waiting_traces: state.hold.traces() as u64,
            waiting_bytes: state.hold.bytes(),
            leaving_bytes: state.leaving_bytes,
        }
    }

    fn offer(&self, load: Load) -> Result<(), Box<super::Returned>> {
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(load.returned(Refusal::Stopping));
        }
        if state.leaving_bytes > LEAVING_BYTES_MAX {
            return Err(load.returned(Refusal::Full {
                bound: Bound::Logs,
                retry_after: RETRY_AFTER,
            }));
        }
        state.take(self.clock.now(), load);
        self.report(&mut state);
        drop(state);
        self.due.notify_one();
        Ok(())
    }

    fn report(&self, state: &mut State) {
        let now = state.hold.bytes() + state.leaving_bytes;
        self.admission.report_held(state.reported, now);
        state.reported = now;
    }

    /// Hands on what leaves, and lets go of what has waited for too long, until [`Self::close`] has emptied
    /// it. Cancel safe but for the load that is being handed on, which is then counted as lost.
    pub(crate) async fn run(&self) {
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
                    None if state.is_closed => Next::Ends,
                    None => Next::Waits(state.hold.next_deadline()),
                }
            };
            match next {
                Next::Leaves(load) => self.hand_on(load).await,
                Next::Waits(None) => due.await,
                Next::Waits(Some(deadline)) => tokio::select! {
                    () = due => {}
                    () = tokio::time::sleep_until(self.clock.instant(deadline)) => {}
                },
                Next::Ends => {
                    self.empty.notify_one();
                    return;
                }
            }
        }
    }

    async fn hand_on(&self, mut load: Load) {
        while let Err(returned) = self.next.current().take(load).await {
            load = returned.load;
            tokio::time::sleep(RETRY_EVERY).await;
        }
    }

    /// Takes nothing more in, lets go of what still waits for decisions, and waits until all has left, at
    /// most until the deadline. What is left then is lost, and counted.
    pub(crate) async fn close(&self, deadline: Instant) {
        {
            let mut state = self.state.lock();
            state.is_closed = true;
            while let Some(loads) = state.hold.drained() {
                state.undecided(loads);
            }
            self.report(&mut state);
        }
        self.due.notify_one();
        // The run that finds nothing left leaves a permit behind, so this cannot miss it.
        let emptied = tokio::time::timeout_at(deadline, self.empty.notified()).await;
        if emptied.is_err() {
            tracing::error!(processor = %self.id, "logs of traces could not leave in time");
            let mut state = self.state.lock();
            state.leaving.clear();
            state.leaving_bytes = 0;
            self.report(&mut state);
        }
    }
}

/// What there is to do.
enum Next {
    Leaves(Load),
    /// Nothing before this time, or before something happens.
    Waits(Option<Moment>),
    Ends,
}

impl State {
    /// Takes a request apart. Acknowledged from here on.
    fn take(&mut self, now: Moment, load: Load) {
        let Load {
            body,
            mut charge,
            client,
            ..
        } = load;
        let mut parts = self.rules.rule.cut(&body).into_iter().peekable();
        while let Some(part) = parts.next() {
            let items = match parts.peek() {
                Some(_) => part.items,
                // The last one gets the bytes that did not divide evenly.
                None => charge.amount().items,
            };
            let mut records = Load::held(Signal::Logs, Bytes::new(), charge.split_off(items));
            records.client = Arc::clone(&client);
            self.take_part(now, part, &body, records);
        }
    }

    fn take_part(&mut self, now: Moment, part: LogPart<'_>, whole: &Bytes, mut records: Load) {
        records.body = match part.body {
            Cow::Borrowed([]) => Bytes::new(),
            Cow::Borrowed(_) => whole.clone(),
            Cow::Owned(body) => body.into(),
        };
        match part.fate {
            LogFate::Severe => {
                self.counts.severe += part.items;
                self.leave(records);
            }
            LogFate::Untraced => {
                self.counts.untraced += part.items;
                self.leave(records);
            }
            LogFate::UntracedLeftOut => {
                self.counts.untraced_left_out += part.items;
                records.charge.drop_as(DropReason::NotSampledByChance);
            }
            LogFate::OfTrace(trace) => {
                let size = records.body.len() as u64;
                match self.hold.place(now, trace, size, records) {
                    Placed::Held => {}
                    Placed::Decided { is_kept, thing } => self.follow(is_kept, vec![thing]),
                    Placed::NoRoom(records) => {
                        self.counts.overflow += part.items;
                        self.leave(records);
                    }
                }
            }
        }
    }

    /// These go the way of their trace.
    fn follow(&mut self, is_kept: bool, loads: Vec<Load>) {
        for records in loads {
            let items = records.charge.amount().items;
            if is_kept {
                self.counts.kept += items;
                self.leave(records);
            } else {
                self.counts.dropped += items;
                records.charge.drop_as(DropReason::NotSampled);
            }
        }
    }

    fn undecided(&mut self, loads: Vec<Load>) {
        for records in loads {
            let items = records.charge.amount().items;
            if self.rules.keeps_undecided {
                self.counts.undecided += items;
                self.leave(records);
            } else {
                self.counts.undecided_dropped += items;
                records.charge.drop_as(DropReason::Undecided);
            }
        }
    }

    fn expire(&mut self, now: Moment) {
        while let Some(loads) = self.hold.expired(now) {
            self.undecided(loads);
        }
    }

    fn leave(&mut self, records: Load) {
        self.leaving_bytes += records.body.len() as u64;
        self.leaving.push_back(records);
    }

    fn next_leaving(&mut self) -> Option<Load> {
        let load = self.leaving.pop_front()?;
        self.leaving_bytes -= load.body.len() as u64;
        Some(load)
    }
}

impl Stage for TraceAware {
    fn take(&self, load: Load) -> Taken<'_> {
        Box::pin(std::future::ready(self.offer(load)))
    }
}

impl Witness for TraceAware {
    fn decided(&self, traces: &[(TraceId, bool)]) {
        let mut state = self.state.lock();
        for (trace, is_kept) in traces {
            let loads = state.hold.decided(*trace, *is_kept);
            state.follow(*is_kept, loads);
        }
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
        self.admission.report_held(state.reported, 0);
    }
}
