//! What a data directory holds of Raft: a snapshot, and the log behind it.

use crate::controller::ControllerError;
use crate::disk::Disk;
use crate::identity::{self, IdentityError};
use crate::log::{self, FileLog};
use crate::machine::Machine;
use std::io;
use std::sync::Arc;

/// The log and the snapshot of a data directory, as the process before left them.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) log: FileLog,
    pub(crate) machine: Machine,
}

impl Store {
    /// Opens both, or begins them. The snapshot comes first: when it cannot be used, nothing is done to the log.
    ///
    /// # Errors
    /// When one cannot be used, or something is missing beside what is there; `has_identity` says whether the directory is that of a
    /// controller.
    pub(crate) fn open(disk: &Arc<dyn Disk>, has_identity: bool) -> Result<Self, ControllerError> {
        let failed = |error: io::Error| ControllerError::DataDir {
            folder: disk.place(),
            error: Arc::new(error),
        };
        let missing = |error: IdentityError| Err(failed(identity::invalid(error)));
        if has_identity && disk.read(log::FILE).map_err(failed)?.is_none() {
            return missing(IdentityError::NoLog(disk.place()));
        }
        let machine = Machine::open(Arc::clone(disk)).map_err(failed)?;
        let log = FileLog::open(Arc::clone(disk), machine.reach());
        let log = log.map_err(|error| ControllerError::Log(Arc::new(error)))?;
        let has_snapshot = machine.reach().borrow().last.is_some();
        // A process that died before its first vote leaves an identity and an empty log; one that had a snapshot has voted.
        if has_identity && has_snapshot && !log.has_vote() {
            return missing(IdentityError::NoLog(disk.place()));
        }
        if !has_identity && (has_snapshot || log.bytes() > 0) {
            return missing(IdentityError::NoIdentity(disk.place()));
        }
        Ok(Self { log, machine })
    }
}

#[cfg(test)]
mod tests {
    use super::Store;
    use crate::disk::Folder;
    use crate::log::FILE;
    use crate::machine;
    use crate::raft::{Entry, LogId};
    use openraft::storage::{RaftLogStorage, RaftStateMachine};
    use openraft::{CommittedLeaderId, EntryPayload, RaftSnapshotBuilder, Vote};
    use std::fs;
    use tempfile::TempDir;

    /// Scenario: a controller with a snapshot loses its log, or all that is in it, and gets it back; then it loses its identity.
    /// Guarantees: it is refused each time, because it has voted and no longer knows how; with everything in place it is taken.
    #[tokio::test]
    async fn a_snapshot_without_its_log_is_refused() {
        let folder = TempDir::new().unwrap();
        let disk = Folder::at(folder.path());
        let mut store = Store::open(&disk, false).unwrap();
        store.log.save_vote(&Vote::new(1, 1)).await.unwrap();
        let entry = Entry {
            log_id: LogId::new(CommittedLeaderId::new(1, 1), 0),
            payload: EntryPayload::Blank,
        };
        store.machine.apply([entry]).await.unwrap();
        store.machine.build_snapshot().await.unwrap();
        drop(store);
        let refusal = |has_identity| Store::open(&disk, has_identity).unwrap_err().to_string();
        let path = folder.path().join(FILE);
        let log = fs::read(&path).unwrap();
        fs::write(&path, b"").unwrap();
        assert!(refusal(true).contains("no log"));
        fs::remove_file(&path).unwrap();
        assert!(refusal(true).contains("no log"));
        assert!(refusal(false).contains("no identity"));
        fs::write(&path, log).unwrap();
        assert!(refusal(false).contains("no identity"));
        Store::open(&disk, true).unwrap();
    }

    /// Scenario: the snapshot is of a version that nobody knows, and the log ends in a write that a crash tore.
    /// Guarantees: the directory is refused and says why, and no byte of it changes.
    #[tokio::test]
    async fn nothing_is_done_to_the_log_of_a_snapshot_that_cannot_be_read() {
        let folder = TempDir::new().unwrap();
        let disk = Folder::at(folder.path());
        let mut store = Store::open(&disk, false).unwrap();
        store.log.save_vote(&Vote::new(1, 1)).await.unwrap();
        drop(store);
        let path = folder.path().join(FILE);
        let torn = [fs::read(&path).unwrap(), vec![7; 3]].concat();
        fs::write(&path, &torn).unwrap();
        let record = [99_u8, 1, 2, 3];
        let (length, checksum) = (record.len() as u32, crc32fast::hash(&record));
        let snapshot = [&length.to_le_bytes()[..], &checksum.to_le_bytes(), &record].concat();
        fs::write(folder.path().join(machine::FILE), snapshot).unwrap();
        let refusal = Store::open(&disk, true).unwrap_err().to_string();
        assert!(refusal.contains("version 99"), "{refusal}");
        assert_eq!(fs::read(&path).unwrap(), torn);
    }
}
