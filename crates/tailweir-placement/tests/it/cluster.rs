//! Small clusters to try commands on.

use tailweir_core::Slot;
use tailweir_placement::{
    Command, Incarnation, MemberName, Outcome, RoutingTable, Tenure, TenureId, Tenures, Weight,
};

pub(crate) fn name(number: usize) -> MemberName {
    MemberName::new(&format!("sampler-{number}")).unwrap()
}

pub(crate) fn slots() -> impl Iterator<Item = Slot> {
    (0..Slot::COUNT).filter_map(Slot::new)
}

/// Registers a member and says as which incarnation.
pub(crate) fn register(
    table: &mut RoutingTable,
    number: usize,
    zone: &str,
    weight: u16,
) -> Incarnation {
    let weight = Weight::new(weight).unwrap();
    match table.apply(&Command::register(
        name(number),
        "10.0.0.1:4319",
        zone,
        weight,
    )) {
        Outcome::Registered(incarnation) => incarnation,
        other => panic!("not registered: {other:?}"),
    }
}

/// A balanced table of `members` members in `zones` zones, each of weight 1.
pub(crate) fn cluster(members: usize, zones: usize, copies: u8) -> RoutingTable {
    let mut table = RoutingTable::new(copies);
    for number in 0..members {
        register(&mut table, number, &format!("zone-{}", number % zones), 1);
    }
    table.apply(&Command::Rebalance);
    table
}

pub(crate) fn current(table: &RoutingTable, slot: Slot) -> Tenure {
    *table.tenures(slot).unwrap().current()
}

/// Every tenure of the table with its id.
pub(crate) fn tenures(table: &RoutingTable) -> impl Iterator<Item = (TenureId, Tenure)> {
    slots().flat_map(|slot| {
        let rows = table.tenures(slot).map_or(&[][..], Tenures::all);
        rows.iter().map(move |row| {
            let created = row.created;
            (TenureId { slot, created }, *row)
        })
    })
}

/// Brings every candidate in step.
pub(crate) fn sync(table: &mut RoutingTable) {
    let reports = tenures(table).map(|(id, row)| (id, row.view)).collect();
    table.apply(&Command::InSync(reports));
}

/// Clears every closing tenure into the current one.
pub(crate) fn clear(table: &mut RoutingTable) {
    let into = |id: TenureId| current(table, id.slot).created;
    let cleared = tenures(table).map(|(id, _)| (id, into(id))).collect();
    table.apply(&Command::Clear(cleared));
}
