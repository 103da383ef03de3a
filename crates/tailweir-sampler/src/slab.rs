//! A slab of numbered entries that never moves one: growth costs one chunk, not a copy of all.
//!
//! Traces and remembered decisions live in slabs, so that tables and lists can speak of them by
//! numbers of four bytes. A chunk without entries gives its memory back.

use std::mem;

const CHUNK_BITS: u32 = 10;
const CHUNK: usize = 1 << CHUNK_BITS;

/// Entries by number. A number is reused after its entry is removed.
pub(crate) struct Slab<T> {
    chunks: Vec<Chunk<T>>,
    /// Numbers of chunks that have room, the one to fill next on top.
    roomy: Vec<u32>,
    used: usize,
    /// Chunks whose memory is allocated.
    resident: usize,
}

struct Chunk<T> {
    entries: Vec<T>,
    free: Vec<u16>,
}

impl<T> Chunk<T> {
    fn used(&self) -> usize {
        self.entries.len() - self.free.len()
    }
}

impl<T: Default> Slab<T> {
    pub(crate) fn new() -> Self {
        Self {
            chunks: Vec::new(),
            roomy: Vec::new(),
            used: 0,
            resident: 0,
        }
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.used
    }

    /// Memory allocated for entries, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.resident * CHUNK * (size_of::<T>() + size_of::<u16>())
    }

    /// What one more entry can cost at most, in bytes: nothing while a chunk has room.
    pub(crate) fn growth(&self, entries: usize) -> usize {
        let room = self.resident * CHUNK - self.used;
        let chunks = entries.saturating_sub(room).div_ceil(CHUNK);
        chunks * CHUNK * (size_of::<T>() + size_of::<u16>())
    }

    pub(crate) fn insert(&mut self, entry: T) -> u32 {
        let number = self
            .roomy
            .last()
            .copied()
            .unwrap_or_else(|| self.add_chunk());
        let chunk = &mut self.chunks[number as usize];
        if chunk.entries.capacity() == 0 {
            chunk.entries.reserve_exact(CHUNK);
            chunk.free.reserve_exact(CHUNK);
            self.resident += 1;
        }
        let place = if let Some(place) = chunk.free.pop() {
            chunk.entries[usize::from(place)] = entry;
            u32::from(place)
        } else {
            chunk.entries.push(entry);
            chunk.entries.len() as u32 - 1
        };
        if chunk.used() == CHUNK {
            self.roomy.pop();
        }
        self.used += 1;
        number << CHUNK_BITS | place
    }

    /// Takes an entry out. The number must be that of an entry.
    pub(crate) fn remove(&mut self, index: u32) -> T {
        let number = index >> CHUNK_BITS;
        let place = index as usize & (CHUNK - 1);
        let chunk = &mut self.chunks[number as usize];
        let entry = mem::take(&mut chunk.entries[place]);
        if chunk.used() == CHUNK {
            self.roomy.push(number);
        }
        chunk.free.push(place as u16);
        if chunk.used() == 0 {
            chunk.entries = Vec::new();
            chunk.free = Vec::new();
            self.resident -= 1;
        }
        self.used -= 1;
        entry
    }

    pub(crate) fn get(&self, index: u32) -> &T {
        &self.chunks[(index >> CHUNK_BITS) as usize].entries[index as usize & (CHUNK - 1)]
    }

    pub(crate) fn get_mut(&mut self, index: u32) -> &mut T {
        &mut self.chunks[(index >> CHUNK_BITS) as usize].entries[index as usize & (CHUNK - 1)]
    }

    /// What is at a number that may have been removed: the entry, an empty one, or nothing.
    pub(crate) fn get_if_any(&mut self, index: u32) -> Option<&mut T> {
        let chunk = self.chunks.get_mut((index >> CHUNK_BITS) as usize)?;
        chunk.entries.get_mut(index as usize & (CHUNK - 1))
    }

    /// Calls `change` on every entry, and on empty ones where entries were removed.
    pub(crate) fn for_each(&mut self, change: impl FnMut(&mut T)) {
        self.chunks
            .iter_mut()
            .flat_map(|chunk| &mut chunk.entries)
            .for_each(change);
    }

    /// Every entry, and empty ones where entries were removed.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| &chunk.entries)
    }

    fn add_chunk(&mut self) -> u32 {
        let number = self.chunks.len() as u32;
        self.chunks.push(Chunk {
            entries: Vec::new(),
            free: Vec::new(),
        });
        self.roomy.push(number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::{CHUNK, Slab};

    /// Scenario: three chunks are filled, emptied from the front, and filled again.
    /// Guarantees: entries keep their numbers, numbers are reused, and memory follows the entries.
    #[test]
    fn memory_follows_the_entries() {
        let mut slab = Slab::new();
        let numbers: Vec<_> = (0..3 * CHUNK).map(|n| slab.insert(n)).collect();
        let full = slab.bytes();
        assert!(
            numbers
                .iter()
                .enumerate()
                .all(|(n, &at)| *slab.get(at) == n)
        );
        for &number in &numbers[..2 * CHUNK] {
            slab.remove(number);
        }
        assert_eq!((slab.len(), slab.bytes()), (CHUNK, full / 3));
        assert_eq!(slab.growth(1), full / 3);
        let again: Vec<_> = (0..2 * CHUNK).map(|n| slab.insert(n)).collect();
        assert_eq!(slab.bytes(), full);
        assert!(
            again
                .iter()
                .all(|number| numbers[..2 * CHUNK].contains(number))
        );
    }
}
