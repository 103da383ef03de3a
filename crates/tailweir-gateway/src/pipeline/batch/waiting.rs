//! What waits in a batch processor.

use crate::pipeline::Load;
use std::collections::BTreeMap;
use tokio::time::Instant;

/// The values of `metadata_keys`, in their order: loads with equal ones share a batch.
pub(super) type Key = Vec<Vec<String>>;

/// See the module.
#[derive(Default)]
pub(super) struct Waiting {
    batches: BTreeMap<Key, Batch>,
    bytes: usize,
    items: u64,
    /// The stage behind had no room when it was last asked.
    is_blocked: bool,
    is_closed: bool,
}

#[derive(Default)]
struct Batch {
    loads: Vec<Load>,
    items: u64,
    deadline: Option<Instant>,
}

/// What there is to do.
pub(super) enum Due {
    /// Send these, which share a key; whether because there are enough of them.
    Now(Key, Vec<Load>, bool),
    /// Nothing before this time.
    At(Instant),
    /// Nothing until a load is offered.
    WhenOffered,
    /// Nothing ever: closed and empty.
    Never,
}

impl Waiting {
    pub(super) fn push(&mut self, key: Key, mut load: Load, deadline: Instant) {
        // Acknowledged from here on, and bounded here.
        load.is_held = true;
        load.permit = None;
        load.scanned = None;
        let items = load.charge.amount().items;
        self.bytes += load.body.len();
        self.items += items;
        let batch = self.batches.entry(key).or_default();
        batch.items += items;
        batch.deadline.get_or_insert(deadline);
        batch.loads.push(load);
    }

    /// What was not enough for a batch of its own waits in front of what came meanwhile.
    pub(super) fn put_back(&mut self, key: Key, load: Load, deadline: Instant) {
        let items = load.charge.amount().items;
        self.bytes += load.body.len();
        self.items += items;
        let batch = self.batches.entry(key).or_default();
        batch.items += items;
        batch.deadline = Some(deadline);
        batch.loads.insert(0, load);
    }

    /// The first batch that is full or whose time has come. The combination stays known.
    pub(super) fn take_due(&mut self, threshold: u64, now: Instant) -> Due {
        let mut earliest: Option<Instant> = None;
        for (key, batch) in &mut self.batches {
            let Some(deadline) = batch.deadline else {
                continue;
            };
            let is_full = batch.items >= threshold;
            if is_full || deadline <= now || self.is_closed {
                let loads = std::mem::take(batch).loads;
                self.bytes -= loads.iter().map(|load| load.body.len()).sum::<usize>();
                self.items -= loads
                    .iter()
                    .map(|load| load.charge.amount().items)
                    .sum::<u64>();
                return Due::Now(key.clone(), loads, is_full);
            }
            earliest = Some(earliest.map_or(deadline, |earliest| earliest.min(deadline)));
        }
        match earliest {
            Some(time) => Due::At(time),
            None if self.is_closed => Due::Never,
            None => Due::WhenOffered,
        }
    }

    /// Whether a load of so many bytes has no place: bytes are bounded, and while the stage behind has
    /// no room, only one more batch is gathered.
    pub(super) fn is_full(&self, bytes: usize, bytes_max: usize, threshold: u64) -> bool {
        let no_room = self.bytes > 0 && self.bytes + bytes > bytes_max;
        no_room || (self.is_blocked && self.items >= threshold)
    }

    pub(super) fn knows(&self, key: &Key) -> bool {
        self.batches.contains_key(key)
    }

    /// Items and bytes that wait.
    pub(super) fn size(&self) -> (u64, u64) {
        (self.items, self.bytes as u64)
    }

    pub(super) fn combinations(&self) -> usize {
        self.batches.len()
    }

    pub(super) fn block(&mut self, is_blocked: bool) {
        self.is_blocked = is_blocked;
    }

    pub(super) fn close(&mut self) {
        self.is_closed = true;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Drops everything, which counts it as lost.
    pub(super) fn clear(&mut self) {
        self.batches.clear();
        self.bytes = 0;
        self.items = 0;
    }
}
