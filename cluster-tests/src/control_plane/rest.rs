//! What a cluster is like once nothing goes wrong any more.

use super::world::World;
use std::collections::BTreeSet;
use tailweir_placement::{Phase, RoutingTable};

/// Why a cluster is not at rest: everything is agreed on and known to all, done, and where it is to be.
pub(super) fn obstacle(world: &World<'_>) -> Option<String> {
    if !world.agrees() {
        return Some("the controllers follow no common leader".to_owned());
    }
    let table = world.watch.newest()?;
    let mut revisions = BTreeSet::new();
    for (seat, running) in world.running(0..world.seats.len()) {
        let epoch = running.client.table().borrow().epoch();
        if epoch != table.epoch() {
            let name = world.name(seat);
            return Some(format!(
                "{name} has epoch {epoch:?} and not {:?}",
                table.epoch()
            ));
        }
        revisions.insert(
            running
                .client
                .policies()
                .borrow()
                .as_ref()
                .map(|it| it.revision),
        );
    }
    if revisions.len() > 1 {
        return Some(format!("there are several revisions: {revisions:?}"));
    }
    let away = world.samplers().len() - world.running(world.samplers()).len();
    match away {
        0 => samplers(world, table).or_else(|| rows(table)),
        // What only one that is away holds waits for it.
        _ if away < world.samplers().len() => samplers(world, table),
        // When all are silent, none is given up: nobody could take over.
        _ => None,
    }
}

/// A sampler that runs has its place, unless it drains and somebody is there to take over; one that is gone was given up.
fn samplers(world: &World<'_>, table: &RoutingTable) -> Option<String> {
    let has_heir = table
        .members()
        .any(|(_, member)| member.phase == Phase::Active);
    for seat in world.samplers() {
        let name = world.name(seat);
        let running = world.seats[seat].running();
        let life = running
            .as_ref()
            .map(|running| *running.client.incarnation().borrow());
        let mut members = table.members();
        let member = members
            .find(|(known, _)| known.as_str() == name)
            .map(|(_, member)| member);
        let is_up = |phase| matches!(phase, Phase::Joining | Phase::Active);
        let holds = match (life, member) {
            (None, None) => true,
            (None, Some(member)) => !is_up(member.phase),
            (Some(Some(life)), Some(member)) if member.incarnation == life => match member.phase {
                Phase::Active => table.names(life),
                Phase::Draining | Phase::Evacuating => !has_heir || !table.names(life),
                _ => false,
            },
            (Some(_), _) => false,
        };
        if !holds {
            return Some(format!("{name} runs as {life:?} and is {member:?}"));
        }
    }
    None
}

/// Each slot has one tenure, and two members hold it where there are two.
fn rows(table: &RoutingTable) -> Option<String> {
    let active = table
        .members()
        .filter(|(_, member)| member.phase == Phase::Active);
    let has_two = active.count() > 1;
    let mut runs = table.rows().runs().iter();
    let open = runs.find(|run| {
        let is_whole = !has_two || run.tenures.current().second.replica().is_some();
        !run.tenures.closing().is_empty() || !is_whole
    });
    open.map(|run| format!("slots from {:?} are not settled", run.first))
}
