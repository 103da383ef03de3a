//! Everything in a run, and its events in the order of time.

use super::backend::Backend;
use super::checks::Verdicts;
use super::clock::{MILLI, SECOND, Time};
use super::controllers::Controllers;
use super::course::Course;
use super::defect::Defect;
use super::event::{Entry, Event, Payload};
use super::faults::Kind;
use super::gateway::Gateway;
use super::history::History;
use super::network::{Network, Place};
use super::policies::Policies;
use super::sampler::{Leaving, Sampler};
use super::traffic::Traffic;
use super::wire;
use fastrand::Rng;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use tailweir_placement::{Epoch, Incarnation};
use tailweir_shard::Part;

const GATEWAYS: usize = 2;
/// A client waits so long for an answer.
const CLIENT_PATIENCE: Time = 6 * SECOND;
/// Pause between two looks of the checks.
pub(crate) const WATCH: Time = 100 * MILLI;

/// A run.
pub(crate) struct World {
    pub(crate) now: Time,
    queue: BinaryHeap<Reverse<Entry>>,
    sequence: u64,
    pub(crate) random: Rng,
    pub(crate) course: &'static Course,
    pub(crate) defect: Option<Defect>,
    pub(crate) network: Network,
    pub(crate) controllers: Controllers,
    pub(crate) samplers: Vec<Sampler>,
    pub(crate) gateways: Vec<Gateway>,
    pub(crate) traffic: Traffic,
    pub(crate) backend: Backend,
    pub(crate) policies: Policies,
    pub(crate) verdicts: Verdicts,
    pub(crate) history: History,
    pub(crate) finding: Option<String>,
    pub(crate) next_fault: Option<Kind>,
    pub(crate) faults_until: Time,
    /// The newest table that was sent to everybody.
    told: Epoch,
    pub(crate) is_over: bool,
}

