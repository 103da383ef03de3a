//! Buffers for request bodies, used again instead of being given back to the allocator.
//!
//! Bodies are large and short-lived: allocating each of them costs more than scanning it. A buffer
//! returns to the pool when the last slice of it is dropped.

use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;

/// Most buffers that wait in the pool.
const BUFFERS_MAX: usize = 64;
/// A buffer that grew beyond this is given back to the allocator.
const CAPACITY_MAX: usize = 1 << 20;
/// First size of a new buffer.
const CAPACITY_FIRST: usize = 16 << 10;

/// The pool. Holds at most 64 buffers of at most 1 MiB each; others are freed.
#[derive(Debug, Default)]
pub(crate) struct BufferPool {
    idle: Mutex<Vec<Vec<u8>>>,
}

impl BufferPool {
    /// An empty buffer.
    pub(crate) fn take(self: &Arc<Self>) -> PooledBuffer {
        let idle = self.idle.lock().pop();
        PooledBuffer {
            bytes: idle.unwrap_or_else(|| Vec::with_capacity(CAPACITY_FIRST)),
            pool: Arc::clone(self),
        }
    }

    fn give_back(&self, mut bytes: Vec<u8>) {
        if bytes.capacity() == 0 || bytes.capacity() > CAPACITY_MAX {
            return;
        }
        bytes.clear();
        let mut idle = self.idle.lock();
        if idle.len() < BUFFERS_MAX {
            idle.push(bytes);
        }
    }
}

/// A buffer of the pool.
#[derive(Debug)]
pub(crate) struct PooledBuffer {
    bytes: Vec<u8>,
    pool: Arc<BufferPool>,
}

impl PooledBuffer {
    /// The buffer, to be filled.
    pub(crate) fn vec(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// What is in it, shared from here on; it returns to the pool after the last share.
    pub(crate) fn freeze(self) -> Bytes {
        if self.bytes.is_empty() {
            return Bytes::new();
        }
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for PooledBuffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for PooledBuffer {
    fn drop(&mut self) {
        self.pool.give_back(std::mem::take(&mut self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::{BufferPool, CAPACITY_MAX};
    use std::sync::Arc;

    /// Scenario: a body is shared, and the last share is dropped.
    /// Guarantees: its buffer is used again, empty, and only then.
    #[test]
    fn a_buffer_returns_after_its_last_share() {
        let pool = Arc::new(BufferPool::default());
        let mut buffer = pool.take();
        buffer.vec().extend_from_slice(b"span");
        let body = buffer.freeze();
        let share = body.slice(1..);
        drop(body);
        assert_eq!(pool.idle.lock().len(), 0);
        assert_eq!(&share[..], b"pan");
        drop(share);
        assert_eq!(pool.idle.lock().len(), 1);
        assert!(pool.take().as_ref().is_empty());
    }

    /// Scenario: a buffer grew beyond what is worth keeping.
    /// Guarantees: it is freed, so that one giant request does not stay in memory.
    #[test]
    fn a_giant_buffer_is_freed() {
        let pool = Arc::new(BufferPool::default());
        pool.take().vec().reserve(CAPACITY_MAX + 1);
        assert_eq!(pool.idle.lock().len(), 0);
    }
}
