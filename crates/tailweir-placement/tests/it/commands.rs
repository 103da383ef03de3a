//! What each command does to the rows, and what it refuses.

use crate::cluster::{clear, cluster, current, name, register, slots, sync, tenures};
use tailweir_core::Slot;
use tailweir_placement::{
    Command, Epoch, Incarnation, Outcome, Phase, Refusal, RoutingTable, Second, TenureId,
};

fn incarnation(table: &RoutingTable, number: usize) -> Incarnation {
    let mut members = table.members();
    let found = members.find(|(found, _)| **found == name(number));
    found.unwrap().1.incarnation
}

/// A slot that member `number` owns.
fn slot_of(table: &RoutingTable, number: usize) -> Slot {
    let owner = incarnation(table, number);
    slots()
        .find(|&slot| current(table, slot).owner == owner)
        .unwrap()
}

/// Scenario: a member's lease runs out.
/// Guarantees: where it was owner its replica owns in a new view, where it was replica the owner stays; a third
/// member becomes candidate; no slot moves and no tenure begins.
#[test]
fn an_expired_member_is_replaced_inside_its_tenures() {
    let mut table = cluster(3, 1, 2);
    let lost = incarnation(&table, 0);
    let before: Vec<_> = tenures(&table).collect();
    assert!(matches!(
        table.apply(&Command::Expire(vec![lost])),
        Outcome::Changed(_)
    ));
    for ((id, old), (same, now)) in before.into_iter().zip(tenures(&table)) {
        assert_eq!(id, same);
        if !old.names(lost) {
            assert_eq!(old, now);
            continue;
        }
        let survivor = if old.owner == lost {
            old.second.replica().unwrap()
        } else {
            old.owner
        };
        assert_eq!((now.owner, now.view), (survivor, table.epoch()));
        assert!(
            matches!(now.second, Second::Candidate(third) if third != survivor && third != lost)
        );
    }
}

/// Scenario: the owner of a tenure whose candidate is not yet in step is lost too; later it returns.
/// Guarantees: the candidate is never promoted: the row waits, unchanged, and goes on with its owner.
#[test]
fn a_candidate_is_never_promoted() {
    let mut table = cluster(3, 1, 2);
    let slot = slot_of(&table, 0);
    let row = current(&table, slot);
    table.apply(&Command::Expire(vec![row.second.replica().unwrap()]));
    let repairing = current(&table, slot);
    table.apply(&Command::Expire(vec![row.owner]));
    assert_eq!(current(&table, slot), repairing);
    table.apply(&Command::Renew(row.owner));
    assert_eq!(current(&table, slot), repairing);
    assert_eq!(table.tenures_lost(), 0);
}

/// Scenario: both members of a tenure are lost, then one and then the other starts again.
/// Guarantees: the row waits until it is certain that neither copy is left; then the slot begins anew and the loss is
/// counted.
#[test]
fn both_copies_are_given_up_only_when_both_are_gone_for_certain() {
    let mut table = cluster(3, 1, 2);
    let slot = slot_of(&table, 0);
    let row = current(&table, slot);
    let replica = row.second.replica().unwrap();
    table.apply(&Command::Expire(vec![row.owner, replica]));
    assert_eq!(current(&table, slot), row);
    let number = |member| {
        (0..3)
            .find(|&number| incarnation(&table, number) == member)
            .unwrap()
    };
    let (owner, replica) = (number(row.owner), number(replica));
    register(&mut table, owner, "zone-0", 1);
    assert_eq!((current(&table, slot), table.tenures_lost()), (row, 0));
    register(&mut table, replica, "zone-0", 1);
    assert!(table.tenures_lost() > 0);
    let anew = current(&table, slot);
    assert_eq!(anew.created, table.epoch());
    assert!(anew.second.replica().is_some());
}

