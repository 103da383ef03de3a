//! Which HTTP/2 clients ping too often, as gRPC servers define it.
//!
//! The HTTP library answers pings and says nothing of them, so they are seen as their bytes pass by.

use std::time::Duration;
use tokio::time::Instant;

/// Least time between pings where there is no call, and none is permitted.
const WITHOUT_CALL: Duration = Duration::from_secs(2 * 60 * 60);
/// Pings that may come too early before the connection is closed.
const STRIKES_MAX: u8 = 2;
/// The rest of a GOAWAY frame: no stream is refused, ENHANCE_YOUR_CALM, and the words by which gRPC
/// clients know to ping less.
pub(super) const GOAWAY: &[u8] =
    b"\x00\x00\x16\x07\x00\x00\x00\x00\x00\x7f\xff\xff\xff\x00\x00\x00\x0btoo_many_pings";

/// How often clients may ping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PingPolicy {
    /// Least time between two pings.
    pub(crate) least_time: Duration,
    /// Whether that holds without a call too; if not, it is two hours.
    pub(crate) without_call: bool,
}

/// The pings of one connection.
#[derive(Debug)]
pub(super) struct Pings {
    policy: PingPolicy,
    last: Option<Instant>,
    strikes: u8,
}

impl Pings {
    pub(super) fn new(policy: PingPolicy) -> Self {
        Self {
            policy,
            last: None,
            strikes: 0,
        }
    }

    /// A ping came. True when it was one too many.
    pub(super) fn came(&mut self, now: Instant, is_busy: bool) -> bool {
        let least = if is_busy || self.policy.without_call {
            self.policy.least_time
        } else {
            WITHOUT_CALL
        };
        let last = self.last.replace(now);
        if last.is_some_and(|last| now.duration_since(last) < least) {
            self.strikes += 1;
        }
        self.strikes > STRIKES_MAX
    }

    /// An answer was sent: pings are a client's way to see how fast its link is, so all is forgiven.
    pub(super) fn answered(&mut self) {
        self.strikes = 0;
        self.last = None;
    }
}

/// A frame's type and flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameKind {
    kind: u8,
    flags: u8,
}

impl FrameKind {
    /// Whether it is a ping, not the answer to one.
    pub(super) fn is_ping(self) -> bool {
        self.kind == 6 && self.flags & 1 == 0
    }

    /// Whether it is a part of a request or of an answer.
    pub(super) fn is_content(self) -> bool {
        self.kind <= 1
    }
}

/// Finds the frames in one direction of a connection, in whatever pieces its bytes come.
#[derive(Debug)]
pub(super) struct Frames {
    header: [u8; 9],
    filled: usize,
    /// Bytes until the next frame begins.
    skip: usize,
}

impl Frames {
    /// The first frame begins after so many bytes.
    pub(super) fn after(preface: usize) -> Self {
        Self {
            header: [0; 9],
            filled: 0,
            skip: preface,
        }
    }

    /// Whether a frame has just ended.
    pub(super) fn is_between(&self) -> bool {
        self.skip == 0 && self.filled == 0
    }

    /// The next frame that begins in `bytes`, which move past its header; nothing at their end.
    pub(super) fn next(&mut self, bytes: &mut &[u8]) -> Option<FrameKind> {
        let skipped = self.skip.min(bytes.len());
        *bytes = &bytes[skipped..];
        self.skip -= skipped;
        let taken = (self.header.len() - self.filled).min(bytes.len());
        self.header[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
        *bytes = &bytes[taken..];
        self.filled += taken;
        if self.filled < self.header.len() {
            return None;
        }
        let [a, b, c, kind, flags, ..] = self.header;
        self.skip = u32::from_be_bytes([0, a, b, c]) as usize;
        self.filled = 0;
        Some(FrameKind { kind, flags })
    }
}

#[cfg(test)]
mod tests {
    use super::{Frames, GOAWAY, PingPolicy, Pings};
    use std::time::Duration;
    use tokio::time::Instant;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = (payload.len() as u32).to_be_bytes();
        let head = [length[1], length[2], length[3], kind, flags, 0, 0, 0, 0];
        [&head, payload].concat()
    }

    /// Scenario: a preface, settings, headers, a ping and its answer, cut at every place.
    /// Guarantees: each frame is found once, whatever its payload holds.
    #[test]
    fn frames_are_found_in_any_pieces() {
        let mut bytes = b"preface".to_vec();
        bytes.extend(frame(4, 0, b""));
        bytes.extend(frame(1, 4, &frame(6, 0, &[0; 8])));
        bytes.extend(frame(6, 0, &[7; 8]));
        bytes.extend(frame(6, 1, &[7; 8]));
        for cut in 0..=bytes.len() {
            let mut frames = Frames::after(7);
            let (mut pings, mut contents) = (0, 0);
            for mut piece in [&bytes[..cut], &bytes[cut..]] {
                while let Some(frame) = frames.next(&mut piece) {
                    pings += u32::from(frame.is_ping());
                    contents += u32::from(frame.is_content());
                }
            }
            assert_eq!(
                (pings, contents, frames.is_between()),
                (1, 1, true),
                "{cut}"
            );
        }
        let mut frames = Frames::after(0);
        let goaway = frames.next(&mut { GOAWAY });
        assert!(goaway.is_some_and(|frame| frame.kind == 7) && frames.skip + 9 == GOAWAY.len());
    }

    /// Scenario: pings each second, with and without a call, permitted or not, and with answers.
    /// Guarantees: the first is free, the third that is too early ends it; an answer forgives.
    #[test]
    fn the_third_early_ping_is_too_many() {
        let policy = |without_call| PingPolicy {
            least_time: Duration::from_millis(900),
            without_call,
        };
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let mut strict = Pings::new(policy(false));
        let verdicts: Vec<_> = (0..4)
            .map(|second| strict.came(at(second), false))
            .collect();
        assert_eq!(verdicts, [false, false, false, true]);
        let mut busy = Pings::new(policy(false));
        assert!(!(0..9).any(|second| busy.came(at(second), true)));
        let mut permitted = Pings::new(policy(true));
        assert!(!(0..9).any(|second| permitted.came(at(second), false)));
        let mut answered = Pings::new(policy(false));
        assert!(!(0..9).any(|second| {
            answered.answered();
            answered.came(at(second), false)
        }));
    }
}
