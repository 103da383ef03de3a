//! What has to move so that each member has its share.

use crate::assignment::{Assignment, assign};
use crate::{Incarnation, Member, MemberName, Ring, Rows, Second, Tenures};
use std::collections::{BTreeMap, HashMap};
use tailweir_core::Slot;

/// One slot that gets another pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// The slot.
    pub slot: Slot,
    /// Its next owner.
    pub owner: Incarnation,
    /// Its next second member: a replica, in step from the start because the tenure begins empty.
    pub second: Second,
}

/// The moves that give each active member its share of slots to own and to copy, in the order of slots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Slots that can move now.
    pub moves: Vec<Move>,
    /// Slots that have to wait, because they have as many tenures as a slot may have.
    pub deferred: Vec<Slot>,
}

impl Plan {
    /// The fewest moves from `rows` to a table in which the members of `ring` have their shares. A member that is not
    /// in the ring keeps nothing.
    pub(crate) fn new(
        ring: &Ring,
        members: &BTreeMap<MemberName, Member>,
        rows: &Rows,
        copies: u8,
    ) -> Self {
        if ring.is_empty() {
            return Self::default();
        }
        let incarnations: Vec<Incarnation> =
            ring.names().map(|name| members[name].incarnation).collect();
        let (owners, seconds) = targets(ring, &incarnations, rows, copies);
        let mut plan = Self::default();
        for slot in (0..Slot::COUNT).filter_map(Slot::new) {
            let Some(owner) = owners[slot.index()].map(|place| incarnations[place]) else {
                continue;
            };
            let second = seconds[slot.index()].map(|place| incarnations[place]);
            plan.add(slot, rows.get(slot), owner, second);
        }
        plan
    }

    fn add(
        &mut self,
        slot: Slot,
        now: Option<&Tenures>,
        owner: Incarnation,
        second: Option<Incarnation>,
    ) {
        if let Some(tenures) = now {
            let current = tenures.current();
            if (current.owner, current.second.member()) == (owner, second) {
                return;
            }
            if tenures.all().len() >= Tenures::COUNT_MAX {
                self.deferred.push(slot);
                return;
            }
        }
        self.moves.push(Move {
            slot,
            owner,
            second: second.map_or(Second::None, Second::Replica),
        });
    }
}

/// Owners, and the seconds that go with them, as places in the ring.
fn targets(
    ring: &Ring,
    incarnations: &[Incarnation],
    rows: &Rows,
    copies: u8,
) -> (Assignment, Assignment) {
    let places: HashMap<Incarnation, usize> = incarnations
        .iter()
        .enumerate()
        .map(|(place, &incarnation)| (incarnation, place))
        .collect();
    let now = |of: &dyn Fn(&Tenures) -> Option<Incarnation>| -> Assignment {
        let member = |slot| rows.get(slot).and_then(of);
        (0..Slot::COUNT)
            .filter_map(Slot::new)
            .map(|slot| member(slot).and_then(|member| places.get(&member).copied()))
            .collect()
    };
    let owned = now(&|tenures| Some(tenures.current().owner));
    let owners = assign(ring, &owned, |slot| ring.walk(slot), |_, _| true);
    if copies < 2 {
        return (owners, vec![None; Slot::COUNT]);
    }
    let mut copied = now(&|tenures| tenures.current().second.member());
    for (copied, (owner, before)) in copied.iter_mut().zip(owners.iter().zip(&owned)) {
        // A tenure that begins has nothing that its second member would have already.
        *copied = copied.filter(|_| owner == before);
    }
    let owner = |slot: Slot| owners[slot.index()].into_iter();
    let seconds = assign(
        ring,
        &copied,
        |slot| owner(slot).flat_map(move |owner| ring.beside(owner, slot)),
        |slot, member| owner(slot).all(|owner| ring.apart(owner, member)),
    );
    (owners, seconds)
}
