//! The types with which Raft runs here.

use crate::change::{Answer, Change};
use serde::{Deserialize, Serialize};

/// A controller as the others know it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Peer {
    /// What it is called; stable over restarts.
    pub(crate) name: String,
    /// Where it is reached.
    pub(crate) address: String,
}

openraft::declare_raft_types!(
    pub(crate) Types:
        D = Change,
        R = Answer,
        NodeId = u64,
        Node = Peer,
        Entry = openraft::Entry<Types>,
        SnapshotData = Vec<u8>,
        Responder = openraft::impls::OneshotResponder<Types>,
        AsyncRuntime = openraft::TokioRuntime,
);

/// The running Raft of this process.
pub(crate) type Raft = openraft::Raft<Types>;
/// An entry of the log.
pub(crate) type Entry = openraft::Entry<Types>;
/// The number of an entry, and who led when it was written.
pub(crate) type LogId = openraft::LogId<u64>;
/// What cannot be stored or read ends the process's part in the cluster.
pub(crate) type StorageError = openraft::StorageError<u64>;
