//! Tests through the public face.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod answers;
mod collector;
mod feeds;
mod pods;
mod workbench;
