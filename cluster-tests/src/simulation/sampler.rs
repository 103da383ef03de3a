//! A sampler: a machine, its process, and the real shards in it, of spans and of logs.

mod exports;
mod letters;
mod logs;
mod outboxes;

use super::clock::{Clock, MILLI, SECOND, Time};
use super::defect::Defect;
use super::event::{Event, Payload, Ticket};
use super::network::Place;
use super::traffic::{Brought, SHARD, SHARDS, SLOT_SEED};
use super::world::World;
use exports::Exports;
pub(crate) use logs::Logs;
use std::sync::Arc;
use std::time::Duration;
use tailweir_core::Moment;
use tailweir_placement::{Epoch, Incarnation, RoutingTable};
use tailweir_sampler::EngineSettings;
use tailweir_shard::{Answer, Consent, Outbox, Part, Shard, ShardSettings};

/// The sampler of spans, as members call it.
pub(crate) const SPANS: &str = "traces/tail_sampling";
/// The sampler of logs that follows it.
pub(crate) const LOGS: &str = "logs/tail_sampling/logs";

/// A machine that runs a sampler, most of the time.
#[derive(Default)]
pub(crate) struct Sampler {
    pub(crate) process: Option<Process>,
    /// How many processes it has run.
    pub(crate) lives: u64,
    /// While its process is stopped: what has come for it.
    pub(crate) asleep: Option<Vec<Event>>,
    /// Whether its process is to stop, and start again after.
    pub(crate) leaving: Option<Leaving>,
    /// Until when it may wait until what it holds is decided.
    leaves_by: Time,
    /// Not started yet, or stopped for good.
    pub(crate) is_absent: bool,
}

/// What follows when a process has drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaving {
    Restarts,
    StaysAway,
}

/// One life of a sampler.
pub(crate) struct Process {
    pub(crate) life: u64,
    pub(crate) clock: Clock,
    pub(crate) registered: Option<Registered>,
    tick: Option<(Time, u64)>,
    tokens: u64,
}

/// What a process has once it has an incarnation.
pub(crate) struct Registered {
    pub(crate) incarnation: Incarnation,
    pub(crate) shard: Shard<Brought, Ticket>,
    pub(crate) logs: Logs,
    pub(crate) table: Option<Arc<RoutingTable>>,
    outbox: Outbox<Ticket>,
    consent: Consent<&'static str>,
    exports: Exports,
}

impl Process {
    fn epoch(&self) -> Epoch {
        let table = self.registered.as_ref().and_then(|own| own.table.as_ref());
        table.map_or(Epoch(0), |table| table.epoch())
    }
}

impl Sampler {
    /// The newest table that its process knows.
    pub(crate) fn table(&self) -> Option<&Arc<RoutingTable>> {
        let own = self.process.as_ref()?.registered.as_ref()?;
        own.table.as_ref()
    }
}

impl Registered {
    /// Batches on their way to the backend.
    pub(crate) fn exports(&self) -> usize {
        self.exports.open.len()
    }
}

impl World {
    /// A process starts on a machine.
    pub(crate) fn start(&mut self, node: usize) {
        let machine = &mut self.samplers[node];
        if machine.process.is_some() {
            return;
        }
        machine.is_absent = false;
        machine.lives += 1;
        let life = machine.lives;
        machine.process = Some(Process {
            life,
            clock: Clock::new(&mut self.random),
            registered: None,
            tick: None,
            tokens: 0,
        });
        self.note(&[1, node as u64, life], || {
            format!("sampler-{node} starts, life {life}")
        });
        self.connect_all(Place::Sampler(node));
        self.later(20 * MILLI, Event::Renew { node, life });
    }

    /// The process is gone, with all that it held.
    pub(crate) fn stop(&mut self, node: usize) {
        self.samplers[node].process = None;
        self.samplers[node].asleep = None;
        self.errands
            .retain(|(place, _), _| *place != Place::Sampler(node));
        self.note(&[2, node as u64], || format!("sampler-{node} stops"));
        self.disconnect_all(Place::Sampler(node));
    }

