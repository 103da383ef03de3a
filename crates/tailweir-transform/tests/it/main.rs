//! Tests of processors through their public face.

mod clients;
mod databases;
mod golden;
mod golden_config;
mod lambdas;
mod metric_changes;
mod processors;
mod properties;
mod statements;
mod still;
