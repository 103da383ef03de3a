//! The controllers: one row, changed by the product's own rules.

use crate::scenario::Scenario;
use tailweir_core::Slot;
use tailweir_placement::{Epoch, Incarnation, Repaired, Second, Standing, TenureId, Tenures};

/// The node that a number stands for, as the controllers know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Registered {
    pub(crate) incarnation: Incarnation,
    /// Taken for dead.
    pub(crate) down: bool,
    /// To be replaced while it runs.
    pub(crate) leaving: bool,
}

/// What samplers ask the controllers for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Request {
    /// The candidate of a tenure is in step, in this view.
    InSync(Epoch, Epoch),
    /// A tenure is closed, and this one has its verdicts.
    Clear(Epoch, Epoch),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Controllers {
    pub(crate) epoch: Epoch,
    pub(crate) members: [Registered; 3],
    pub(crate) tenures: Tenures,
    pub(crate) moves: usize,
    pub(crate) last: Incarnation,
}

/// The only slot.
pub(crate) fn slot() -> Slot {
    Slot::new(0).expect("slot 0 exists")
}

pub(crate) fn tenure(created: Epoch) -> TenureId {
    TenureId {
        slot: slot(),
        created,
    }
}

impl Controllers {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let members = [1, 2, 3].map(|number| Registered {
            incarnation: Incarnation(number),
            down: false,
            leaving: false,
        });
        let (owner, second) = pair(scenario, 0, &members);
        Self {
            epoch: Epoch(1),
            members,
            tenures: Tenures::first(Epoch(1), owner, second),
            moves: 0,
            last: Incarnation(3),
        }
    }

    pub(crate) fn node_of(&self, incarnation: Incarnation) -> Option<usize> {
        self.members
            .iter()
            .position(|member| member.incarnation == incarnation)
    }

    /// The next move of the scenario, if its members are there to take part.
    pub(crate) fn next_move(&self, scenario: &Scenario) -> Option<(Incarnation, Second)> {
        let next = self.moves + 1;
        let &(owner, replica) = scenario.pairs.get(next)?;
        let serves = |node: usize| !self.members[node].down && !self.members[node].leaving;
        (serves(owner) && serves(replica)).then(|| pair(scenario, next, &self.members))
    }

    pub(crate) fn begin(&mut self, owner: Incarnation, second: Second) {
        self.epoch = self.epoch.next();
        self.moves += 1;
        let begun = self.tenures.begin(self.epoch, owner, second);
        debug_assert!(begun.is_ok(), "a scenario has at most four pairs");
    }

    /// A new life of a node: what the old one held is gone.
    pub(crate) fn register(&mut self, node: usize, copies: u8) -> Incarnation {
        self.last.0 += 1;
        self.members[node] = Registered {
            incarnation: self.last,
            down: false,
            leaving: false,
        };
        self.change(copies);
        self.last
    }

    /// Repairs every tenure after something changed; one epoch for all.
    pub(crate) fn change(&mut self, copies: u8) {
        self.epoch = self.epoch.next();
        let members = self.members;
        let stands = |incarnation| {
            let member = members
                .iter()
                .find(|found| found.incarnation == incarnation);
            match member {
                None => Standing::Gone,
                Some(member) if member.down => Standing::Down,
                Some(member) if member.leaving => Standing::Leaving,
                Some(_) => Standing::Serving,
            }
        };
        let candidate = |owner: Incarnation, former: Option<Incarnation>| {
            let free = members
                .iter()
                .filter(|member| !member.down && !member.leaving);
            free.map(|member| member.incarnation)
                .find(|&found| found != owner && Some(found) != former)
        };
        let created: Vec<Epoch> = self.tenures.all().iter().map(|row| row.created).collect();
        for created in created {
            let epoch = self.epoch;
            let done = self
                .tenures
                .repair(created, epoch, copies, stands, candidate);
            debug_assert!(
                done != Repaired::Lost || copies == 1,
                "out of the fault model"
            );
        }
    }

    /// Does what a sampler asked for; says whether anything changed.
    pub(crate) fn apply(&mut self, request: Request, copies: u8, unconditional: bool) -> bool {
        match request {
            Request::InSync(created, view) => {
                let done = self.tenures.in_sync(created, view);
                if done {
                    self.change(copies);
                }
                done
            }
            Request::Clear(created, into) => {
                let current = self.tenures.current().created;
                let into = if unconditional { current } else { into };
                let done = self.tenures.clear(created, into);
                if done {
                    self.epoch = self.epoch.next();
                }
                done
            }
        }
    }
}

fn pair(scenario: &Scenario, number: usize, members: &[Registered; 3]) -> (Incarnation, Second) {
    let (owner, replica) = scenario.pairs[number];
    let second = match scenario.copies {
        1 => Second::None,
        _ => Second::Replica(members[replica].incarnation),
    };
    (members[owner].incarnation, second)
}
