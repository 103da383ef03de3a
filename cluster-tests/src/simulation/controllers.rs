//! The controllers as one: the real table and the real duties of a leader, and a log that is agreed on or not.

use super::clock::{Clock, SECOND, Time};
use super::course::Course;
use super::traffic::{SHARD, SHARDS};
use fastrand::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tailweir_core::Slot;
use tailweir_placement::{
    Command, Duties, Epoch, Incarnation, MemberName, Outcome, Phase, Presence, Report,
    RoutingTable, Second, Tenure, TenureId, Weight,
};

/// How long a sampler may act without renewing.
const LEASE: Duration = Duration::from_secs(3);

/// The state of the controllers.
#[derive(Debug)]
pub(crate) struct Controllers {
    pub(crate) table: Arc<RoutingTable>,
    copies: u8,
    /// Slots of which a tenure was lost.
    pub(crate) lost: BTreeSet<Slot>,
    /// By sampler and life: a process that asks again gets what it got.
    lives: BTreeMap<(usize, u64), Incarnation>,
    /// Whose process each incarnation is.
    homes: BTreeMap<Incarnation, usize>,
    /// When a leader heard of each last.
    heard: BTreeMap<Incarnation, Time>,
    /// Nothing while an election goes on.
    leader: Option<Leader>,
}

/// The controller that leads, with what it alone knows.
#[derive(Debug)]
struct Leader {
    duties: Duties,
    clock: Clock,
    /// What is written and not agreed on yet.
    writing: Option<Command>,
}

pub(crate) fn name_of(node: usize) -> MemberName {
    MemberName::new(&format!("sampler-{node}")).expect("a short name")
}

/// The slots whose traces are simulated.
pub(crate) fn slots() -> impl Iterator<Item = Slot> {
    (SHARD..Slot::COUNT).step_by(SHARDS).filter_map(Slot::new)
}

impl Controllers {
    pub(crate) fn new(random: &mut Rng, course: &Course) -> Self {
        let mut controllers = Self {
            table: Arc::new(RoutingTable::new(course.copies)),
            copies: course.copies,
            lost: BTreeSet::new(),
            lives: BTreeMap::new(),
            homes: BTreeMap::new(),
            heard: BTreeMap::new(),
            leader: None,
        };
        controllers.elect(random, 0);
        controllers
    }

    /// Another controller leads from now on. It knows the log and nothing else.
    pub(crate) fn elect(&mut self, random: &mut Rng, now: Time) {
        let clock = Clock::new(random);
        let table = Arc::clone(&self.table);
        self.leader = Some(Leader {
            duties: Duties::new(table, LEASE, clock.read(now)),
            clock,
            writing: None,
        });
        self.answer_for_others();
    }

    /// Nobody leads for a while. What was being written is agreed on or lost.
    pub(crate) fn depose(&mut self, random: &mut Rng, now: Time) {
        let leader = self.leader.take();
        let writing = leader.and_then(|leader| leader.writing);
        if let Some(command) = writing.filter(|_| random.bool()) {
            self.apply(now, &command);
        }
    }

    fn apply(&mut self, now: Time, command: &Command) -> Outcome {
        let mut table = RoutingTable::clone(&self.table);
        let outcome = table.apply(command);
        if table.epoch() == self.table.epoch() {
            return outcome;
        }
        if table.tenures_lost() > self.table.tenures_lost() {
            let lost = slots().filter(|&slot| lacks(&self.table, &table, slot));
            self.lost.extend(lost);
        }
        self.table = Arc::new(table);
        if let Some(leader) = &mut self.leader {
            let now = leader.clock.read(now);
            leader.duties.see(Arc::clone(&self.table), now);
        }
        self.answer_for_others();
        outcome
    }

    /// The machine of an incarnation.
    pub(crate) fn home(&self, incarnation: Incarnation) -> Option<usize> {
        self.homes.get(&incarnation).copied()
    }

    /// Registers a process, once.
    pub(crate) fn register(
        &mut self,
        now: Time,
        node: usize,
        life: u64,
        zones: usize,
    ) -> Option<Incarnation> {
        self.leader.as_ref()?;
        if let Some(&incarnation) = self.lives.get(&(node, life)) {
            return Some(incarnation);
        }
        let zone = format!("zone-{}", node % zones.max(1));
        let command = Command::register(name_of(node), "", &zone, Weight::ONE);
        let Outcome::Registered(incarnation) = self.apply(now, &command) else {
            return None;
        };
        self.lives.insert((node, life), incarnation);
        self.homes.insert(incarnation, node);
        self.heard.insert(incarnation, now);
        Some(incarnation)
    }

    /// A sign of life of who knows the table of this epoch.
    pub(crate) fn renew(&mut self, now: Time, incarnation: Incarnation, epoch: Epoch) {
        let Some(leader) = &mut self.leader else {
            return;
        };
        self.heard.insert(incarnation, now);
        let time = leader.clock.read(now);
        let presence = leader.duties.renew(incarnation, Some(epoch), time);
        if presence == Presence::Down {
            self.apply(now, &Command::Renew(incarnation));
        }
    }

