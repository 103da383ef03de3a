//! The Tailweir binary: command line, wiring of the rooms, admin and metrics, demo and simulation.
//!
//! `main` calls [`main`]; everything else here is private to it, except [`golden_simulate`], which tests
//! use to hold the offline engine against the real Collector's decisions. This crate decides nothing about
//! traces: it reads what the user asks for, starts a [`tailweir_gateway::Gateway`] and tells how it is
//! doing.
//!
//! ```no_run
//! std::process::exit(match tailweir::main() {
//!     code if code == std::process::ExitCode::SUCCESS => 0,
//!     _ => 1,
//! });
//! ```

mod admin;
mod cli;
mod cluster;
mod command_line;
mod commands;
mod configuration;
mod demo;
mod health;
mod kept;
mod logging;
mod migrate;
mod node;
mod own_metrics;
mod own_telemetry;
mod pages;
mod probe;
mod profile;
mod signals;
mod simulate;
mod sizing;
mod status;
mod status_line;
mod terminal;
mod zpages;

pub use simulate::{Arrivals, Outcome, PolicyCounts, TraceDecision, golden_simulate};

use clap::Parser;
use std::process::ExitCode;

/// Reads the command line and does what it says. Usage errors and `--help` end the process at once.
#[must_use]
pub fn main() -> ExitCode {
    commands::execute(cli::CommandLine::parse())
}