    fn process(&mut self, node: usize, life: u64) -> Option<&mut Process> {
        let process = self.samplers[node].process.as_mut();
        process.filter(|process| process.life == life)
    }

    /// A sign of life to the controllers; the first one registers.
    pub(crate) fn renew(&mut self, node: usize, life: u64) {
        let Some(process) = self.process(node, life) else {
            return;
        };
        let epoch = process.epoch();
        let incarnation = process.registered.as_ref().map(|own| own.incarnation);
        let pause = if incarnation.is_some() {
            SECOND
        } else {
            300 * MILLI
        };
        let from = Place::Sampler(node);
        if let Some(member) = incarnation {
            let payload = Payload::Renew { incarnation, epoch };
            self.send(from, Place::Controllers, payload);
            if self.samplers[node].leaving.is_some() {
                let payload = self.departure(node, member);
                self.send(from, Place::Controllers, payload);
            }
        } else {
            self.send(from, Place::Controllers, Payload::Register { life });
        }
        self.later(pause, Event::Renew { node, life });
    }

    /// The process of a machine is to stop.
    pub(crate) fn is_to_leave(&mut self, node: usize, leaving: Leaving) {
        self.note(&[8, node as u64], || format!("sampler-{node} is to leave"));
        self.samplers[node].leaving = Some(leaving);
        self.samplers[node].leaves_by = self.now + self.course.drain_timeout * SECOND;
    }

    /// What a process that is to stop asks for. An evacuation costs a copy, as a crash does: it waits until it is safe.
    fn departure(&mut self, node: usize, member: Incarnation) -> Payload {
        let table = self.samplers[node].table();
        if table.is_some_and(|table| !table.names(member)) {
            return Payload::Leave(member);
        }
        if self.now < self.samplers[node].leaves_by {
            return Payload::Drain(member);
        }
        if self.course.is_planned() {
            self.find(format!("I9: sampler-{node} cannot finish what it holds"));
        }
        if self.is_safe() {
            Payload::Evacuate(member)
        } else {
            Payload::Drain(member)
        }
    }

    /// The controllers gave it an incarnation.
    pub(crate) fn registered(&mut self, node: usize, life: u64, incarnation: Incarnation) {
        let settings = ShardSettings {
            incarnation,
            index: SHARD,
            shards: SHARDS,
            slot_seed: SLOT_SEED,
            one_copy: self.course.copies < 2,
            hold: Duration::from_secs(2),
            verdict_life: Duration::from_secs(self.course.verdict_life),
            verdicts_max: 1 << 20,
            copies_budget: self.course.copies_budget,
            revision: self.policies.revision(),
            write_threshold: false,
            record_policy: false,
        };
        let engine = EngineSettings {
            decision_wait: Duration::from_secs(self.course.window),
            traces_max: self.course.traces_max,
            ..EngineSettings::default()
        };
        let policies = self.policies.current();
        let logs = Logs::new(incarnation, self.course);
        let Some(process) = self.process(node, life) else {
            return;
        };
        if process.registered.is_none() {
            process.registered = Some(Registered {
                incarnation,
                shard: Shard::new(settings, engine, policies, incarnation.0),
                logs,
                table: None,
                outbox: Outbox::default(),
                consent: Consent::default(),
                exports: Exports::default(),
            });
        }
    }

    /// A table arrives.
    pub(crate) fn sampler_learned(&mut self, node: usize, table: Arc<RoutingTable>) {
        let Some(process) = &mut self.samplers[node].process else {
            return;
        };
        let known = process.epoch();
        let Some(own) = &mut process.registered else {
            return;
        };
        if table.epoch() <= known {
            return;
        }
        own.table = Some(Arc::clone(&table));
        own.consent.learn(&table);
        let is_member = table.member(own.incarnation).is_some();
        self.call(node, |shard, now, out| shard.learn(now, &table, out));
        self.call_logs(node, |shard, now, out| shard.learn(now, &table, out));
        self.errands_learned(Place::Sampler(node));
        if !is_member {
            self.dismissed(node);
        }
    }

