//! The state machine of Raft: applies the log to the [`State`], publishes it, and keeps the last snapshot in a file.

use crate::change::Answer;
use crate::codec;
use crate::disk::{Disk, beside};
use crate::frame::{self, Found};
use crate::raft::{Entry, LogId, Peer, StorageError, Types};
use crate::state::State;
use openraft::storage::RaftStateMachine;
use openraft::{
    EntryPayload, OptionalSend, RaftSnapshotBuilder, Snapshot, SnapshotMeta, StorageIOError,
    StoredMembership,
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::Arc;
use tokio::sync::watch;

/// Name of the file in the data directory.
pub(crate) const FILE: &str = "snapshot";

/// A snapshot as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stored {
    meta: SnapshotMeta<u64, Peer>,
    state: Vec<u8>,
}

#[derive(Debug)]
struct Applied {
    last: Option<LogId>,
    membership: StoredMembership<u64, Peer>,
    snapshot: Option<Stored>,
}

/// The state machine. Clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    disk: Arc<dyn Disk>,
    applied: Arc<Mutex<Applied>>,
    state: Arc<watch::Sender<State>>,
}

impl Machine {
    /// The state of the last snapshot in a data directory, or the first of all.
    ///
    /// # Errors
    /// When the snapshot cannot be read.
    pub(crate) fn open(disk: Arc<dyn Disk>) -> io::Result<Self> {
        let machine = Self {
            disk,
            applied: Arc::new(Mutex::new(Applied {
                last: None,
                membership: StoredMembership::default(),
                snapshot: None,
            })),
            state: Arc::new(watch::Sender::new(State::default())),
        };
        if let Some(bytes) = machine.disk.read(FILE)? {
            let path = machine.disk.place().join(FILE);
            let damaged = |reason: String| {
                let text = format!("{} is damaged: {reason}", path.display());
                io::Error::new(io::ErrorKind::InvalidData, text)
            };
            let Found::Record { record, end } = frame::read(&bytes, 0) else {
                return Err(damaged("it is no record".to_owned()));
            };
            if end != bytes.len() {
                return Err(damaged("something follows the record".to_owned()));
            }
            let stored: Stored =
                codec::decode(record).map_err(|error| damaged(error.to_string()))?;
            machine.restore(stored)?;
        }
        Ok(machine)
    }

    /// What is agreed on, whenever it changes.
    pub(crate) fn watch(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Takes the place of everything that was applied before.
    fn restore(&self, stored: Stored) -> io::Result<()> {
        let state = State::decode(&stored.state);
        let state =
            state.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
        let mut applied = self.applied.lock();
        applied.last = stored.meta.last_log_id;
        applied.membership = stored.meta.last_membership.clone();
        applied.snapshot = Some(stored);
        self.state.send_replace(state);
        Ok(())
    }

    /// Puts a snapshot on the disk, beside the runtime's workers.
    async fn store(&self, stored: &Stored) -> io::Result<()> {
        let mut bytes = Vec::new();
        frame::write(stored, &mut bytes).map_err(io::Error::other)?;
        beside(&self.disk, move |disk| disk.replace(FILE, &bytes)).await
    }

    fn apply_one(&self, entry: &Entry) -> Answer {
        let mut applied = self.applied.lock();
        applied.last = Some(entry.log_id);
        match &entry.payload {
            EntryPayload::Blank => Answer::Nothing,
            EntryPayload::Membership(membership) => {
                applied.membership = StoredMembership::new(Some(entry.log_id), membership.clone());
                Answer::Nothing
            }
            EntryPayload::Normal(change) => {
                let mut state = self.state.borrow().clone();
                let answer = state.apply(entry.log_id.index, change);
                self.state.send_if_modified(|known| {
                    let is_new = (known.formed, known.table.epoch(), known.revision())
                        != (state.formed, state.table.epoch(), state.revision());
                    if is_new {
                        *known = state;
                    }
                    is_new
                });
                answer
            }
        }
    }
}

impl State {
    /// The number of the newest policies; 0 before there are any.
    pub(crate) fn revision(&self) -> u64 {
        self.policies
            .as_ref()
            .map_or(0, |policies| policies.revision)
    }
}

fn failed(error: io::Error) -> StorageError {
    StorageIOError::write_snapshot(None, &error).into()
}

impl RaftSnapshotBuilder<Types> for Machine {
    async fn build_snapshot(&mut self) -> Result<Snapshot<Types>, StorageError> {
        let stored = {
            let applied = self.applied.lock();
            let meta = SnapshotMeta {
                last_log_id: applied.last,
                last_membership: applied.membership.clone(),
                snapshot_id: applied.last.map_or_else(String::new, |id| id.to_string()),
            };
            // The lock is held, so no entry is applied between the two.
            let state = self.state.borrow().encode();
            Stored { meta, state }
        };
        self.store(&stored).await.map_err(failed)?;
        self.applied.lock().snapshot = Some(stored.clone());
        Ok(Snapshot {
            meta: stored.meta,
            snapshot: Box::new(stored.state),
        })
    }
}

impl RaftStateMachine<Types> for Machine {
    type SnapshotBuilder = Self;

    async fn applied_state(
        &mut self,
    ) -> Result<(Option<LogId>, StoredMembership<u64, Peer>), StorageError> {
        let applied = self.applied.lock();
        Ok((applied.last, applied.membership.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Answer>, StorageError>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        Ok(entries
            .into_iter()
            .map(|entry| self.apply_one(&entry))
            .collect())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<Vec<u8>>, StorageError> {
        Ok(Box::default())
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta<u64, Peer>,
        snapshot: Box<Vec<u8>>,
    ) -> Result<(), StorageError> {
        let stored = Stored {
            meta: meta.clone(),
            state: *snapshot,
        };
        self.store(&stored).await.map_err(failed)?;
        self.restore(stored).map_err(failed)
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<Types>>, StorageError> {
        let snapshot = self.applied.lock().snapshot.clone();
        Ok(snapshot.map(|stored| Snapshot {
            meta: stored.meta,
            snapshot: Box::new(stored.state),
        }))
    }
}
