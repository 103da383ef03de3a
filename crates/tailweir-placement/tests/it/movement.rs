//! A change of members moves what it must.

use crate::cluster::{clear, cluster, current, name, register, slots};
use proptest::prelude::*;
use tailweir_core::Slot;
use tailweir_placement::{Command, RoutingTable, Tenure};

fn rows(table: &RoutingTable) -> Vec<Tenure> {
    slots().map(|slot| current(table, slot)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Scenario: a member joins a balanced cluster.
    /// Guarantees: it takes exactly its share of slots to own, and no slot changes its owner between old members; no
    /// more slots move than it owns and copies then, but for rounding.
    #[test]
    fn a_joining_member_takes_its_share_and_nothing_else_moves(members in 2_usize..40) {
        let mut table = cluster(members, 1, 2);
        let before = rows(&table);
        let new = register(&mut table, members, "zone-0", 1);
        table.apply(&Command::Rebalance);
        let after = rows(&table);
        let moved: Vec<_> = before.iter().zip(&after).filter(|(old, now)| old != now).collect();
        prop_assert!(moved.iter().all(|(old, now)| now.owner == old.owner || now.owner == new));
        let owned = after.iter().filter(|row| row.owner == new).count();
        prop_assert!(owned.abs_diff(Slot::COUNT / (members + 1)) <= 1);
        let between = moved.iter().filter(|(_, now)| !now.names(new)).count();
        prop_assert!(between <= 2 * members, "{} slots moved between old members", between);
    }

    /// Scenario: a member of a balanced cluster is drained.
    /// Guarantees: the slots that it owned or copied move, and no other.
    #[test]
    fn a_drained_member_gives_up_its_slots_and_nothing_else_moves(members in 3_usize..40, which in 0_usize..3) {
        let mut table = cluster(members, 1, 2);
        let before = rows(&table);
        let leaving = table.members().find(|(found, _)| **found == name(which)).unwrap().1.incarnation;
        table.apply(&Command::Drain(leaving));
        let after = rows(&table);
        let others = before.iter().zip(&after).filter(|(old, now)| !old.names(leaving) && old != now).count();
        prop_assert!(others <= 2 * members, "{} slots moved by rounding", others);
        prop_assert!(after.iter().all(|row| !row.names(leaving)));
    }
}

/// Scenario: a balanced table is rebalanced again.
/// Guarantees: nothing changes, and no epoch is spent.
#[test]
fn a_balanced_table_stays_as_it_is() {
    let mut table = cluster(7, 2, 2);
    let before = table.clone();
    table.apply(&Command::Rebalance);
    assert_eq!(table, before);
}

/// Scenario: a slot moves three times while nothing is cleared, and a fourth move is due.
/// Guarantees: it waits, and moves once a tenure is cleared.
#[test]
fn a_slot_with_four_tenures_waits() {
    let mut table = cluster(1, 1, 1);
    for number in 1..5 {
        let leaving = table
            .members()
            .find(|(found, _)| **found == name(number - 1));
        let leaving = leaving.unwrap().1.incarnation;
        register(&mut table, number, "zone-0", 1);
        table.apply(&Command::Drain(leaving));
    }
    let most = |table: &RoutingTable| {
        let count = |slot| table.tenures(slot).unwrap().all().len();
        slots().map(count).max().unwrap()
    };
    assert_eq!(most(&table), 4);
    let waiting = table.plan().deferred;
    assert_eq!(waiting.len(), Slot::COUNT);
    clear(&mut table);
    table.apply(&Command::Rebalance);
    assert!(table.plan().deferred.is_empty());
    assert_eq!(most(&table), 2);
}