/// Scenario: a process starts again under its name before its lease ran out.
/// Guarantees: it is a new incarnation; no row takes it for the one before, which is replaced at once.
#[test]
fn a_restarted_process_is_not_the_one_before() {
    let mut table = cluster(3, 1, 2);
    let before = incarnation(&table, 1);
    let after = register(&mut table, 1, "zone-0", 1);
    assert_ne!(before, after);
    assert!(!table.names(before));
    assert_eq!(
        table.apply(&Command::Renew(before)),
        Outcome::Refused(Refusal::UnknownIncarnation(before))
    );
}

/// Scenario: a report says that a candidate is in step, in another view and then in this one.
/// Guarantees: only the report of this view makes it the replica, and it does not change the view.
#[test]
fn a_candidate_becomes_replica_in_its_own_view_only() {
    let mut table = cluster(3, 1, 2);
    let slot = slot_of(&table, 0);
    let lost = current(&table, slot).owner;
    table.apply(&Command::Expire(vec![lost]));
    let row = current(&table, slot);
    let id = TenureId {
        slot,
        created: row.created,
    };
    let stale = Command::InSync(vec![(id, Epoch(row.view.0 - 1))]);
    assert_eq!(table.apply(&stale), Outcome::Unchanged);
    table.apply(&Command::InSync(vec![(id, row.view)]));
    let now = current(&table, slot);
    assert_eq!(now.view, row.view);
    assert_eq!(now.second.replica(), row.second.member());
}

/// Scenario: a candidate does not get in step.
/// Guarantees: another takes its place in a new view; with no other, it goes on.
#[test]
fn a_slow_candidate_is_exchanged() {
    let mut table = cluster(4, 1, 2);
    let slot = slot_of(&table, 0);
    let lost = current(&table, slot).owner;
    table.apply(&Command::Expire(vec![lost]));
    let row = current(&table, slot);
    let id = TenureId {
        slot,
        created: row.created,
    };
    table.apply(&Command::Exchange(vec![(id, row.view)]));
    let now = current(&table, slot);
    assert!(matches!(now.second, Second::Candidate(other) if Some(other) != row.second.member()));
    assert_eq!(now.view, table.epoch());
    assert_eq!(
        table.apply(&Command::Exchange(vec![(id, row.view)])),
        Outcome::Unchanged
    );
}

/// Scenario: a tenure is cleared into one that is no longer current, then into the current one.
/// Guarantees: the first is refused, because the current owner does not have its verdicts.
#[test]
fn a_tenure_is_cleared_only_into_the_current_one() {
    let mut table = cluster(1, 1, 1);
    for number in 1..3 {
        register(&mut table, number, "zone-0", 1);
        let leaving = incarnation(&table, number - 1);
        table.apply(&Command::Drain(leaving));
    }
    let slot = Slot::new(0).unwrap();
    let created: Vec<Epoch> = table
        .tenures(slot)
        .unwrap()
        .all()
        .iter()
        .map(|row| row.created)
        .collect();
    let first = TenureId {
        slot,
        created: created[0],
    };
    assert_eq!(
        table.apply(&Command::Clear(vec![(first, created[1])])),
        Outcome::Unchanged
    );
    table.apply(&Command::Clear(vec![(first, created[2])]));
    assert!(table.tenures(slot).unwrap().get(created[0]).is_none());
    let last = TenureId {
        slot,
        created: created[2],
    };
    assert_eq!(
        table.apply(&Command::Clear(vec![(last, created[2])])),
        Outcome::Unchanged
    );
}

/// Scenario: a member drains, its tenures are cleared, and it says that it goes.
/// Guarantees: it stays a member as long as a row names it, and is gone with the last.
#[test]
fn a_drained_member_goes_with_the_last_row_that_names_it() {
    let mut table = cluster(4, 2, 2);
    let leaving = incarnation(&table, 0);
    table.apply(&Command::Drain(leaving));
    assert!(table.names(leaving));
    assert!(slots().all(|slot| !current(&table, slot).names(leaving)));
    clear(&mut table);
    assert!(!table.names(leaving));
    table.apply(&Command::Remove(name(0)));
    assert!(table.member(leaving).is_none());
}

