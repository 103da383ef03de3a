//! The routing table: members, tenures, and how commands change them.

mod parts;

pub use parts::TableParts;

use crate::candidates::Candidates;
use crate::command::{Pair, by_slot};
use crate::{
    Command, Epoch, Incarnation, Member, MemberName, Outcome, Phase, Plan, Refusal, Repaired, Ring,
    Rows, Second, Standing, TenureId, Tenures, Weight,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use tailweir_core::Slot;

/// What the controllers agree on, and all others follow.
///
/// A command has the same effect on every controller: nothing here depends on time, chance or the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutingTable {
    epoch: Epoch,
    /// The last incarnation that was given.
    incarnation: Incarnation,
    /// Copies of what is not decided yet: 1 or 2.
    copies: u8,
    members: BTreeMap<MemberName, Member>,
    rows: Rows,
    lost: u64,
}

impl RoutingTable {
    /// Most members. Beyond about 200 a slot is a coarse share; the bound keeps a mistake from filling the log.
    pub const MEMBERS_MAX: usize = 1024;

    /// A table without members, for a cluster that keeps 1 copy or 2 of each span.
    #[must_use]
    pub fn new(copies: u8) -> Self {
        Self {
            epoch: Epoch::default(),
            incarnation: Incarnation(0),
            copies: copies.clamp(1, 2),
            members: BTreeMap::new(),
            rows: Rows::default(),
            lost: 0,
        }
    }

    /// How often it changed.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// All members, by name.
    pub fn members(&self) -> impl Iterator<Item = (&MemberName, &Member)> {
        self.members.iter()
    }

    /// The member that lives as this incarnation; nothing once another took its name.
    #[must_use]
    pub fn member(&self, incarnation: Incarnation) -> Option<(&MemberName, &Member)> {
        self.members()
            .find(|(_, member)| member.incarnation == incarnation)
    }

    /// The rows of all slots.
    #[must_use]
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// The tenures of a slot; nothing before the first rebalance.
    #[must_use]
    pub fn tenures(&self, slot: Slot) -> Option<&Tenures> {
        self.rows.get(slot)
    }

    /// Tenures that were forgotten with what they held, since the cluster began.
    #[must_use]
    pub fn tenures_lost(&self) -> u64 {
        self.lost
    }

    /// Whether a row names this member: if so, it must not leave.
    #[must_use]
    pub fn names(&self, member: Incarnation) -> bool {
        let mut tenures = self.rows.runs().iter().flat_map(|run| run.tenures.all());
        tenures.any(|tenure| tenure.names(member))
    }

