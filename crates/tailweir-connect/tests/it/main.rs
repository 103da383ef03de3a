//! Tests of the room through its door.

mod golden;
mod service_graph;
mod span_metrics;
mod unordered;
