//! The controllers as one: the real table, leases, and when which command is applied.

use super::clock::{MILLI, SECOND, Time};
use super::course::Course;
use super::traffic::{SHARD, SHARDS};
use fastrand::Rng;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use tailweir_core::Slot;
use tailweir_placement::{
    Command, Epoch, Incarnation, MemberName, Outcome, Phase, RoutingTable, Second, TenureId,
    Tenures, Weight,
};
use tailweir_shard::Report;

/// How long a sampler may be silent: a lease of 3 s, a renewal of 1 s, and 1 % for its clock.
const DOWN_AFTER: Time = 4_030 * MILLI;
/// How long a candidate may take until another is to try.
const EXCHANGE_AFTER: Time = 15 * SECOND;

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
    renewed: BTreeMap<Incarnation, Time>,
    rebalance_at: Option<Time>,
    batch_at: Time,
    in_sync: BTreeSet<(TenureId, Epoch)>,
    clear: BTreeSet<(TenureId, Epoch)>,
    /// Candidates, and since when they have been.
    candidates: BTreeMap<(TenureId, Epoch), Time>,
    drains: VecDeque<Incarnation>,
    draining: Option<(MemberName, Incarnation, Time)>,
    drain_timeout: Time,
    /// Members that must be there before the first rebalance.
    expected: usize,
}

pub(crate) fn name_of(node: usize) -> MemberName {
    MemberName::new(&format!("sampler-{node}")).expect("a short name")
}

/// The slots whose traces are simulated.
pub(crate) fn slots() -> impl Iterator<Item = Slot> {
    (SHARD..Slot::COUNT).step_by(SHARDS).filter_map(Slot::new)
}

impl Controllers {
    pub(crate) fn new(course: &Course) -> Self {
        Self {
            table: Arc::new(RoutingTable::new(course.copies)),
            copies: course.copies,
            lost: BTreeSet::new(),
            lives: BTreeMap::new(),
            homes: BTreeMap::new(),
            renewed: BTreeMap::new(),
            rebalance_at: None,
            batch_at: 0,
            in_sync: BTreeSet::new(),
            clear: BTreeSet::new(),
            candidates: BTreeMap::new(),
            drains: VecDeque::new(),
            draining: None,
            drain_timeout: course.drain_timeout * SECOND,
            expected: course.samplers,
        }
    }

    fn apply(&mut self, command: &Command) -> Outcome {
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
        outcome
    }

    /// The machine of an incarnation.
    pub(crate) fn home(&self, incarnation: Incarnation) -> Option<usize> {
        self.homes.get(&incarnation).copied()
    }

    /// Registers a process, once.
    pub(crate) fn register(
        &mut self,
        random: &mut Rng,
        now: Time,
        node: usize,
        life: u64,
        zones: usize,
    ) -> Option<Incarnation> {
        if let Some(&incarnation) = self.lives.get(&(node, life)) {
            return Some(incarnation);
        }
        let zone = format!("zone-{}", node % zones.max(1));
        let command = Command::register(name_of(node), "", &zone, Weight::ONE);
        let Outcome::Registered(incarnation) = self.apply(&command) else {
            return None;
        };
        self.lives.insert((node, life), incarnation);
        self.homes.insert(incarnation, node);
        self.renewed.insert(incarnation, now);
        self.members_changed(random, now);
        Some(incarnation)
    }

    /// A sign of life.
    pub(crate) fn renew(&mut self, random: &mut Rng, now: Time, incarnation: Incarnation) {
        let Some((_, member)) = self.table.member(incarnation) else {
            return;
        };
        self.renewed.insert(incarnation, now);
        if member.phase == Phase::Down {
            self.apply(&Command::Renew(incarnation));
            self.members_changed(random, now);
        }
    }

    fn members_changed(&mut self, random: &mut Rng, now: Time) {
        self.rebalance_at = Some(now + random.u64(300 * MILLI..2 * SECOND));
    }

    pub(crate) fn report(&mut self, reports: Vec<Report>) {
        for report in reports {
            match report {
                Report::InSync { tenure, view } => self.in_sync.insert((tenure, view)),
                Report::Clear { tenure, into } => self.clear.insert((tenure, into)),
            };
        }
    }

    /// A process wants to stop; one at a time may.
    pub(crate) fn drain(&mut self, incarnation: Incarnation) {
        let known = self.draining.as_ref().map(|(_, of, _)| *of) == Some(incarnation);
        if !known && !self.drains.contains(&incarnation) {
            self.drains.push_back(incarnation);
        }
    }

    /// Everything that is due. Evacuation costs a copy, as a crash does: it waits until it is safe.
    pub(crate) fn tick(&mut self, random: &mut Rng, now: Time, is_safe: bool) {
        self.expire(random, now);
        if now >= self.batch_at {
            self.batch_at = now + SECOND;
            self.apply_reports();
            self.exchange(now);
        }
        self.see_to_drains(random, now, is_safe);
        let enough = self.table.epoch() > Epoch(0) && self.table.members().count() >= self.expected;
        if self.rebalance_at.is_some_and(|at| now >= at) && enough {
            // Once there were enough to begin with, it goes on with those there are.
            self.expected = 0;
            self.rebalance_at = None;
            self.apply(&Command::Rebalance);
            if slots().any(|slot| self.is_full(slot)) {
                self.rebalance_at = Some(now + 2 * SECOND);
            }
        }
    }

