//! The log of Raft in one file, and all of it in memory: between two snapshots it has some hundred entries.
//!
//! Each call appends records. Votes and entries are on the disk before anybody hears of them; how far the log is
//! committed is a hint and is not waited for. Who reads finds what is written, and never waits for a write: Raft's tasks read on the
//! workers of the runtime, which a disk that hangs must not take. A write that a crash tore is cut off at the next start, because nobody has
//! heard of it. Damage before the end refuses the start, and so does a record of another version: to cut there would take back what
//! others count on. What is purged stays until a snapshot on the disk stands for it.

mod content;
mod writer;

use crate::codec;
use crate::disk::{Disk, beside};
use crate::raft::{Entry, LogId, StorageError, Types};
use crate::reach::Reach;
use content::{Content, Record};
use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{LogState, OptionalSend, RaftLogReader, StorageIOError, Vote};
use parking_lot::Mutex;
use std::fmt::Debug;
use std::io;
use std::ops::RangeBounds;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;
use writer::Writer;

/// Name of the file in the data directory.
pub(crate) const FILE: &str = "log";
/// Most bytes of entries that go into one message, unless a single one has more: it has to pass within a heartbeat.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// A log that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Bytes in the middle of the file are not what was written.
    #[error(
        "{path} is damaged at byte {at}, with whole records behind it; a controller must not forget what it agreed to: \
         empty its data directory, and it joins as a new one"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        at: usize,
    },
    /// A record of another version.
    #[error(
        "{path} cannot be read at byte {at}: {reason}; it is left as it is: start the version that wrote it, or empty the data \
         directory, and the controller joins as a new one"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Where.
        at: usize,
        /// Why.
        reason: String,
    },
    /// What was purged is not in the snapshot beside the log.
    #[error(
        "{path} has let entries go up to {purged}, and no snapshot beside it has them; restore it, or empty the data directory, and \
         the controller joins as a new one"
    )]
    NoSnapshot {
        /// The file.
        path: PathBuf,
        /// The last of them.
        purged: u64,
    },
    /// The file system refuses.
    #[error("{path} cannot be opened")]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        #[source]
        error: io::Error,
    },
}

/// The log. Clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct FileLog {
    /// Held while a write waits for the disk.
    writer: Arc<Mutex<Writer>>,
    /// What is written. Held for no longer than it takes to look.
    content: Arc<Mutex<Content>>,
    /// How many bytes the file has.
    bytes: Arc<AtomicU64>,
    disk: Arc<dyn Disk>,
    /// How far the snapshot beside it reaches.
    reach: watch::Receiver<Reach>,
}

impl FileLog {
    /// Opens the log of a data directory, or begins one.
    ///
    /// # Errors
    /// When it cannot be read, is damaged, or needs more than the snapshot beside it has.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        reach: watch::Receiver<Reach>,
    ) -> Result<Self, LogError> {
        let path = disk.place().join(FILE);
        let failed = |error| LogError::Io {
            path: path.clone(),
            error,
        };
        let bytes = disk.read(FILE).map_err(failed)?.unwrap_or_default();
        let (content, end) = Content::replay(&path, &bytes)?;
        let covered = *reach.borrow();
        if let Some(purged) = content.purged.filter(|last| !covered.covers(last.index)) {
            let purged = purged.index;
            return Err(LogError::NoSnapshot { path, purged });
        }
        let content = Arc::new(Mutex::new(content));
        let writer = Writer::open(Arc::clone(&disk), end as u64, Arc::clone(&content));
        let writer = writer.map_err(failed)?;
        Ok(Self {
            bytes: Arc::new(AtomicU64::new(writer.bytes())),
            writer: Arc::new(Mutex::new(writer)),
            content,
            disk,
            reach,
        })
    }

    /// Whether it knows of a vote. What a controller has in a snapshot comes after its first one.
    pub(crate) fn has_vote(&self) -> bool {
        self.content.lock().vote.is_some()
    }

    /// How many bytes the file has.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Writes records and waits for the disk, beside the runtime's workers.
    async fn write(&self, records: Vec<Record>) -> Result<(), StorageError> {
        let log = self.clone();
        let written = beside(&self.disk, move |_| log.write_here(records, true));
        written.await.map_err(failed)
    }

    fn write_here(&self, records: Vec<Record>, sync: bool) -> io::Result<()> {
        let mut writer = self.writer.lock();
        let written = writer.write(records, sync);
        self.bytes.store(writer.bytes(), Ordering::Relaxed);
        written
    }
}

fn failed(error: io::Error) -> StorageError {
    StorageIOError::write_logs(&error).into()
}

fn unreadable(error: codec::Malformed) -> StorageError {
    StorageIOError::read_logs(&io::Error::other(error)).into()
}

impl RaftLogReader<Types> for FileLog {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, StorageError> {
        let content = self.content.lock();
        let entries = content.entries.range(range);
        Ok(entries.map(|(_, entry)| entry.clone()).collect())
    }

    /// The first of these entries, as many as one message may have.
    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry>, StorageError> {
        let content = self.content.lock();
        let (mut entries, mut bytes) = (Vec::new(), 0);
        for (_, entry) in content.entries.range(start..end) {
            bytes += codec::encode(entry).map_err(unreadable)?.len();
            if bytes > MESSAGE_BYTES_MAX && !entries.is_empty() {
                break;
            }
            entries.push(entry.clone());
        }
        Ok(entries)
    }
}

impl RaftLogStorage<Types> for FileLog {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, StorageError> {
        let content = self.content.lock();
        let last = content
            .entries
            .values()
            .next_back()
            .map(|entry| entry.log_id);
        Ok(LogState {
            last_purged_log_id: content.purged,
            last_log_id: last.or(content.purged),
        })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<u64>) -> Result<(), StorageError> {
        self.write(vec![Record::Vote(*vote)]).await
    }

    async fn read_vote(&mut self) -> Result<Option<Vote<u64>>, StorageError> {
        Ok(self.content.lock().vote)
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), StorageError> {
        let record = Record::Committed(committed);
        self.write_here(vec![record], false).map_err(failed)
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, StorageError> {
        Ok(self.content.lock().committed)
    }

    async fn append<I>(
        &mut self,
        entries: I,
        callback: LogFlushed<Types>,
    ) -> Result<(), StorageError>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let records = entries.into_iter().map(Record::Entry).collect();
        self.write(records).await?;
        callback.log_io_completed(Ok(()));
        Ok(())
    }

    async fn truncate(&mut self, first: LogId) -> Result<(), StorageError> {
        self.write(vec![Record::TruncateFrom(first.index)]).await
    }

    /// Waits for the snapshot that stands for what is purged. openraft installs a leader's snapshot and purges the log at the same time, and
    /// after a crash between the two, had the purge been first, the entries would be nowhere.
    async fn purge(&mut self, last: LogId) -> Result<(), StorageError> {
        let is_known = |reach: &Reach| reach.is_broken || reach.covers(last.index);
        let known = self.reach.wait_for(is_known).await.map(|reach| *reach);
        if !known.is_ok_and(|reach| reach.covers(last.index)) {
            let text = format!("there is no snapshot of the entries up to {}", last.index);
            return Err(failed(io::Error::other(text)));
        }
        self.write(vec![Record::PurgeTo(last)]).await
    }
}

#[cfg(test)]
mod tests;
