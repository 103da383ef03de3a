//! Who reads, and who does not wait, while the disk hangs.

use super::{entry, large, reach, write};
use crate::disk::{Claim, Disk, Folder, Tail, Work};
use crate::log::{FileLog, Record};
use crate::raft::LogId;
use openraft::storage::RaftLogStorage;
use openraft::{CommittedLeaderId, RaftLogReader, Vote};
use parking_lot::Mutex;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc as blocking;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};

/// It hangs no longer than this, and fails then, so that a test that has to wait for it ends, and fails.
const LONGEST: Duration = Duration::from_secs(30);

/// A disk that says when something is to be safe on it, and hangs until it may go on.
#[derive(Debug)]
struct Hanging {
    below: Arc<dyn Disk>,
    gate: Arc<Gate>,
}

#[derive(Debug)]
struct Gate {
    reached: mpsc::Sender<()>,
    passes: Mutex<blocking::Receiver<()>>,
}

impl Gate {
    fn pass(&self) -> io::Result<()> {
        self.reached.try_send(()).map_err(io::Error::other)?;
        let passed = self.passes.lock().recv_timeout(LONGEST);
        passed.map_err(io::Error::other)
    }
}

impl Disk for Hanging {
    fn place(&self) -> PathBuf {
        self.below.place()
    }

    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.below.read(name)
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.gate.pass()?;
        self.below.replace(name, bytes)
    }

    fn open(&self, name: &str, length: u64) -> io::Result<Box<dyn Tail>> {
        let below = self.below.open(name, length)?;
        let gate = Arc::clone(&self.gate);
        Ok(Box::new(HangingTail { below, gate }))
    }

    fn claim(&self) -> io::Result<Option<Box<dyn Claim>>> {
        self.below.claim()
    }

    fn beside(&self, work: Work) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.below.beside(work)
    }
}

#[derive(Debug)]
struct HangingTail {
    below: Box<dyn Tail>,
    gate: Arc<Gate>,
}

impl Tail for HangingTail {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.below.write(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.gate.pass()?;
        self.below.sync()
    }
}

/// A log on such a disk; what tells when it hangs, and what lets it go on.
fn open(folder: &Path) -> (FileLog, mpsc::Receiver<()>, blocking::Sender<()>) {
    let (reached, reaches) = mpsc::channel(8);
    let (let_pass, passes) = blocking::channel();
    let gate = Gate {
        reached,
        passes: Mutex::new(passes),
    };
    let disk = Hanging {
        below: Folder::at(folder),
        gate: Arc::new(gate),
    };
    let everything = watch::Sender::new(reach(u64::MAX));
    let log = FileLog::open(Arc::new(disk), everything.subscribe()).unwrap();
    (log, reaches, let_pass)
}

/// Scenario: a log of five entries hangs while twenty large ones are to be safe on the disk, and again while its file is written anew.
/// Guarantees: who reads does not wait, and finds exactly what is safe on the disk: the five, and then all of them.
#[tokio::test]
async fn who_reads_does_not_wait_for_the_disk() {
    let folder = TempDir::new().unwrap();
    write(folder.path()).await;
    let (mut log, mut reaches, let_pass) = open(folder.path());
    let same = log.clone();
    let entries = (5..25).map(|index| Record::Entry(large(index))).collect();
    let writing = tokio::spawn(async move { same.write(entries).await });
    for last in [4, 24] {
        let reached = tokio::time::timeout(LONGEST, reaches.recv()).await;
        assert_eq!(reached.expect("it hangs"), Some(()));
        let state = log.get_log_state().await.unwrap();
        assert_eq!(state.last_log_id, Some(entry(last).log_id));
        let all = log.try_get_log_entries(0..100).await.unwrap();
        assert_eq!(all.len() as u64, last + 1);
        let first = log.limited_get_log_entries(0, 1).await.unwrap();
        assert_eq!(first.len(), 1);
        assert_eq!(log.read_vote().await.unwrap(), Some(Vote::new(2, 2)));
        assert_eq!(log.read_committed().await.unwrap(), None);
        assert!(log.has_vote());
        let_pass.send(()).unwrap();
    }
    writing.await.unwrap().unwrap();
}

/// Scenario: it is noted so often how far the log is committed that its file has to be written anew; the disk hangs.
/// Guarantees: who notes it does not wait; the file is written anew with the next vote, for which somebody waits in any case.
#[tokio::test]
async fn who_notes_what_is_committed_does_not_wait_for_the_disk() {
    let folder = TempDir::new().unwrap();
    let (mut log, mut reaches, let_pass) = open(folder.path());
    // The longest that there is.
    let committed = LogId::new(CommittedLeaderId::new(u64::MAX, u64::MAX), u64::MAX);
    while log.bytes() < 3 << 19 {
        log.save_committed(Some(committed)).await.unwrap();
    }
    assert!(reaches.try_recv().is_err());
    for _ in 0..2 {
        let_pass.send(()).unwrap();
    }
    log.save_vote(&Vote::new(1, 1)).await.unwrap();
    assert!(log.bytes() < 1 << 10, "{} bytes", log.bytes());
    assert_eq!(log.read_committed().await.unwrap(), Some(committed));
}
