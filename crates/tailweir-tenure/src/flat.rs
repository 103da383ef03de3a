//! What every message looks into: one place in memory for a key, however many there are.

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use std::hash::{Hash, Hasher};

/// Room that a map keeps although it is empty.
const KEPT: usize = 16;

/// A map without an order. Ids come from outside, so that its hashes are seeded, differently in each map. Whoever goes
/// through it sorts, so that the same history has the same messages; it hashes as its sorted entries do.
#[derive(Debug, Clone)]
pub(crate) struct Flat<K, V>(HashMap<K, V, RandomState>);

impl<K: Eq + Hash + Ord, V> Flat<K, V> {
    pub(crate) fn new() -> Self {
        Self(HashMap::with_hasher(RandomState::default()))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn contains_key(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.0.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.0.get_mut(key)
    }

    /// The value of this key, which is the default one from now on if it had none.
    pub(crate) fn value(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        self.0.entry(key).or_default()
    }

    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.0.insert(key, value)
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let value = self.0.remove(key)?;
        if self.0.is_empty() && self.0.capacity() > KEPT {
            *self = Self::new();
        }
        Some(value)
    }

    pub(crate) fn retain(&mut self, mut stays: impl FnMut(&K, &V) -> bool) {
        self.0.retain(|key, value| stays(key, value));
        if self.0.capacity() > KEPT.max(self.0.len() * 4) {
            self.0.shrink_to(self.0.len() * 2);
        }
    }

    /// All entries, in no order: for counts, and for what is sorted then.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter()
    }

    /// All keys, in no order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.keys()
    }

    /// All entries, by key.
    pub(crate) fn sorted(&self) -> Vec<(&K, &V)> {
        let mut all: Vec<_> = self.0.iter().collect();
        all.sort_unstable_by(|one, other| one.0.cmp(other.0));
        all
    }
}

impl<K: Eq + Hash, V> FromIterator<(K, V)> for Flat<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl<K: Eq + Hash, V: PartialEq> PartialEq for Flat<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K: Eq + Hash, V: Eq> Eq for Flat<K, V> {}

impl<K: Eq + Hash + Ord, V: Hash> Hash for Flat<K, V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.sorted().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::{Flat, KEPT};
    use std::collections::hash_map::DefaultHasher;
    use std::hash::{Hash, Hasher};

    fn hash_of(map: &Flat<u64, u64>) -> u64 {
        let mut hasher = DefaultHasher::new();
        map.hash(&mut hasher);
        hasher.finish()
    }

    /// Scenario: the same entries, brought in two orders into maps with seeds of their own.
    /// Guarantees: nothing tells them apart.
    #[test]
    fn the_order_of_arrival_leaves_no_trace() {
        let one: Flat<u64, u64> = (0..100).map(|key| (key, key * 7)).collect();
        let other: Flat<u64, u64> = (0..100).rev().map(|key| (key, key * 7)).collect();
        assert_eq!(one, other);
        assert_eq!(hash_of(&one), hash_of(&other));
        assert_eq!(one.sorted(), other.sorted());
    }

    /// Scenario: a map that was large loses most of its entries, and then the last one.
    /// Guarantees: its memory goes with them.
    #[test]
    fn memory_goes_with_the_entries() {
        let mut map: Flat<u64, u64> = (0..10_000).map(|key| (key, key)).collect();
        map.retain(|key, _| *key < 100);
        assert!(map.0.capacity() < 1_000, "{}", map.0.capacity());
        for key in 0..100 {
            map.remove(&key);
        }
        assert!(map.0.capacity() <= KEPT, "{}", map.0.capacity());
    }
}
