//! What is published, in a process of its own: there is one recorder of metrics a process, and every gateway publishes to it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

#[path = "../it/harness.rs"]
#[expect(dead_code, reason = "the other tests use the rest")]
mod harness;
mod metrics;
