//! From trace id to where the trace is: held, or decided and remembered. One probe answers both.

use hashbrown::HashTable;
use tailweir_core::TraceId;
use xxhash_rust::xxh3::xxh3_64_with_seed;

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
    seed: u64,
    parts: Vec<HashTable<u32>>,
}

impl Index {
    /// A table for about this many traces, which keeps its layout to itself by the seed.
    pub(crate) fn new(seed: u64, traces: usize) -> Self {
        let part = || HashTable::with_capacity(traces.div_ceil(PARTS));
        Self {
            seed,
            parts: std::iter::repeat_with(part).take(PARTS).collect(),
        }
    }

    /// The hash that the other methods want. Clients choose ids: no ending of theirs may make one hash of many.
    #[inline]
    pub(crate) fn hash(&self, id: TraceId) -> u64 {
        hash_of(self.seed, id)
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
        let seed = self.seed;
        let rehash = |&word: &u32| hash_of(seed, ids.id(Place::unpack(word)));
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

#[inline]
fn hash_of(seed: u64, id: TraceId) -> u64 {
    xxh3_64_with_seed(&id.0, seed)
}

/// Bits of the hash that the tables themselves do not use (they take the lowest and the top seven).
fn part_of(hash: u64) -> usize {
    (hash >> 48) as usize & (PARTS - 1)
}

#[cfg(test)]
mod tests {
    use super::{Ids, Index, PARTS, Place, part_of};
    use std::collections::HashSet;
    use tailweir_core::TraceId;

    const TRACES: u32 = 10_000;
    /// The word of foldhash's fixed seed that the second half of an id was combined with: whatever the other seed, all ids
    /// that end in it had one hash.
    const END: u128 = 0xc0ac_29b7_c97c_50dd << 64;

    /// Ids that end in it.
    struct Alike;

    impl Ids for Alike {
        fn id(&self, place: Place) -> TraceId {
            let (Place::Held(number) | Place::Decided(number)) = place;
            TraceId((END | u128::from(number)).to_le_bytes())
        }
    }

    /// Scenario: a client sends 10,000 ids that all end alike, in bytes chosen so that the seed goes out of a weak hash.
    /// Guarantees: no two have one hash, each part of the table has its share of them, and each is found where it was put.
    #[test]
    fn ids_that_end_alike_spread_over_the_table() {
        let mut index = Index::new(7, 0);
        let mut hashes = HashSet::new();
        let mut parts = [0_u32; PARTS];
        for number in 0..TRACES {
            let place = Place::Held(number);
            let hash = index.hash(Alike.id(place));
            index.insert(hash, place, &Alike);
            hashes.insert(hash);
            parts[part_of(hash)] += 1;
        }
        assert_eq!(hashes.len(), TRACES as usize);
        let share = TRACES / PARTS as u32;
        let is_fair = |held: &u32| (share / 2..2 * share).contains(held);
        assert!(parts.iter().all(is_fair), "{parts:?}");
        for number in 0..TRACES {
            let (place, id) = (Place::Held(number), Alike.id(Place::Held(number)));
            assert_eq!(index.find(index.hash(id), id, &Alike), Some(place));
        }
    }
}
