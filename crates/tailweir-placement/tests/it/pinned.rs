//! What must not change from one version to the next.

use crate::cluster::{cluster, current, name, slots};
use std::fmt::Write;
use tailweir_core::Slot;
use tailweir_placement::{Member, RoutingTable};

/// The ring's order of members for every 512th slot, and the pairs of the balanced table.
fn picture(table: &RoutingTable) -> String {
    let ring = tailweir_placement::Ring::new(table.members());
    let number = |incarnation| {
        let (name, _): (_, &Member) = table.member(incarnation).unwrap();
        name.as_str().trim_start_matches("sampler-").to_owned()
    };
    let mut text = String::from("slot owner replica order\n");
    for slot in slots().filter(|slot: &Slot| slot.index().is_multiple_of(512)) {
        let row = current(table, slot);
        let order: Vec<&str> = ring
            .order(slot)
            .map(|name| name.as_str().trim_start_matches("sampler-"))
            .collect();
        let (owner, replica) = (number(row.owner), number(row.second.replica().unwrap()));
        writeln!(
            text,
            "{} {owner} {replica} {}",
            slot.index(),
            order.join(",")
        )
        .unwrap();
    }
    text
}

/// Scenario: five members in two zones, as in the file beside this test.
/// Guarantees: ring and table are those of every earlier version. Another order would make controllers of two
/// versions build two tables from one log.
#[test]
fn ring_and_table_are_pinned() {
    let table = cluster(5, 2, 2);
    assert!(table.members().any(|(found, _)| *found == name(4)));
    let expected = include_str!("golden/five-members.txt");
    assert_eq!(picture(&table), expected);
}
