//! When a controller votes, when it is done, and who finishes what is half done.

use super::{
    Controller, Metrics, Running, Shared, controllers, has_caught_up, is_another, is_in_place,
    is_joint, put,
};
use crate::controller::Stage;
use crate::leader;
use crate::raft::{Entry, LogId, Peer, Types};
use crate::running::alone::alone;
use openraft::raft::AppendEntriesRequest;
use openraft::{CommittedLeaderId, EntryPayload, Membership, StoredMembership, Vote};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(30);

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

/// Scenario: somebody comes under an id, with the name or the address of who has it, or with neither; of one that has said no name, too.
/// Guarantees: only with neither it is somebody else, and only if who has the id has said a name.
#[test]
fn an_id_is_somebody_elses_by_name_and_address() {
    let known = controller(3, "c", "c:1");
    for same in [controller(3, "c", "c:2"), controller(3, "d", "c:1")] {
        assert!(!is_another(&known, &same));
    }
    let other = controller(3, "d", "d:1");
    assert!(is_another(&known, &other));
    assert!(!is_another(&controller(3, "", "c:1"), &other));
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

/// The only controller, once it leads. The leader before it has made the first of the two steps of a change, and is gone.
async fn half_changed(folder: &TempDir) -> (Shared, Running) {
    let (settings, link, running) = alone("a", "a:1", folder.path()).await;
    let own = Peer {
        name: settings.name.clone(),
        address: settings.address.clone(),
    };
    // Two lists, although they are the same: no other controller is needed for either.
    let lists = vec![BTreeSet::from([1]), BTreeSet::from([1])];
    let membership = Membership::new(lists, BTreeMap::from([(1, own)]));
    let first = LogId::new(CommittedLeaderId::new(1, 2), 0);
    let request: AppendEntriesRequest<Types> = AppendEntriesRequest {
        vote: Vote::new_committed(1, 2),
        prev_log_id: None,
        entries: vec![Entry {
            log_id: first,
            payload: EntryPayload::Membership(membership),
        }],
        leader_commit: Some(first),
    };
    running.raft.append_entries(request).await.unwrap();
    let mut metrics = running.raft.metrics();
    let leads = metrics.wait_for(|metrics| metrics.state.is_leader());
    let leads = tokio::time::timeout(DEADLINE, leads).await;
    assert!(is_joint(&leads.expect("it leads").unwrap()));
    let shared = Shared {
        settings,
        link,
        stage: watch::Sender::new(Stage::Starting),
        asked: mpsc::channel(1).0,
        leader: mpsc::channel(1).0,
        membership: tokio::sync::Mutex::default(),
        claim: parking_lot::Mutex::default(),
    };
    (shared, running)
}

/// Scenario: a leader has made the first of the two steps of a change, and is gone; another one leads, and nobody asks it for anything.
/// Guarantees: it makes the second step.
#[tokio::test]
async fn who_leads_finishes_what_is_half_done() {
    let folder = TempDir::new().unwrap();
    let (shared, running) = half_changed(&folder).await;
    let (_asks, asked) = mpsc::channel(1);
    let mut metrics = running.raft.metrics();
    let finishing = metrics.wait_for(|metrics| !is_joint(metrics));
    let finished = tokio::select! {
        () = leader::attend(&shared, &running, asked) => panic!("Raft has ended"),
        finished = tokio::time::timeout(DEADLINE, finishing) => matches!(finished, Ok(Ok(_))),
    };
    assert!(finished, "it is half done for ever");
    let _ = running.raft.shutdown().await;
}

/// Scenario: a controller asks to be one, and is one already, while a change is half done.
/// Guarantees: it is told so only when that change is finished, after which it might have been none.
#[tokio::test]
async fn who_asks_to_be_in_is_answered_when_nothing_is_half_done() {
    let folder = TempDir::new().unwrap();
    let (shared, running) = half_changed(&folder).await;
    let own = controllers(&running).remove(0);
    put(&shared, &running, &own).await.unwrap();
    assert!(!is_joint(&running.metrics()));
    let _ = running.raft.shutdown().await;
}
