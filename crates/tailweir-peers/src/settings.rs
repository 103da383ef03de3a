//! What bounds the streams.

use std::time::Duration;

/// Settings of [`Peers`](crate::Peers). The defaults are those of the product; tests have smaller ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeersSettings {
    /// Bytes of letters that may wait for one member. What does not fit is dropped, and counted. Default 64 MiB.
    pub letters_max: usize,
    /// Most parts that may wait for one member, and as many again that wait for its answer. Further ones are refused.
    /// Default 1,024.
    pub parts_max: usize,
    /// Size at which a letter is closed, in bytes. Default 1 MiB.
    pub letter_size: usize,
    /// Least time from one letter to the next, unless more waits than a letter takes. What shards write meanwhile leaves
    /// together: to send and receive a letter costs as much as some thirty fragments in it. Default 1 ms.
    pub letter_pause: Duration,
    /// How long the other side may take to open a stream. Default 3 s.
    pub open_timeout: Duration,
    /// Pause after the first failure; doubles with each. Default 50 ms.
    pub pause_min: Duration,
    /// Longest pause. Default 2 s.
    pub pause_max: Duration,
}

impl Default for PeersSettings {
    fn default() -> Self {
        Self {
            letters_max: 64 << 20,
            parts_max: 1024,
            letter_size: 1 << 20,
            letter_pause: Duration::from_millis(1),
            open_timeout: Duration::from_secs(3),
            pause_min: Duration::from_millis(50),
            pause_max: Duration::from_secs(2),
        }
    }
}
