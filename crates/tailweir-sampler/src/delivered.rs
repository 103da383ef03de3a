//! Fingerprints of spans of kept traces, for as long as a client may send them again.
//!
//! They have eight bytes each: a compact filter would now and then discard a span that was
//! acknowledged. They lie in one ring, in blocks, the newest at the end; a trace names its newest
//! block, and each block names the one before. Blocks of one trace grow geometrically (a new block
//! swallows those before it that are not larger), so a trace of many late spans has few blocks.

use std::collections::VecDeque;
use std::time::Duration;
use tailweir_core::Moment;

/// Position of a block since the beginning of time; it may have been forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockPointer(u64);

impl BlockPointer {
    /// No block.
    pub(crate) const NONE: Self = Self(u64::MAX);
}

impl Default for BlockPointer {
    fn default() -> Self {
        Self::NONE
    }
}

/// Words before the fingerprints of a block: the block before, the moment, their number.
const HEADER: u64 = 3;
/// In their number: a newer block has them too.
const SWALLOWED: u64 = 1 << 63;

/// The ring of blocks.
pub(crate) struct DeliveredSpans {
    words: VecDeque<u64>,
    /// Position of the first word.
    start: u64,
    words_max: usize,
    horizon: Duration,
    /// Fingerprints that went before their time, because the ring was full.
    pub(crate) forgotten_early: u64,
}

impl DeliveredSpans {
    /// Remembers fingerprints for `horizon`, in at most `bytes_max` bytes.
    pub(crate) fn new(bytes_max: usize, horizon: Duration) -> Self {
        Self {
            words: VecDeque::new(),
            start: 0,
            words_max: bytes_max / size_of::<u64>(),
            horizon,
            forgotten_early: 0,
        }
    }

    /// Other bounds from now on; what is beyond them goes by and by.
    pub(crate) fn set_bounds(&mut self, bytes_max: usize, horizon: Duration) {
        self.words_max = bytes_max / size_of::<u64>();
        self.horizon = horizon;
    }

    /// Memory held, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.words.capacity() * size_of::<u64>()
    }

    /// Adds fingerprints to those behind `pointer`. Leaves `fingerprints` empty and returns the new
    /// pointer.
    pub(crate) fn add(
        &mut self,
        now: Moment,
        mut pointer: BlockPointer,
        fingerprints: &mut Vec<u64>,
    ) -> BlockPointer {
        if fingerprints.is_empty() {
            return pointer;
        }
        while let Some(block) = self.block(pointer) {
            if block.count > fingerprints.len() {
                break;
            }
            fingerprints.extend(self.words.range(block.first..block.first + block.count));
            self.words[block.first - 1] |= SWALLOWED;
            pointer = block.previous;
        }
        fingerprints.sort_unstable();
        let words = HEADER as usize + fingerprints.len();
        if words > self.words_max {
            self.forgotten_early += fingerprints.len() as u64;
            fingerprints.clear();
            return BlockPointer::NONE;
        }
        self.make_room(words);
        let position = self.start + self.words.len() as u64;
        self.words
            .extend([pointer.0, now.nanos(), fingerprints.len() as u64]);
        self.words.extend(fingerprints.drain(..));
        BlockPointer(position)
    }

    /// Whether this fingerprint is behind `pointer`.
    pub(crate) fn contains(&self, mut pointer: BlockPointer, fingerprint: u64) -> bool {
        while let Some(block) = self.block(pointer) {
            let fingerprints = self.words.range(block.first..block.first + block.count);
            let found = if block.count <= 16 {
                fingerprints.into_iter().any(|&known| known == fingerprint)
            } else {
                self.search(&block, fingerprint)
            };
            if found {
                return true;
            }
            pointer = block.previous;
        }
        false
    }

    /// Everything behind `pointer`, the newest first.
    pub(crate) fn all(&self, mut pointer: BlockPointer) -> Vec<u64> {
        let mut all = Vec::new();
        while let Some(block) = self.block(pointer) {
            all.extend(self.words.range(block.first..block.first + block.count));
            pointer = block.previous;
        }
        all
    }

    /// Whether anything is left behind `pointer`.
    pub(crate) fn has_any(&self, pointer: BlockPointer) -> bool {
        self.block(pointer).is_some()
    }

    /// Forgets what is older than the horizon.
    pub(crate) fn expire(&mut self, now: Moment) {
        while let Some(block) = self.block(BlockPointer(self.start)) {
            if now.since(block.written) < self.horizon {
                return;
            }
            self.pop(&block);
        }
        if self.words.capacity() > 1024.max(8 * self.words.len()) {
            self.words.shrink_to(2 * self.words.len());
        }
    }

    fn search(&self, block: &Block, fingerprint: u64) -> bool {
        let (mut low, mut high) = (block.first, block.first + block.count);
        while low < high {
            let middle = low.midpoint(high);
            match self.words[middle].cmp(&fingerprint) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return true,
            }
        }
        false
    }

    fn make_room(&mut self, words: usize) {
        while self.words.len() + words > self.words_max {
            let Some(block) = self.block(BlockPointer(self.start)) else {
                return;
            };
            if !block.swallowed {
                self.forgotten_early += block.count as u64;
            }
            self.pop(&block);
        }
        if self.words.capacity() < self.words.len() + words {
            // Doubling must not pass the bound.
            let wanted = (2 * self.words.len()).clamp(words + self.words.len(), self.words_max);
            self.words.reserve_exact(wanted - self.words.len());
        }
    }

    fn pop(&mut self, block: &Block) {
        let words = HEADER as usize + block.count;
        self.words.drain(..words);
        self.start += words as u64;
    }

    fn block(&self, pointer: BlockPointer) -> Option<Block> {
        if pointer == BlockPointer::NONE {
            return None;
        }
        let at = pointer.0.checked_sub(self.start)? as usize;
        let word = |n: usize| self.words.get(at + n).copied();
        Some(Block {
            previous: BlockPointer(word(0)?),
            written: Moment::from_nanos(word(1)?),
            count: (word(2)? & !SWALLOWED) as usize,
            swallowed: word(2)? & SWALLOWED != 0,
            first: at + HEADER as usize,
        })
    }
}

