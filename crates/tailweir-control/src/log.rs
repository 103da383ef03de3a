//! The log of Raft in one file, and all of it in memory: between two snapshots it has some hundred entries.
//!
//! Each call appends records. Votes and entries are on the disk before anybody hears of them; how far the log is
//! committed is a hint and is not waited for. A write that a crash tore is cut off at the next start, because nobody has
//! heard of it. Damage before the end refuses the start: to cut there would take back what others count on.

use crate::codec;
use crate::disk::{Disk, Tail, beside};
use crate::frame::{self, Found};
use crate::raft::{Entry, LogId, StorageError, Types};
use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{LogState, OptionalSend, RaftLogReader, StorageIOError, Vote};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::ops::RangeBounds;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Name of the file in the data directory.
pub(crate) const FILE: &str = "log";
/// The file is written anew when it is this much larger than what it was last written anew with.
const GARBAGE_BYTES_MAX: u64 = 1 << 20;

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
    #[error("{path} cannot be read at byte {at}: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Where.
        at: usize,
        /// Why.
        reason: String,
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

/// What the file is made of. Variants are only ever appended.
#[derive(Debug, Serialize, Deserialize)]
enum Record {
    Vote(Vote<u64>),
    Committed(Option<LogId>),
    Entry(Entry),
    /// This entry and all behind it never were.
    TruncateFrom(u64),
    /// A snapshot holds this entry and all before it.
    PurgeTo(LogId),
}

/// What the records come to.
#[derive(Debug, Default)]
struct Content {
    vote: Option<Vote<u64>>,
    committed: Option<LogId>,
    purged: Option<LogId>,
    entries: BTreeMap<u64, Entry>,
}

impl Content {
    fn apply(&mut self, record: Record) {
        match record {
            Record::Vote(vote) => self.vote = Some(vote),
            Record::Committed(committed) => self.committed = committed,
            Record::Entry(entry) => drop(self.entries.insert(entry.log_id.index, entry)),
            Record::TruncateFrom(first) => drop(self.entries.split_off(&first)),
            Record::PurgeTo(last) => {
                self.entries = self.entries.split_off(&(last.index + 1));
                self.purged = Some(last);
            }
        }
    }

    /// The fewest records that come to the same.
    fn records(&self) -> impl Iterator<Item = Record> {
        let vote = self.vote.map(Record::Vote);
        let purged = self.purged.map(Record::PurgeTo);
        let entries = self.entries.values().cloned().map(Record::Entry);
        let committed = Record::Committed(self.committed);
        vote.into_iter()
            .chain(purged)
            .chain(entries)
            .chain([committed])
    }
}

#[derive(Debug)]
struct Open {
    disk: Arc<dyn Disk>,
    file: Box<dyn Tail>,
    bytes: u64,
    /// How long it was when it was last written anew.
    compact_bytes: u64,
    /// A write failed, so what the file ends with is unknown. Nothing is written behind it.
    is_broken: bool,
    content: Content,
}

/// The log. Clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct FileLog {
    open: Arc<Mutex<Open>>,
    disk: Arc<dyn Disk>,
}

impl FileLog {
    /// Opens the log of a data directory, or begins one.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    pub(crate) fn open(disk: Arc<dyn Disk>) -> Result<Self, LogError> {
        let path = disk.place().join(FILE);
        let failed = |error| LogError::Io {
            path: path.clone(),
            error,
        };
        let bytes = disk.read(FILE).map_err(failed)?.unwrap_or_default();
        let (content, end) = replay(&path, &bytes)?;
        let open = Open {
            disk: Arc::clone(&disk),
            file: disk.open(FILE, end as u64).map_err(failed)?,
            bytes: end as u64,
            compact_bytes: end as u64,
            is_broken: false,
            content,
        };
        let open = Arc::new(Mutex::new(open));
        Ok(Self { open, disk })
    }

    /// How many bytes the file has.
    pub(crate) fn bytes(&self) -> u64 {
        self.open.lock().bytes
    }

    /// Writes records and waits for the disk, beside the runtime's workers.
    async fn write(&self, records: Vec<Record>) -> Result<(), StorageError> {
        let open = Arc::clone(&self.open);
        let written = beside(&self.disk, move |_| open.lock().write(records, true));
        written.await.map_err(failed)
    }
}

fn failed(error: io::Error) -> StorageError {
    StorageIOError::write_logs(&error).into()
}

/// What a file comes to, and where its last whole record ends.
fn replay(path: &Path, bytes: &[u8]) -> Result<(Content, usize), LogError> {
    let (mut content, mut at) = (Content::default(), 0);
    loop {
        match frame::read(bytes, at) {
            Found::End => return Ok((content, at)),
            Found::Record { record, end } => {
                let record = codec::decode(record).map_err(|reason| LogError::Unreadable {
                    path: path.to_owned(),
                    at,
                    reason: reason.to_string(),
                })?;
                content.apply(record);
                at = end;
            }
            Found::Broken if frame::any_behind(bytes, at) => {
                let path = path.to_owned();
                return Err(LogError::Damaged { path, at });
            }
            Found::Broken => {
                tracing::warn!(path = %path.display(), at, "the end of the log was torn and is cut off");
                return Ok((content, at));
            }
        }
    }
}

impl Open {
    fn write(&mut self, records: Vec<Record>, sync: bool) -> io::Result<()> {
        let mut bytes = Vec::new();
        for record in &records {
            frame::write(record, &mut bytes).map_err(io::Error::other)?;
        }
        if self.is_broken {
            return Err(io::Error::other("an earlier write to the log failed"));
        }
        self.is_broken = true;
        self.file.write(&bytes)?;
        if sync {
            self.file.sync()?;
        }
        self.bytes += bytes.len() as u64;
        records
            .into_iter()
            .for_each(|record| self.content.apply(record));
        if self.bytes > 4 * self.compact_bytes + GARBAGE_BYTES_MAX {
            self.compact()?;
        }
        self.is_broken = false;
        Ok(())
    }

    /// Writes the file anew, without what no longer counts.
    fn compact(&mut self) -> io::Result<()> {
        let mut bytes = Vec::new();
        for record in self.content.records() {
            frame::write(&record, &mut bytes).map_err(io::Error::other)?;
        }
        self.disk.replace(FILE, &bytes)?;
        self.bytes = bytes.len() as u64;
        self.file = self.disk.open(FILE, self.bytes)?;
        self.compact_bytes = self.bytes;
        Ok(())
    }
}

impl RaftLogReader<Types> for FileLog {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, StorageError> {
        let open = self.open.lock();
        let entries = open.content.entries.range(range);
        Ok(entries.map(|(_, entry)| entry.clone()).collect())
    }
}

impl RaftLogStorage<Types> for FileLog {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, StorageError> {
        let content = &self.open.lock().content;
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
        Ok(self.open.lock().content.vote)
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), StorageError> {
        let record = Record::Committed(committed);
        self.open.lock().write(vec![record], false).map_err(failed)
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, StorageError> {
        Ok(self.open.lock().content.committed)
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

    async fn purge(&mut self, last: LogId) -> Result<(), StorageError> {
        self.write(vec![Record::PurgeTo(last)]).await
    }
}

#[cfg(test)]
mod tests;
