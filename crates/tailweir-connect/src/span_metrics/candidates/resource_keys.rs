//! The keys of resources for which exemplars wait.

use hashbrown::HashMap;
use std::sync::Arc;
use tailweir_core::SeededState;

/// Each key once, however often its resource has left and come again, as long as an exemplar of it waits.
#[derive(Debug)]
pub(super) struct ResourceKeys {
    /// For how many exemplars each is held.
    holders: HashMap<Arc<[u8]>, usize, SeededState>,
    bytes: usize,
}

impl ResourceKeys {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            holders: HashMap::with_hasher(SeededState::new(seed)),
            bytes: 0,
        }
    }

    /// How many bytes they take together.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Holds a key for one exemplar more. Answers the one to hold, which may be there already.
    pub(super) fn enter(&mut self, key: Arc<[u8]>) -> Arc<[u8]> {
        if let Some((held, holders)) = self.holders.get_key_value_mut(&key) {
            *holders += 1;
            return Arc::clone(held);
        }
        self.bytes += key.len();
        self.holders.insert(Arc::clone(&key), 1);
        key
    }

    /// An exemplar does not wait any more.
    pub(super) fn leave(&mut self, key: &Arc<[u8]>) {
        let Some(holders) = self.holders.get_mut(key) else {
            return;
        };
        *holders -= 1;
        if *holders == 0 {
            self.holders.remove(key);
            self.bytes -= key.len();
        }
    }
}
