//! Slots: the unit in which traces are owned.

use crate::TraceId;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// One of [`Slot::COUNT`] parts of the space of trace ids. A slot has one owner at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u16);

impl Slot {
    /// How many slots there are. Fixed for the life of a cluster.
    pub const COUNT: usize = 1 << Self::BITS;
    const BITS: u32 = 14;

    /// The slot of a trace: the top 14 bits of xxh3-64 over the id, with the cluster's seed.
    ///
    /// The seed is shared by all members (0 when there is no cluster), so that each of them sends
    /// the spans of one trace to the same place.
    #[must_use]
    pub fn of(trace: TraceId, seed: u64) -> Self {
        Self::of_key(&trace.0, seed)
    }

    /// The slot of what else has one owner in a cluster, by a key of any length: the same function as for traces.
    #[must_use]
    pub fn of_key(key: &[u8], seed: u64) -> Self {
        Self((xxh3_64_with_seed(key, seed) >> (64 - Self::BITS)) as u16)
    }

    /// The slot of this number, or nothing from [`Slot::COUNT`] on.
    #[must_use]
    pub fn new(index: usize) -> Option<Self> {
        (index < Self::COUNT).then_some(Self(index as u16))
    }

    /// Its number, 0 to `COUNT - 1`.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Slot;
    use crate::TraceId;

    /// Scenario: three ids are placed with two seeds.
    /// Guarantees: the slots are those of the published function; a change here would split the
    /// traces of a cluster that is being upgraded.
    #[test]
    fn slots_are_pinned() {
        let ids = [
            TraceId([0; 16]),
            TraceId([0xff; 16]),
            TraceId(*b"0123456789abcdef"),
        ];
        let slots = |seed| ids.map(|id| Slot::of(id, seed).index());
        assert_eq!(slots(0), PINNED_SEED_0);
        assert_eq!(slots(7), PINNED_SEED_7);
    }

    const PINNED_SEED_0: [usize; 3] = [13353, 7306, 6416];
    const PINNED_SEED_7: [usize; 3] = [3369, 10813, 11634];

    /// Scenario: 163,840 ids that differ only in their last bytes.
    /// Guarantees: no slot is left empty, none holds more than three times its share.
    #[test]
    fn ids_that_count_upwards_spread_over_all_slots() {
        let mut held = vec![0_u32; Slot::COUNT];
        for n in 0..10 * Slot::COUNT as u64 {
            let mut id = [0; 16];
            id[8..].copy_from_slice(&n.to_be_bytes());
            held[Slot::of(TraceId(id), 0).index()] += 1;
        }
        assert!(held.iter().all(|&count| (1..=30).contains(&count)));
    }
}
