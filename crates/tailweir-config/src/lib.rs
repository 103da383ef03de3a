//! Collector YAML to validated settings.

mod location;
mod tail_sampling;

pub use location::Location;
pub use tail_sampling::{
    Compat, DecisionCache, OttlErrorMode, Policy, PolicyKind, RateAllocation, SamplingStrategy,
    TailSampling,
};