impl World {
    pub(crate) fn new(
        course: &'static Course,
        seed: u64,
        defect: Option<Defect>,
        is_traced: bool,
    ) -> Self {
        let mut random = Rng::with_seed(seed);
        let traffic = Traffic::new(&mut random, course);
        let controllers = Controllers::new(&mut random, course);
        let mut world = Self {
            now: 0,
            queue: BinaryHeap::new(),
            sequence: 0,
            random,
            course,
            defect,
            network: Network::default(),
            controllers,
            samplers: (0..course.samplers).map(|_| Sampler::default()).collect(),
            gateways: (0..GATEWAYS).map(|_| Gateway::default()).collect(),
            traffic,
            backend: Backend::default(),
            policies: Policies::new(course.is_limited),
            verdicts: Verdicts::default(),
            history: History::new(is_traced),
            finding: None,
            next_fault: None,
            faults_until: course.traffic * SECOND,
            told: Epoch(0),
            is_over: false,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        self.later(0, Event::Controllers);
        self.later(WATCH, Event::Watch);
        for gateway in 0..GATEWAYS {
            let (a, b) = (Place::Controllers, Place::Gateway(gateway));
            self.later(MILLI, Event::Connect { a, b });
        }
        for node in 0..self.samplers.len() {
            let after = self.random.u64(0..50 * MILLI);
            self.later(after, Event::Start { node });
        }
        for number in 0..self.traffic.requests.len() {
            // The cluster has 3 s to come up.
            let at = 3 * SECOND + self.traffic.requests[number].at;
            let (request, attempt) = (number, 0);
            self.later(at, Event::Send { request, attempt });
        }
        self.later(4 * SECOND, Event::Strike);
    }

    /// Lets time pass until the end, or until a check fails.
    pub(crate) fn run(&mut self) {
        while self.finding.is_none()
            && !self.is_over
            && let Some(Reverse(entry)) = self.queue.pop()
        {
            self.now = entry.at;
            self.dispatch(entry.event);
        }
    }

    pub(crate) fn later(&mut self, after: Time, event: Event) {
        self.sequence += 1;
        self.queue.push(Reverse(Entry {
            at: self.now + after,
            sequence: self.sequence,
            event,
        }));
    }

    pub(crate) fn note(&mut self, numbers: &[u64], words: impl FnOnce() -> String) {
        self.history.note(self.now, numbers, words);
    }

    /// A check has failed. The first one counts.
    pub(crate) fn find(&mut self, finding: String) {
        self.note(&[9], || format!("FOUND: {finding}"));
        self.finding.get_or_insert(finding);
    }

    pub(crate) fn dispatch(&mut self, event: Event) {
        if let Some(node) = node_of(&event)
            && let Some(asleep) = &mut self.samplers[node].asleep
        {
            asleep.push(event);
            return;
        }
        match event {
            Event::Deliver {
                from,
                to,
                generation,
                payload,
            } => {
                if let Some(payload) = self.network.arrive(from, to, generation, payload) {
                    self.deliver(from, to, payload);
                }
            }
            Event::Arrived { from, to, payload } => self.receive(from, to, payload),
            Event::Tick { node, life, token } => self.tick(node, life, token),
            Event::Renew { node, life } => self.renew(node, life),
            Event::Start { node } => self.start(node),
            Event::Resume { node } => self.resume(node),
            Event::Reload { node } => {
                let policies = self.policies;
                self.call(node, |shard, _, _| {
                    shard.replace_policies(policies.current(), policies.revision());
                });
            }
            Event::Controllers => self.controllers_tick(),
            Event::Elected => self.elected(),
            Event::Drain { node, member } => self.asked_to_drain(node, member),
            Event::Send { request, attempt } => self.client_sends(request, attempt),
            Event::Received {
                gateway,
                request,
                attempt,
            } => self.gateway_received(gateway, request, attempt),
            Event::Overdue {
                gateway,
                request,
                attempt,
            } => self.gateway_done(gateway, (request, attempt), false),
            Event::Answered {
                request,
                attempt,
                is_taken,
            } => self.client_hears(request, attempt, is_taken),
            Event::Export { node, life, export } => self.export(node, life, export),
            Event::Exported {
                node,
                life,
                export,
                is_taken,
            } => self.exported(node, life, export, is_taken),
            Event::Connect { a, b } => self.connect(a, b),
            Event::Unresponsive { a, b, generation } => self.unresponsive(a, b, generation),
            Event::Strike => self.strike(),
            Event::Heal(fault) => self.heal(fault),
            Event::Watch => self.watch(),
        }
    }

    /// What has arrived is read at once, or when its reader goes on.
    fn deliver(&mut self, from: Place, to: Place, payload: Payload) {
        self.dispatch(Event::Arrived { from, to, payload });
    }

    fn receive(&mut self, from: Place, to: Place, payload: Payload) {
        let numbers = [10, from.number(), to.number()];
        self.note(&numbers, || {
            format!("{from:?} -> {to:?}: {}", shown(&payload))
        });
        match (to, payload) {
            (
                Place::Sampler(node),
                Payload::Letter {
                    from,
                    to: me,
                    letter,
                },
            ) => self.letter(node, from, me, letter),
            (
                Place::Sampler(node),
                Payload::Part {
                    to,
                    spans,
                    epoch,
                    tenure,
                    patience,
                    ticket,
                },
            ) => {
                let part = Part {
                    spans,
                    epoch,
                    tenure,
                    patience: tailweir_core::Moment::ZERO,
                    ticket,
                };
                self.sampler_brought(node, to, part, patience);
            }
            (Place::Sampler(node), Payload::Registered { life, incarnation }) => {
                self.registered(node, life, incarnation);
            }
            (Place::Sampler(node), Payload::Table(table)) => self.sampler_learned(node, table),
            (Place::Gateway(gateway), Payload::Table(table)) => {
                self.gateway_learned(gateway, table);
            }
            (Place::Gateway(_), Payload::Answer { ticket, answer }) => {
                self.gateway_answered(ticket, answer);
            }
            (Place::Controllers, payload) => self.controllers_hear(from, payload),
            (to, payload) => self.find(format!("{to:?} was sent {payload:?}")),
        }
    }

    fn controllers_hear(&mut self, from: Place, payload: Payload) {
        let Place::Sampler(node) = from else { return };
        match payload {
            Payload::Register { life } => {
                let zones = self.course.zones;
                let given = self.controllers.register(self.now, node, life, zones);
                if let Some(incarnation) = given {
                    let payload = Payload::Registered { life, incarnation };
                    self.send(Place::Controllers, from, payload);
                    let table = Payload::Table(self.controllers.table.clone());
                    self.send(Place::Controllers, from, table);
                }
            }
            Payload::Renew { incarnation, epoch } => {
                if let Some(incarnation) = incarnation {
                    self.controllers.renew(self.now, incarnation);
                }
                if epoch < self.controllers.table.epoch() {
                    let table = Payload::Table(self.controllers.table.clone());
                    self.send(Place::Controllers, from, table);
                }
            }
            Payload::Reports(reports) => self.controllers.report(reports),
            Payload::Drain(member) => self.asked_to_drain(node, member),
            Payload::Evacuate(member) => self.controllers.evacuate(self.now, member),
            Payload::Leave(member) => self.controllers.leave(self.now, member),
            payload => self.find(format!("controllers were sent {payload:?}")),
        }
        self.tell();
    }

    fn controllers_tick(&mut self) {
        self.controllers.tick(self.now);
        self.tell();
        self.later(50 * MILLI, Event::Controllers);
    }

    /// A wish to drain. While nobody leads it waits, even when the process that had it is gone.
    pub(crate) fn asked_to_drain(&mut self, node: usize, member: Incarnation) {
        if !self.controllers.have_leader() {
            let pause = self.random.u64(100 * MILLI..SECOND);
            return self.later(pause, Event::Drain { node, member });
        }
        let is_by_name = self.defect == Some(Defect::DrainByName);
        let life = Some(member).filter(|_| !is_by_name);
        self.controllers.drain(self.now, node, life);
    }

    fn elected(&mut self) {
        self.note(&[14], || "another controller leads".to_owned());
        self.controllers.elect(&mut self.random, self.now);
    }

    /// Sends a newer table to everybody.
    fn tell(&mut self) {
        let table = self.controllers.table.clone();
        if table.epoch() <= self.told {
            return;
        }
        self.told = table.epoch();
        self.note(&[11, table.epoch().0], || {
            format!("table {}", super::checks::table(&table))
        });
        for to in self.others(Place::Controllers) {
            let payload = Payload::Table(table.clone());
            self.send(Place::Controllers, to, payload);
        }
    }

    /// Sends something, if there is a connection. Says whether there is.
    pub(crate) fn send(&mut self, from: Place, to: Place, payload: Payload) -> bool {
        let planned = self.network.send(&mut self.random, self.now, from, to);
        let Some((at, generation)) = planned else {
            return false;
        };
        let event = Event::Deliver {
            from,
            to,
            generation,
            payload,
        };
        self.later(at - self.now, event);
        true
    }

    /// Everybody to whom a place is connected when all is well.
    pub(crate) fn others(&self, place: Place) -> Vec<Place> {
        let samplers = self.samplers.iter().enumerate();
        let running = samplers.filter(|(_, machine)| machine.process.is_some());
        let samplers = running.map(|(node, _)| Place::Sampler(node));
        let gateways = (0..GATEWAYS).map(Place::Gateway);
        let all = [Place::Controllers].into_iter().chain(gateways);
        all.chain(samplers)
            .filter(|&other| {
                let both = (place, other);
                other != place && !matches!(both, (Place::Gateway(_), Place::Gateway(_)))
            })
            .collect()
    }

    pub(crate) fn connect_all(&mut self, place: Place) {
        for other in self.others(place) {
            let after = self.random.u64(MILLI..30 * MILLI);
            self.later(after, Event::Connect { a: place, b: other });
        }
    }

    pub(crate) fn disconnect_all(&mut self, place: Place) {
        for other in self.others(place) {
            self.disconnect(place, other);
        }
    }

    pub(crate) fn disconnect(&mut self, a: Place, b: Place) {
        if !self.network.disconnect(a, b) {
            return;
        }
        self.note(&[12, a.number(), b.number()], || {
            format!("{a:?} and {b:?} are disconnected")
        });
        match (a, b) {
            (Place::Gateway(gateway), Place::Sampler(node))
            | (Place::Sampler(node), Place::Gateway(gateway)) => self.gateway_lost(gateway, node),
            _ => {}
        }
        let after = self.random.u64(10 * MILLI..500 * MILLI);
        self.later(after, Event::Connect { a, b });
    }

    fn connect(&mut self, a: Place, b: Place) {
        if !self.is_running(a) || !self.is_running(b) || self.network.is_up(a, b) {
            return;
        }
        if self.network.is_blocked(a, b) || self.is_asleep(a) || self.is_asleep(b) {
            return self.later(300 * MILLI, Event::Connect { a, b });
        }
        self.network.connect(a, b);
        self.note(&[13, a.number(), b.number()], || {
            format!("{a:?} and {b:?} are connected")
        });
        match (a, b) {
            (Place::Sampler(one), Place::Sampler(other)) => {
                self.reconnected(one, other);
                self.reconnected(other, one);
            }
            (Place::Controllers, other) | (other, Place::Controllers) => {
                let table = Payload::Table(self.controllers.table.clone());
                self.send(Place::Controllers, other, table);
            }
            _ => {}
        }
    }

    fn is_running(&self, place: Place) -> bool {
        match place {
            Place::Sampler(node) => self.samplers[node].process.is_some(),
            Place::Gateway(_) | Place::Controllers => true,
        }
    }

    pub(crate) fn is_asleep(&self, place: Place) -> bool {
        matches!(place, Place::Sampler(node) if self.samplers[node].asleep.is_some())
    }

    fn client_sends(&mut self, request: usize, attempt: u32) {
        let now = self.now;
        let sent = &mut self.traffic.requests[request];
        if sent.taken_at.is_some() || attempt != sent.attempts {
            return;
        }
        sent.attempts += 1;
        sent.first_sent.get_or_insert(now);
        let gateway = self.random.usize(..GATEWAYS);
        let transit = self.random.u64(MILLI / 2..5 * MILLI);
        let received = Event::Received {
            gateway,
            request,
            attempt,
        };
        self.later(transit, received);
        let is_taken = false;
        let gives_up = Event::Answered {
            request,
            attempt,
            is_taken,
        };
        self.later(CLIENT_PATIENCE, gives_up);
    }

    /// A gateway answers a client; now and then the answer is lost.
    pub(crate) fn answer_client(&mut self, request: usize, attempt: u32, is_taken: bool) {
        self.note(&[14, request as u64, u64::from(is_taken)], || {
            format!("request {request}, attempt {attempt}: taken {is_taken}")
        });
        if self.random.u8(..50) == 0 {
            return;
        }
        let transit = self.random.u64(MILLI / 2..5 * MILLI);
        let answered = Event::Answered {
            request,
            attempt,
            is_taken,
        };
        self.later(transit, answered);
    }

    fn client_hears(&mut self, request: usize, attempt: u32, is_taken: bool) {
        let sent = &mut self.traffic.requests[request];
        if is_taken {
            self.traffic.taken(self.now, request);
        } else if sent.taken_at.is_none() && sent.attempts == attempt + 1 {
            let back_off = (50 * MILLI) << attempt.min(5);
            let pause = self.random.u64(back_off / 2..=back_off);
            let attempt = attempt + 1;
            self.later(pause, Event::Send { request, attempt });
        }
    }

    /// All samplers are to be restarted, one after the other.
    pub(crate) fn roll(&mut self) {
        for node in self.present() {
            if self.samplers[node].leaving.is_none() {
                self.is_to_leave(node, Leaving::Restarts);
            }
        }
    }
}

/// Whose process an event is for.
fn node_of(event: &Event) -> Option<usize> {
    match event {
        Event::Arrived {
            to: Place::Sampler(node),
            ..
        }
        | Event::Tick { node, .. }
        | Event::Renew { node, .. }
        | Event::Reload { node }
        | Event::Exported { node, .. } => Some(*node),
        _ => None,
    }
}

fn shown(payload: &Payload) -> String {
    match payload {
        Payload::Table(table) => format!("table {}", table.epoch()),
        Payload::Part {
            epoch,
            tenure,
            ticket,
            ..
        } => format!("part {ticket:?} by {epoch}, named {tenure:?}"),
        Payload::Letter { from, to, letter } => {
            format!("letter of {from} to {to}: {:?}", wire::read(letter.clone()))
        }
        Payload::Answer { ticket, answer } => {
            format!("answer {ticket:?}: {:?}", wire::read_answer(answer.clone()))
        }
        other => format!("{other:?}"),
    }
}
