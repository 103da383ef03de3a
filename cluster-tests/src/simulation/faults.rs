//! What goes wrong, when, and when it must not: both copies of a row are never in danger at once, unless a course says so.

use super::clock::{MILLI, SECOND, Time};
use super::event::Event;
use super::network::{Place, keepalive};
use super::sampler::Leaving;
use super::world::World;

/// A kind of fault, or of what operators do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A connection breaks, with what is under way on it.
    Break,
    /// Two samplers hear of each other late for some seconds.
    Slow,
    /// A process dies, and starts again later.
    Crash,
    /// Two processes die together.
    CrashTwo,
    /// A process is stopped, longer than its lease or not, and goes on.
    Pause,
    /// A sampler is cut off from some or all others, in one direction or both.
    Isolate,
    /// Two samplers are cut off from each other, in one direction or both.
    Sever,
    /// A sampler joins.
    Join,
    /// A sampler leaves.
    Leave,
    /// Other policies come into force, not everywhere at once.
    Reload,
    /// The controllers have no leader for a while, and then another.
    Election,
    /// The backend refuses for some seconds.
    BackendFails,
    /// The backend is slow for some seconds.
    BackendSlow,
}

impl Kind {
    /// Whether it may cost a sampler its place, so that it must wait until there are two copies of everything.
    pub(crate) fn is_harmful(self) -> bool {
        match self {
            Self::Crash | Self::CrashTwo | Self::Pause | Self::Isolate | Self::Sever => true,
            Self::Break
            | Self::Slow
            | Self::Join
            | Self::Leave
            | Self::Reload
            | Self::Election
            | Self::BackendFails
            | Self::BackendSlow => false,
        }
    }
}

impl Kind {
    /// Whether the backend takes less than it should.
    pub(crate) fn is_of_backend(self) -> bool {
        matches!(self, Self::BackendFails | Self::BackendSlow)
    }
}

/// A fault that lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    Partition(Vec<(Place, Place)>),
    Slow(Place, Place),
    BackendFails,
    BackendSlow,
}

/// Most machines that a cluster grows to.
const SAMPLERS_MAX: usize = 6;
/// Fewest that it shrinks to.
const SAMPLERS_MIN: usize = 3;

impl World {
    /// The next fault is due.
    pub(crate) fn strike(&mut self) {
        if self.now >= self.faults_until || self.course.faults.is_empty() {
            return;
        }
        let chosen = self.next_fault.take();
        let kinds = self.course.faults;
        let kind = chosen.unwrap_or_else(|| kinds[self.random.usize(..kinds.len())]);
        if kind.is_harmful() && !self.is_safe() {
            self.next_fault = Some(kind);
            return self.later(200 * MILLI, Event::Strike);
        }
        self.note(&[3, kind as u64], || format!("fault: {kind:?}"));
        self.inflict(kind);
        let pause = self.random.u64(100 * MILLI..=self.course.pause * MILLI);
        self.later(pause, Event::Strike);
    }

    /// Whether a member can be lost without a loss: every row has its copies, everybody is well and knows the table.
    pub(crate) fn is_safe(&self) -> bool {
        let table = self.controllers.table.epoch();
        self.controllers.is_whole()
            && self.controllers.hears_all(self.now)
            && self.network.is_whole()
            && self.samplers.iter().all(|machine| {
                let process = machine.process.as_ref();
                let own = process.and_then(|process| process.registered.as_ref());
                let known = own.and_then(|own| own.table.as_ref());
                let is_well =
                    machine.asleep.is_none() && known.is_some_and(|known| known.epoch() == table);
                machine.is_absent || is_well
            })
    }

    fn inflict(&mut self, kind: Kind) {
        match kind {
            Kind::Break => {
                let (a, b) = self.two_places();
                self.disconnect(a, b);
            }
            Kind::Slow => self.slow_down(),
            Kind::Crash => {
                let node = self.a_sampler();
                self.crash(node);
            }
            Kind::CrashTwo => {
                let first = self.a_sampler();
                self.crash(first);
                let second = self.a_sampler();
                self.crash(second);
            }
            Kind::Pause => self.pause(),
            Kind::Isolate => self.isolate(),
            Kind::Sever => self.sever(),
            Kind::Join => self.join(),
            Kind::Leave => self.leave(),
            Kind::Reload => self.reload(),
            Kind::Election => self.election(),
            Kind::BackendFails => {
                self.backend.fails = true;
                let lasts = self.random.u64(SECOND..6 * SECOND);
                self.later(lasts, Event::Heal(Fault::BackendFails));
            }
            Kind::BackendSlow => {
                self.backend.is_slow = true;
                let lasts = self.random.u64(SECOND..8 * SECOND);
                self.later(lasts, Event::Heal(Fault::BackendSlow));
            }
        }
    }

    pub(crate) fn present(&self) -> Vec<usize> {
        let all = self.samplers.iter().enumerate();
        let running = all.filter(|(_, machine)| machine.process.is_some());
        running.map(|(node, _)| node).collect()
    }

    fn a_sampler(&mut self) -> usize {
        let present = self.present();
        present[self.random.usize(..present.len())]
    }

    /// A sampler and somebody that it talks to.
    fn two_places(&mut self) -> (Place, Place) {
        let node = self.a_sampler();
        let others = self.others(Place::Sampler(node));
        let other = others[self.random.usize(..others.len())];
        (Place::Sampler(node), other)
    }

