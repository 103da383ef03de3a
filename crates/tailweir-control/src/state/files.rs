//! The policies that files of processes had: which are the newest, and which a process must not bring back because its
//! file is late.

use std::collections::VecDeque;

/// Policies that are remembered. A file that is later than so many changes counts as new.
const MARKS_MAX: usize = 256;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Files {
    /// The revision that brought the newest; 0 before the first.
    since: u64,
    /// Those before it, oldest first.
    before: VecDeque<u64>,
}

impl Files {
    pub(super) fn new(since: u64, mut before: Vec<u64>) -> Self {
        before.truncate(MARKS_MAX);
        Self {
            since,
            before: before.into(),
        }
    }

    pub(super) fn since(&self) -> u64 {
        self.since
    }

    pub(super) fn marks(&self) -> impl Iterator<Item = u64> {
        self.before.iter().copied()
    }

    /// Whether these were the newest, and no longer are.
    pub(super) fn had(&self, text: &str) -> bool {
        self.before.contains(&mark(text))
    }

    /// From now on `text` is the newest, as this revision.
    pub(super) fn change(&mut self, before: &str, text: &str, revision: u64) {
        if self.since > 0 {
            self.before.push_back(mark(before));
        }
        let now = mark(text);
        self.before.retain(|known| *known != now);
        if self.before.len() > MARKS_MAX {
            self.before.pop_front();
        }
        self.since = revision;
    }
}

/// Length and checksum. Two texts of one mark would make a new one count as late, and a file say so.
fn mark(text: &str) -> u64 {
    (text.len() as u64) << 32 | u64::from(crc32fast::hash(text.as_bytes()))
}
