//! What a trace-aware processor has in memory.

use super::member::LogMember;
use super::{TraceAware, TraceAwareCounts, TraceAwareFigures, TraceAwareRules};
use crate::ledger::DropReason;
use crate::pipeline::Load;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tailweir_core::{Moment, Signal, TraceId};
use tailweir_sampler::{LogFate, LogPart, LogRule, Placed, TraceHold};
use tailweir_shard::{OnwardLogs, body_of};

/// How long records that come to a member which takes nothing more in wait for decisions: those of the sampler beside it, which is
/// being emptied too.
const LET_GO_AFTER: Duration = Duration::from_secs(10);

/// See the module.
pub(super) struct State {
    pub(super) rules: TraceAwareRules,
    pub(super) waits: Waits,
    pub(super) leaving: VecDeque<Load>,
    pub(super) leaving_bytes: u64,
    /// Whether the stage behind is offered what left last.
    is_handing_on: bool,
    /// To be handed on to the new owners of their slots.
    pub(super) onward: Vec<OnwardLogs>,
    /// Whether it takes nothing more in.
    pub(super) is_closed: bool,
    /// When it waits no longer for decisions, if it takes nothing more in.
    let_go: Moment,
    /// What the admission was last told.
    pub(super) reported: u64,
    counts: TraceAwareCounts,
}

/// Where records wait for decisions.
pub(super) enum Waits {
    /// In this process, which is alone.
    Here(TraceHold<Load>),
    /// At the members of a cluster, this one among them.
    AtMembers(Box<LogMember>),
    /// At other members.
    Elsewhere,
}

impl State {
    pub(super) fn new(rules: TraceAwareRules, waits: Waits) -> Self {
        Self {
            rules,
            waits,
            leaving: VecDeque::new(),
            leaving_bytes: 0,
            is_handing_on: false,
            onward: Vec::new(),
            is_closed: false,
            let_go: Moment::ZERO,
            reported: 0,
            counts: TraceAwareCounts::default(),
        }
    }

    /// Other rules from here on.
    pub(super) fn change(&mut self, rules: TraceAwareRules) {
        match &mut self.waits {
            Waits::Here(hold) => hold.change(rules.hold.clone()),
            Waits::AtMembers(member) => member.change(&rules),
            Waits::Elsewhere => {}
        }
        self.rules = rules;
    }

    pub(super) fn figures(&self) -> TraceAwareFigures {
        let mut figures = TraceAwareFigures {
            counts: self.counts,
            waiting_traces: 0,
            waiting_bytes: 0,
            leaving_bytes: self.leaving_bytes,
            copied_bytes: 0,
            copies_refused: 0,
        };
        match &self.waits {
            Waits::Here(hold) => {
                figures.waiting_traces = hold.traces() as u64;
                figures.waiting_bytes = hold.bytes();
            }
            Waits::AtMembers(member) => member.tell(&mut figures),
            Waits::Elsewhere => {}
        }
        figures
    }

    /// Bytes that are held.
    pub(super) fn bytes(&self) -> u64 {
        let waiting = match &self.waits {
            Waits::Here(hold) => hold.bytes(),
            Waits::AtMembers(member) => member.bytes(),
            Waits::Elsewhere => 0,
        };
        waiting + self.leaving_bytes
    }

    /// Whether nothing waits for a decision, or for another member.
    pub(super) fn is_empty(&self) -> bool {
        match &self.waits {
            Waits::AtMembers(member) => member.is_empty(),
            Waits::Here(_) | Waits::Elsewhere => true,
        }
    }

    /// Whether all that there was has left.
    pub(super) fn has_left(&self) -> bool {
        self.is_empty() && self.leaving.is_empty() && !self.is_handing_on
    }

    /// What a member takes over may still be decided: it waits for that a little, even if it takes nothing more in.
    pub(super) fn wait_for_decisions(&mut self, now: Moment) {
        self.let_go = now + LET_GO_AFTER;
    }

