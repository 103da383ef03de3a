//! Where what is to be sent is put: a queue with a limit, which nobody waits for.

use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::sync::mpsc;

/// Most items that one queue holds, whatever is configured.
const ITEMS_MAX: usize = 1 << 20;

/// A log record or span on its way.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// The instrumentation scope.
    pub(crate) scope: &'static str,
    /// The content of its message.
    pub(crate) message: Bytes,
}

/// The way into one queue.
#[derive(Debug, Clone)]
pub(crate) struct Outlet {
    queue: mpsc::Sender<Item>,
    dropped: Arc<AtomicU64>,
}

impl Outlet {
    /// A queue for so many items, and the count of those that found no room.
    pub(crate) fn new(size: usize) -> (Self, mpsc::Receiver<Item>, Arc<AtomicU64>) {
        let (queue, items) = mpsc::channel(size.clamp(1, ITEMS_MAX));
        let dropped = Arc::new(AtomicU64::new(0));
        let outlet = Self {
            queue,
            dropped: Arc::clone(&dropped),
        };
        (outlet, items, dropped)
    }

    /// Puts an item in, unless the queue is full or has ended.
    pub(crate) fn offer(&self, item: Item) {
        if self.queue.try_send(item).is_err() {
            self.dropped.fetch_add(1, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Item, Outlet};
    use bytes::Bytes;
    use std::sync::atomic::Ordering::Relaxed;

    /// Scenario: three items come into a queue for two that nobody empties.
    /// Guarantees: nobody waits; the first two are there, the third is counted.
    #[test]
    fn what_finds_no_room_is_counted() {
        let (outlet, mut items, dropped) = Outlet::new(2);
        for number in 0..3_u8 {
            outlet.offer(Item {
                scope: "x",
                message: Bytes::copy_from_slice(&[number]),
            });
        }
        assert_eq!(dropped.load(Relaxed), 1);
        assert_eq!(items.try_recv().unwrap().message, [0_u8][..]);
        assert_eq!(items.try_recv().unwrap().message, [1_u8][..]);
        assert!(items.try_recv().is_err());
    }
}
