//! Each member has its share, owner and replica apart.

use crate::cluster::{cluster, current, register, slots};
use proptest::prelude::*;
use std::collections::HashMap;
use tailweir_placement::{Command, Incarnation, RoutingTable};

fn owned(table: &RoutingTable) -> HashMap<Incarnation, usize> {
    let mut count = HashMap::new();
    for slot in slots() {
        *count.entry(current(table, slot).owner).or_default() += 1;
    }
    count
}

fn copied(table: &RoutingTable) -> HashMap<Incarnation, usize> {
    let mut count = HashMap::new();
    for slot in slots() {
        let replica = current(table, slot).second.replica().unwrap();
        *count.entry(replica).or_default() += 1;
    }
    count
}

fn max_over_mean(count: &HashMap<Incarnation, usize>) -> f64 {
    let mean = count.values().sum::<usize>() as f64 / count.len() as f64;
    *count.values().max().unwrap() as f64 / mean
}

/// Scenario: 100 members in three zones.
/// Guarantees: the busiest member owns and copies at most 1.15 times the mean.
#[test]
fn a_hundred_members_have_equal_shares() {
    let table = cluster(100, 3, 2);
    let (owned, copied) = (owned(&table), copied(&table));
    assert_eq!((owned.len(), copied.len()), (100, 100));
    assert!(max_over_mean(&owned) <= 1.01, "{}", max_over_mean(&owned));
    assert!(max_over_mean(&copied) <= 1.15, "{}", max_over_mean(&copied));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// Scenario: members of different weights.
    /// Guarantees: each owns its weight's part of the slots, to the slot.
    #[test]
    fn shares_follow_weights(weights in prop::collection::vec(1_u16..=10, 2..20)) {
        let mut table = RoutingTable::new(2);
        let members: Vec<Incarnation> = weights.iter().enumerate()
            .map(|(number, &weight)| register(&mut table, number, "a", weight))
            .collect();
        table.apply(&Command::Rebalance);
        let owned = owned(&table);
        let total: u16 = weights.iter().sum();
        for (member, weight) in members.iter().zip(&weights) {
            let exact = 16_384.0 * f64::from(*weight) / f64::from(total);
            prop_assert!((owned[member] as f64 - exact).abs() < 1.0);
        }
    }

    /// Scenario: members in two zones or more, of any sizes.
    /// Guarantees: owner and replica of each slot are two members in two zones.
    #[test]
    fn owner_and_replica_are_in_two_zones(zones in prop::collection::vec(0_u8..4, 2..16)) {
        prop_assume!(zones.iter().any(|zone| *zone != zones[0]));
        let mut table = RoutingTable::new(2);
        for (number, zone) in zones.iter().enumerate() {
            register(&mut table, number, &format!("zone-{zone}"), 1);
        }
        table.apply(&Command::Rebalance);
        for slot in slots() {
            let row = current(&table, slot);
            let zone = |member| table.member(member).unwrap().1.zone.clone();
            prop_assert_ne!(zone(row.owner), zone(row.second.replica().unwrap()));
        }
    }
}

/// Scenario: two members in one zone, and one member alone.
/// Guarantees: one zone does not stop replication; one member has every slot and no replica.
#[test]
fn one_zone_still_has_two_copies_and_one_member_has_one() {
    let pair = cluster(2, 1, 2);
    assert!(slots().all(|slot| current(&pair, slot).second.replica().is_some()));
    let alone = cluster(1, 1, 2);
    assert!(slots().all(|slot| current(&alone, slot).second.member().is_none()));
}