    /// Whether a slot has as many tenures as it may have, so that a move of it waits.
    fn is_full(&self, slot: Slot) -> bool {
        let tenures = self.table.tenures(slot);
        tenures.is_some_and(|tenures| tenures.all().len() == Tenures::COUNT_MAX)
    }

    fn expire(&mut self, random: &mut Rng, now: Time) {
        let members = self.table.members();
        let expired: Vec<Incarnation> = members
            .filter(|(_, member)| !matches!(member.phase, Phase::Down | Phase::Removed))
            .map(|(_, member)| member.incarnation)
            .filter(|incarnation| now > self.renewed[incarnation] + DOWN_AFTER)
            .collect();
        if !expired.is_empty() {
            self.apply(&Command::Expire(expired));
            self.members_changed(random, now);
        }
    }

    fn apply_reports(&mut self) {
        self.answer_for_others();
        let in_sync: Vec<_> = std::mem::take(&mut self.in_sync).into_iter().collect();
        if !in_sync.is_empty() {
            self.apply(&Command::InSync(in_sync));
        }
        let clear: Vec<_> = std::mem::take(&mut self.clear).into_iter().collect();
        if !clear.is_empty() {
            self.apply(&Command::Clear(clear));
        }
    }

    /// The other shards, which are not simulated, have nothing to copy and nothing to finish.
    fn answer_for_others(&mut self) {
        for run in self.table.rows().runs() {
            let rows = run.tenures.all();
            if rows.len() == 1 && !is_candidate(&rows[0]) {
                continue;
            }
            let current = run.tenures.current().created;
            let slots = run.first.index()..run.first.index() + usize::from(run.slots);
            let others = slots.filter(|slot| slot % SHARDS != SHARD);
            for slot in others.filter_map(Slot::new) {
                for row in rows {
                    let created = row.created;
                    let tenure = TenureId { slot, created };
                    if is_candidate(row) {
                        self.in_sync.insert((tenure, row.view));
                    } else if created != current {
                        self.clear.insert((tenure, current));
                    }
                }
            }
        }
    }

    fn exchange(&mut self, now: Time) {
        let found = slots().flat_map(|slot| {
            let tenures = self.table.tenures(slot).into_iter();
            let rows = tenures.flat_map(|tenures| tenures.all());
            let candidates = rows.filter(|row| is_candidate(row));
            candidates.map(move |row| {
                let created = row.created;
                (TenureId { slot, created }, row.view)
            })
        });
        let since = &self.candidates;
        let candidates: BTreeMap<_, _> = found
            .map(|key| (key, since.get(&key).copied().unwrap_or(now)))
            .collect();
        let slow = candidates.iter();
        let slow: Vec<_> = slow
            .filter(|&(_, &since)| now >= since + EXCHANGE_AFTER)
            .map(|(&key, _)| key)
            .collect();
        self.candidates = candidates;
        if !slow.is_empty() {
            self.apply(&Command::Exchange(slow));
        }
    }

    fn see_to_drains(&mut self, random: &mut Rng, now: Time, is_safe: bool) {
        let Some((name, incarnation, until)) = self.draining.clone() else {
            self.drain_next(now);
            return;
        };
        let phase = self
            .table
            .member(incarnation)
            .map(|(_, member)| member.phase);
        let is_leaving = matches!(phase, Some(Phase::Draining | Phase::Evacuating));
        if !is_leaving && phase != Some(Phase::Down) {
            self.draining = None;
        } else if !self.table.names(incarnation) {
            self.apply(&Command::Remove(name));
            self.draining = None;
            self.members_changed(random, now);
        } else if now >= until && is_safe && phase == Some(Phase::Draining) {
            self.apply(&Command::Evacuate(incarnation));
        } else if phase == Some(Phase::Down) {
            // It lost its lease while it was leaving: it has been replaced, or is gone for good.
            self.draining = None;
        }
    }

    fn drain_next(&mut self, now: Time) {
        while let Some(incarnation) = self.drains.pop_front() {
            let found = self.table.member(incarnation);
            let Some((name, member)) = found else {
                continue;
            };
            if !matches!(member.phase, Phase::Active | Phase::Joining) {
                continue;
            }
            let name = name.clone();
            self.apply(&Command::Drain(incarnation));
            self.draining = Some((name, incarnation, now + self.drain_timeout));
            return;
        }
    }

    /// Whether every simulated row has its copies.
    pub(crate) fn is_whole(&self) -> bool {
        let mut rows = slots();
        rows.all(|slot| {
            let tenures = self.table.tenures(slot);
            tenures.is_some_and(|tenures| tenures.all().iter().all(|row| self.is_copied(row)))
        })
    }

    pub(crate) fn is_copied(&self, row: &tailweir_placement::Tenure) -> bool {
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
        self.draining.is_none() && self.drains.is_empty() && self.rebalance_at.is_none()
    }
}

fn is_candidate(row: &tailweir_placement::Tenure) -> bool {
    matches!(row.second, Second::Candidate(_))
}

/// Whether a tenure of a slot is not there any more.
fn lacks(before: &RoutingTable, after: &RoutingTable, slot: Slot) -> bool {
    let (before, after) = (before.tenures(slot), after.tenures(slot));
    let rows = before.into_iter().flat_map(|tenures| tenures.all());
    let is_gone = |created| after.is_none_or(|tenures| tenures.get(created).is_none());
    rows.map(|row| row.created).any(is_gone)
}