    fn crash(&mut self, node: usize) {
        if let Some(member) = self.incarnation(node)
            && self.samplers[node].leaving.is_some()
        {
            // What it asked for last may come after its successor.
            let transit = self.random.u64(0..6 * SECOND);
            self.later(transit, Event::Drain { node, member });
        }
        self.stop(node);
        // Whoever was to be started anew is.
        let leaving = &mut self.samplers[node].leaving;
        *leaving = leaving.filter(|leaving| *leaving != Leaving::Restarts);
        let pause = self.random.u64(200 * MILLI..10 * SECOND);
        self.later(pause, Event::Start { node });
    }

    fn pause(&mut self) {
        let node = self.a_sampler();
        self.note(&[4, node as u64], || format!("sampler-{node} is paused"));
        self.samplers[node].asleep = Some(Vec::new());
        let lasts = self.random.u64(SECOND..12 * SECOND);
        self.later(lasts, Event::Resume { node });
        for other in self.others(Place::Sampler(node)) {
            self.expect_no_answer(Place::Sampler(node), other);
        }
    }

    /// The process goes on, with everything that came meanwhile still to be read.
    pub(crate) fn resume(&mut self, node: usize) {
        let missed = self.samplers[node].asleep.take();
        self.note(&[5, node as u64], || format!("sampler-{node} goes on"));
        for event in missed.into_iter().flatten() {
            self.dispatch(event);
        }
    }

    fn expect_no_answer(&mut self, a: Place, b: Place) {
        if let Some(generation) = self.network.generation(a, b) {
            let after = keepalive(&mut self.random);
            self.later(after, Event::Unresponsive { a, b, generation });
        }
    }

    /// A sign of life is missed.
    pub(crate) fn unresponsive(&mut self, a: Place, b: Place, generation: u64) {
        let is_silent = self.network.is_blocked(a, b) || self.is_asleep(a) || self.is_asleep(b);
        if is_silent && self.network.is_live(a, b, generation) {
            self.disconnect(a, b);
        }
    }

    fn isolate(&mut self) {
        let node = self.a_sampler();
        let me = Place::Sampler(node);
        let scope = self.random.u8(..5);
        let in_scope = |other: &Place| match scope {
            0 | 1 => true,
            2 => *other == Place::Controllers,
            3 => !matches!(other, Place::Gateway(_)),
            _ => matches!(other, Place::Sampler(_)),
        };
        let others: Vec<Place> = self.others(me).into_iter().filter(in_scope).collect();
        let direction = self.random.u8(..4);
        self.partition(me, &others, direction);
    }

    fn sever(&mut self) {
        let present = self.present();
        let first = self.random.usize(..present.len());
        let second = (first + 1 + self.random.usize(..present.len() - 1)) % present.len();
        let direction = self.random.u8(..4);
        let (a, b) = (
            Place::Sampler(present[first]),
            Place::Sampler(present[second]),
        );
        self.partition(a, &[b], direction);
    }

    /// Nothing gets through: out, in, or both ways.
    fn partition(&mut self, me: Place, others: &[Place], direction: u8) {
        let mut blocked = Vec::new();
        for &other in others {
            if direction != 0 {
                blocked.push((me, other));
            }
            if direction != 1 {
                blocked.push((other, me));
            }
        }
        self.note(&[6, me.number(), u64::from(direction)], || {
            format!("cut off: {blocked:?}")
        });
        for &(from, to) in &blocked {
            self.network.block(from, to);
        }
        for &other in others {
            self.expect_no_answer(me, other);
        }
        let lasts = self.random.u64(500 * MILLI..14 * SECOND);
        self.later(lasts, Event::Heal(Fault::Partition(blocked)));
    }

    fn slow_down(&mut self) {
        let (a, b) = self.two_places();
        let by = self.random.u64(20 * MILLI..400 * MILLI);
        self.network.slow(a, b, by);
        self.network.slow(b, a, by);
        let lasts = self.random.u64(SECOND..6 * SECOND);
        self.later(lasts, Event::Heal(Fault::Slow(a, b)));
    }

    /// A fault is over.
    pub(crate) fn heal(&mut self, fault: Fault) {
        self.note(&[7], || format!("healed: {fault:?}"));
        match fault {
            Fault::Partition(ways) => {
                for (from, to) in ways {
                    for payload in self.network.unblock(from, to) {
                        self.send(from, to, payload);
                    }
                }
            }
            Fault::Slow(a, b) => {
                self.network.slow(a, b, 0);
                self.network.slow(b, a, 0);
            }
            Fault::BackendFails => self.backend.fails = false,
            Fault::BackendSlow => self.backend.is_slow = false,
        }
    }

    fn join(&mut self) {
        let absent = self.samplers.iter().position(|machine| machine.is_absent);
        let node = match absent {
            Some(node) => node,
            None if self.samplers.len() < SAMPLERS_MAX => {
                self.samplers.push(super::sampler::Sampler::default());
                self.samplers.len() - 1
            }
            None => return,
        };
        self.start(node);
    }

    fn leave(&mut self) {
        let staying = self.samplers.iter();
        let staying = staying.filter(|machine| !machine.is_absent && machine.leaving.is_none());
        let staying = staying.count();
        let node = self.a_sampler();
        if staying > SAMPLERS_MIN && self.samplers[node].leaving.is_none() {
            self.is_to_leave(node, Leaving::StaysAway);
        }
    }

    fn election(&mut self) {
        self.controllers.depose(&mut self.random, self.now);
        let lasts = self.random.u64(300 * MILLI..4 * SECOND);
        self.later(lasts, Event::Elected);
    }

    fn reload(&mut self) {
        self.policies.reload();
        for node in 0..self.samplers.len() {
            let after: Time = self.random.u64(0..2 * SECOND);
            self.later(after, Event::Reload { node });
        }
    }
}
