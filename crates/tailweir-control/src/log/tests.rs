//! The log against Raft's own suite, torn ends, damage, snapshots that are not there, and disks that hang.

mod hanging;

use super::{FILE, FileLog, LogError, MESSAGE_BYTES_MAX};
use crate::change::Change;
use crate::disk::Folder;
use crate::machine::Machine;
use crate::raft::{Entry, LogId, StorageError, Types};
use crate::reach::Reach;
use openraft::storage::RaftLogStorage;
use openraft::testing::{StoreBuilder, Suite};
use openraft::{CommittedLeaderId, EntryPayload, RaftLogReader, Vote};
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use tokio::sync::watch;

/// A snapshot up to this entry.
fn reach(index: u64) -> Reach {
    Reach {
        last: Some(entry(index).log_id),
        is_broken: false,
    }
}

/// A log beside a snapshot that has everything.
fn open(folder: &Path) -> Result<FileLog, LogError> {
    let everything = watch::Sender::new(reach(u64::MAX));
    FileLog::open(Folder::at(folder), everything.subscribe())
}

struct Stores;

impl StoreBuilder<Types, FileLog, Machine, TempDir> for Stores {
    async fn build(&self) -> Result<(TempDir, FileLog, Machine), StorageError> {
        let folder = TempDir::new().unwrap();
        // The suite purges without snapshots, as Raft does not.
        let log = open(folder.path()).unwrap();
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
    let mut log = open(folder)?;
    let entries = log.try_get_log_entries(0..100).await.unwrap();
    let indexes = entries.iter().map(|entry| entry.log_id.index).collect();
    Ok((log.read_vote().await.unwrap(), indexes))
}

/// Writes a vote, five entries, and a vote again.
async fn write(folder: &Path) -> Vec<u8> {
    let mut log = open(folder).unwrap();
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
        let mut log = open(folder.path()).unwrap();
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
        let mut log = open(folder.path()).unwrap();
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
    let mut log = open(folder.path()).unwrap();
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

/// A policy of 64 KiB.
fn large(index: u64) -> Entry {
    Entry {
        payload: EntryPayload::Normal(Change::Policies("x".repeat(64 << 10))),
        ..entry(index)
    }
}

/// Scenario: a process starts sixty times, and each time writes an entry, purges the one before, and ends.
/// Guarantees: the file stays small, though no single process wrote much.
#[tokio::test]
async fn a_file_of_many_short_lives_stays_small() {
    let folder = TempDir::new().unwrap();
    for index in 0..60 {
        let mut log = open(folder.path()).unwrap();
        log.write(vec![super::Record::Entry(large(index))])
            .await
            .unwrap();
        if index > 0 {
            log.purge(entry(index - 1).log_id).await.unwrap();
        }
        assert!(log.bytes() < 2 << 20, "{} bytes", log.bytes());
    }
    assert_eq!(content(folder.path()).await.unwrap().1, [59]);
}

/// A file as another version would have written it.
fn of_version(version: u8, bytes: &[u8]) -> Vec<u8> {
    let (mut other, mut at) = (bytes.to_vec(), 0);
    while let Some(head) = bytes[at..].first_chunk::<4>() {
        let begin = at + 8;
        let end = begin + u32::from_le_bytes(*head) as usize;
        other[begin] = version;
        let checksum = crc32fast::hash(&other[begin..end]);
        other[at + 4..begin].copy_from_slice(&checksum.to_le_bytes());
        at = end;
    }
    other
}

/// Scenario: a log is of another version, whole or from some record on, as after an upgrade or on the way back from one.
/// Guarantees: it is refused, says which version it has and what to do, and no byte of it changes.
#[tokio::test]
async fn a_log_of_another_version_is_left_as_it_is() {
    let folder = TempDir::new().unwrap();
    let own = write(folder.path()).await;
    let path = folder.path().join(FILE);
    let other = of_version(9, &own);
    for file in [other.clone(), [&own[..], &other[..]].concat()] {
        fs::write(&path, &file).unwrap();
        let error = content(folder.path()).await.unwrap_err();
        assert!(matches!(error, LogError::Unreadable { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("version 9"), "{text}");
        assert!(text.contains("start the version that wrote it"), "{text}");
        assert_eq!(fs::read(&path).unwrap(), file);
    }
}

/// Scenario: entries are purged because a snapshot is on its way to the disk; the process dies before it is there, and then it comes.
/// Guarantees: until then every entry is in the file; when it cannot be stored, the purge fails.
#[tokio::test]
async fn what_is_purged_waits_for_its_snapshot() {
    let folder = TempDir::new().unwrap();
    write(folder.path()).await;
    let snapshot = watch::Sender::new(reach(1));
    let beside_it = || FileLog::open(Folder::at(folder.path()), snapshot.subscribe()).unwrap();
    let mut log = beside_it();
    let before = log.bytes();
    tokio::select! {
        biased;
        purged = log.purge(entry(3).log_id) => panic!("{purged:?} without a snapshot"),
        () = tokio::task::yield_now() => {}
    }
    assert_eq!(log.bytes(), before);
    let mut log = beside_it();
    assert_eq!(log.try_get_log_entries(0..9).await.unwrap().len(), 5);
    let purging = tokio::spawn(async move { log.purge(entry(3).log_id).await });
    snapshot.send_replace(reach(3));
    purging.await.unwrap().unwrap();
    let mut log = beside_it();
    assert_eq!(log.try_get_log_entries(0..9).await.unwrap().len(), 1);
    snapshot.send_modify(|reach| reach.is_broken = true);
    log.purge(entry(4).log_id).await.unwrap_err();
}

/// Scenario: entries were purged, and the snapshot beside the log is gone, or an older one.
/// Guarantees: the log refuses to open and says what to do; with the right one it opens.
#[tokio::test]
async fn a_log_without_its_snapshot_is_refused() {
    let folder = TempDir::new().unwrap();
    write(folder.path()).await;
    let mut log = open(folder.path()).unwrap();
    log.purge(entry(3).log_id).await.unwrap();
    for known in [Reach::default(), reach(2)] {
        let snapshot = watch::Sender::new(known);
        let opened = FileLog::open(Folder::at(folder.path()), snapshot.subscribe());
        let error = opened.unwrap_err();
        assert!(matches!(error, LogError::NoSnapshot { purged: 3, .. }));
        assert!(error.to_string().contains("joins as a new one"), "{error}");
    }
    let snapshot = watch::Sender::new(reach(3));
    FileLog::open(Folder::at(folder.path()), snapshot.subscribe()).unwrap();
}

/// Scenario: a follower needs forty entries of 64 KiB, and one that is larger than a message is to be.
/// Guarantees: they are read in parts that a message can have, without a gap, and the large one alone.
#[tokio::test]
async fn entries_are_read_for_one_message_at_a_time() {
    let folder = TempDir::new().unwrap();
    let mut log = open(folder.path()).unwrap();
    let huge = Entry {
        payload: EntryPayload::Normal(Change::Policies("x".repeat(2 * MESSAGE_BYTES_MAX))),
        ..entry(40)
    };
    let entries = (0..40).map(large).chain([huge]);
    log.write(entries.map(super::Record::Entry).collect())
        .await
        .unwrap();
    let (mut parts, mut next) = (Vec::new(), 0);
    while next <= 40 {
        let part = log.limited_get_log_entries(next, 41).await.unwrap();
        let indexes: Vec<u64> = part.iter().map(|entry| entry.log_id.index).collect();
        let expected: Vec<u64> = (next..).take(part.len()).collect();
        assert_eq!(indexes, expected);
        assert!(part.len() <= MESSAGE_BYTES_MAX / (64 << 10));
        next += part.len() as u64;
        parts.push(part.len());
    }
    assert!(parts.len() > 3, "{parts:?}");
    assert_eq!(parts.last(), Some(&1));
}
