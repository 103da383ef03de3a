//! The real binary, from its start to its end.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod cluster;
mod commands;
mod demo;
mod example;
mod gateway;
mod golden;
mod kubernetes;
mod lifecycle;
mod own_metrics;
mod own_telemetry;
mod personal_data;
mod profile;
mod reload;
mod scrape;
mod series;
mod simulate;
mod spool;
mod zpages;