    /// Of a member that takes nothing more in: whether it waits for no decision any more now, and when that is asked next. Records that
    /// were on their way when it was drained, or that it has taken over since, wait with nobody else to let them go.
    pub(super) fn lets_go(&mut self, now: Moment) -> Option<(bool, Moment)> {
        let is_due = self.let_go <= now;
        if is_due {
            self.wait_for_decisions(now);
        }
        self.is_closed.then_some((is_due, self.let_go))
    }

    /// When something has waited for too long, where nobody else looks.
    pub(super) fn next_deadline(&self) -> Option<Moment> {
        match &self.waits {
            Waits::Here(hold) => hold.next_deadline(),
            Waits::AtMembers(_) | Waits::Elsewhere => None,
        }
    }

    /// Waits for no decision any more.
    pub(super) fn drain(&mut self) {
        while let Waits::Here(hold) = &mut self.waits
            && let Some(loads) = hold.drained()
        {
            self.undecided(loads);
        }
    }

    /// Gives up what is left. What is dropped here is counted as lost.
    pub(super) fn abandon(&mut self) {
        self.leaving.clear();
        self.leaving_bytes = 0;
        if matches!(self.waits, Waits::AtMembers(_))
            && let Waits::AtMembers(mut member) =
                std::mem::replace(&mut self.waits, Waits::Elsewhere)
        {
            member.abandon();
        }
    }

    /// Traces were decided: kept or not.
    pub(super) fn decided(&mut self, traces: &[(TraceId, bool)]) {
        for &(trace, is_kept) in traces {
            if let Waits::Here(hold) = &mut self.waits {
                let loads = hold.decided(trace, is_kept);
                self.follow(is_kept, loads);
            }
        }
    }

    /// What a call to the member left to be done.
    pub(super) fn dispatch(&mut self, home: &Weak<TraceAware>) {
        let Waits::AtMembers(member) = &mut self.waits else {
            return;
        };
        let (leaving, onward) = member.dispatch(home);
        self.onward.extend(onward);
        leaving.into_iter().for_each(|load| self.leave(load));
    }

    /// Takes a request apart. Acknowledged from here on.
    pub(super) fn take(&mut self, now: Moment, rule: &LogRule, load: Load) {
        let Load {
            body,
            mut charge,
            client,
            ..
        } = load;
        let mut parts = rule.cut(&body).into_iter().peekable();
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

    /// Takes records whose fate is known, or that wait here.
    pub(super) fn take_part(
        &mut self,
        now: Moment,
        part: LogPart<'_>,
        whole: &Bytes,
        mut records: Load,
    ) {
        records.body = body_of(part.body, whole);
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
            LogFate::OfTrace(trace) => self.wait(now, trace, records),
            LogFate::Overflow => {
                self.counts.overflow += part.items;
                self.leave(records);
            }
        }
    }

    fn wait(&mut self, now: Moment, trace: TraceId, records: Load) {
        let Waits::Here(hold) = &mut self.waits else {
            // In a cluster they come as parts.
            return;
        };
        let size = records.body.len() as u64;
        match hold.place(now, trace, size, records) {
            Placed::Held => {}
            Placed::Decided { is_kept, thing } => self.follow(is_kept, vec![thing]),
            Placed::NoRoom(records) => {
                self.counts.overflow += records.charge.amount().items;
                self.leave(records);
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

    pub(super) fn expire(&mut self, now: Moment) {
        while let Waits::Here(hold) = &mut self.waits
            && let Some(loads) = hold.expired(now)
        {
            self.undecided(loads);
        }
    }

    fn leave(&mut self, records: Load) {
        self.leaving_bytes += records.body.len() as u64;
        self.leaving.push_back(records);
    }

    /// The next that leaves; the one before has been handed on.
    pub(super) fn next_leaving(&mut self) -> Option<Load> {
        let load = self.leaving.pop_front();
        self.is_handing_on = load.is_some();
        let load = load?;
        self.leaving_bytes -= load.body.len() as u64;
        Some(load)
    }
}
