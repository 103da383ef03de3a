//! The machines of a cluster, step by step.

use super::course::ControlCourse;
use super::defect::ControlDefect;
use super::disk::SimulatedDisk;
use super::faults::Remedy;
use super::operator::{Desk, Order, operate};
use super::rest::obstacle;
use super::seat::{self, CONTROLLERS, Running, Seat};
use super::watch::Watch;
use crate::simulation::History;
use fastrand::Rng;
use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use turmoil::Sim;

const SAMPLERS: usize = 3;
/// How often the network and the machines are looked at.
const TICK: Duration = Duration::from_millis(20);
/// A cluster without faults comes to rest within this.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest way of a message on a healthy network.
const LATENCY_MAX: u64 = 10;

/// A cluster under simulation.
pub(super) struct World<'a> {
    course: &'static ControlCourse,
    pub(super) defect: Option<ControlDefect>,
    pub(super) sim: Sim<'a>,
    /// Controllers, samplers, and a process that only follows.
    pub(super) seats: Vec<Arc<Seat>>,
    pub(super) desk: Arc<Desk>,
    pub(super) random: Rng,
    history: RefCell<History>,
    pub(super) watch: Watch,
    /// What puts things right, and when.
    remedies: Vec<(Duration, Remedy)>,
    /// Numbers of the controllers' disks.
    pub(super) generations: Vec<u64>,
    /// Older contents of disks, where a defect brings them back.
    pub(super) backups: Vec<Option<SimulatedDisk>>,
    pub(super) has_lost_disk: bool,
    /// Policies that were written.
    pub(super) written: u64,
    /// Samplers that nothing was done to on a good network, so nobody may give them up.
    untouched: Vec<bool>,
    /// Samplers that were asked to leave or are to be drained, and have not started again.
    pub(super) leaving: Vec<bool>,
}

