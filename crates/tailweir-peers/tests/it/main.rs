//! Two members over loopback: what one brings and writes, and what the other gets of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod breaks;
mod bring;
mod harness;
mod hostile;
mod tell;
