//! A shared value that remembers its hash.

use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, OnceLock};

/// A state of a check differs from the one before in a node or a message; all others are shared, and hashed once.
#[derive(Debug, Clone)]
pub struct Shared<T>(Arc<Inner<T>>);

#[derive(Debug, Clone)]
struct Inner<T> {
    value: T,
    hash: OnceLock<u64>,
}

impl<T: Clone> Shared<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Arc::new(Inner {
            value,
            hash: OnceLock::new(),
        }))
    }

    /// The value, to be changed; a copy of it if others share it.
    pub(crate) fn make_mut(&mut self) -> &mut T {
        let inner = Arc::make_mut(&mut self.0);
        inner.hash.take();
        &mut inner.value
    }
}

impl<T> std::ops::Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T: PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.value == other.0.value
    }
}

impl<T: Eq> Eq for Shared<T> {}

impl<T: Ord> PartialOrd for Shared<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Ord> Ord for Shared<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.value.cmp(&other.0.value)
    }
}

impl<T: Hash> Hash for Shared<T> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let hash = self.0.hash.get_or_init(|| {
            let mut own = DefaultHasher::new();
            self.0.value.hash(&mut own);
            own.finish()
        });
        hasher.write_u64(*hash);
    }
}
