//! The log against Raft's own suite, torn ends and damage.

use super::{FILE, FileLog, LogError};
use crate::change::Change;
use crate::disk::Folder;
use crate::machine::Machine;
use crate::raft::{Entry, LogId, StorageError, Types};
use openraft::storage::RaftLogStorage;
use openraft::testing::{StoreBuilder, Suite};
use openraft::{CommittedLeaderId, EntryPayload, RaftLogReader, Vote};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

struct Stores;

impl StoreBuilder<Types, FileLog, Machine, TempDir> for Stores {
    async fn build(&self) -> Result<(TempDir, FileLog, Machine), StorageError> {
        let folder = TempDir::new().unwrap();
        let log = FileLog::open(Folder::at(folder.path())).unwrap();
        let machine = Machine::open(Folder::at(folder.path())).unwrap();
        Ok((folder, log, machine))
    }
}

/// Scenario: the test suite that openraft has for stores.
/// Guarantees: log and state machine do what Raft relies on.
#[test]
fn the_store_does_what_raft_relies_on() {
    Suite::test_all(Stores).unwrap();
}

fn entry(index: u64) -> Entry {
    Entry {
        log_id: LogId::new(CommittedLeaderId::new(1, 1), index),
        payload: EntryPayload::Normal(Change::Remove(format!("sampler-{index}"))),
    }
}

/// What a log holds: its vote, and the numbers of its entries.
async fn content(folder: &Path) -> Result<(Option<Vote<u64>>, Vec<u64>), LogError> {
    let mut log = FileLog::open(Folder::at(folder))?;
    let entries = log.try_get_log_entries(0..100).await.unwrap();
    let indexes = entries.iter().map(|entry| entry.log_id.index).collect();
    Ok((log.read_vote().await.unwrap(), indexes))
}

/// Writes a vote, five entries, and a vote again.
async fn write(folder: &Path) -> Vec<u8> {
    let mut log = FileLog::open(Folder::at(folder)).unwrap();
    log.save_vote(&Vote::new(1, 1)).await.unwrap();
    for index in 0..5 {
        log.write(vec![super::Record::Entry(entry(index))])
            .await
            .unwrap();
    }
    log.save_vote(&Vote::new(2, 2)).await.unwrap();
    fs::read(folder.join(FILE)).unwrap()
}

/// Scenario: a crash cuts the file at each of its bytes, or leaves zeros where the end was to be.
/// Guarantees: the log opens, holds a beginning of what was written, loses nothing that was whole before the cut, and can
/// be written on.
#[tokio::test]
async fn a_torn_end_is_cut_off_wherever_it_is() {
    let folder = TempDir::new().unwrap();
    let bytes = write(folder.path()).await;
    let path = folder.path().join(FILE);
    let mut most = 0;
    for cut in 0..=bytes.len() {
        fs::write(&path, &bytes[..cut]).unwrap();
        let (vote, entries) = content(folder.path()).await.unwrap();
        let expected: Vec<u64> = (0..entries.len() as u64).collect();
        assert_eq!(entries, expected, "cut at {cut}");
        assert!(entries.len() >= most, "an entry before {cut} is gone");
        most = entries.len();
        assert!(entries.is_empty() || vote.is_some());
        fs::write(&path, [&bytes[..cut], &[0; 64]].concat()).unwrap();
        // Zeros may happen to be what was cut.
        let (_, padded) = content(folder.path()).await.unwrap();
        assert!(padded.starts_with(&entries), "cut at {cut}");
        let mut log = FileLog::open(Folder::at(folder.path())).unwrap();
        log.save_vote(&Vote::new(9, 9)).await.unwrap();
        let (vote, _) = content(folder.path()).await.unwrap();
        assert_eq!(vote, Some(Vote::new(9, 9)));
    }
    assert_eq!(most, 5);
}

/// Scenario: one byte anywhere before the last record is another.
/// Guarantees: the log refuses to open, and says where and what to do.
#[tokio::test]
async fn damage_before_the_end_refuses_the_start() {
    let folder = TempDir::new().unwrap();
    let bytes = write(folder.path()).await;
    let path = folder.path().join(FILE);
    let last = {
        let mut log = FileLog::open(Folder::at(folder.path())).unwrap();
        let before = log.bytes();
        log.save_vote(&Vote::new(3, 3)).await.unwrap();
        before as usize
    };
    let longer = fs::read(&path).unwrap();
    assert_eq!(bytes.len(), last);
    for at in 0..last {
        let mut damaged = longer.clone();
        damaged[at] ^= 0x55;
        fs::write(&path, damaged).unwrap();
        let error = content(folder.path()).await.unwrap_err();
        assert!(matches!(error, LogError::Damaged { .. }), "{at}: {error}");
        assert!(error.to_string().contains("joins as a new one"));
    }
}

/// Scenario: entries are truncated, purged, and so many written that the file is written anew.
/// Guarantees: what is read after a restart is what was there before it, and the file stays small.
#[tokio::test]
async fn what_no_longer_counts_leaves_the_file() {
    let folder = TempDir::new().unwrap();
    let mut log = FileLog::open(Folder::at(folder.path())).unwrap();
    log.save_vote(&Vote::new(1, 1)).await.unwrap();
    let text = "x".repeat(64 << 10);
    for index in 0..40 {
        let payload = EntryPayload::Normal(Change::Policies(text.clone()));
        let large = Entry {
            payload,
            ..entry(index)
        };
        log.write(vec![super::Record::Entry(large)]).await.unwrap();
        if index > 2 {
            log.purge(entry(index - 2).log_id).await.unwrap();
        }
    }
    log.truncate(entry(39).log_id).await.unwrap();
    assert!(log.bytes() < 2 << 20, "{} bytes", log.bytes());
    drop(log);
    let (vote, entries) = content(folder.path()).await.unwrap();
    assert_eq!((vote, entries), (Some(Vote::new(1, 1)), vec![38]));
}
