//! What goes wrong, and how it is put right.

use super::defect::ControlDefect;
use super::operator::Order;
use super::seat::{CONTROLLERS, LEASE};
use super::world::World;
use std::time::Duration;
use tailweir_placement::{MemberName, Phase};

/// What happens to a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Harm {
    /// A controller dies; its connections are closed for it. It starts again.
    Crash,
    /// The machine of a controller stops without a word. It starts again.
    PowerLoss,
    /// A controller dies and its disk is lost: it starts again on an empty one. Once in a run.
    LoseDisk,
    /// Nothing reaches or leaves a machine for a while, and nothing is lost.
    Hold,
    /// A controller reaches nobody, and nobody reaches it. What is under way is lost.
    Isolate,
    /// A controller reaches nobody, or nobody reaches it.
    OneWay,
    /// Two machines do not reach each other.
    Sever,
    /// Everything from and to a machine takes long.
    Slow,
    /// A sampler dies and starts again.
    RestartSampler,
    /// A sampler dies and starts again only after its lease ran out.
    StopSampler,
    /// A sampler leaves and starts again.
    Leave,
    /// An operator drains a sampler.
    Drain,
    /// An operator removes a sampler.
    Remove,
    /// An operator applies policies.
    Policies,
    /// The disk of a controller gets nothing done for a while.
    HangDisk,
}

/// What puts something right.
#[derive(Debug, Clone)]
pub(super) enum Remedy {
    Start(usize),
    /// What runs there ends, and starts again.
    Replace(usize),
    Release(Vec<(usize, usize)>),
    Quicken(usize),
    /// A disk that hangs goes on.
    Wake(usize),
}

/// How long links of a slow machine take.
const SLOW: std::ops::Range<u64> = 60..400;

