//! A controller with the real Raft, alone with what others send it.

use super::alone::alone;
use super::{Metrics, Running};
use crate::change::Change;
use crate::raft::{LogId, Peer, Types};
use crate::state::State;
use openraft::{ChangeMembers, CommittedLeaderId, Snapshot, SnapshotMeta, Vote};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// Nobody answers there.
const NOWHERE: &str = "127.0.0.1:1";

/// The only controller of a cluster, once it leads.
async fn leading(folder: &TempDir) -> Arc<Running> {
    let (_, _, running) = alone("controller-0", NOWHERE, folder.path()).await;
    let members = BTreeMap::from([(1, Peer::default())]);
    running.raft.initialize(members).await.unwrap();
    until(&running, |metrics| metrics.state.is_leader()).await;
    Arc::new(running)
}

/// Waits until Raft says what is wanted.
async fn until(running: &Running, is_wanted: impl Fn(&Metrics) -> bool) {
    let mut metrics = running.raft.metrics();
    let wanted = tokio::time::timeout(DEADLINE, metrics.wait_for(is_wanted)).await;
    drop(wanted.expect("Raft does what is wanted").unwrap());
}

/// What another leader sends to one that is behind: its log up to entry 100.
fn snapshot(running: &Running) -> Snapshot<Types> {
    let last = LogId::new(CommittedLeaderId::new(9, 2), 100);
    let membership = running.metrics().membership_config;
    Snapshot {
        meta: SnapshotMeta {
            last_log_id: Some(last),
            last_membership: (*membership).clone(),
            snapshot_id: "another".to_owned(),
        },
        snapshot: Box::new(State::default().encode()),
    }
}

/// Scenario: a leader waits for a change on which nobody agrees; then it gets the snapshot of another leader, whose log has long been
/// let go where that change stood.
/// Guarantees: whoever asked for it hears that it was not agreed on. Raft itself never answers.
#[tokio::test]
async fn a_change_that_another_leader_went_past_is_not_waited_for() {
    let folder = TempDir::new().unwrap();
    let running = leading(&folder).await;
    let silent = Peer {
        name: "silent".to_owned(),
        address: NOWHERE.to_owned(),
    };
    let raft = running.raft.clone();
    raft.add_learner(2, silent, false).await.unwrap();
    // From here on each change needs one that does not answer.
    let widening = tokio::spawn(async move {
        let voter = ChangeMembers::AddVoterIds(BTreeSet::from([2]));
        raft.change_membership(voter, true).await
    });
    until(&running, |metrics| {
        metrics.membership_config.voter_ids().any(|id| id == 2)
    })
    .await;
    let before = running.metrics().last_log_index;
    let same = Arc::clone(&running);
    let writing = tokio::spawn(async move { same.write(Change::AllocateId).await });
    until(&running, |metrics| metrics.last_log_index > before).await;
    assert!(running.leads());
    let vote = Vote::new_committed(9, 2);
    let installed = running.raft.install_full_snapshot(vote, snapshot(&running));
    installed.await.unwrap();
    let written = tokio::time::timeout(DEADLINE, writing).await;
    let refusal = written.expect("somebody answers").unwrap().unwrap_err();
    assert_eq!(refusal.message(), "another controller leads");
    assert_eq!(running.leader(), Some(2));
    widening.abort();
    let _ = running.raft.shutdown().await;
}

/// Scenario: the core of a leader's Raft answers nobody for longer than its quorum may be silent; then it does.
/// Guarantees: until then it does not count as a leader, whatever it said last, and names none; then it does again.
#[tokio::test(start_paused = true)]
async fn a_leader_whose_core_is_held_up_does_not_lead() {
    let folder = TempDir::new().unwrap();
    let running = leading(&folder).await;
    assert_eq!(running.leader(), Some(1));
    tokio::time::advance(running.pulse.patience() + Duration::from_millis(1)).await;
    assert!(!running.leads() && !running.is_current());
    assert_eq!(running.leader(), None);
    assert!(running.require_leader().is_err());
    assert!(running.is_alive().await);
    assert!(running.leads() && running.is_current());
    let _ = running.raft.shutdown().await;
}
