//! The memory of one segment: filled from front to back, emptied at once.

use memmap2::MmapMut;
use std::ops::Deref;

/// Size of a huge page. A block of a multiple of it asks the system for huge pages: a fresh one costs a
/// fault every 2 MiB instead of every 4 KiB, and copying spans in and out of gigabytes misses the
/// processor's cache of addresses far less often.
const HUGE_PAGE: usize = 2 << 20;

/// Bytes, and room for more. It never grows beyond the room that it was made with.
pub(super) enum Block {
    /// From the allocator, for what is no multiple of a huge page.
    Heap(Vec<u8>),
    /// From the system, on the pages that it gives: where it has no huge ones, the usual.
    Mapped {
        /// The room.
        pages: MmapMut,
        /// How much of it is filled.
        length: usize,
    },
}

impl Default for Block {
    fn default() -> Self {
        Self::Heap(Vec::new())
    }
}

impl Block {
    /// An empty block with room for this many bytes.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        mapped(capacity).unwrap_or_else(|| Self::Heap(Vec::with_capacity(capacity)))
    }

    pub(super) fn capacity(&self) -> usize {
        match self {
            Self::Heap(bytes) => bytes.capacity(),
            Self::Mapped { pages, .. } => pages.len(),
        }
    }

    /// Writes bytes behind the others. There must be room.
    #[inline]
    pub(super) fn append(&mut self, bytes: &[u8]) {
        match self {
            Self::Heap(heap) => {
                debug_assert!(heap.capacity() - heap.len() >= bytes.len());
                heap.extend_from_slice(bytes);
            }
            Self::Mapped { pages, length } => {
                let end = *length + bytes.len();
                pages[*length..end].copy_from_slice(bytes);
                *length = end;
            }
        }
    }

    /// Writes over bytes that are there.
    pub(super) fn overwrite(&mut self, offset: usize, bytes: &[u8]) {
        let filled = match self {
            Self::Heap(heap) => heap,
            Self::Mapped { pages, length } => &mut pages[..*length],
        };
        filled[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    /// Empties it; the room stays.
    pub(super) fn clear(&mut self) {
        match self {
            Self::Heap(heap) => heap.clear(),
            Self::Mapped { length, .. } => *length = 0,
        }
    }
}

impl Deref for Block {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Heap(bytes) => bytes,
            Self::Mapped { pages, length } => &pages[..*length],
        }
    }
}

/// Pages of the system's; nothing where the size does not fit them, or the system refuses.
fn mapped(capacity: usize) -> Option<Block> {
    if capacity == 0 || !capacity.is_multiple_of(HUGE_PAGE) {
        return None;
    }
    let pages = MmapMut::map_anon(capacity).ok()?;
    // A wish: without huge pages everything works as well, only slower.
    #[cfg(target_os = "linux")]
    let _ = pages.advise(memmap2::Advice::HugePage);
    Some(Block::Mapped { pages, length: 0 })
}

#[cfg(test)]
mod tests {
    use super::{Block, HUGE_PAGE};

    /// Scenario: blocks of both kinds of memory are filled to the last byte, changed, and emptied.
    /// Guarantees: what was written is read, the room is as asked for, and an emptied block is used
    /// from the front again.
    #[test]
    fn a_block_holds_what_was_written() {
        for capacity in [4096, HUGE_PAGE] {
            let mut block = Block::with_capacity(capacity);
            assert_eq!(block.capacity(), capacity);
            let bytes: Vec<u8> = (0..capacity).map(|at| at as u8).collect();
            let (first, second) = bytes.split_at(1000);
            block.append(first);
            block.append(second);
            assert_eq!(&*block, &*bytes);
            block.overwrite(999, &[7, 7]);
            assert_eq!(block[998..1002], [bytes[998], 7, 7, bytes[1001]]);
            block.clear();
            assert!(block.is_empty());
            block.append(b"again");
            assert_eq!(&*block, b"again");
        }
    }
}
