//! What stands in the queue, and when it is due. No waiting happens here.

use super::{Batching, Weight};
use crate::Parcel;
use std::collections::VecDeque;
use tokio::time::Instant;

/// A parcel in the queue.
pub(super) struct Entry {
    pub(super) parcel: Parcel,
    pub(super) weight: Weight,
    /// What it counts for in a batch, in the unit of [`Batching`].
    pub(super) batch_size: u64,
    pub(super) since: Instant,
    /// Workers that died while they had it.
    pub(super) deaths: u8,
}

#[derive(Default)]
pub(super) struct State {
    waiting: VecDeque<Entry>,
    /// Sum of the batch sizes of what waits.
    waiting_size: u64,
    /// Parcels not settled: waiting, on loan, and on their way to the disk.
    pub(super) held: u64,
    /// The same, in the unit of the queue.
    pub(super) size: u64,
    /// The same, in bytes.
    pub(super) bytes: u64,
    pub(super) closed: bool,
    pub(super) abandoned: bool,
    /// What waits is taken back: nobody gets it on loan any more.
    pub(super) withdrawn: bool,
    /// Something found no room since the last batch was taken.
    pub(super) pressed: bool,
}

/// The answer of [`State::take`].
pub(super) enum Ready {
    Now {
        entries: Vec<Entry>,
        /// Something is left for another worker.
        more: bool,
    },
    At(Instant),
    WhenArrived,
    Never,
}

impl State {
    /// Counts a parcel that will be pushed, or released.
    pub(super) fn hold(&mut self, weight: Weight) {
        self.held += 1;
        self.size += weight.size;
        self.bytes += weight.bytes;
    }

    /// Puts a parcel that is held at the end of the line.
    pub(super) fn push(&mut self, parcel: Parcel, weight: Weight, batch_size: u64) {
        self.waiting_size += batch_size;
        self.waiting.push_back(Entry {
            parcel,
            weight,
            batch_size,
            since: Instant::now(),
            deaths: 0,
        });
    }

    /// Takes back what a worker did not finish.
    pub(super) fn put_back(&mut self, mut entry: Entry) {
        entry.parcel.unload();
        self.waiting_size += entry.batch_size;
        self.waiting.push_front(entry);
    }

    /// Forgets what an entry counted for.
    pub(super) fn release(&mut self, weight: Weight) {
        self.held = self.held.saturating_sub(1);
        self.size = self.size.saturating_sub(weight.size);
        self.bytes = self.bytes.saturating_sub(weight.bytes);
    }

    /// Everything that waits; it still counts until it is released.
    pub(super) fn take_all(&mut self) -> Vec<Entry> {
        self.waiting_size = 0;
        self.waiting.drain(..).collect()
    }

    /// Whether nobody may be there any more who takes what waits.
    pub(super) fn has_ended(&self) -> bool {
        self.withdrawn || self.abandoned || self.closed && self.held == 0
    }

    /// Whether all that is held waits.
    pub(super) fn has_no_loans(&self) -> bool {
        self.held == self.waiting.len() as u64
    }

    pub(super) fn take(&mut self, batching: Option<&Batching>, now: Instant) -> Ready {
        if self.withdrawn {
            return Ready::Never;
        }
        let Some(first) = self.waiting.front() else {
            return if self.closed {
                Ready::Never
            } else {
                Ready::WhenArrived
            };
        };
        let Some(batching) = batching else {
            return self.pop(1);
        };
        let due = first.since + batching.flush_timeout;
        // What comes back from a dead worker has waited enough.
        let is_due = first.deaths > 0 || due <= now || self.closed || self.pressed;
        if is_due || self.waiting_size >= batching.min_size {
            return self.pop(self.count_of_batch(batching));
        }
        Ready::At(due)
    }

    /// How many entries of the client of the first belong together: up to the first that would exceed
    /// `max_size`, or to the first that reaches `min_size` where there is no maximum. At least one.
    fn count_of_batch(&self, batching: &Batching) -> usize {
        let mut size = 0_u64;
        let mut count = 0;
        for entry in self
            .waiting
            .iter()
            .filter(|entry| self.goes_with_first(entry))
        {
            let next = size.saturating_add(entry.batch_size);
            let is_too_large = batching.max_size > 0 && next > batching.max_size;
            // One that killed a worker goes alone, so that it takes no others with it.
            let goes_alone = entry.deaths > 0;
            if count > 0 && (is_too_large || goes_alone) {
                break;
            }
            size = next;
            count += 1;
            let is_enough = batching.max_size == 0 && size >= batching.min_size;
            if is_enough || goes_alone {
                break;
            }
        }
        count
    }

    /// Whether an entry may be in one request with the first: they are of the same client.
    fn goes_with_first(&self, entry: &Entry) -> bool {
        let first = self.waiting.front();
        first.is_some_and(|first| first.parcel.client == entry.parcel.client)
    }

    /// The first `count` entries of the client of the first.
    fn pop(&mut self, count: usize) -> Ready {
        self.pressed = false;
        let client = self
            .waiting
            .front()
            .and_then(|first| first.parcel.client.clone());
        let mut entries = Vec::with_capacity(count);
        let mut index = 0;
        while entries.len() < count && index < self.waiting.len() {
            if self.waiting[index].parcel.client == client {
                entries.extend(self.waiting.remove(index));
            } else {
                index += 1;
            }
        }
        let taken: u64 = entries.iter().map(|entry| entry.batch_size).sum();
        self.waiting_size = self.waiting_size.saturating_sub(taken);
        Ready::Now {
            entries,
            more: !self.waiting.is_empty(),
        }
    }
}