impl World<'_> {
    pub(super) fn new(
        course: &'static ControlCourse,
        seed: u64,
        defect: Option<ControlDefect>,
        is_traced: bool,
    ) -> Self {
        let mut random = Rng::with_seed(seed);
        let sim = turmoil::Builder::new()
            .rng_seed(seed)
            .tick_duration(TICK)
            .simulation_duration(Duration::from_secs(3_600))
            .tcp_capacity(4_096)
            .build();
        let samplers = (0..SAMPLERS).map(|number| format!("sampler-{number}"));
        let names = seat::controllers()
            .chain(samplers)
            .chain(["gateway-0".to_owned()]);
        let seats: Vec<_> = names
            .map(|name| Seat::new(name, SimulatedDisk::new(random.fork())))
            .collect();
        let mut world = World {
            course,
            defect,
            sim,
            generations: vec![0; seats.len()],
            backups: vec![None; seats.len()],
            untouched: vec![true; seats.len()],
            leaving: vec![false; seats.len()],
            seats,
            desk: Arc::default(),
            random,
            history: RefCell::new(History::new(is_traced)),
            watch: Watch::default(),
            remedies: Vec::new(),
            has_lost_disk: false,
            written: 0,
        };
        world.build();
        world
    }

    fn build(&mut self) {
        for (number, seat) in self.seats.iter().enumerate() {
            seat.set_election(election(&mut self.random, number));
            let (name, seat) = (seat.name.clone(), Arc::clone(seat));
            match number {
                0..CONTROLLERS => self
                    .sim
                    .host(name, move || seat::control(Arc::clone(&seat))),
                _ if number < CONTROLLERS + SAMPLERS => {
                    self.sim.host(name, move || seat::sample(Arc::clone(&seat)));
                }
                _ => self.sim.host(name, move || seat::follow(Arc::clone(&seat))),
            }
        }
        let (desk, defect) = (Arc::clone(&self.desk), self.defect);
        self.sim
            .host("operator", move || operate(Arc::clone(&desk), defect));
        for seat in 0..self.seats.len() {
            self.set_latency(seat, None);
        }
    }

    pub(super) fn run(&mut self) {
        // A cluster forms, and what happens to it begins meanwhile or later.
        let mut next = Duration::from_millis(self.random.u64(500..6_000));
        let end = next + Duration::from_secs(self.course.seconds);
        while self.sim.elapsed() < end && self.step() {
            if self.sim.elapsed() >= next {
                let harm = *self.random.choice(self.course.harms).expect("there is one");
                self.harm(harm);
                next += Duration::from_millis(self.random.u64(0..self.course.pause));
            }
        }
        self.heal();
        // Samplers that are gone stay away until they are given up. Who is drained may wait for them.
        self.come_to_rest(|_| true);
        for seat in self.samplers() {
            if self.leaving[seat] {
                self.crash(seat, false);
            }
            self.start(seat);
        }
        self.desk.put(Order::Controllers);
        self.come_to_rest(|world| world.desk.open() == 0);
        self.watch.check_acknowledged();
    }

    fn come_to_rest(&mut self, is_done: impl Fn(&Self) -> bool) {
        let last = self.sim.elapsed() + PATIENCE;
        while self.step() {
            let obstacle = match (obstacle(self), is_done(self)) {
                (None, true) => return,
                (None, false) => "the operator waits".to_owned(),
                (Some(obstacle), _) => obstacle,
            };
            let is_late = self.sim.elapsed() > last;
            self.watch.require(!is_late, || {
                format!("no rest within {} s: {obstacle}", PATIENCE.as_secs())
            });
        }
    }

    /// What happened.
    pub(super) fn into_history(self) -> (Watch, History) {
        (self.watch, self.history.into_inner())
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.sim.elapsed()
    }

    /// Lets time pass. Says whether all is well.
    fn step(&mut self) -> bool {
        if let Err(error) = self.sim.step() {
            self.watch.require(false, || error.to_string());
        }
        self.remedy_what_is_due();
        self.look();
        if let Some(panic) = super::panics::take() {
            self.watch.require(false, || panic);
        }
        self.watch.finding.is_none()
    }

    fn look(&mut self) {
        for number in 0..self.seats.len() {
            let Some(running) = self.seats[number].running() else {
                continue;
            };
            let generation = self.generations[number];
            if let Some(seen) = self.watch.look(number, generation, &running) {
                let life = seen.incarnation.map_or(0, |incarnation| incarnation.0);
                let (epoch, revision) = (seen.epoch.0, seen.revision);
                let numbers = [
                    number as u64,
                    seen.id,
                    seen.leader,
                    seen.term,
                    epoch,
                    revision,
                    life,
                ];
                self.note(&numbers, || {
                    format!("{} sees {seen:?}", self.seats[number].name)
                });
            }
        }
        for done in self.desk.take_done() {
            self.note(&[99], || format!("{done:?}"));
            self.watch.acknowledged(done);
        }
        self.watch_the_untouched();
    }

    /// On a good network a sampler that nothing was done to renews in time, whoever leads: it is never given up.
    fn watch_the_untouched(&mut self) {
        let Some(table) = self.watch.newest().map(Arc::clone) else {
            return;
        };
        for (number, _) in self.untouched.iter().enumerate().filter(|(_, it)| **it) {
            let running = self.seats[number].running();
            let life = running.and_then(|running| *running.client.incarnation().borrow());
            let member = life.and_then(|life| table.member(life));
            if let Some((name, member)) = member {
                let is_up = member.phase != tailweir_placement::Phase::Down;
                self.watch
                    .require(is_up, || format!("{name} is up and was given up"));
            }
        }
    }

    pub(super) fn touch(&mut self, seat: usize) {
        self.untouched[seat] = false;
    }

    /// The network is no longer a good one: connections may swallow what is sent.
    pub(super) fn touch_all(&mut self) {
        self.untouched.fill(false);
    }

    pub(super) fn note(&self, numbers: &[u64], words: impl FnOnce() -> String) {
        let now = self.sim.elapsed().as_nanos() as u64;
        self.history.borrow_mut().note(now, numbers, words);
    }

    pub(super) fn name(&self, seat: usize) -> &str {
        &self.seats[seat].name
    }

    pub(super) fn samplers(&self) -> Range<usize> {
        CONTROLLERS..CONTROLLERS + SAMPLERS
    }

    /// Those of these machines on which something runs.
    pub(super) fn running(&self, seats: Range<usize>) -> Vec<(usize, Running)> {
        seats
            .filter_map(|seat| Some((seat, self.seats[seat].running()?)))
            .collect()
    }

    /// One of these machines on which something runs.
    pub(super) fn pick(&mut self, seats: Range<usize>) -> Option<usize> {
        let running = self.running(seats);
        self.random.choice(running).map(|(seat, _)| seat)
    }

    /// Whether all controllers are members, and follow one leader.
    pub(super) fn agrees(&self) -> bool {
        let running = self.running(0..CONTROLLERS);
        let statuses = running.iter().filter_map(|(_, it)| it.controller.as_ref());
        let leaders: Vec<u64> = statuses.map(|it| it.status().leader).collect();
        leaders.len() == CONTROLLERS
            && leaders[0] > 0
            && leaders.iter().all(|leader| *leader == leaders[0])
    }

    /// Each link of a machine.
    pub(super) fn pairs_of(&self, seat: usize) -> Vec<(usize, usize)> {
        let others = (0..self.seats.len()).filter(|&other| other != seat);
        others.map(|other| (seat, other)).collect()
    }

    /// Gives the links of a machine this latency; nothing: each a small one.
    pub(super) fn set_latency(&mut self, seat: usize, latency: Option<Duration>) {
        for (one, other) in self.pairs_of(seat) {
            let healthy = Duration::from_millis(self.random.u64(1..=LATENCY_MAX));
            let latency = latency.unwrap_or(healthy);
            self.sim
                .set_link_latency(self.name(one), self.name(other), latency);
        }
    }

    pub(super) fn new_disk(&mut self) -> SimulatedDisk {
        SimulatedDisk::new(self.random.fork())
    }

    /// Ends what runs on a machine, so that others hear of it or not.
    pub(super) fn crash(&mut self, seat: usize, is_silent: bool) {
        self.note(&[seat as u64, 88, u64::from(is_silent)], || {
            format!("{} crashes, silently: {is_silent}", self.name(seat))
        });
        if self.defect == Some(ControlDefect::GhostSampler) && seat >= CONTROLLERS {
            return self.seats[seat].clear();
        }
        let name = self.name(seat).to_owned();
        if is_silent {
            for (one, other) in self.pairs_of(seat) {
                self.sim.partition(self.name(one), self.name(other));
            }
            self.sim.partition(&*name, "operator");
        }
        self.sim.crash(&*name);
        self.seats[seat].clear();
        self.seats[seat].disk().crash();
    }

    /// Starts what runs on a machine, unless it runs.
    pub(super) fn start(&mut self, seat: usize) {
        if self.seats[seat].running().is_some() {
            return;
        }
        self.leaving[seat] = false;
        let name = self.name(seat).to_owned();
        self.note(&[seat as u64, 89], || format!("{name} starts"));
        for (one, other) in self.pairs_of(seat) {
            self.sim.release(self.name(one), self.name(other));
        }
        self.sim.release(&*name, "operator");
        let election = election(&mut self.random, seat);
        self.seats[seat].set_election(election);
        self.sim.bounce(name);
    }

    pub(super) fn later(&mut self, millis: u64, remedy: Remedy) {
        let due = self.sim.elapsed() + Duration::from_millis(millis);
        self.remedies.push((due, remedy));
    }

    fn remedy_what_is_due(&mut self) {
        let now = self.sim.elapsed();
        let due: Vec<_> = self
            .remedies
            .extract_if(.., |(due, _)| *due <= now)
            .collect();
        for (_, remedy) in due {
            self.remedy(&remedy);
        }
    }

    /// From here on nothing is wrong any more, but for samplers that start again when their time comes.
    fn heal(&mut self) {
        for seat in 0..self.seats.len() {
            self.set_latency(seat, None);
            for (one, other) in self.pairs_of(seat) {
                self.sim.release(self.name(one), self.name(other));
            }
        }
        for seat in 0..CONTROLLERS {
            self.seats[seat].disk().set_hanging(false);
            self.start(seat);
        }
        self.remedies.clear();
        self.note(&[90], || "healed".to_owned());
    }
}

/// After which silence a controller wants to lead: another time for each of them, so that their wishes seldom collide.
fn election(random: &mut Rng, number: usize) -> Duration {
    Duration::from_millis(random.u64(0..100) + 500 + 200 * number as u64)
}
