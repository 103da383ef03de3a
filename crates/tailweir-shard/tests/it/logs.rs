//! Log records that wait for decisions, at several members.

mod history;
mod town;

use std::time::Duration;
use tailweir_core::{ByteSize, Signal, Slot, TraceId};
use tailweir_placement::{Command, Incarnation, RoutingTable, TenureId};
use tailweir_shard::{Answer, LogFragment, LogShard, Redirect, Refusal};
use tailweir_tenure::Number;
use tailweir_testkit::trace_id;
use town::{Town, WAIT, body, fragment, taken};

/// A record of each of two traces, at its owner.
fn bring_two(town: &mut Town) -> [TraceId; 2] {
    let traces = [trace_id(1), trace_id(2)];
    for (ticket, trace) in (1..).zip(traces) {
        let owner = town.owner(trace);
        town.bring(
            owner,
            ticket,
            vec![fragment(trace, &format!("of {ticket}"))],
        );
    }
    traces
}

/// Scenario: records of two traces come to their owner before the decisions; letters are late.
/// Guarantees: nothing is acknowledged before the second member has stored it; what is kept leaves when its verdict is stored,
/// what is dropped does not; after the delivery nobody keeps anything.
#[test]
fn records_wait_at_two_members_and_go_the_way_of_their_trace() {
    let mut town = Town::new(2);
    let traces = bring_two(&mut town);
    assert!(town.answers.is_empty());
    town.settle();
    assert_eq!((&town.answers[&1], &town.answers[&2]), (&taken(), &taken()));
    let copied = |town: &Town| -> usize { town.shards.values().map(LogShard::copied_bytes).sum() };
    assert!(copied(&town) > 0);

    town.delivers = false;
    for (trace, is_kept) in [(traces[0], true), (traces[1], false)] {
        town.decide(town.owner(trace), trace, is_kept);
        assert!(town.out[&town.owner(trace)].leaving.is_empty());
    }
    town.settle();
    assert_eq!(town.texts(), ["of 1"]);
    assert_eq!(town.books(town.owner(traces[1])).dropped.records, 1);
    assert!(copied(&town) > 0, "kept until it is delivered");

    let mut town = Town::new(2);
    let owner = town.owner(traces[0]);
    town.decide(owner, traces[0], true);
    town.decide(owner, traces[1], false);
    town.bring(owner, 1, vec![fragment(traces[0], "late")]);
    town.settle();
    assert_eq!((town.texts(), &town.answers[&1]), (vec!["late"], &taken()));
    assert!(town.is_at_rest());
}

/// Scenario: a client sends the same records again: while they are not stored yet, while they wait, after they have left, and
/// after their slot has moved; others say the same without a time.
/// Guarantees: they are acknowledged each time and leave once; records without a time leave as often as they came.
#[test]
fn records_that_are_sent_again_are_known() {
    let mut town = Town::new(3);
    let trace = trace_id(4);
    let owner = town.owner(trace);
    let sent = || vec![fragment(trace, "once")];
    town.bring(owner, 1, sent());
    town.bring(owner, 2, sent());
    town.settle();
    town.bring(owner, 3, sent());
    assert_eq!(town.answers[&2], taken());
    town.settle();
    assert_eq!(town.answers[&3], taken());
    town.decide(owner, trace, true);
    town.settle();
    town.bring(owner, 4, sent());
    town.settle();
    town.change(&Command::Drain(Incarnation(owner)));
    let next = town.owner(trace);
    assert_ne!(next, owner);
    town.bring(next, 5, sent());
    // The new tenure opens when it has asked the old one.
    town.pass(Duration::from_millis(300));
    assert_eq!((&town.answers[&4], &town.answers[&5]), (&taken(), &taken()));
    assert_eq!(town.texts(), ["once"]);

    let timeless = LogFragment {
        trace,
        body: body(trace, "again", 0),
        records: 1,
    };
    for ticket in [6, 7] {
        town.bring(next, ticket, vec![timeless.clone()]);
    }
    town.decide(next, trace, true);
    town.settle();
    assert_eq!(town.texts(), ["again", "again", "once"]);
}

/// Scenario: the owner of a slot dies while records wait there.
/// Guarantees: its second member has them, holds them until the verdict that it hears of, and their time does not begin again.
#[test]
fn records_outlive_their_owner() {
    let mut town = Town::new(3);
    let traces = bring_two(&mut town);
    town.settle();
    town.pass(WAIT / 2);
    let lost = town.owner(traces[0]);
    town.crash(lost);
    let heir = town.owner(traces[0]);
    assert_ne!(heir, lost);
    assert_eq!(town.texts(), [""; 0]);
    town.decide(heir, traces[0], true);
    town.settle();
    // The fence of a member that was promoted is closed for a second.
    town.pass(Duration::from_millis(1_500));
    town.pass(Duration::from_millis(200));
    assert_eq!(town.texts(), ["of 1"]);
    town.pass(WAIT / 2);
    town.pass(Duration::from_millis(200));
    assert_eq!(
        town.texts(),
        ["of 1", "of 2"],
        "undecided in time, and kept"
    );
}