/// A block that is still there.
struct Block {
    previous: BlockPointer,
    written: Moment,
    count: usize,
    /// Whether a newer block of the same trace has its fingerprints too.
    swallowed: bool,
    /// Index of its first fingerprint in the ring.
    first: usize,
}

#[cfg(test)]
mod tests {
    use super::{BlockPointer, DeliveredSpans};
    use std::time::Duration;
    use tailweir_core::Moment;

    /// Scenario: ten thousand late spans of one trace arrive one by one, in no order.
    /// Guarantees: each is known, none that did not arrive is, and the ring is not full of copies.
    #[test]
    fn late_spans_one_by_one_stay_known() {
        let mut delivered = DeliveredSpans::new(1 << 20, Duration::from_secs(60));
        let mut pointer = BlockPointer::NONE;
        let spread = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        for n in 0..10_000 {
            assert!(!delivered.contains(pointer, spread(n)));
            pointer = delivered.add(Moment::ZERO, pointer, &mut vec![spread(n)]);
        }
        assert!((0..10_000).all(|n| delivered.contains(pointer, spread(n))));
        assert!(!delivered.contains(pointer, 2));
        assert!(delivered.bytes() <= 1 << 20);
        assert_eq!(delivered.forgotten_early, 0);
    }

    /// Scenario: spans of two traces; one is older than the horizon.
    /// Guarantees: it is forgotten without being counted as early, the other is known.
    #[test]
    fn fingerprints_live_as_long_as_the_horizon() {
        let mut delivered = DeliveredSpans::new(1024, Duration::from_secs(60));
        let old = delivered.add(Moment::ZERO, BlockPointer::NONE, &mut vec![1, 2]);
        let new = delivered.add(Moment::from_millis(1), BlockPointer::NONE, &mut vec![3]);
        delivered.expire(Moment::from_millis(60_000));
        assert!(!delivered.contains(old, 1));
        assert!(delivered.contains(new, 3));
        assert_eq!(delivered.forgotten_early, 0);
    }

    /// Scenario: more spans than fit, from small traces and from one that alone is too large.
    /// Guarantees: the oldest go, counted; memory stays within its bound.
    #[test]
    fn the_ring_is_bounded() {
        let mut delivered = DeliveredSpans::new(8 * 100, Duration::from_secs(60));
        let mut add = |mut fingerprints: Vec<u64>| {
            delivered.add(Moment::ZERO, BlockPointer::NONE, &mut fingerprints)
        };
        let pointers: Vec<_> = (1..=30).map(|n| add(vec![n, 100 + n])).collect();
        assert_eq!(add((1..=200).collect()), BlockPointer::NONE);
        assert!(delivered.bytes() <= 8 * 100);
        assert_eq!(delivered.forgotten_early, 2 * 10 + 200);
        assert!(!delivered.contains(pointers[9], 10));
        assert!(delivered.contains(pointers[10], 11));
    }
}
