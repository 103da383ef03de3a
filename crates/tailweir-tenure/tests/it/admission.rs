//! What a sampler answers to a span, by its role in the tenure.

use crate::network::{A, B, C, Network, at, slot, tenure, trace};
use tailweir_placement::{Epoch, Second};
use tailweir_tenure::{Effect, Reply};

/// Scenario: a span is brought to the owner of an open tenure, and its replica is slow.
/// Guarantees: it is acknowledged when the replica has stored it, and not before.
#[test]
fn a_span_is_acknowledged_when_both_have_it() {
    let mut network = Network::open();
    let number = network.offer(A, 1, trace(1), at(9)).unwrap();
    assert!(!network.acknowledged(A, number));
    network.settle();
    assert!(network.acknowledged(A, number));
    assert_eq!(network.node(B).fragments(tenure(1)).count(), 1);
}

/// Scenario: spans come to an owner whose tenure is not open, to a replica, to a stranger, and from a newer table.
/// Guarantees: hold, moved, moved, and behind.
#[test]
fn who_cannot_take_a_span_says_why() {
    let mut network = Network::closed();
    network.learn_all();
    let ask = |network: &mut Network, member, epoch| {
        network
            .node(member)
            .admit(Epoch(epoch), slot(), None, trace(1))
    };
    let moved = Err(Reply::Moved { epoch: Epoch(1) });
    assert_eq!(ask(&mut network, A, 1), Err(Reply::Hold));
    assert_eq!(ask(&mut network, B, 1), moved);
    assert_eq!(ask(&mut network, C, 1), moved);
    assert_eq!(
        ask(&mut network, A, 2),
        Err(Reply::Behind { epoch: Epoch(1) })
    );
}

/// Scenario: a slot moves while its owner has an undecided, a kept and a dropped trace.
/// Guarantees: the next owner sends spans of the first back, takes those of the second for export, and needs nothing
/// of the third; the old owner takes only spans of its own traces.
#[test]
fn a_moved_slot_sends_each_span_to_its_trace() {
    let mut network = Network::open();
    for number in 1..=3 {
        network.offer(A, 1, trace(number), at(9)).unwrap();
    }
    network.settle();
    network.decide(A, 1, trace(2), true);
    network.decide(A, 1, trace(3), false);
    network.settle();
    network.begin(C, B);
    network.learn_all();
    network.settle_again();
    assert_eq!(
        network.offer(C, 2, trace(1), at(9)),
        Err(Reply::Pinned {
            tenure: tenure(1),
            owner: A,
            epoch: Epoch(2)
        })
    );
    let late = network.offer(C, 2, trace(2), at(9)).unwrap();
    assert_eq!(
        network.offer(C, 2, trace(3), at(9)),
        Err(Reply::Acknowledged)
    );
    assert!(network.offer(C, 2, trace(4), at(9)).is_ok());
    assert!(network.offer(A, 1, trace(1), at(9)).is_ok());
    assert_eq!(
        network.offer(A, 1, trace(4), at(9)),
        Err(Reply::Moved { epoch: Epoch(2) })
    );
    network.settle();
    assert!(network.acknowledged(C, late));
    assert!(network.did(
        C,
        |effect| matches!(effect, Effect::Export { number, .. } if *number == late)
    ));
}

/// Scenario: a slot moves while its owner has an undecided trace; then the tenure is lost with both its members.
/// Guarantees: a span of the trace is sent to nobody who is gone; the next owner takes it.
#[test]
fn a_trace_of_a_lost_tenure_begins_anew() {
    let mut network = Network::open();
    network.offer(A, 1, trace(1), at(9)).unwrap();
    network.settle();
    network.begin(C, B);
    network.learn_all();
    network.settle_again();
    assert!(matches!(
        network.offer(C, 2, trace(1), at(9)),
        Err(Reply::Pinned { owner: A, .. })
    ));
    network.epoch = Epoch(3);
    assert!(network.tenures.forget(Epoch(1)));
    network.learn_all();
    let number = network.offer(C, 2, trace(1), at(9)).unwrap();
    network.settle();
    assert!(network.acknowledged(C, number));
}

/// Scenario: a span is stored at the replica only after the replica sealed the tenure.
/// Guarantees: it goes back to its gateway, for the next owner to take.
#[test]
fn a_span_that_comes_after_the_seal_goes_back() {
    let mut network = Network::open();
    network.begin(C, B);
    network.learn(A);
    network.learn(B);
    network.settle();
    let refused = network.offer(A, 1, trace(1), at(9));
    assert_eq!(refused, Err(Reply::Moved { epoch: Epoch(2) }));

    let mut network = Network::open();
    let number = network.offer(A, 1, trace(1), at(9)).unwrap();
    network.lose();
    network.begin(C, B);
    network.learn_all();
    network.settle_again();
    assert!(network.did(A, |effect| *effect
        == Effect::Return {
            tenure: tenure(1),
            trace: trace(1),
            number
        }));
    assert!(!network.acknowledged(A, number));
    assert!(network.offer(C, 2, trace(1), at(9)).is_ok());
}

/// Scenario: the replica is gone and no other member is there; then a candidate is, but has no index yet.
/// Guarantees: spans are refused until somebody can store them a second time.
#[test]
fn one_copy_is_not_enough() {
    let mut network = Network::open();
    network.repair(A, Second::None);
    network.learn_all();
    assert_eq!(
        network.offer(A, 1, trace(1), at(9)),
        Err(Reply::NoSecondCopy)
    );
    network.repair(A, Second::Candidate(C));
    network.learn_all();
    assert_eq!(
        network.offer(A, 1, trace(1), at(9)),
        Err(Reply::NoSecondCopy)
    );
    network.settle();
    assert!(network.offer(A, 1, trace(1), at(9)).is_ok());
}
