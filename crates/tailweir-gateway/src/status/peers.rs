//! Other members of the cluster: what went to them and came from them.

use crate::buckets::Buckets;
use serde::Serialize;

/// Another member, as the streams to and from it were counted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct PeerRow {
    /// Its name.
    pub member: String,
    /// What went to it.
    pub sent: PeerTraffic,
    /// What came from it.
    pub received: PeerTraffic,
    /// Bytes of letters that wait for it.
    pub queued_bytes: u64,
    /// Messages to it that are known to be lost: they found no room, or their stream broke.
    pub dropped_messages: u64,
    /// How often a stream to it broke.
    pub breaks: u64,
    /// Time from a part to its answer: how many took at most as many milliseconds as each of
    /// [`Self::ROUND_TRIP_BOUNDS`], and how many took longer than all of them.
    #[serde(skip)]
    pub round_trips: Vec<u64>,
}

/// What went one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct PeerTraffic {
    /// Parts of requests.
    pub parts: u64,
    /// Bytes of their spans.
    pub part_bytes: u64,
    /// Letters.
    pub letters: u64,
    /// Messages in them.
    pub messages: u64,
    /// Bytes of these letters.
    pub letter_bytes: u64,
}

impl PeerRow {
    /// Bounds of [`Self::round_trips`], in milliseconds.
    pub const ROUND_TRIP_BOUNDS: &'static [u64] = Buckets::MILLISECONDS;

    /// Nothing for a member that was never brought anything.
    pub(crate) fn buckets(&self) -> Option<Buckets> {
        let is_any = self.round_trips.iter().any(|count| *count > 0);
        is_any.then(|| Buckets::of(Self::ROUND_TRIP_BOUNDS, &self.round_trips))
    }
}