    pub(crate) fn report(&mut self, reports: Vec<Report>) {
        if let Some(leader) = &mut self.leader {
            let reports = reports.into_iter();
            reports.for_each(|report| leader.duties.report(report));
        }
    }

    pub(crate) fn have_leader(&self) -> bool {
        self.leader.is_some()
    }

    /// A process wants to stop: this life of the machine's name, or whichever has it.
    pub(crate) fn drain(&mut self, now: Time, node: usize, life: Option<Incarnation>) {
        if let Some(leader) = &mut self.leader {
            let now = leader.clock.read(now);
            leader.duties.drain(&name_of(node), life, now);
        }
    }

    /// A process is out of time: what it holds is to be copied away.
    pub(crate) fn evacuate(&mut self, now: Time, incarnation: Incarnation) {
        if self.leader.is_some() {
            self.apply(now, &Command::Evacuate(incarnation));
        }
    }

    /// A process that no row names is about to be gone.
    pub(crate) fn leave(&mut self, now: Time, incarnation: Incarnation) {
        let found = self.table.member(incarnation);
        let name = found.map(|(name, _)| name.clone());
        if let Some(name) = name.filter(|_| self.leader.is_some()) {
            self.apply(now, &Command::Remove(name));
        }
    }

    /// What was written is agreed on, and the next of what is due is written.
    pub(crate) fn tick(&mut self, now: Time) {
        let Some(leader) = &mut self.leader else {
            return;
        };
        if let Some(command) = leader.writing.take() {
            self.apply(now, &command);
        }
        if let Some(leader) = &mut self.leader {
            leader.writing = leader.duties.due(leader.clock.read(now));
        }
    }

    /// The other shards, which are not simulated, have nothing to copy and nothing to finish.
    fn answer_for_others(&mut self) {
        let mut reports = Vec::new();
        for run in self.table.rows().runs() {
            let rows = run.tenures.all();
            if rows.len() == 1 && !is_candidate(&rows[0]) {
                continue;
            }
            let into = run.tenures.current().created;
            let slots = run.first.index()..run.first.index() + usize::from(run.slots);
            let others = slots.filter(|slot| slot % SHARDS != SHARD);
            for slot in others.filter_map(Slot::new) {
                for row in rows {
                    let created = row.created;
                    let tenure = TenureId { slot, created };
                    if is_candidate(row) {
                        let view = row.view;
                        reports.push(Report::InSync { tenure, view });
                    } else if created != into {
                        reports.push(Report::Clear { tenure, into });
                    }
                }
            }
        }
        self.report(reports);
    }

    /// Whether nobody is about to be taken for lost: all have renewed their lease when they should have.
    pub(crate) fn hears_all(&self, now: Time) -> bool {
        let mut members = self.table.members();
        members.all(|(_, member)| {
            let heard = self.heard.get(&member.incarnation);
            let is_late = heard.is_none_or(|&heard| now > heard + 2 * SECOND);
            !is_late || matches!(member.phase, Phase::Down | Phase::Removed)
        })
    }

    /// Whether every simulated row has its copies.
    pub(crate) fn is_whole(&self) -> bool {
        let mut rows = slots();
        rows.all(|slot| {
            let tenures = self.table.tenures(slot);
            tenures.is_some_and(|tenures| tenures.all().iter().all(|row| self.is_copied(row)))
        })
    }

    pub(crate) fn is_copied(&self, row: &Tenure) -> bool {
        match row.second {
            Second::Replica(_) => true,
            Second::Candidate(_) => false,
            Second::None => self.copies < 2,
        }
    }

    /// Whether no simulated slot has a closing tenure.
    pub(crate) fn is_cleared(&self) -> bool {
        let mut rows = slots().filter_map(|slot| self.table.tenures(slot));
        rows.all(|tenures| tenures.closing().is_empty())
    }

    /// Whether nobody is about to leave or to be given slots.
    pub(crate) fn is_idle(&self) -> bool {
        let mut members = self.table.members();
        let is_writing = |leader: &Leader| leader.writing.is_some();
        members.all(|(_, member)| matches!(member.phase, Phase::Active | Phase::Down))
            && !self.leader.as_ref().is_none_or(is_writing)
    }
}

fn is_candidate(row: &Tenure) -> bool {
    matches!(row.second, Second::Candidate(_))
}

/// Whether a tenure of a slot is not there any more.
fn lacks(before: &RoutingTable, after: &RoutingTable, slot: Slot) -> bool {
    let (before, after) = (before.tenures(slot), after.tenures(slot));
    let rows = before.into_iter().flat_map(|tenures| tenures.all());
    let is_gone = |created| after.is_none_or(|tenures| tenures.get(created).is_none());
    rows.map(|row| row.created).any(is_gone)
}