    /// The table has this process no more: it has drained, or another took its name.
    fn dismissed(&mut self, node: usize) {
        self.stop(node);
        match self.samplers[node].leaving.take() {
            Some(Leaving::StaysAway) => {
                self.samplers[node].is_absent = true;
                self.network.forget(Place::Sampler(node));
            }
            Some(Leaving::Restarts) | None => {
                let pause = self.random.u64(200 * MILLI..2 * SECOND);
                self.later(pause, Event::Start { node });
            }
        }
    }

    /// Spans arrive from a gateway.
    pub(crate) fn sampler_brought(
        &mut self,
        node: usize,
        to: Incarnation,
        part: Part<Brought, Ticket>,
        patience: Time,
    ) {
        let ticket = part.ticket;
        if self.incarnation(node) != Some(to) {
            return self.answer_for_another(node, ticket);
        }
        self.traffic.brought(self.now, &part.spans);
        self.call(node, |shard, now, out| {
            let patience = now + Duration::from_nanos(patience);
            shard.bring(now, Part { patience, ..part }, out);
        });
    }

    /// Another process answers at this address: the gateway is told so by the first word of a stream.
    fn answer_for_another(&mut self, node: usize, ticket: Ticket) {
        let answer = Answer::Refused(tailweir_shard::Refusal::NotOpen);
        self.answer(node, ticket, answer);
    }

    pub(crate) fn incarnation(&self, node: usize) -> Option<Incarnation> {
        let process = self.samplers[node].process.as_ref()?;
        Some(process.registered.as_ref()?.incarnation)
    }

    /// A shard's time has come.
    pub(crate) fn tick(&mut self, node: usize, life: u64, token: u64) {
        let at = self.now;
        let Some(process) = self.process(node, life) else {
            return;
        };
        if process.tick.is_some_and(|(_, due)| due == token) {
            process.tick = None;
            let now = process.clock.read(at);
            let is_due = |due: Option<Moment>| due.is_some_and(|due| due <= now);
            let Some(own) = &process.registered else {
                return;
            };
            let (spans, logs) = (own.shard.next_deadline(), own.logs.shard.next_deadline());
            if is_due(spans) {
                self.call(node, |shard, now, out| shard.tick(now, out));
            }
            if is_due(logs) {
                self.call_logs(node, |shard, now, out| shard.tick(now, out));
            }
            self.see_to_deadline(node);
        }
    }

    /// A connection to another sampler is there again.
    pub(crate) fn reconnected(&mut self, node: usize, other: usize) {
        let Some(member) = self.incarnation(other) else {
            return;
        };
        if self.defect != Some(Defect::NoRemind) {
            self.call(node, |shard, now, out| shard.remind(now, member, out));
            self.call_logs(node, |shard, now, out| shard.remind(now, member, out));
        }
    }

    /// Calls the shard of a machine, does what it wants done, and sees to its next deadline.
    pub(crate) fn call(
        &mut self,
        node: usize,
        call: impl FnOnce(&mut Shard<Brought, Ticket>, Moment, &mut Outbox<Ticket>),
    ) {
        let Some(process) = &mut self.samplers[node].process else {
            return;
        };
        let clock = process.clock;
        let now = clock.read(self.now);
        let Some(own) = &mut process.registered else {
            return;
        };
        call(&mut own.shard, now, &mut own.outbox);
        let mut outbox = std::mem::take(&mut own.outbox);
        let incarnation = own.incarnation;
        self.carry_out(node, incarnation, &mut outbox);
        self.see_to_deadline(node);
    }

    fn see_to_deadline(&mut self, node: usize) {
        let now = self.now;
        let Some(process) = &mut self.samplers[node].process else {
            return;
        };
        let (life, clock) = (process.life, process.clock);
        let Some(own) = &process.registered else {
            return;
        };
        let deadlines = [own.shard.next_deadline(), own.logs.shard.next_deadline()];
        let Some(deadline) = deadlines.into_iter().flatten().min() else {
            return;
        };
        // A host looks at most once a millisecond.
        let at = clock.when(deadline).max(now + MILLI);
        if process.tick.is_none_or(|(planned, _)| at < planned) {
            process.tokens += 1;
            let token = process.tokens;
            process.tick = Some((at, token));
            self.later(at - now, Event::Tick { node, life, token });
        }
    }
}
