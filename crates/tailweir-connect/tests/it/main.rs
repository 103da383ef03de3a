//! Tests of the room through its door.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod exception_logs;
mod exception_metrics;
mod golden;
mod makers;
mod routing;
mod service_graph;
mod span_metrics;
mod totals;
mod unordered;