    /// What [`Command::Rebalance`] would move: to active and joining members, away from all others.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let ring = Ring::new(self.members().filter(|(_, member)| member.can_copy()));
        Plan::new(&ring, &self.members, &self.rows, self.copies)
    }

    /// Applies a command.
    pub fn apply(&mut self, command: &Command) -> Outcome {
        let before = self.clone();
        self.epoch = self.epoch.next();
        let done = self.dispatch(command);
        if let Err(refusal) = done {
            *self = before;
            return Outcome::Refused(refusal);
        }
        self.repair();
        self.dismiss();
        if let Command::Register { .. } = command {
            return Outcome::Registered(self.incarnation);
        }
        if (&self.members, &self.rows) == (&before.members, &before.rows) {
            *self = before;
            return Outcome::Unchanged;
        }
        Outcome::Changed(self.epoch)
    }

    fn dispatch(&mut self, command: &Command) -> Result<(), Refusal> {
        match command {
            Command::Register {
                name,
                address,
                zone,
                weight,
            } => return self.register(name, address, zone, *weight),
            Command::Renew(incarnation) => return self.renew(*incarnation),
            Command::Expire(expired) => self.expire(expired),
            Command::Rebalance => self.rebalance(),
            Command::Drain(incarnation) => {
                self.living(*incarnation)?.1.phase = Phase::Draining;
                self.rebalance();
            }
            Command::Evacuate(incarnation) => return self.evacuate(*incarnation),
            Command::Remove(name) => self.set_phase(name, Phase::Removed)?,
            Command::InSync(reports) => self.edit(reports, |tenures, created, view| {
                tenures.in_sync(created, view);
            }),
            Command::Exchange(reports) => self.exchange(reports),
            Command::Clear(cleared) => self.edit(cleared, |tenures, created, into| {
                tenures.clear(created, into);
            }),
            Command::Forget(given_up) => self.forget(given_up),
        }
        Ok(())
    }

    fn register(
        &mut self,
        name: &MemberName,
        address: &Arc<str>,
        zone: &Arc<str>,
        weight: Weight,
    ) -> Result<(), Refusal> {
        let limit = Self::MEMBERS_MAX;
        if self.members.len() >= limit && !self.members.contains_key(name) {
            return Err(Refusal::TooManyMembers { limit });
        }
        self.incarnation.0 += 1;
        let member = Member {
            incarnation: self.incarnation,
            address: address.clone(),
            zone: zone.clone(),
            weight,
            phase: Phase::Joining,
        };
        self.members.insert(name.clone(), member);
        Ok(())
    }

    fn renew(&mut self, incarnation: Incarnation) -> Result<(), Refusal> {
        let (_, member) = self.living(incarnation)?;
        if member.phase == Phase::Down {
            member.phase = Phase::Active;
        }
        Ok(())
    }

    fn expire(&mut self, expired: &[Incarnation]) {
        for member in self.members.values_mut() {
            if expired.contains(&member.incarnation) && member.phase != Phase::Removed {
                member.phase = Phase::Down;
            }
        }
    }

    fn set_phase(&mut self, name: &MemberName, phase: Phase) -> Result<(), Refusal> {
        let member = self.members.get_mut(name);
        member
            .ok_or_else(|| Refusal::UnknownMember(name.clone()))?
            .phase = phase;
        Ok(())
    }

    fn evacuate(&mut self, incarnation: Incarnation) -> Result<(), Refusal> {
        let (name, member) = self.living(incarnation)?;
        if !matches!(member.phase, Phase::Draining | Phase::Evacuating) {
            return Err(Refusal::NotDraining(name.clone()));
        }
        member.phase = Phase::Evacuating;
        Ok(())
    }

    /// The member that has this incarnation and was not removed.
    fn living(&mut self, incarnation: Incarnation) -> Result<(&MemberName, &mut Member), Refusal> {
        let is_meant =
            |member: &Member| member.incarnation == incarnation && member.phase != Phase::Removed;
        let found = self.members.iter_mut().find(|(_, it)| is_meant(it));
        found.ok_or(Refusal::UnknownIncarnation(incarnation))
    }

    /// Joining members become active; then the plan's moves happen.
    fn rebalance(&mut self) {
        for member in self.members.values_mut() {
            if member.phase == Phase::Joining {
                member.phase = Phase::Active;
            }
        }
        let plan = self.plan();
        let moves: HashMap<Slot, Pair> = plan
            .moves
            .iter()
            .map(|step| (step.slot, (step.owner, step.second)))
            .collect();
        if moves.is_empty() {
            return;
        }
        let epoch = self.epoch;
        self.rows = Rows::build(|slot| {
            let mut tenures = self.rows.get(slot).cloned();
            if let Some(&(owner, second)) = moves.get(&slot) {
                match &mut tenures {
                    // The plan leaves full slots alone.
                    Some(tenures) => drop(tenures.begin(epoch, owner, second)),
                    None => tenures = Some(Tenures::first(epoch, owner, second)),
                }
            }
            tenures
        });
    }

    fn exchange(&mut self, reports: &[(TenureId, Epoch)]) {
        let candidates = Candidates::new(&self.members);
        let reports = by_slot(reports);
        let epoch = self.epoch;
        let rows = self.rows.changed(|slot, tenures| {
            for &(created, view) in reports.get(&slot).into_iter().flatten() {
                tenures.exchange(created, view, epoch, |owner, slow| {
                    candidates.beside(slot, owner, slow)
                });
            }
        });
        self.rows = rows;
    }

    fn forget(&mut self, given_up: &[TenureId]) {
        let given_up: BTreeSet<TenureId> = given_up.iter().copied().collect();
        let known = |id: &&TenureId| {
            let tenures = self.rows.get(id.slot);
            tenures.is_some_and(|tenures| tenures.get(id.created).is_some())
        };
        let lost: Vec<(TenureId, ())> = given_up.iter().filter(known).map(|&id| (id, ())).collect();
        self.give_up(&lost);
    }

    /// Replaces what is lost or leaving in every tenure, and forgets those of which nothing is left.
    fn repair(&mut self) {
        let standings: HashMap<Incarnation, Standing> = self
            .members
            .values()
            .map(|member| (member.incarnation, standing(member.phase)))
            .collect();
        let stands =
            |incarnation: Incarnation| *standings.get(&incarnation).unwrap_or(&Standing::Gone);
        let (epoch, copies) = (self.epoch, self.copies);
        let mut runs = self.rows.runs().iter();
        if !runs.any(|run| run.tenures.need_repair(copies, stands)) {
            return;
        }
        let candidates = Candidates::new(&self.members);
        let mut lost = Vec::new();
        let rows = self.rows.changed(|slot, tenures| {
            let created: Vec<Epoch> = tenures.all().iter().map(|row| row.created).collect();
            for created in created {
                let candidate = |owner, former| candidates.beside(slot, owner, former);
                let done = tenures.repair(created, epoch, copies, stands, candidate);
                if done == Repaired::Lost {
                    lost.push((TenureId { slot, created }, ()));
                }
            }
        });
        self.rows = rows;
        self.give_up(&lost);
    }

    /// Takes tenures out with what they hold. A slot whose current tenure goes begins another, if anybody is left to
    /// own it; otherwise it keeps the row until somebody is.
    fn give_up(&mut self, lost: &[(TenureId, ())]) {
        if lost.is_empty() {
            return;
        }
        let candidates = Candidates::new(&self.members);
        let (epoch, copies, lost) = (self.epoch, self.copies, by_slot(lost));
        let mut count = 0;
        let rows = self.rows.changed(|slot, tenures| {
            for &(created, ()) in lost.get(&slot).into_iter().flatten() {
                if tenures.forget(created) {
                    count += 1;
                } else if let Some(owner) = candidates.first(slot) {
                    let copy = candidates.beside(slot, owner, None).filter(|_| copies > 1);
                    let second = copy.map_or(Second::None, Second::Replica);
                    tenures.replace_current(epoch, owner, second);
                    count += 1;
                }
            }
        });
        self.rows = rows;
        self.lost += count;
    }

    /// Members that were removed, or left, go with the last row that names them.
    fn dismiss(&mut self) {
        let gone: Vec<MemberName> = self
            .members()
            .filter(|(_, member)| member.phase == Phase::Removed && !self.names(member.incarnation))
            .map(|(name, _)| name.clone())
            .collect();
        self.members.retain(|name, _| !gone.contains(name));
    }

    fn edit(&mut self, entries: &[(TenureId, Epoch)], change: impl Fn(&mut Tenures, Epoch, Epoch)) {
        let entries = by_slot(entries);
        self.rows = self.rows.changed(|slot, tenures| {
            for &(created, argument) in entries.get(&slot).into_iter().flatten() {
                change(tenures, created, argument);
            }
        });
    }
}

fn standing(phase: Phase) -> Standing {
    match phase {
        Phase::Joining | Phase::Active | Phase::Draining => Standing::Serving,
        Phase::Evacuating => Standing::Leaving,
        Phase::Down | Phase::Removed => Standing::Down,
    }
}
