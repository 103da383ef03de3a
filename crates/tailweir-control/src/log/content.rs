//! What the file of a log is made of, and what that comes to.

use super::LogError;
use crate::codec;
use crate::frame::{self, Found};
use crate::raft::{Entry, LogId};
use openraft::Vote;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// What the file is made of. Variants are only ever appended.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Record {
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
pub(super) struct Content {
    pub(super) vote: Option<Vote<u64>>,
    pub(super) committed: Option<LogId>,
    pub(super) purged: Option<LogId>,
    pub(super) entries: BTreeMap<u64, Entry>,
}

impl Content {
    /// What a file comes to, and where its last whole record ends.
    ///
    /// # Errors
    /// When it is damaged, or of another version.
    pub(super) fn replay(path: &Path, bytes: &[u8]) -> Result<(Self, usize), LogError> {
        let (mut content, mut at) = (Self::default(), 0);
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

    pub(super) fn apply(&mut self, record: Record) {
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

    /// The file of these records.
    ///
    /// # Errors
    /// When one is too large.
    pub(super) fn encode(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        for record in self.records() {
            frame::write(&record, &mut bytes).map_err(io::Error::other)?;
        }
        Ok(bytes)
    }
}
