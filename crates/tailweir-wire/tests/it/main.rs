//! The wire from outside: what is written is read again, is the same bytes as ever, and nothing else is taken.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod any;
mod golden;
mod hostile;
mod round_trip;