/// Scenario: a process starts under the name of one that is about to leave; then what the first asked for arrives.
/// Guarantees: the second stays where it is.
#[test]
fn a_wish_to_leave_is_that_of_one_life() {
    let mut table = cluster(4, 1, 2);
    let leaving = incarnation(&table, 0);
    register(&mut table, 0, "zone-0", 1);
    let later = incarnation(&table, 0);
    assert_ne!(later, leaving);
    for late in [Command::Drain(leaving), Command::Evacuate(leaving)] {
        let refusal = Refusal::UnknownIncarnation(leaving);
        assert_eq!(table.apply(&late), Outcome::Refused(refusal));
    }
    let (_, member) = table.member(later).unwrap();
    assert_eq!(member.phase, Phase::Joining);
}

/// Scenario: with two copies, a draining member runs out of time.
/// Guarantees: it is replaced in every tenure by a member in step; nothing that it held is lost.
#[test]
fn an_evacuated_member_is_replaced_while_it_runs() {
    let mut table = cluster(4, 1, 2);
    let leaving = incarnation(&table, 0);
    assert_eq!(
        table.apply(&Command::Evacuate(leaving)),
        Outcome::Refused(Refusal::NotDraining(name(0)))
    );
    table.apply(&Command::Drain(leaving));
    table.apply(&Command::Evacuate(leaving));
    assert!(!table.names(leaving));
    assert_eq!(table.tenures_lost(), 0);
}

/// Scenario: with one copy, a draining member runs out of time.
/// Guarantees: another is made a copy of each of its tenures first, and owner once it is in step.
#[test]
fn the_only_copy_is_copied_before_its_member_goes() {
    let mut table = cluster(3, 1, 1);
    let leaving = incarnation(&table, 0);
    table.apply(&Command::Drain(leaving));
    table.apply(&Command::Evacuate(leaving));
    let closing: Vec<_> = tenures(&table)
        .filter(|(_, row)| row.names(leaving))
        .collect();
    assert!(!closing.is_empty());
    assert!(
        closing
            .iter()
            .all(|(_, row)| row.owner == leaving && matches!(row.second, Second::Candidate(_)))
    );
    sync(&mut table);
    assert!(!table.names(leaving));
    assert!(tenures(&table).all(|(_, row)| row.second == Second::None));
    assert_eq!(table.tenures_lost(), 0);
}

/// Scenario: with one copy, a member's lease runs out.
/// Guarantees: its slots go on with others at once, and the loss is counted.
#[test]
fn a_crash_with_one_copy_is_counted_and_waits_for_nobody() {
    let mut table = cluster(3, 1, 1);
    let lost = incarnation(&table, 0);
    table.apply(&Command::Expire(vec![lost]));
    assert!(!table.names(lost));
    assert!(table.tenures_lost() > 0);
}

/// Scenario: an operator gives up the tenures of two members that will not come back.
/// Guarantees: their slots begin anew, and the loss is counted.
#[test]
fn an_operator_can_give_tenures_up() {
    let mut table = cluster(3, 1, 2);
    let (first, second) = (incarnation(&table, 0), incarnation(&table, 1));
    table.apply(&Command::Expire(vec![first, second]));
    let waiting: Vec<TenureId> = tenures(&table)
        .filter(|(_, row)| row.names(first) && row.names(second))
        .map(|(id, _)| id)
        .collect();
    assert!(!waiting.is_empty());
    table.apply(&Command::Forget(waiting.clone()));
    assert_eq!(table.tenures_lost(), waiting.len() as u64);
    assert!(
        waiting
            .iter()
            .all(|id| current(&table, id.slot).created == table.epoch())
    );
}

/// Scenario: a cluster of one gets a second member.
/// Guarantees: what it had before gets a second copy too.
#[test]
fn a_second_member_copies_what_the_first_holds_alone() {
    let mut table = cluster(1, 1, 2);
    let second = register(&mut table, 1, "zone-0", 1);
    assert!(slots().all(|slot| current(&table, slot).second == Second::Candidate(second)));
}
