//! Tests of the room through its door.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod golden;
mod routing;
mod service_graph;
mod span_metrics;
mod totals;
mod unordered;
