//! Hashes for tables whose keys come from outside.

use std::hash::{BuildHasher, Hasher};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Hashes the keys of a table by xxh3 under a seed, so that who does not know the seed cannot choose where keys land.
///
/// One seed makes one layout, as simulations want it. foldhash's `FixedState` is no substitute: its seed is in one operand
/// of a multiplication alone, and keys that make the other one zero have one hash, whatever the seed. There is no default,
/// so that no table is without a seed.
///
/// ```
/// use std::collections::HashMap;
/// use tailweir_core::{SeededState, TraceId};
///
/// let mut spans = HashMap::with_hasher(SeededState::new(0x5eed));
/// spans.insert(TraceId([1; 16]), 3);
/// assert_eq!(spans[&TraceId([1; 16])], 3);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct SeededState(u64);

impl SeededState {
    /// Hashes under this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }
}

impl BuildHasher for SeededState {
    type Hasher = SeededHasher;

    #[inline]
    fn build_hasher(&self) -> SeededHasher {
        SeededHasher {
            hash: self.0,
            ahead: None,
        }
    }
}

/// Hashes one key for a [`SeededState`]: each piece under the hash of those before it.
#[derive(Debug, Clone, Copy)]
pub struct SeededHasher {
    /// Of what was written; at first the seed.
    hash: u64,
    /// Was written too, and goes into the hash of the next piece.
    ahead: Option<usize>,
}

impl Hasher for SeededHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let ahead = self.ahead.take().unwrap_or_default();
        self.hash = xxh3_64_with_seed(bytes, self.hash.wrapping_add(ahead as u64));
    }

    /// As a rule the length of the bytes that follow. Hashed alone it would cost as much as a trace id.
    #[inline]
    fn write_usize(&mut self, number: usize) {
        self.hash = self.finish();
        self.ahead = Some(number);
    }

    #[inline]
    fn finish(&self) -> u64 {
        match self.ahead {
            None => self.hash,
            Some(number) => xxh3_64_with_seed(&(number as u64).to_le_bytes(), self.hash),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SeededState;
    use crate::{SpanId, TraceId};
    use std::collections::HashSet;
    use std::hash::{BuildHasher, Hash};

    const SEEDS: [u64; 3] = [0, 7, u64::MAX];
    /// The words of foldhash's fixed seed that bytes of a key are combined with. Keys that end in one of them have one hash
    /// there, whatever the seed.
    const WEAK: [u64; 2] = [0xc0ac_29b7_c97c_50dd, 0x3f84_d5b5_b547_0917];
    const KEYS: u64 = 10_000;

    /// How many hashes so many keys have, and the most that share their lowest 10 bits, as places in a table.
    fn spread<K: Hash>(seed: u64, key: impl Fn(u64) -> K) -> (usize, usize) {
        let state = SeededState::new(seed);
        let hashes: Vec<u64> = (0..KEYS).map(|n| state.hash_one(key(n))).collect();
        let mut places = vec![0; 1 << 10];
        for hash in &hashes {
            places[*hash as usize % (1 << 10)] += 1;
        }
        let different: HashSet<u64> = hashes.into_iter().collect();
        let fullest = places.into_iter().max().unwrap_or_default();
        (different.len(), fullest)
    }

    fn id(start: u64, end: u64) -> TraceId {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&start.to_le_bytes());
        id[8..].copy_from_slice(&end.to_le_bytes());
        TraceId(id)
    }

    /// Scenario: 10,000 trace ids, ids with a span, and keys of bytes, that end as a client would let them to have one hash
    /// under a seed that only one side of a multiplication has.
    /// Guarantees: no two have one hash, and they spread over the places of a table.
    #[test]
    fn no_ending_of_a_key_makes_its_hash() {
        for (seed, end) in SEEDS
            .into_iter()
            .flat_map(|seed| WEAK.map(|end| (seed, end)))
        {
            let found = [
                spread(seed, |n| id(n, end)),
                spread(seed, |n| (id(n, end), SpanId(end.to_le_bytes()))),
                spread(seed, |n| (3_u16, 5_u64, id(n, end))),
                spread(seed, |n| [&[7_u8; 24][..], &id(n, end).0].concat()),
                spread(seed, |n| u128::from_le_bytes(id(n, end).0)),
            ];
            for (hashes, fullest) in found {
                assert_eq!(hashes as u64, KEYS);
                assert!(fullest < 40, "{fullest} of {KEYS} share a place of 1,024");
            }
        }
    }

    /// Scenario: the same key under one seed twice and under another, and keys that differ only in where their parts end, in
    /// the order of their numbers, or in a number.
    /// Guarantees: the seed alone makes the hash of a key; all others have hashes of their own.
    #[test]
    fn a_hash_is_of_the_seed_and_of_the_whole_key() {
        let (state, other) = (SeededState::new(1), SeededState::new(2));
        assert_eq!(state.hash_one("key"), SeededState::new(1).hash_one("key"));
        assert_ne!(state.hash_one("key"), other.hash_one("key"));
        let hashes = [
            state.hash_one((vec![1_u8], vec![2_u8, 3])),
            state.hash_one((vec![1_u8, 2], vec![3_u8])),
            state.hash_one((vec![1_u8, 2, 3], Vec::<u8>::new())),
            state.hash_one((Vec::<u8>::new(), vec![1_u8, 2, 3])),
            state.hash_one((0_usize, 5_usize)),
            state.hash_one((5_usize, 0_usize)),
            state.hash_one(5_usize),
            state.hash_one(0_usize),
        ];
        assert_eq!(HashSet::from(hashes).len(), hashes.len());
    }
}
