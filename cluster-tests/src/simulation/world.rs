//! Everything in a run, and its events in the order of time.

mod arrivals;
mod clients;
mod connections;
mod controllers;

use super::backend::Backend;
use super::checks::Verdicts;
use super::clock::{MILLI, SECOND, Time};
use super::controllers::Controllers;
use super::course::Course;
use super::defect::Defect;
use super::errand::Errands;
use super::event::{Entry, Event};
use super::faults::Kind;
use super::gateway::Gateway;
use super::history::History;
use super::network::{Network, Place};
use super::policies::Policies;
use super::sampler::{Leaving, Sampler};
use super::traffic::Traffic;
use fastrand::Rng;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use tailweir_placement::Epoch;

const GATEWAYS: usize = 2;
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
    pub(crate) errands: Errands,
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
            errands: Errands::new(),
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
            Event::Overdue { place, key } => self.errand_done((place, key), false),
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
        | Event::Overdue {
            place: Place::Sampler(node),
            ..
        }
        | Event::Tick { node, .. }
        | Event::Renew { node, .. }
        | Event::Reload { node }
        | Event::Exported { node, .. } => Some(*node),
        _ => None,
    }
}
