//! Resources and scopes, each stored once, however many requests repeat them.
//!
//! A *context* is a pair of resource fields and scope fields. Runs name it by number. A segment that
//! holds a run of a context pins it; when the last such segment is freed, the context goes.

use hashbrown::HashTable;
use std::mem;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::slab::Slab;

/// Number of an interned context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ContextId(pub(crate) u32);

const NO_SEGMENT: u32 = u32::MAX;

/// All contexts that held spans refer to.
pub(crate) struct Contexts {
    seed: u64,
    blobs: Slab<Blob>,
    blob_numbers: HashTable<u32>,
    pairs: Slab<Pair>,
    pair_numbers: HashTable<u32>,
    /// Bytes of the blobs themselves.
    bytes: usize,
}

#[derive(Default)]
struct Blob {
    bytes: Box<[u8]>,
    hash: u64,
    /// Pairs that name it.
    pins: u32,
}

#[derive(Default)]
struct Pair {
    resource: u32,
    scope: u32,
    /// Segments that name it.
    pins: u32,
    /// The segment that pinned it last: a second run in the same segment costs nothing.
    pinned_by: u32,
}

/// What a table of numbers costs for each entry, in bytes, at its least load.
const TABLE_ENTRY_BYTES: usize = 12;

impl Contexts {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            blobs: Slab::new(),
            blob_numbers: HashTable::new(),
            pairs: Slab::new(),
            pair_numbers: HashTable::new(),
            bytes: 0,
        }
    }

    /// Memory held, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let tables = self.blob_numbers.capacity() + self.pair_numbers.capacity();
        self.bytes + self.blobs.bytes() + self.pairs.bytes() + tables * size_of::<u32>() * 5 / 4
    }

    /// The most that interning these fields can add, in bytes, for the admission of a request.
    pub(crate) fn growth(resource: &[u8], scope: &[u8]) -> usize {
        resource.len()
            + scope.len()
            + 2 * (size_of::<Blob>() + TABLE_ENTRY_BYTES)
            + size_of::<Pair>()
            + TABLE_ENTRY_BYTES
    }

    /// How many contexts are held.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.pairs.len()
    }

    /// The context of these fields, stored unless it was. It must be pinned before it is next
    /// released.
    pub(crate) fn intern(&mut self, resource: &[u8], scope: &[u8]) -> ContextId {
        let resource = self.intern_blob(resource);
        let scope = self.intern_blob(scope);
        let hash = hash_pair(self.seed, resource, scope);
        let pairs = &self.pairs;
        let same = |&number: &u32| {
            let pair = pairs.get(number);
            pair.resource == resource && pair.scope == scope
        };
        if let Some(&number) = self.pair_numbers.find(hash, same) {
            return ContextId(number);
        }
        self.blobs.get_mut(resource).pins += 1;
        self.blobs.get_mut(scope).pins += 1;
        let number = self.pairs.insert(Pair {
            resource,
            scope,
            pins: 0,
            pinned_by: NO_SEGMENT,
        });
        let (pairs, seed) = (&self.pairs, self.seed);
        self.pair_numbers.insert_unique(hash, number, |&other| {
            let pair = pairs.get(other);
            hash_pair(seed, pair.resource, pair.scope)
        });
        ContextId(number)
    }

    /// Notes that this segment holds a run of the context. True when the segment must remember to
    /// release it: the first time in a row.
    pub(crate) fn pin(&mut self, context: ContextId, segment: u32) -> bool {
        let pair = self.pairs.get_mut(context.0);
        if pair.pinned_by == segment {
            return false;
        }
        pair.pinned_by = segment;
        pair.pins += 1;
        true
    }

    /// Undoes one [`Self::pin`] by a segment that is freed.
    pub(crate) fn unpin(&mut self, context: ContextId, segment: u32) {
        let pair = self.pairs.get_mut(context.0);
        if pair.pinned_by == segment {
            pair.pinned_by = NO_SEGMENT;
        }
        pair.pins -= 1;
        if pair.pins == 0 {
            self.forget(context);
        }
    }

    /// The resource fields and scope fields of a context.
    pub(crate) fn get(&self, context: ContextId) -> (&[u8], &[u8]) {
        let pair = self.pairs.get(context.0);
        (
            &self.blobs.get(pair.resource).bytes,
            &self.blobs.get(pair.scope).bytes,
        )
    }

    fn intern_blob(&mut self, bytes: &[u8]) -> u32 {
        let hash = xxh3_64_with_seed(bytes, self.seed);
        let blobs = &self.blobs;
        // Equal hashes prove nothing: clients choose the bytes.
        let same = |&number: &u32| *blobs.get(number).bytes == *bytes;
        if let Some(&number) = self.blob_numbers.find(hash, same) {
            return number;
        }
        let number = self.blobs.insert(Blob {
            bytes: bytes.into(),
            hash,
            pins: 0,
        });
        self.bytes += bytes.len();
        let blobs = &self.blobs;
        self.blob_numbers
            .insert_unique(hash, number, |&other| blobs.get(other).hash);
        number
    }

    fn forget(&mut self, context: ContextId) {
        let pair = self.pairs.remove(context.0);
        let hash = hash_pair(self.seed, pair.resource, pair.scope);
        if let Ok(entry) = self.pair_numbers.find_entry(hash, |&n| n == context.0) {
            entry.remove();
        }
        self.release_blob(pair.resource);
        self.release_blob(pair.scope);
        self.shrink();
    }

    fn release_blob(&mut self, number: u32) {
        let blob = self.blobs.get_mut(number);
        blob.pins -= 1;
        if blob.pins > 0 {
            return;
        }
        let hash = blob.hash;
        self.bytes -= mem::take(&mut blob.bytes).len();
        self.blobs.remove(number);
        if let Ok(entry) = self.blob_numbers.find_entry(hash, |&n| n == number) {
            entry.remove();
        }
    }

    /// Tables that are nearly empty after a flood give their memory back.
    fn shrink(&mut self) {
        let (blobs, pairs, seed) = (&self.blobs, &self.pairs, self.seed);
        if self.blob_numbers.capacity() > 1024.max(16 * self.blob_numbers.len()) {
            let room = 2 * self.blob_numbers.len();
            self.blob_numbers.shrink_to(room, |&n| blobs.get(n).hash);
        }
        if self.pair_numbers.capacity() > 1024.max(16 * self.pair_numbers.len()) {
            let room = 2 * self.pair_numbers.len();
            self.pair_numbers.shrink_to(room, |&n| {
                let pair = pairs.get(n);
                hash_pair(seed, pair.resource, pair.scope)
            });
        }
    }
}

