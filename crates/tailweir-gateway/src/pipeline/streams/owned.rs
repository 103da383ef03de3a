//! Which slots are a member's own.

use tailweir_core::Slot;
use tailweir_placement::{Incarnation, RoutingTable};

const WORDS: usize = Slot::COUNT / 64;

/// A set of slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnedSlots(Box<[u64; WORDS]>);

impl OwnedSlots {
    /// The slots that this member owns by a table.
    pub(super) fn of(table: &RoutingTable, member: Option<Incarnation>) -> Self {
        let mut words = Box::new([0; WORDS]);
        let runs = table.rows().runs().iter();
        for run in runs.filter(|run| Some(run.tenures.current().owner) == member) {
            let first = run.first.index();
            for slot in first..first + usize::from(run.slots) {
                words[slot / 64] |= 1 << (slot % 64);
            }
        }
        Self(words)
    }

    pub(super) fn has(&self, slot: Slot) -> bool {
        self.0[slot.index() / 64] & 1 << (slot.index() % 64) != 0
    }

    /// The slots that are not among the others.
    pub(super) fn but(&self, others: &Self) -> Vec<Slot> {
        let all = (0..Slot::COUNT).filter_map(Slot::new);
        all.filter(|slot| self.has(*slot) && !others.has(*slot))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::OwnedSlots;
    use tailweir_core::Slot;
    use tailweir_placement::{Command, Incarnation, MemberName, RoutingTable, Weight};

    /// Scenario: three members share the slots; a table without members.
    /// Guarantees: each slot is of exactly one of them, of the one that the table names, and of nobody in the empty table.
    #[test]
    fn each_slot_has_one_owner() {
        let mut table = RoutingTable::new(2);
        let nobody = OwnedSlots::of(&table, Some(Incarnation(1)));
        for name in ["a", "b", "c"] {
            let name = MemberName::new(name).unwrap();
            table.apply(&Command::register(name, "memory:1", "", Weight::ONE));
        }
        table.apply(&Command::Rebalance);
        let members = [1, 2, 3].map(Incarnation);
        let owned = members.map(|member| OwnedSlots::of(&table, Some(member)));
        for slot in (0..Slot::COUNT).filter_map(Slot::new) {
            let owner = table.tenures(slot).unwrap().current().owner;
            for (member, owned) in members.iter().zip(&owned) {
                assert_eq!(owned.has(slot), *member == owner);
            }
            assert!(!nobody.has(slot));
        }
    }
}
