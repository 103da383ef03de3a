//! What was delivered stays known, wherever its slot goes.

use crate::{Town, WAIT};
use std::time::Duration;
use tailweir_core::TraceId;
use tailweir_placement::{Command, Incarnation};
use tailweir_shard::{Answer, Fate};
use tailweir_testkit::{request, span, trace_id};

/// A trace of two spans that its owner has delivered.
fn delivered(town: &mut Town) -> (TraceId, usize) {
    let trace = trace_id(1);
    let owner = town.owner(trace);
    let spans = [span(trace, 1).error(), span(trace, 2)];
    town.bring(owner, 1, request().service("shop").spans(spans));
    town.carry();
    town.pass(WAIT);
    assert_eq!(town.deliver(owner), 2);
    assert_eq!(town.answers(owner), [(1, Answer::Taken(Vec::new()))]);
    (trace, owner)
}

/// A client sends both spans again, and a new one: how many spans come to the backend.
fn sent_again(town: &mut Town, trace: TraceId) -> u64 {
    let owner = town.owner(trace);
    let spans = [span(trace, 1).error(), span(trace, 2), span(trace, 3)];
    town.bring(owner, 2, request().service("shop").spans(spans));
    town.carry();
    assert_eq!(town.answers(owner), [(2, Answer::Taken(Vec::new()))]);
    // The fence of a member that was promoted is closed for a second.
    town.pass(Duration::from_millis(1_500));
    town.pass(Duration::from_millis(200));
    town.deliver(owner)
}

/// Scenario: a trace is kept and another is not; their owner is asked before and after; both slots move; a third trace never came.
/// Guarantees: before the decision nothing is known; then the owner says what became of each, and so does the next one; of the third
/// nothing is ever known.
#[test]
fn what_became_of_a_trace_is_told_wherever_its_slot_moved() {
    let mut town = Town::new(3, 2, usize::MAX);
    let kept = trace_id(1);
    let owner = town.owner(kept);
    let gone = (2..)
        .map(trace_id)
        .find(|trace| town.owner(*trace) == owner);
    let gone = gone.expect("an owner of more than one slot");
    let never = trace_id(1 << 40);
    let fates = |town: &Town| {
        let fate = |trace| town.shards[town.owner(trace)].fate(trace);
        [kept, gone, never].map(fate)
    };
    let spans = [span(kept, 1).error(), span(gone, 2)];
    town.bring(owner, 1, request().service("shop").spans(spans));
    town.carry();
    assert_eq!(fates(&town), [Fate::Unknown; 3]);
    town.pass(WAIT);
    let known = [Fate::Kept, Fate::NotKept, Fate::Unknown];
    assert_eq!(fates(&town), known);
    town.deliver(owner);
    town.change(&Command::Drain(Incarnation(owner as u64 + 1)));
    for _ in 0..10 {
        town.pass(Duration::from_millis(200));
        town.change(&Command::Rebalance);
    }
    assert_ne!(town.owner(kept), owner);
    assert_eq!(fates(&town), known);
}

/// Scenario: a kept trace is delivered, its slot moves to another member, and the client sends it again.
/// Guarantees: the new owner takes what is new.
#[test]
fn spans_are_known_where_their_slot_moved() {
    let mut town = Town::new(3, 2, usize::MAX);
    let (trace, owner) = delivered(&mut town);
    town.change(&Command::Drain(Incarnation(owner as u64 + 1)));
    for _ in 0..10 {
        town.pass(Duration::from_millis(200));
        town.change(&Command::Rebalance);
    }
    assert_ne!(town.owner(trace), owner);
    assert_eq!(sent_again(&mut town, trace), 1);
}

/// Scenario: a kept trace is delivered, its owner dies, and the client sends it again.
/// Guarantees: the second member, which had a copy of the spans until they were delivered, takes what is new.
#[test]
fn spans_are_known_to_whoever_had_a_copy() {
    let mut town = Town::new(3, 2, usize::MAX);
    let (trace, owner) = delivered(&mut town);
    town.lost = Some(owner);
    town.change(&Command::Expire(vec![Incarnation(owner as u64 + 1)]));
    assert_ne!(town.owner(trace), owner);
    assert_eq!(sent_again(&mut town, trace), 1);
}

/// Scenario: the same, and the second member dies too, once a third one is up to date.
/// Guarantees: that one takes what is new.
#[test]
fn spans_are_known_to_whoever_was_brought_up_to_date() {
    let mut town = Town::new(4, 2, usize::MAX);
    let (trace, first) = delivered(&mut town);
    town.lost = Some(first);
    town.change(&Command::Expire(vec![Incarnation(first as u64 + 1)]));
    let second = town.owner(trace);
    town.lost = Some(second);
    town.change(&Command::Expire(vec![Incarnation(second as u64 + 1)]));
    let third = town.owner(trace);
    assert!(third != first && third != second);
    assert_eq!(sent_again(&mut town, trace), 1);
}

/// Scenario: an owner that nobody hears takes a late span of a kept trace; others take over; it comes back, and gets its
/// slots again. The client sends the span again.
/// Guarantees: it is taken: what was never acknowledged is not known.
#[test]
fn a_span_that_was_not_taken_is_not_known() {
    let mut town = Town::new(3, 2, usize::MAX);
    let (trace, owner) = delivered(&mut town);
    let member = Incarnation(owner as u64 + 1);
    town.lost = Some(owner);
    town.bring(owner, 3, request().service("shop").span(span(trace, 3)));
    town.change(&Command::Expire(vec![member]));
    town.lost = None;
    town.change(&Command::Renew(member));
    let answers = town.answers(owner);
    assert!(
        matches!(&answers[..], [(3, Answer::Taken(moved))] if moved.len() == 1),
        "{answers:?}"
    );
    town.change(&Command::Rebalance);
    for _ in 0..10 {
        town.pass(Duration::from_millis(200));
        town.change(&Command::Rebalance);
    }
    assert_eq!(town.owner(trace), owner);
    assert_eq!(sent_again(&mut town, trace), 1);
}

/// Scenario: the copy of a late span is lost on its way, and the client sends the span again.
/// Guarantees: it is not acknowledged for being known: its copy has to be there first.
#[test]
fn a_span_whose_copy_is_lost_is_not_acknowledged_for_being_known() {
    let mut town = Town::new(2, 2, usize::MAX);
    let (trace, owner) = delivered(&mut town);
    let late = || request().service("shop").span(span(trace, 3));
    town.bring(owner, 3, late());
    town.out[owner].letters.clear();
    town.bring(owner, 4, late());
    town.carry();
    assert_eq!(town.answers(owner), []);
    let second = Incarnation(2 - owner as u64);
    let (now, out) = (town.now, &mut town.out[owner]);
    town.shards[owner].remind(now, second, out);
    town.carry();
    town.pass(Duration::from_millis(100));
    let taken = |ticket| (ticket, Answer::Taken(Vec::new()));
    assert_eq!(town.answers(owner), [taken(3), taken(4)]);
    assert_eq!(town.deliver(owner), 1);
}
