//! Decides captured traces offline, with the engine of the gateway on a virtual clock.

mod reader;
mod replay;
mod report;

pub(crate) use reader::read_requests;
pub(crate) use replay::simulate;
pub use replay::{Arrivals, Outcome, PolicyCounts, TraceDecision};
pub(crate) use report::table;

use crate::cli::{Compat, ConfigArguments};
use crate::configuration;
use std::path::Path;

/// Decides captured traces as `tailweir policy simulate --compat collector` does.
///
/// `config` is a whole configuration or a file with nothing but a `tail_sampling:` block; `input` is
/// OTLP in JSON lines or protobuf, plain or packed with gzip or Zstandard; `feature_gates` are the Collector's.
///
/// # Errors
/// When the configuration is refused or has not exactly one `tail_sampling` processor, or the input
/// cannot be read.
pub fn golden_simulate(
    config: &Path,
    input: &Path,
    feature_gates: &[String],
    arrivals: Arrivals,
) -> anyhow::Result<Outcome> {
    let arguments = ConfigArguments {
        sources: vec![config.display().to_string()],
        feature_gates: feature_gates.to_vec(),
        compat: Some(Compat::Collector),
        ..ConfigArguments::default()
    };
    let sampling = configuration::tail_sampling(&arguments, None)?;
    simulate(&sampling, &read_requests(input)?, arrivals)
}
