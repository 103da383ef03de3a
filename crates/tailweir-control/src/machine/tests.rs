//! Snapshots on the disk, and what happens when they do not get there.

use super::{FILE, Machine, Stored};
use crate::change::Change;
use crate::disk::{Claim, Disk, Folder, Tail, Work};
use crate::network::Network;
use crate::raft::{Entry, LogId, Peer, Raft, Types};
use crate::state::State;
use crate::store::Store;
use openraft::raft::AppendEntriesRequest;
use openraft::storage::RaftStateMachine;
use openraft::{
    CommittedLeaderId, Config, EntryPayload, Membership, Snapshot, SnapshotMeta, StoredMembership,
    Vote,
};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tailweir_link::{Identity, Link, Roles, Security};
use tempfile::TempDir;

/// A disk that has no room for a snapshot.
#[derive(Debug)]
struct Full(Arc<dyn Disk>);

impl Disk for Full {
    fn place(&self) -> PathBuf {
        self.0.place()
    }

    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.0.read(name)
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        match name {
            FILE => Err(io::ErrorKind::StorageFull.into()),
            _ => self.0.replace(name, bytes),
        }
    }

    fn open(&self, name: &str, length: u64) -> io::Result<Box<dyn Tail>> {
        self.0.open(name, length)
    }

    fn claim(&self) -> io::Result<Option<Box<dyn Claim>>> {
        self.0.claim()
    }

    fn beside(&self, work: Work) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.0.beside(work)
    }
}

fn id(index: u64) -> LogId {
    LogId::new(CommittedLeaderId::new(1, 1), index)
}

/// Two controllers, one of which leads.
fn membership() -> Membership<u64, Peer> {
    let peers = BTreeMap::from([(1, Peer::default()), (2, Peer::default())]);
    Membership::new(vec![BTreeSet::from([1, 2])], peers)
}

/// The first entries of a log.
fn entries() -> Vec<Entry> {
    let first = Entry {
        log_id: id(0),
        payload: EntryPayload::Membership(membership()),
    };
    let policies = |index| Entry {
        log_id: id(index),
        payload: EntryPayload::Normal(Change::Policies(format!("policies {index}"))),
    };
    [first].into_iter().chain((1..=3).map(policies)).collect()
}

/// What a snapshot up to an entry is sent with.
fn meta(index: u64) -> SnapshotMeta<u64, Peer> {
    SnapshotMeta {
        last_log_id: Some(id(index)),
        last_membership: StoredMembership::new(Some(id(0)), membership()),
        snapshot_id: index.to_string(),
    }
}

fn stored(index: u64) -> Stored {
    Stored {
        meta: meta(index),
        state: State::default().encode(),
    }
}

/// The second of them, on an empty disk or one that it had. It does nothing of its own accord.
async fn follower(disk: &Arc<dyn Disk>, has_identity: bool) -> Raft {
    let Store { log, machine } = Store::open(disk, has_identity).unwrap();
    let config = Config {
        enable_tick: false,
        ..Config::default()
    };
    let identity = Identity::new("test", Roles::CONTROLLER, "controller").unwrap();
    let link = Link::new(identity, &Security::Insecure).unwrap();
    let config = Arc::new(config.validate().unwrap());
    let raft = Raft::new(2, config, Network(link), log, machine).await;
    raft.unwrap()
}

/// Waits until it has applied an entry.
async fn applied(raft: &Raft, index: u64) {
    let mut metrics = raft.metrics();
    let applied = metrics.wait_for(|metrics| metrics.last_applied == Some(id(index)));
    let applied = tokio::time::timeout(Duration::from_secs(10), applied).await;
    assert!(applied.expect("it is applied").is_ok());
}

/// Scenario: a follower is sent a snapshot, and its disk has no room for it; the process ends, and starts again with room.
/// Guarantees: what the snapshot was to stand for was not let go: it starts with what it had, and takes the snapshot then.
#[tokio::test]
async fn a_snapshot_that_cannot_be_stored_takes_nothing_away() {
    let folder = TempDir::new().unwrap();
    let disk = Folder::at(folder.path());
    let full: Arc<dyn Disk> = Arc::new(Full(Arc::clone(&disk)));
    let vote = Vote::new_committed(1, 1);
    let sent = || -> Snapshot<Types> {
        Snapshot {
            meta: meta(9),
            snapshot: Box::new(stored(9).state),
        }
    };
    let raft = follower(&full, false).await;
    let request: AppendEntriesRequest<Types> = AppendEntriesRequest {
        vote,
        prev_log_id: None,
        entries: entries(),
        leader_commit: Some(id(3)),
    };
    raft.append_entries(request).await.unwrap();
    applied(&raft, 3).await;
    raft.install_full_snapshot(vote, sent()).await.unwrap_err();
    raft.shutdown().await.unwrap();
    let raft = follower(&disk, true).await;
    applied(&raft, 3).await;
    raft.install_full_snapshot(vote, sent()).await.unwrap();
    applied(&raft, 9).await;
    raft.shutdown().await.unwrap();
    let raft = follower(&disk, true).await;
    applied(&raft, 9).await;
    raft.shutdown().await.unwrap();
}

/// Scenario: a snapshot of this process is written only after a newer one that a leader sent.
/// Guarantees: the newer one stays on the disk, whose log was purged by it.
#[tokio::test]
async fn an_older_snapshot_does_not_take_the_place_of_a_newer_one() {
    let folder = TempDir::new().unwrap();
    let disk = Folder::at(folder.path());
    let mut machine = Machine::open(Arc::clone(&disk)).unwrap();
    let state = Box::new(stored(9).state);
    machine.install_snapshot(&meta(9), state).await.unwrap();
    machine.store(&stored(3)).await.unwrap();
    assert_eq!(machine.reach().borrow().last, Some(id(9)));
    let mut again = Machine::open(disk).unwrap();
    assert_eq!(again.applied_state().await.unwrap().0, Some(id(9)));
    assert_eq!(again.reach().borrow().last, Some(id(9)));
}

/// Scenario: a leader sends what is no snapshot of this version.
/// Guarantees: the one on the disk stays, and the log hears that the other does not come.
#[tokio::test]
async fn what_is_no_snapshot_does_not_take_the_place_of_one() {
    let folder = TempDir::new().unwrap();
    let disk = Folder::at(folder.path());
    let mut machine = Machine::open(Arc::clone(&disk)).unwrap();
    machine.store(&stored(3)).await.unwrap();
    let noise = Box::new(vec![0xff; 8]);
    machine.install_snapshot(&meta(9), noise).await.unwrap_err();
    let reach = *machine.reach().borrow();
    assert_eq!((reach.last, reach.is_broken), (Some(id(3)), true));
    let mut again = Machine::open(disk).unwrap();
    assert_eq!(again.applied_state().await.unwrap().0, Some(id(3)));
}
