//! From trace id to where the trace is: held, or decided and remembered. One probe answers both.

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use std::hash::BuildHasher;
use tailweir_core::TraceId;

/// Where a known trace is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Undecided: its number in the table of traces.
    Held(u32),
    /// Decided: its number in the decision cache.
    Decided(u32),
}

const DECIDED: u32 = 1 << 31;

impl Place {
    fn pack(self) -> u32 {
        match self {
            Self::Held(number) => number,
            Self::Decided(number) => number | DECIDED,
        }
    }

    fn unpack(word: u32) -> Self {
        if word & DECIDED == 0 {
            Self::Held(word)
        } else {
            Self::Decided(word & !DECIDED)
        }
    }
}

/// Who knows the full ids: the slabs that the numbers point into.
pub(crate) trait Ids {
    fn id(&self, place: Place) -> TraceId;
}

/// Parts of the table. Each grows alone, so that no insertion waits for the whole to be rehashed.
const PARTS: usize = 64;

/// The table. It stores numbers of four bytes; ids are compared in full where they are stored.
pub(crate) struct Index {
    hasher: FixedState,
    parts: Vec<HashTable<u32>>,
}

impl Index {
    /// A table for about this many traces, which keeps its layout to itself by the seed.
    pub(crate) fn new(seed: u64, traces: usize) -> Self {
        let part = || HashTable::with_capacity(traces.div_ceil(PARTS));
        Self {
            hasher: FixedState::with_seed(seed),
            parts: std::iter::repeat_with(part).take(PARTS).collect(),
        }
    }

    /// The hash that the other methods want.
    pub(crate) fn hash(&self, id: TraceId) -> u64 {
        self.hasher.hash_one(u128::from_le_bytes(id.0))
    }

    /// Memory held, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.parts.iter().map(HashTable::allocation_size).sum()
    }

    pub(crate) fn find(&self, hash: u64, id: TraceId, ids: &impl Ids) -> Option<Place> {
        let part = &self.parts[part_of(hash)];
        let found = part.find(hash, |&word| ids.id(Place::unpack(word)) == id)?;
        Some(Place::unpack(*found))
    }

    /// Enters an id that is not there.
    pub(crate) fn insert(&mut self, hash: u64, place: Place, ids: &impl Ids) {
        let hasher = &self.hasher;
        let rehash = |&word: &u32| {
            let id = ids.id(Place::unpack(word));
            hasher.hash_one(u128::from_le_bytes(id.0))
        };
        self.parts[part_of(hash)].insert_unique(hash, place.pack(), rehash);
    }

    /// Lets an id that is at `from` be at `to`.
    pub(crate) fn relocate(&mut self, hash: u64, from: Place, to: Place) {
        let from = from.pack();
        if let Some(word) = self.parts[part_of(hash)].find_mut(hash, |&word| word == from) {
            *word = to.pack();
        }
    }

    pub(crate) fn remove(&mut self, hash: u64, place: Place) {
        let place = place.pack();
        if let Ok(entry) = self.parts[part_of(hash)].find_entry(hash, |&word| word == place) {
            entry.remove();
        }
    }
}

/// Bits of the hash that the tables themselves do not use (they take the lowest and the top seven).
fn part_of(hash: u64) -> usize {
    (hash >> 48) as usize & (PARTS - 1)
}
