//! When a controller votes, and when it is done.

use super::{Controller, Metrics, has_caught_up, is_in_place, is_joint};
use crate::raft::{LogId, Peer};
use openraft::{CommittedLeaderId, Membership, StoredMembership};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

fn controller(id: u64, name: &str, address: &str) -> Controller {
    Controller {
        id,
        name: name.to_owned(),
        address: address.to_owned(),
        votes: true,
    }
}

/// Scenario: a controller that lost its disk votes again under a new id, beside the one that it was; by its name, or by its address alone,
/// which has said no name yet. Then that one is removed. Others have other names and addresses.
/// Guarantees: it is not done before that, nor while it only listens or is known under another address.
#[test]
fn a_controller_is_done_once_nobody_else_has_its_place() {
    let own = controller(1_000_007, "c", "c:1");
    let others = [controller(1, "a", "a:1"), controller(2, "", "b:1")];
    let with = |more: &[&Controller]| -> Vec<Controller> {
        let more = more.iter().copied().cloned();
        others.iter().cloned().chain(more).collect()
    };
    assert!(is_in_place(&with(&[&own]), &own));
    assert!(!is_in_place(&with(&[]), &own));
    for before in [controller(3, "c", "elsewhere:1"), controller(3, "", "c:1")] {
        assert!(!is_in_place(&with(&[&before, &own]), &own));
    }
    let listens = Controller {
        votes: false,
        ..own.clone()
    };
    let elsewhere = controller(own.id, "c", "elsewhere:1");
    for known in [&listens, &elsewhere] {
        assert!(!is_in_place(&with(&[known]), &own));
    }
}

fn id(index: u64) -> LogId {
    LogId::new(CommittedLeaderId::new(1, 1), index)
}

/// What a leader knows, whose controllers are those of entry 7.
fn metrics(voters: &[&[u64]], matching: &[(u64, Option<LogId>)]) -> Metrics {
    let voters = voters
        .iter()
        .map(|ids| ids.iter().copied().collect::<BTreeSet<u64>>());
    let peers: BTreeMap<u64, Peer> = [1, 2, 9].map(|id| (id, Peer::default())).into();
    let membership = Membership::new(voters.collect(), peers);
    Metrics {
        membership_config: Arc::new(StoredMembership::new(Some(id(7)), membership)),
        replication: Some(matching.iter().copied().collect()),
        ..Metrics::new_initial(1)
    }
}

/// Scenario: a learner is added with entry 7; nobody reaches it; then it has a part of what was before; then that entry, or more.
/// Guarantees: only with that entry it may vote; a controller that does not lead, or does not know it, lets nobody.
#[test]
fn a_learner_that_nobody_has_reached_does_not_vote() {
    let may_vote = |matching: &[(u64, Option<LogId>)]| {
        let metrics = metrics(&[&[1, 2]], matching);
        has_caught_up(&metrics, 9)
    };
    assert!(!may_vote(&[(1, Some(id(8))), (9, None)]));
    assert!(!may_vote(&[(1, Some(id(8))), (9, Some(id(6)))]));
    assert!(may_vote(&[(9, Some(id(7)))]));
    assert!(may_vote(&[(9, Some(id(8)))]));
    assert!(!may_vote(&[(1, Some(id(8)))]));
    assert!(!has_caught_up(&Metrics::new_initial(1), 9));
}

/// Scenario: the controllers are those of one list, and those of two while they change.
/// Guarantees: only that is half done.
#[test]
fn a_change_is_half_done_while_two_lists_count() {
    assert!(!is_joint(&metrics(&[&[1, 2]], &[])));
    assert!(is_joint(&metrics(&[&[1, 2], &[1, 2, 9]], &[])));
}
