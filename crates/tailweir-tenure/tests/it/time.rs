//! Deadlines and lives over changes of owner.

use crate::network::{A, B, C, Network, at, tenure, trace};
use std::time::Duration;
use tailweir_core::TraceId;
use tailweir_placement::Second;
use tailweir_tenure::Effect;

/// Scenario: a trace with 9 s left is stored at the replica; its owner is lost 4 s later, and the replica's successor
/// another 2 s later.
/// Guarantees: at each it is due when it was due: no change starts a deadline again.
#[test]
fn a_deadline_survives_every_promotion() {
    let mut network = Network::open();
    network.now = at(1_000);
    network.offer(A, 1, trace(1), at(10_000)).unwrap();
    network.settle();
    network.now = at(5_000);
    network.repair(B, Second::Candidate(C));
    network.learn_all();
    network.settle();
    network
        .tenures
        .in_sync(network.tenures.current().created, network.epoch);
    network.epoch = network.epoch.next();
    network.learn_all();
    network.now = at(7_000);
    network.repair(C, Second::None);
    network.learn_all();
    for member in [B, C] {
        assert!(network.did(member, |effect| {
            matches!(effect, Effect::Index { fragment, .. } if fragment.until == at(10_000))
        }));
    }
}

/// A closing tenure of A with a dropped trace whose verdict lives until 60 s, and its successor at C.
fn moved_with_a_verdict() -> (Network, TraceId) {
    let mut network = Network::open();
    let trace = trace(1);
    network.offer(A, 1, trace, at(9)).unwrap();
    network.offer(A, 1, self::trace(2), at(9)).unwrap();
    network.settle();
    network.decide(A, 1, trace, false);
    network.settle();
    network.now = at(20_000);
    network.begin(C, B);
    network.learn_all();
    network.settle_again();
    (network, trace)
}

/// Scenario: a verdict with 60 s to live is inherited after 20 s.
/// Guarantees: it ends after 40 more, at the new owner; in the closing tenure it stays, for whoever still asks.
#[test]
fn a_verdict_goes_on_with_the_rest_of_its_life() {
    let (mut network, trace) = moved_with_a_verdict();
    network.now = at(20_000) + Duration::from_secs(39);
    network.node(C).expire(at(59_000));
    assert!(network.node(C).verdict(tenure(2), trace).is_some());
    for member in [A, B, C] {
        network.node(member).expire(at(60_000));
    }
    assert!(network.node(C).verdict(tenure(2), trace).is_none());
    assert!(network.node(A).verdict(tenure(1), trace).is_some());
    assert!(network.node(B).verdict(tenure(1), trace).is_some());
}

/// Scenario: a verdict's life ends; the owner forgets it, and the replica, which looks for old ones at another time, has
/// it still when the slot moves.
/// Guarantees: the tenure is closed and cleared all the same: its trace has been decided, and nobody waits for it.
#[test]
fn a_verdict_that_only_the_replica_remembers_keeps_no_tenure_open() {
    let mut network = Network::open();
    network.offer(A, 1, trace(1), at(9)).unwrap();
    network.settle();
    network.decide(A, 1, trace(1), false);
    network.settle();
    network.now = at(60_000);
    network.node(A).expire(at(60_000));
    assert!(network.node(A).verdict(tenure(1), trace(1)).is_none());
    assert!(network.node(B).verdict(tenure(1), trace(1)).is_some());
    network.begin(C, B);
    network.learn_all();
    network.settle_again();
    assert!(network.did(C, |effect| matches!(effect, Effect::Clear { .. })));
}
