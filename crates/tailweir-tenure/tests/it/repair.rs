//! A new member is brought up to date while the tenure goes on.

use crate::network::{A, B, C, Network, at, tenure, trace};
use tailweir_placement::{Epoch, Second};
use tailweir_tenure::{Effect, Record};

/// Scenario: a replica is replaced while the owner holds an undecided, a kept and a dropped trace.
/// Guarantees: the candidate gets the index before any fragment, then what is still needed, and is reported in step
/// once it has all of it.
#[test]
fn a_candidate_gets_the_index_first_and_then_the_fragments() {
    let mut network = Network::open();
    for number in 1..=3 {
        network.offer(A, 1, trace(number), at(9)).unwrap();
    }
    network.settle();
    network.decide(A, 1, trace(2), true);
    network.decide(A, 1, trace(3), false);
    network.settle();
    network.repair(A, Second::Candidate(C));
    network.learn_all();
    let in_sync = |effect: &_| {
        *effect
            == Effect::InSync {
                tenure: tenure(1),
                view: Epoch(2),
            }
    };
    assert!(!network.did(A, in_sync));
    network.settle();
    assert!(network.did(A, in_sync));
    let records = network.records_to(C);
    assert!(matches!(records[0], Record::Attach(index) if index.verdicts.len() == 2));
    assert!(
        records[1..]
            .iter()
            .all(|record| matches!(record, Record::Copy { .. }))
    );
    assert_eq!(network.node(C).fragments(tenure(1)).count(), 2);
    assert!(network.did(
        B,
        |effect| matches!(effect, Effect::Drop { tenure: of, .. } if *of == tenure(1))
    ));
}

/// Scenario: a fragment is delivered while it is being copied to a candidate.
/// Guarantees: the candidate does not keep it: as a successor it would export it again.
#[test]
fn what_is_delivered_during_a_copy_is_freed_again() {
    let mut network = Network::open();
    let number = network.offer(A, 1, trace(1), at(9)).unwrap();
    network.settle();
    network.decide(A, 1, trace(1), true);
    network.settle();
    network.repair(A, Second::Candidate(C));
    network.learn_all();
    network.deliver(A, 1, number);
    network.settle();
    assert_eq!(network.node(C).fragments(tenure(1)).count(), 0);
    assert!(network.did(A, |effect| matches!(effect, Effect::InSync { .. })));
}

/// Scenario: a fragment waits for its replica, which is replaced.
/// Guarantees: it is stored at the candidate instead, and then acknowledged.
#[test]
fn what_waited_for_the_old_replica_is_stored_at_the_new_one() {
    let mut network = Network::open();
    let number = network.offer(A, 1, trace(1), at(9)).unwrap();
    network.lose();
    network.repair(A, Second::Candidate(C));
    network.learn_all();
    network.settle();
    assert!(network.acknowledged(A, number));
    assert_eq!(network.node(C).fragments(tenure(1)).count(), 1);
}

/// Scenario: a verdict waits for the replica, which is replaced.
/// Guarantees: it does not count; the trace is to be evaluated again, with what arrived meanwhile.
#[test]
fn a_verdict_that_was_not_stored_is_made_again() {
    let mut network = Network::open();
    network.offer(A, 1, trace(1), at(9)).unwrap();
    network.settle();
    network.decide(A, 1, trace(1), false);
    network.lose();
    network.repair(A, Second::Candidate(C));
    network.learn_all();
    network.settle();
    assert!(network.did(A, |effect| *effect
        == Effect::Reconsider {
            tenure: tenure(1),
            trace: trace(1)
        }));
    network.decide(A, 1, trace(1), true);
    network.settle();
    assert!(network.did(A, |effect| matches!(effect, Effect::Export { .. })));
}

/// Scenario: a member that was replaced comes back as a candidate, having skipped the table without it.
/// Guarantees: what it held counts for nothing: it starts from the owner's index.
#[test]
fn a_member_that_comes_back_starts_from_the_index() {
    let mut network = Network::open();
    network.offer(A, 1, trace(1), at(9)).unwrap();
    network.settle();
    network.repair(B, Second::Candidate(C));
    network.learn(B);
    network.lose();
    network.repair(B, Second::Candidate(A));
    network.learn(A);
    assert!(network.did(
        A,
        |effect| matches!(effect, Effect::Drop { tenure: of, .. } if *of == tenure(1))
    ));
    assert_eq!(network.node(A).fragments(tenure(1)).count(), 0);
    network.learn(B);
    network.settle();
    assert_eq!(network.node(A).fragments(tenure(1)).count(), 1);
}

/// Scenario: a reload adds a sampler to members whose rows were repaired long ago: to the replica before or after its owner
/// has taken spans, and to both.
/// Guarantees: the replica is brought up to date by the owner, and spans are acknowledged again.
#[test]
fn a_sampler_that_a_reload_adds_is_brought_up_to_date() {
    for added in [vec![C], vec![A, C], vec![C, A]] {
        let mut network = Network::open();
        network.repair(A, Second::Candidate(C));
        network.learn_all();
        network.settle();
        let first = network.offer(A, 1, trace(1), at(9)).unwrap();
        network.settle();
        assert!(network.acknowledged(A, first));
        assert!(network.tenures.in_sync(Epoch(1), Epoch(2)));
        network.epoch = Epoch(3);
        network.learn_all();
        for member in &added {
            network.add_sampler(*member);
        }
        network.settle();
        let held = network.node(A).fragments(tenure(1)).count();
        let second = network.offer(A, 1, trace(2), at(9)).unwrap();
        network.settle();
        assert!(network.acknowledged(A, second), "{added:?}");
        assert_eq!(network.node(C).fragments(tenure(1)).count(), held + 1);
    }
}
