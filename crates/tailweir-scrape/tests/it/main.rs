//! Tests of this room.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod amplified;
mod hostile;
mod receiver;
mod scraping;
mod workbench;
