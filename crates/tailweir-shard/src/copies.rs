//! Memory of what other members own.

use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Counts the bytes of copies for as long as any share of them lives.
#[derive(Debug, Clone, Default)]
pub(crate) struct Copies(Arc<AtomicUsize>);

impl Copies {
    /// These bytes, counted. They should be in memory of their own: what a letter brought is a share of a larger
    /// buffer of the connection, which it would keep alive.
    pub(crate) fn keep(&self, bytes: Vec<u8>) -> Bytes {
        if bytes.is_empty() {
            return Bytes::new();
        }
        self.0.fetch_add(bytes.len(), Relaxed);
        Bytes::from_owner(Counted {
            bytes,
            copies: self.clone(),
        })
    }

    /// Bytes kept.
    pub(crate) fn bytes(&self) -> usize {
        self.0.load(Relaxed)
    }
}

struct Counted {
    bytes: Vec<u8>,
    copies: Copies,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.copies.0.fetch_sub(self.bytes.len(), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Copies;

    /// Scenario: two copies; a share of one outlives it.
    /// Guarantees: a copy counts until its last share is gone.
    #[test]
    fn a_copy_counts_as_long_as_a_share_of_it_lives() {
        let copies = Copies::default();
        let (first, second) = (
            copies.keep(b"four".to_vec()),
            copies.keep(b"seventh".to_vec()),
        );
        let share = second.slice(1..2);
        drop((first, second));
        assert_eq!(copies.bytes(), 7);
        drop(share);
        assert_eq!(copies.bytes(), 0);
    }
}