impl World<'_> {
    /// Does something to the cluster, unless it does not suit.
    pub(super) fn harm(&mut self, harm: Harm) {
        match harm {
            Harm::Crash => self.crash_controller(false),
            Harm::PowerLoss => self.crash_controller(true),
            Harm::LoseDisk => self.lose_disk(),
            Harm::HangDisk => self.hang_disk(),
            Harm::Hold | Harm::Slow => self.hinder(harm),
            Harm::Isolate | Harm::OneWay | Harm::Sever => self.part(harm),
            Harm::RestartSampler | Harm::StopSampler | Harm::Leave => self.end_sampler(harm),
            Harm::Drain | Harm::Remove | Harm::Policies => self.order(harm),
        }
    }

    fn crash_controller(&mut self, is_silent: bool) {
        let Some(seat) = self.pick(0..CONTROLLERS) else {
            return;
        };
        self.crash(seat, is_silent);
        self.spoil(seat);
        let time = self.random.u64(50..4_000);
        self.later(time, Remedy::Start(seat));
    }

    /// What a disk does to a controller that starts again, where it is a bad one.
    fn spoil(&mut self, seat: usize) {
        let disk = self.seats[seat].disk();
        match self.defect {
            Some(ControlDefect::ForgetVotes) => disk.forget_votes(),
            Some(ControlDefect::LoseSynced) => {
                disk.cut("log", |random, length| random.usize(length / 2..=length));
            }
            Some(ControlDefect::EmptyLog) => disk.cut("log", |_, _| 0),
            Some(ControlDefect::OldDisk) => {
                let old = self.backups[seat].replace(disk.copy());
                self.seats[seat].put_disk(old.unwrap_or(disk));
            }
            _ => {}
        }
    }

    /// A cluster of three survives the loss of one disk, and of another only when a new controller has all.
    fn lose_disk(&mut self) {
        if self.has_lost_disk || self.running(0..CONTROLLERS).len() < CONTROLLERS {
            return;
        }
        if !self.agrees() {
            return;
        }
        let Some(seat) = self.pick(0..CONTROLLERS) else {
            return;
        };
        self.has_lost_disk = true;
        self.crash(seat, false);
        let disk = match self.defect {
            Some(ControlDefect::TwinDisk) => self.seats[(seat + 1) % CONTROLLERS].disk().copy(),
            _ => self.new_disk(),
        };
        self.note(&[seat as u64, 77], || format!("the disk of {seat} is lost"));
        self.seats[seat].put_disk(disk);
        self.generations[seat] += 1;
        let time = self.random.u64(50..2_000);
        self.later(time, Remedy::Start(seat));
    }

    /// The network is as good as before, so no sampler may be given up, whoever leads meanwhile.
    fn hang_disk(&mut self) {
        let Some(seat) = self.pick(0..CONTROLLERS) else {
            return;
        };
        let time = self.random.u64(200..15_000);
        self.note(&[seat as u64, Harm::HangDisk as u64, time], || {
            format!("the disk of {seat} hangs for {time} ms")
        });
        self.seats[seat].disk().set_hanging(true);
        self.later(time, Remedy::Wake(seat));
    }

    /// Holds up everything from and to a machine, for so long or each time.
    fn hinder(&mut self, harm: Harm) {
        let seat = self.random.usize(0..self.seats.len());
        let time = self.random.u64(200..4_000);
        self.touch_all();
        self.note(&[seat as u64, harm as u64, time], || {
            format!("{harm:?} at {} for {time} ms", self.seats[seat].name)
        });
        if harm == Harm::Slow {
            let latency = Duration::from_millis(self.random.u64(SLOW));
            self.set_latency(seat, Some(latency));
            return self.later(time, Remedy::Quicken(seat));
        }
        let pairs = self.pairs_of(seat);
        for &(one, other) in &pairs {
            self.sim.hold(self.name(one), self.name(other));
        }
        self.later(time, Remedy::Release(pairs));
    }

    /// Takes a controller, or two machines, apart from others.
    fn part(&mut self, harm: Harm) {
        let seat = self.random.usize(0..CONTROLLERS);
        let pairs = match harm {
            Harm::Sever => {
                let other = self.random.usize(0..self.seats.len());
                if other == seat {
                    return;
                }
                vec![(seat, other)]
            }
            _ => self.pairs_of(seat),
        };
        self.touch_all();
        let (time, is_deaf) = (self.random.u64(200..6_000), self.random.bool());
        self.note(
            &[seat as u64, harm as u64, time, u64::from(is_deaf)],
            || format!("{harm:?} {pairs:?} for {time} ms, deaf: {is_deaf}"),
        );
        for &(one, other) in &pairs {
            let (one, other) = (self.name(one), self.name(other));
            match harm {
                Harm::OneWay if is_deaf => self.sim.partition_oneway(other, one),
                Harm::OneWay => self.sim.partition_oneway(one, other),
                _ => self.sim.partition(one, other),
            }
        }
        self.later(time, Remedy::Release(pairs));
    }

    fn end_sampler(&mut self, harm: Harm) {
        let Some(seat) = self.pick(self.samplers()) else {
            return;
        };
        self.touch(seat);
        if harm == Harm::Leave {
            if !self.may_leave(seat) {
                return;
            }
            self.leaving[seat] = true;
            self.note(&[seat as u64, harm as u64], || format!("{seat} leaves"));
            self.seats[seat].leave.notify_one();
            let time = self.random.u64(9_000..14_000);
            return self.later(time, Remedy::Start(seat));
        }
        let is_silent = self.random.bool();
        self.crash(seat, is_silent);
        let lease = LEASE.as_millis() as u64;
        let time = match harm {
            Harm::StopSampler => self.random.u64(2 * lease..3 * lease),
            _ => self.random.u64(50..lease),
        };
        self.later(time, Remedy::Start(seat));
    }

    fn order(&mut self, harm: Harm) {
        if harm == Harm::Policies {
            self.written += 1;
            let text = format!("processors: {{}} # {}", self.written);
            self.note(&[harm as u64, self.written], || format!("apply {text}"));
            return self.desk.put(Order::Policies(text));
        }
        let seat = self.random.usize(self.samplers());
        let name = MemberName::new(&self.seats[seat].name).expect("a short name");
        let Some(table) = self.watch.newest().cloned() else {
            return;
        };
        let mut members = table.members();
        let member =
            members.find(|(known, member)| **known == name && member.phase == Phase::Active);
        let Some(life) = member.map(|(_, member)| member.incarnation) else {
            return;
        };
        if harm == Harm::Drain && !self.may_leave(seat) {
            return;
        }
        self.touch(seat);
        self.note(&[harm as u64, seat as u64], || {
            format!("{harm:?} {name} {life}")
        });
        if harm == Harm::Remove {
            return self.desk.put(Order::Remove(name));
        }
        // A process that was drained stops, and another comes in its place.
        self.leaving[seat] = true;
        self.desk.put(Order::Drain(name, life));
        let time = self.random.u64(4_000..8_000);
        self.later(time, Remedy::Replace(seat));
    }

    /// Whether this sampler is not the last that stays.
    fn may_leave(&self, seat: usize) -> bool {
        let running = self.running(self.samplers());
        let mut staying = running.iter().filter(|(seat, _)| !self.leaving[*seat]);
        !self.leaving[seat] && staying.any(|(other, _)| *other != seat)
    }

    /// Puts something right.
    pub(super) fn remedy(&mut self, remedy: &Remedy) {
        match remedy {
            Remedy::Start(seat) => self.start(*seat),
            Remedy::Replace(seat) => {
                self.crash(*seat, false);
                self.start(*seat);
            }
            Remedy::Quicken(seat) => self.set_latency(*seat, None),
            Remedy::Wake(seat) => self.seats[*seat].disk().set_hanging(false),
            Remedy::Release(pairs) => {
                for &(one, other) in pairs {
                    self.sim.release(self.name(one), self.name(other));
                }
            }
        }
    }
}