/// Scenario: slots move while records wait; the old owner never hears of the decision, the new one does.
/// Guarantees: the records are at the new owner, twice, leave there by its decision, and nothing is left at the old one; a gateway
/// that knows no better is sent on.
#[test]
fn records_move_with_their_slot() {
    let mut town = Town::new(3);
    let trace = trace_id(1);
    let owner = town.owner(trace);
    town.bring(owner, 1, vec![fragment(trace, "early")]);
    town.settle();
    town.change(&Command::Drain(Incarnation(owner)));
    for _ in 0..20 {
        town.pass(Duration::from_millis(100));
    }
    assert!(town.shards[&owner].is_empty());
    assert_eq!(town.books(owner).handed_over.records, 1);
    let next = town.owner(trace);
    assert_eq!(town.shards[&next].waiting_traces(), 1);

    town.bring(owner, 2, vec![fragment(trace, "astray")]);
    town.settle();
    let Answer::Taken(redirects) = &town.answers[&2] else {
        panic!("{:?}", town.answers[&2]);
    };
    assert!(matches!(redirects[..], [Redirect { trace: of, .. }] if of == trace));
    town.decide(next, trace, false);
    town.settle();
    assert_eq!(town.books(next).dropped.records, 1);
    assert!(town.is_at_rest());
    assert!(!town.table.names(Incarnation(owner)));
}

/// Scenario: a slot moves while a record waits. The new owner has it; the old one has stored that, frees it, and dies before it can
/// tell its second member, which takes its place.
/// Guarantees: the record is the new owner's alone: it does not leave before its trace is decided, and then once.
#[test]
fn records_that_were_handed_on_are_nobody_elses() {
    let mut town = Town::new(4);
    let trace = trace_id(1);
    let owner = town.owner(trace);
    town.bring(owner, 1, vec![fragment(trace, "early")]);
    town.settle();
    town.table.apply(&Command::Drain(Incarnation(owner)));
    town.tell_table();
    let handed_over = |town: &Town| town.books(owner).handed_over.records;
    while handed_over(&town) == 0 {
        town.now = town.now + Duration::from_millis(10);
        for (member, shard) in &mut town.shards {
            shard.tick(town.now, town.out.get_mut(member).unwrap());
        }
        let members: Vec<u64> = town.out.keys().copied().collect();
        for member in members {
            if handed_over(&town) == 0 {
                let out = std::mem::take(town.out.get_mut(&member).unwrap());
                town.dispatch(member, out);
            }
        }
    }
    town.crash(owner);
    for _ in 0..30 {
        town.pass(Duration::from_millis(100));
    }
    assert_eq!(town.texts(), [""; 0]);
    town.decide(town.owner(trace), trace, true);
    town.pass(Duration::from_millis(100));
    assert_eq!(town.texts(), ["early"]);
}

/// Scenario: a slot moves while a record waits, and its new owner does not take it for as long as it may wait; meanwhile the old
/// owner hears that the trace is dropped.
/// Guarantees: the record is dropped, and does not leave as one about which nobody has decided.
#[test]
fn records_on_their_way_follow_what_their_owner_hears() {
    let mut town = Town::new(4);
    let drained = |town: &Town, trace| {
        let mut table = town.table.clone();
        table.apply(&Command::Drain(Incarnation(town.owner(trace))));
        let row = |table: &RoutingTable| *table.tenures(Slot::of(trace, 0)).unwrap().current();
        (table.clone(), row(&town.table), row(&table))
    };
    // The second member goes on storing verdicts.
    let is_third = |trace: &TraceId| {
        let (_, before, after) = drained(&town, *trace);
        before.second.member() != Some(after.owner)
    };
    let trace = (1..).map(trace_id).find(is_third).unwrap();
    let owner = town.owner(trace);
    town.bring(owner, 1, vec![fragment(trace, "early")]);
    town.settle();
    let (table, _, after) = drained(&town, trace);
    town.cut_off = Some(after.owner.0);
    town.table = table;
    town.tell_table();
    town.pass(Duration::from_millis(100));
    town.decide(owner, trace, false);
    for _ in 0..25 {
        town.pass(WAIT / 20);
    }
    assert_eq!(town.texts(), [""; 0]);
    assert_eq!(town.books(owner).dropped.records, 1);
}

