//! What must hold whatever happens, looked at after each step; and what must have come about at the end.

use super::operator::Done;
use super::seat::Running;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use tailweir_control::{ControllerStatus, PolicyRevision};
use tailweir_placement::{Epoch, Incarnation, Member, MemberName, Phase, RoutingTable};

/// A process of a machine, by the number of the machine and of its life.
type Life = (usize, u64);

/// All that was seen of a cluster.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Who leads in each term.
    leaders: BTreeMap<u64, u64>,
    /// Whose each id of a controller is: machine, and number of its disk.
    ids: BTreeMap<u64, (usize, u64)>,
    /// Whose each incarnation is.
    lives: BTreeMap<Incarnation, Life>,
    tables: BTreeMap<Epoch, Arc<RoutingTable>>,
    policies: BTreeMap<u64, Arc<PolicyRevision>>,
    /// What each process saw last.
    seen: BTreeMap<Life, Seen>,
    done: Vec<Done>,
    pub(super) finding: Option<String>,
}

/// What a process shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) id: u64,
    pub(super) leader: u64,
    pub(super) term: u64,
    pub(super) epoch: Epoch,
    pub(super) revision: u64,
    pub(super) incarnation: Option<Incarnation>,
}

impl Watch {
    /// Looks at a process of a machine, whose disk has this number. Gives back what it shows, if that is something new.
    pub(super) fn look(&mut self, seat: usize, disk: u64, running: &Running) -> Option<Seen> {
        let status = running.controller.as_ref().map(|it| it.status());
        let table = Arc::clone(&running.client.table().borrow());
        let policies = running.client.policies().borrow().clone();
        let status = status.unwrap_or_default();
        let seen = Seen {
            id: status.id,
            leader: status.leader,
            term: status.term,
            epoch: table.epoch(),
            revision: policies.as_ref().map_or(0, |policies| policies.revision),
            incarnation: *running.client.incarnation().borrow(),
        };
        let life = (seat, running.life);
        let before = self.seen.insert(life, seen.clone()).unwrap_or_default();
        if before == seen {
            return None;
        }
        self.see_controller((seat, disk), &status);
        self.see_table(life, before.epoch, table);
        if let Some(policies) = policies {
            self.see_policies(life, before.revision, policies);
        }
        if let Some(incarnation) = seen.incarnation {
            let owner = *self.lives.entry(incarnation).or_insert(life);
            self.require(owner == life, || {
                format!("incarnation {incarnation} is that of {owner:?} and of {life:?}")
            });
        }
        Some(seen)
    }

    fn see_controller(&mut self, disk: (usize, u64), status: &ControllerStatus) {
        let (id, term, leader) = (status.id, status.term, status.leader);
        if id > 0 {
            let owner = *self.ids.entry(id).or_insert(disk);
            self.require(owner == disk, || {
                format!("the id {id} is that of {owner:?} and of {disk:?}")
            });
        }
        if leader > 0 {
            let known = *self.leaders.entry(term).or_insert(leader);
            self.require(known == leader, || {
                format!("{known} and {leader} lead in term {term}")
            });
        }
    }

    fn see_table(&mut self, life: Life, before: Epoch, table: Arc<RoutingTable>) {
        let epoch = table.epoch();
        self.require(before <= epoch, || {
            format!("{life:?} went from epoch {before:?} back to {epoch:?}")
        });
        // Before there is a cluster, everybody has a table of its own.
        if epoch == Epoch(0) {
            return;
        }
        let is_same = match self.tables.entry(epoch) {
            Entry::Vacant(entry) => {
                entry.insert(table);
                true
            }
            Entry::Occupied(known) => *known.get() == table,
        };
        self.require(is_same, || {
            format!("{life:?} has another table of epoch {epoch:?}")
        });
    }

    fn see_policies(&mut self, life: Life, before: u64, policies: Arc<PolicyRevision>) {
        let revision = policies.revision;
        self.require(before <= revision, || {
            format!("{life:?} went from revision {before} back to {revision}")
        });
        let known = self
            .policies
            .entry(revision)
            .or_insert_with(|| Arc::clone(&policies));
        let is_same = *known == policies;
        self.require(is_same, || {
            format!("{life:?} has other policies as revision {revision}")
        });
    }

    /// The controllers said that they did something.
    pub(super) fn acknowledged(&mut self, done: Done) {
        self.done.push(done);
    }

    /// The newest table that anybody saw.
    pub(super) fn newest(&self) -> Option<&Arc<RoutingTable>> {
        self.tables.values().next_back()
    }

    /// How many changes were seen.
    pub(super) fn changes(&self) -> usize {
        self.tables.len() + self.policies.len()
    }

    /// The highest term.
    pub(super) fn term(&self) -> u64 {
        self.leaders.keys().next_back().copied().unwrap_or(0)
    }

    /// Whether nothing that was acknowledged is lost, once all processes have the newest.
    pub(super) fn check_acknowledged(&mut self) {
        for done in std::mem::take(&mut self.done) {
            let is_kept = match &done {
                // Of several revisions a process sees the newest, so a text may never have been seen under its number.
                Done::Policies(text, Some(revision)) => {
                    let newest = self.policies.keys().next_back();
                    newest.is_some_and(|newest| newest >= revision)
                        && self
                            .policies
                            .get(revision)
                            .is_none_or(|it| it.text == *text)
                }
                Done::Policies(text, None) => self.policies.values().any(|it| it.text == *text),
                Done::Drained(life) => self.newest().is_some_and(|table| has_drained(table, *life)),
                Done::Removed(name, epoch) => self.is_removed(name, *epoch),
                Done::InPlace => true,
            };
            self.require(is_kept, || {
                format!("it was acknowledged and is lost: {done:?}")
            });
        }
    }

    /// Whether the life that had the name then is gone since.
    fn is_removed(&self, name: &MemberName, epoch: Epoch) -> bool {
        let before = self.tables.range(..epoch).next_back();
        let Some(life) = before.and_then(|(_, table)| member(table, name)) else {
            return true;
        };
        let newest = self.newest().and_then(|table| member(table, name));
        newest.is_none_or(|it| it.phase == Phase::Removed || it.incarnation > life.incarnation)
    }

    /// Notes what is wrong, unless something was before.
    pub(super) fn require(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds && self.finding.is_none() {
            self.finding = Some(what());
        }
    }
}

fn member<'a>(table: &'a RoutingTable, name: &MemberName) -> Option<&'a Member> {
    let mut members = table.members();
    members
        .find(|(known, _)| *known == name)
        .map(|(_, member)| member)
}

fn has_drained(table: &RoutingTable, life: Incarnation) -> bool {
    table
        .member(life)
        .is_none_or(|(_, member)| !matches!(member.phase, Phase::Joining | Phase::Active))
}
