//! What one member owns is copied by few.

use crate::cluster::{clear, cluster, current, name, register, slots, sync};
use proptest::prelude::*;
use std::collections::BTreeMap;
use tailweir_core::Slot;
use tailweir_placement::{Command, Incarnation, Ring, RoutingTable};

/// The part of all slots whose second member is one of the [`Ring::COPYISTS`] that copy most of what its owner has.
fn with_copyists(table: &RoutingTable) -> f64 {
    let mut pairs: BTreeMap<Incarnation, BTreeMap<Incarnation, usize>> = BTreeMap::new();
    for row in slots().map(|slot| current(table, slot)) {
        let second = row.second.member().unwrap();
        *pairs
            .entry(row.owner)
            .or_default()
            .entry(second)
            .or_default() += 1;
    }
    let most = pairs.values().map(|seconds| {
        let mut counts: Vec<usize> = seconds.values().copied().collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        counts.iter().take(Ring::COPYISTS).sum::<usize>()
    });
    most.sum::<usize>() as f64 / Slot::COUNT as f64
}

fn incarnation(table: &RoutingTable, number: usize) -> Incarnation {
    let mut members = table.members();
    let found = members.find(|(found, _)| **found == name(number));
    found.unwrap().1.incarnation
}

/// Scenario: clusters of several sizes, in one zone and in three.
/// Guarantees: nine of ten slots are copied by one of two members that their owner shares with them, but for zones of
/// few members that have to help each other out.
#[test]
fn what_a_member_owns_is_copied_by_two() {
    for members in [3, 5, 9, 20, 100] {
        let part = with_copyists(&cluster(members, 1, 2));
        assert!(part > 0.95, "{part} of {members}");
    }
    for members in [3, 9, 30, 99] {
        let part = with_copyists(&cluster(members, 3, 2));
        assert!(part > 0.85, "{part} of {members} in three zones");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    /// Scenario: a member joins, another is drained and comes back, a third fails and is replaced.
    /// Guarantees: copies stay with few members although nothing moves for the sake of it.
    #[test]
    fn copies_stay_with_few_through_changes(members in 8_usize..30, zones in 1_usize..3) {
        let mut table = cluster(members, zones, 2);
        register(&mut table, members, "zone-0", 1);
        table.apply(&Command::Rebalance);
        clear(&mut table);
        let leaving = incarnation(&table, 1);
        table.apply(&Command::Drain(leaving));
        clear(&mut table);
        register(&mut table, 1, &format!("zone-{}", 1 % zones), 1);
        table.apply(&Command::Rebalance);
        clear(&mut table);
        let before = with_copyists(&table);
        prop_assert!(before > 0.6, "{before} after a join and a restart");
        let failed = incarnation(&table, 2);
        table.apply(&Command::Expire(vec![failed]));
        sync(&mut table);
        let after = with_copyists(&table);
        prop_assert!(after > 0.5, "{after} after a failure");
    }
}
