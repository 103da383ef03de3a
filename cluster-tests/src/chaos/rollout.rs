//! The chart on a real Kubernetes, under load: installed, changed in every way, and judged.
//!
//! Clients send to the Service, the backend is beside the cluster. Each change has a history of its own, which the checker
//! of all other runs judges. `cargo xtask verify-deploy --cluster` makes the cluster and starts this.

mod autoscaling;
mod changes;
mod disasters;
mod kubernetes;
mod nodes;
mod release;
mod revision;
mod run;
mod runner;
mod watch;

pub use run::{RolloutOptions, RolloutRow, run, table, write_table};
