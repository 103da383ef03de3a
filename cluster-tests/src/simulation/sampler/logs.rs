//! The logs of a sampler's traces: the real log shard beside the shard that decides.

use super::LOGS;
use super::exports::Goods;
use super::outboxes::by_member;
use crate::simulation::course::Course;
use crate::simulation::defect::Defect;
use crate::simulation::errand::Cargo;
use crate::simulation::event::Ticket;
use crate::simulation::network::Place;
use crate::simulation::traffic::{LOG_SHARD, LOG_SHARDS, SLOT_SEED};
use crate::simulation::wire;
use crate::simulation::world::World;
use bytes::Bytes;
use std::time::Duration;
use tailweir_core::{ByteSize, Moment, TraceId};
use tailweir_placement::Incarnation;
use tailweir_sampler::TraceHoldSettings;
use tailweir_shard::{
    LogBounds, LogFragment, LogOutbox, LogShard, LogShardSettings, OnwardLogs, Part,
};

/// The log shard of a process, and what it wants brought to the new owners of its slots.
pub(crate) struct Logs {
    pub(crate) shard: LogShard<Ticket>,
    outbox: LogOutbox<Ticket>,
    onward: Vec<OnwardLogs>,
    /// What is being brought there, one batch at a time.
    under_way: Vec<OnwardLogs>,
    batches: usize,
}

impl Logs {
    pub(super) fn new(incarnation: Incarnation, course: &Course) -> Self {
        let one_copy = course.copies < 2;
        // As it is where nothing else is configured.
        let wait = 2 * Duration::from_secs(course.window);
        let hold = TraceHoldSettings {
            wait,
            memory_budget: ByteSize(2 * course.copies_budget as u64),
            decisions_max: 400_000,
        };
        let settings = LogShardSettings {
            incarnation,
            index: LOG_SHARD,
            shards: LOG_SHARDS,
            slot_seed: SLOT_SEED,
            seed: SLOT_SEED,
            one_copy,
            patience: Duration::from_secs(2),
            bounds: LogBounds::new(hold, true, one_copy),
        };
        Self {
            shard: LogShard::new(settings),
            outbox: LogOutbox::default(),
            onward: Vec::new(),
            under_way: Vec::new(),
            batches: 0,
        }
    }

    /// Fragments that are to be brought elsewhere.
    pub(crate) fn onward(&self) -> usize {
        self.onward.len() + self.under_way.len()
    }
}

impl World {
    /// Log records arrive from a gateway, or from a sampler that hands them on.
    pub(crate) fn sampler_brought_logs(
        &mut self,
        node: usize,
        to: Incarnation,
        part: Bytes,
        ticket: Ticket,
    ) {
        if self.incarnation(node) != Some(to) {
            return self.answer_for_another(node, ticket);
        }
        let read = wire::read_part(part).map_err(|error| error.to_string());
        let read = read.and_then(|part| {
            let fragments = LogFragment::of_part(&part.spans);
            let fragments = fragments.map_err(|error| error.to_string())?;
            Ok((part, fragments))
        });
        let (part, fragments) = match read {
            Ok(read) => read,
            Err(error) => return self.find(format!("a part of logs {ticket:?}: {error}")),
        };
        self.traffic.brought_records(self.now, &part.spans);
        self.call_logs(node, |shard, now, out| {
            let logs = tailweir_shard::Logs {
                fragments,
                handed_on: part.handed_on,
            };
            let part = Part {
                spans: logs,
                epoch: part.epoch,
                tenure: part.tenure,
                patience: now + part.patience,
                ticket,
            };
            shard.bring(now, part, out);
        });
    }

    /// The shard beside it has decided.
    pub(super) fn tell_logs(&mut self, node: usize, me: Incarnation, decided: &[(TraceId, bool)]) {
        if decided.is_empty() || self.defect == Some(Defect::UntoldLogs) {
            return;
        }
        self.told(me, decided);
        self.call_logs(node, |shard, now, out| shard.decided(now, decided, out));
    }

    /// Calls the log shard of a machine, does what it wants done, and sees to its next deadline.
    pub(super) fn call_logs(
        &mut self,
        node: usize,
        call: impl FnOnce(&mut LogShard<Ticket>, Moment, &mut LogOutbox<Ticket>),
    ) {
        let Some(process) = &mut self.samplers[node].process else {
            return;
        };
        let now = process.clock.read(self.now);
        let Some(own) = &mut process.registered else {
            return;
        };
        call(&mut own.logs.shard, now, &mut own.logs.outbox);
        let mut outbox = std::mem::take(&mut own.logs.outbox);
        own.logs.onward.append(&mut outbox.onward);
        let me = own.incarnation;
        for (ticket, answer) in outbox.answers.drain(..) {
            self.answer(node, ticket, answer);
        }
        for leaving in outbox.leaving.drain(..) {
            self.check_leaving(me, &leaving);
            if self.defect == Some(Defect::DoubleLogs) {
                self.hand_out(node, Goods::Logs(leaving.clone()));
            }
            self.hand_out(node, Goods::Logs(leaving));
        }
        self.report(node, LOGS, std::mem::take(&mut outbox.reports));
        for (to, messages) in by_member(outbox.letters.drain(..)) {
            self.send_letter(node, (me, to), LOGS, messages);
        }
        self.hand_on(node);
        self.see_to_deadline(node);
    }

    /// Brings the next batch to the new owners of its slots.
    fn hand_on(&mut self, node: usize) {
        let Some(process) = &mut self.samplers[node].process else {
            return;
        };
        let life = process.life as u32;
        let Some(own) = &mut process.registered else {
            return;
        };
        let logs = &mut own.logs;
        if !logs.under_way.is_empty() || logs.onward.is_empty() {
            return;
        }
        logs.under_way = OnwardLogs::take_batch(&mut logs.onward);
        logs.batches += 1;
        let key = (logs.batches, life);
        let fragments = logs.under_way.iter().map(|logs| logs.fragment.clone());
        let from = logs.under_way.first().map(|logs| logs.tenure.created);
        let cargo = Cargo::Logs {
            fragments: fragments.collect(),
            handed_on: from.filter(|_| self.defect != Some(Defect::NamelessLogs)),
        };
        if self.defect == Some(Defect::ForgottenLogs) {
            return self.handed_on(node, true);
        }
        self.set_out(Place::Sampler(node), key, cargo);
    }

    /// A batch is with the new owners of its slots, or not all of it is known to be.
    pub(crate) fn handed_on(&mut self, node: usize, is_taken: bool) {
        let process = self.samplers[node].process.as_mut();
        let own = process.and_then(|process| process.registered.as_mut());
        let Some(own) = own else {
            return;
        };
        let batch = std::mem::take(&mut own.logs.under_way);
        self.call_logs(node, |shard, now, out| {
            for logs in &batch {
                shard.handed_on(now, logs.tenure, logs.number, is_taken, out);
            }
        });
    }
}