fn hash_pair(seed: u64, resource: u32, scope: u32) -> u64 {
    let pair = u64::from(resource) << 32 | u64::from(scope);
    xxh3_64_with_seed(&pair.to_le_bytes(), seed)
}

#[cfg(test)]
mod tests {
    use super::Contexts;

    /// Scenario: two segments hold runs of one context, written again and again; both are freed.
    /// Guarantees: it is stored once, stays until the second is freed, and then nothing is left.
    #[test]
    fn a_context_lives_as_long_as_a_segment_that_names_it() {
        let mut contexts = Contexts::new(7);
        let first = contexts.intern(b"resource", b"scope");
        assert!(contexts.pin(first, 0));
        assert!(!contexts.pin(first, 0));
        let held = contexts.bytes();
        assert_eq!(contexts.intern(b"resource", b"scope"), first);
        assert_eq!(contexts.bytes(), held);
        assert!(contexts.pin(first, 1));
        contexts.unpin(first, 0);
        assert_eq!(contexts.get(first), (&b"resource"[..], &b"scope"[..]));
        contexts.unpin(first, 1);
        assert_eq!((contexts.len(), contexts.bytes), (0, 0));
    }

    /// Scenario: one resource with three scopes, and a scope with the bytes of a resource.
    /// Guarantees: equal bytes are stored once, different pairs stay apart.
    #[test]
    fn pairs_share_their_parts() {
        let mut contexts = Contexts::new(7);
        let ids: Vec<_> = [b"a", b"b", b"r"]
            .map(|scope| contexts.intern(b"r", scope))
            .into();
        for (segment, &id) in ids.iter().enumerate() {
            contexts.pin(id, segment as u32);
        }
        assert_eq!((contexts.len(), contexts.bytes), (3, 3));
        contexts.unpin(ids[2], 2);
        assert_eq!(contexts.get(ids[0]), (&b"r"[..], &b"a"[..]));
        assert_eq!((contexts.len(), contexts.bytes), (2, 3));
    }
}
