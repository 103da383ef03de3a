//! What went to and came from one member.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tailweir_gateway::{PeerRow, PeerTraffic};

/// Counters of one member, shared by its streams in both directions.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    sent: Traffic,
    received: Traffic,
    queued_bytes: AtomicU64,
    dropped_letters: AtomicU64,
    breaks: AtomicU64,
    /// One more than there are bounds.
    round_trips: [AtomicU64; PeerRow::ROUND_TRIP_BOUNDS.len() + 1],
}

#[derive(Debug, Default)]
struct Traffic {
    parts: AtomicU64,
    part_bytes: AtomicU64,
    letters: AtomicU64,
    messages: AtomicU64,
    letter_bytes: AtomicU64,
}

impl Traffic {
    fn part(&self, bytes: usize) {
        self.parts.fetch_add(1, Ordering::Relaxed);
        self.part_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn letter(&self, messages: usize, bytes: usize) {
        self.letters.fetch_add(1, Ordering::Relaxed);
        self.messages.fetch_add(messages as u64, Ordering::Relaxed);
        self.letter_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn read(&self) -> PeerTraffic {
        PeerTraffic {
            parts: self.parts.load(Ordering::Relaxed),
            part_bytes: self.part_bytes.load(Ordering::Relaxed),
            letters: self.letters.load(Ordering::Relaxed),
            messages: self.messages.load(Ordering::Relaxed),
            letter_bytes: self.letter_bytes.load(Ordering::Relaxed),
        }
    }
}

impl Counts {
    pub(crate) fn part_sent(&self, bytes: usize) {
        self.sent.part(bytes);
    }

    pub(crate) fn part_received(&self, bytes: usize) {
        self.received.part(bytes);
    }

    pub(crate) fn letter_sent(&self, messages: usize, bytes: usize) {
        self.sent.letter(messages, bytes);
    }

    pub(crate) fn letter_received(&self, messages: usize, bytes: usize) {
        self.received.letter(messages, bytes);
    }

    pub(crate) fn letters_dropped(&self, messages: usize) {
        self.dropped_letters
            .fetch_add(messages as u64, Ordering::Relaxed);
    }

    pub(crate) fn broke(&self) {
        self.breaks.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn answered(&self, after: Duration) {
        let millis = after.as_millis() as u64;
        let bounds = PeerRow::ROUND_TRIP_BOUNDS;
        let bucket = bounds.partition_point(|&bound| bound < millis);
        self.round_trips[bucket].fetch_add(1, Ordering::Relaxed);
    }

    /// Charges letters that begin to wait, unless more than `max` bytes would wait then.
    pub(crate) fn queue(&self, bytes: usize, max: usize) -> bool {
        let before = self.queued_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        // A letter that is larger than the whole queue goes when nothing else waits.
        let fits = before == 0 || before + bytes as u64 <= max as u64;
        if !fits {
            self.unqueue(bytes);
        }
        fits
    }

    pub(crate) fn unqueue(&self, bytes: usize) {
        self.queued_bytes.fetch_sub(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn queued(&self) -> u64 {
        self.queued_bytes.load(Ordering::Relaxed)
    }

    fn row(&self, member: &str) -> PeerRow {
        let round_trips = self.round_trips.iter();
        PeerRow {
            member: member.to_owned(),
            sent: self.sent.read(),
            received: self.received.read(),
            queued_bytes: self.queued(),
            dropped_messages: self.dropped_letters.load(Ordering::Relaxed),
            breaks: self.breaks.load(Ordering::Relaxed),
            round_trips: round_trips
                .map(|count| count.load(Ordering::Relaxed))
                .collect(),
        }
    }
}

/// The counters of every member with which there is a stream, by its name. Those of a member with which there is none any
/// more are forgotten, so that names that never come again do not gather.
#[derive(Debug, Default)]
pub(crate) struct Register(Mutex<BTreeMap<Arc<str>, Weak<Counts>>>);

impl Register {
    /// The counters of this member, kept as long as somebody has them.
    pub(crate) fn of(&self, member: &str) -> Arc<Counts> {
        let mut members = self.0.lock();
        if let Some(counts) = members.get(member).and_then(Weak::upgrade) {
            return counts;
        }
        members.retain(|_, counts| counts.strong_count() > 0);
        let counts = Arc::new(Counts::default());
        members.insert(member.into(), Arc::downgrade(&counts));
        counts
    }

    pub(crate) fn rows(&self) -> Vec<PeerRow> {
        let members = self.0.lock();
        let living = members
            .iter()
            .filter_map(|(member, counts)| Some((member, counts.upgrade()?)));
        living.map(|(member, counts)| counts.row(member)).collect()
    }
}
