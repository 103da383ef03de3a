//! The state machine of Raft: applies the log to the [`State`], publishes it, and keeps the last snapshot in a file.

use crate::change::Answer;
use crate::codec;
use crate::disk::{Disk, beside};
use crate::frame::{self, Found};
use crate::raft::{Entry, LogId, Peer, StorageError, Types};
use crate::reach::Reach;
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
    /// The last entry of the newest snapshot that was written. Held while one is.
    written: Arc<Mutex<Option<LogId>>>,
    /// How far the snapshot on the disk reaches.
    reach: Arc<watch::Sender<Reach>>,
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
            written: Arc::default(),
            reach: Arc::new(watch::Sender::new(Reach::default())),
        };
        if let Some(bytes) = machine.disk.read(FILE)? {
            let path = machine.disk.place().join(FILE);
            let unusable = |reason: String| {
                let text = format!(
                    "{} cannot be used: {reason}; restore it, start the version that wrote it, or empty the data directory, and the \
                     controller joins as a new one",
                    path.display()
                );
                io::Error::new(io::ErrorKind::InvalidData, text)
            };
            let Found::Record { record, end } = frame::read(&bytes, 0) else {
                return Err(unusable("it is no record".to_owned()));
            };
            if end != bytes.len() {
                return Err(unusable("something follows the record".to_owned()));
            }
            let stored: Stored =
                codec::decode(record).map_err(|error| unusable(error.to_string()))?;
            let state = State::decode(&stored.state);
            let state = state.map_err(|error| unusable(error.to_string()))?;
            let last = stored.meta.last_log_id;
            *machine.written.lock() = last;
            machine.reach.send_modify(|reach| reach.last = last);
            machine.restore(stored, state);
        }
        Ok(machine)
    }

    /// What is agreed on, whenever it changes.
    pub(crate) fn watch(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// How far the snapshot on the disk reaches, whenever that changes.
    pub(crate) fn reach(&self) -> watch::Receiver<Reach> {
        self.reach.subscribe()
    }

    /// Takes the place of everything that was applied before.
    fn restore(&self, stored: Stored, state: State) {
        let mut applied = self.applied.lock();
        applied.last = stored.meta.last_log_id;
        applied.membership = stored.meta.last_membership.clone();
        applied.snapshot = Some(stored);
        self.state.send_replace(state);
    }

    /// Puts a leader's snapshot on the disk, unless it is none: it must not take the place of one that can be read.
    async fn take(&self, stored: &Stored) -> io::Result<State> {
        let state = State::decode(&stored.state).map_err(io::Error::other)?;
        self.store(stored).await?;
        Ok(state)
    }

    /// Puts a snapshot on the disk, beside the runtime's workers. One of this process's own that was begun before a leader's came, and is
    /// older, does not take its place.
    async fn store(&self, stored: &Stored) -> io::Result<()> {
        let mut bytes = Vec::new();
        frame::write(stored, &mut bytes).map_err(io::Error::other)?;
        let (last, written) = (stored.meta.last_log_id, Arc::clone(&self.written));
        let storing = beside(&self.disk, move |disk| {
            let mut written = written.lock();
            if last >= *written {
                disk.replace(FILE, &bytes)?;
                *written = last;
            }
            Ok(())
        });
        storing.await?;
        self.reach.send_if_modified(|reach| {
            let is_further = last > reach.last;
            reach.last = reach.last.max(last);
            is_further
        });
        Ok(())
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
        {
            let known = &mut self.applied.lock().snapshot;
            let last = known.as_ref().and_then(|known| known.meta.last_log_id);
            if stored.meta.last_log_id >= last {
                *known = Some(stored.clone());
            }
        }
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
        let taken = self.take(&stored).await;
        let state = taken.map_err(|error| {
            // The log waits for it.
            self.reach.send_modify(|reach| reach.is_broken = true);
            failed(error)
        })?;
        self.restore(stored, state);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<Types>>, StorageError> {
        let snapshot = self.applied.lock().snapshot.clone();
        Ok(snapshot.map(|stored| Snapshot {
            meta: stored.meta,
            snapshot: Box::new(stored.state),
        }))
    }
}

#[cfg(test)]
mod tests;
