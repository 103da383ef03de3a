//! What a trace-aware processor has in memory.

use super::member::LogMember;
use super::{TraceAware, TraceAwareCounts, TraceAwareFigures, TraceAwareRules};
use crate::ledger::DropReason;
use crate::pipeline::Load;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use tailweir_core::{Moment, Signal, TraceId};
use tailweir_sampler::{LogFate, LogPart, LogRule, Placed, TraceHold};
use tailweir_shard::{OnwardLogs, body_of};

/// See the module.
pub(super) struct State {
    pub(super) rules: TraceAwareRules,
    pub(super) waits: Waits,
    pub(super) leaving: VecDeque<Load>,
    pub(super) leaving_bytes: u64,
    /// To be handed on to the new owners of their slots.
    pub(super) onward: Vec<OnwardLogs>,
    pub(super) is_closed: bool,
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
            onward: Vec::new(),
            is_closed: false,
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

    pub(super) fn next_leaving(&mut self) -> Option<Load> {
        let load = self.leaving.pop_front()?;
        self.leaving_bytes -= load.body.len() as u64;
        Some(load)
    }
}
