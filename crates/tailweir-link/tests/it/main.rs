//! Connections between members, over loopback.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod calls;
mod handshakes;
mod harness;
mod life;
mod networks;