/// Scenario: an operator gives two tenures up. Their owner holds three records there, two of them of one trace, and one whose copy
/// is not confirmed; it holds another record in a third tenure.
/// Guarantees: what is in the two is nobody's to wait for, counts as handed over, and goes elsewhere if it is not acknowledged;
/// what is in the third leaves by its decision.
#[test]
fn records_in_tenures_that_are_given_up_are_forgotten_and_no_others() {
    let mut town = Town::new(3);
    let owner = town.owner(trace_id(1));
    let own = |trace: &TraceId| town.owner(*trace) == owner;
    let traces: Vec<TraceId> = (1..).map(trace_id).filter(own).take(3).collect();
    for (ticket, place) in [(1, 0), (2, 0), (3, 1), (4, 2)] {
        let text = format!("of {ticket}");
        town.bring(owner, ticket, vec![fragment(traces[place], &text)]);
        town.settle();
    }
    town.bring(owner, 5, vec![fragment(traces[0], "of 5")]);
    town.out.get_mut(&owner).unwrap().letters.clear();
    let tenure = |trace: TraceId| {
        let slot = Slot::of(trace, 0);
        let created = town.table.tenures(slot).unwrap().current().created;
        TenureId { slot, created }
    };
    let given_up = traces[..2].iter().map(|&trace| tenure(trace)).collect();
    town.change(&Command::Forget(given_up));
    let Answer::Taken(redirects) = &town.answers[&5] else {
        panic!("{:?}", town.answers[&5]);
    };
    assert_eq!(redirects.len(), 1);
    assert_eq!(town.shards[&owner].waiting_traces(), 1);
    let books = town.books(owner);
    assert_eq!((books.handed_over.records, books.held.records), (3, 1));

    town.decide(owner, traces[2], true);
    town.settle();
    assert_eq!(town.texts(), ["of 4"]);
    assert!(town.shards[&owner].is_empty());
}

/// Scenario: a member is told that a record is delivered which it has not let go yet: it did once, as the owner before the present one.
/// Guarantees: the record still leaves by its decision, and the books balance.
#[test]
fn what_was_delivered_by_an_owner_before_is_not_what_is_held_now() {
    let mut town = Town::new(2);
    let trace = trace_id(1);
    let owner = town.owner(trace);
    town.bring(owner, 1, vec![fragment(trace, "once more")]);
    town.settle();
    let slot = Slot::of(trace, 0);
    let created = town.table.tenures(slot).unwrap().current().created;
    let told: Vec<_> = (0..4)
        .map(|number| (TenureId { slot, created }, Number(number)))
        .collect();
    let out = town.out.get_mut(&owner).unwrap();
    let shard = town.shards.get_mut(&owner).unwrap();
    shard.delivered(town.now, &told, out);
    town.decide(owner, trace, true);
    town.settle();
    assert_eq!(town.texts(), ["once more"]);
    assert_eq!(town.books(owner).held.records, 0);
    assert!(town.is_at_rest());
}

/// Scenario: the second member has no memory for a copy of a large record; a small one comes soon after, and later.
/// Guarantees: the client of the large one is refused at once, and so is that of the small one; a moment later there is room.
#[test]
fn records_without_room_for_their_copy_are_refused_at_once() {
    let mut town = Town::with_budget(2, ByteSize::mib(4));
    let trace = trace_id(1);
    let owner = town.owner(trace);
    let refused = Answer::Refused(Refusal::NoRoom);
    town.bring(owner, 1, vec![fragment(trace, &"x".repeat(1 << 20))]);
    town.settle();
    assert_eq!(town.answers[&1], refused);
    town.bring(owner, 2, vec![fragment(trace, "small")]);
    town.settle();
    assert_eq!(town.answers[&2], refused);
    town.pass(Duration::from_millis(200));
    town.bring(owner, 3, vec![fragment(trace, "small")]);
    town.settle();
    assert_eq!(town.answers[&3], taken());
}

/// Scenario: more comes than may wait, and nobody decides about the rest.
/// Guarantees: what finds no room leaves at once and is counted; the rest leaves after its time.
#[test]
fn what_finds_no_room_does_not_wait() {
    // A fragment costs some hundred bytes beside its own.
    let mut town = Town::with_budget(2, ByteSize(600));
    let trace = trace_id(1);
    let owner = town.owner(trace);
    for (ticket, text) in [(1, "room"), (2, "none")] {
        town.bring(owner, ticket, vec![fragment(trace, text)]);
        town.settle();
        assert_eq!(town.answers[&ticket], taken());
    }
    assert_eq!(town.texts(), ["none"]);
    town.pass(WAIT);
    assert_eq!(town.texts(), ["none", "room"]);
    let books = town.books(owner);
    assert_eq!((books.overflow.records, books.undecided.records), (1, 1));
}

/// Scenario: a part has 1 MiB of resource and a record of each of a hundred traces, which whoever brings parts has cut before.
/// Guarantees: it is refused with its size, before its fragments take a hundred times as much.
#[test]
fn a_part_that_was_not_cut_is_refused() {
    let records: Vec<_> = (1..=100)
        .map(|n| format!(r#"{{"traceId":"{}"}}"#, trace_id(n)))
        .collect();
    let json = format!(
        r#"{{"resourceLogs":[{{"schemaUrl":"{}","scopeLogs":[{{"logRecords":[{}]}}]}}]}}"#,
        "u".repeat(1 << 20),
        records.join(",")
    );
    let mut part = Vec::new();
    tailweir_otlp::json::to_wire(Signal::Logs, json.as_bytes(), &mut part).unwrap();
    let size = format!("a part of {} bytes", part.len());
    let refused = LogFragment::of_part(&part.into()).unwrap_err().to_string();
    assert!(refused.contains(&size), "{refused}");
}
