//! What a table and its processor count.

use crate::feed::Kind;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts that only grow, but for what is held.
#[derive(Debug, Default)]
pub struct Figures {
    kinds: [KindFigures; Kind::ALL.len()],
    /// Resources whose pod was found.
    pub(crate) found: AtomicU64,
    /// Resources that say nothing that tells pods apart.
    pub(crate) unidentified: AtomicU64,
    /// Resources whose pod is not known.
    pub(crate) unknown: AtomicU64,
}

/// The same of one kind of objects.
#[derive(Debug, Default)]
pub struct KindFigures {
    /// Objects that are remembered.
    pub held: AtomicU64,
    /// Times that one was set: new, different, or as before.
    pub set: AtomicU64,
    /// Times that one went.
    pub gone: AtomicU64,
    /// Times that one was not remembered, because there are `max_objects` of its kind.
    pub refused: AtomicU64,
    /// Attributes that were left out, because those of their object have `max_object_bytes`.
    pub cut: AtomicU64,
    /// Times that a list or a watch of them failed.
    pub failures: AtomicU64,
}

impl Figures {
    /// Those of a kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> &KindFigures {
        &self.kinds[kind.index()]
    }

    /// Resources by what became of them.
    #[must_use]
    pub fn resources(&self) -> [(&'static str, u64); 3] {
        [
            ("found", self.found.load(Ordering::Relaxed)),
            ("unidentified", self.unidentified.load(Ordering::Relaxed)),
            ("unknown", self.unknown.load(Ordering::Relaxed)),
        ]
    }
}

pub(crate) fn count(counter: &AtomicU64, by: u64) -> u64 {
    counter.fetch_add(by, Ordering::Relaxed)
}
