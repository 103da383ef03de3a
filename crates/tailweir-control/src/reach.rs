//! How far the snapshot on the disk reaches. The log may let go what it stands for, and no more.

use crate::raft::LogId;

/// Entries that the snapshot on the disk stands for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    /// The last entry that it stands for; nothing without a snapshot.
    pub(crate) last: Option<LogId>,
    /// One could not be stored, so there will be no other.
    pub(crate) is_broken: bool,
}

impl Reach {
    /// Whether an entry is in the snapshot.
    pub(crate) fn covers(self, index: u64) -> bool {
        self.last.is_some_and(|last| last.index >= index)
    }
}
