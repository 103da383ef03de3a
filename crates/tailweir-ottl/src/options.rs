//! What a condition may do beyond the plain language.

use crate::Time;
use std::fmt;
use std::sync::Arc;

/// How conditions are compiled.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether converters that take lambdas exist (`Any`, `All`, `Filter` ...). Off by default, as in
    /// the Collector, where the feature gate `ottl.functions.enableLambda` turns them on.
    pub lambdas: bool,
    /// Whether a condition may depend on more than its subject.
    pub determinism: Determinism,
}

/// Whether a condition may depend on more than its subject.
#[derive(Debug, Clone, Default)]
pub enum Determinism {
    /// `Now`, `UUID` and `UUIDv7` are refused: the result must follow from the subject alone.
    #[default]
    Required,
    /// They are allowed, and take the time and randomness from here.
    Waived(Arc<dyn Surroundings>),
}

/// The world outside, for conditions that may see it.
pub trait Surroundings: fmt::Debug + Send + Sync {
    /// The time now.
    fn now(&self) -> Time;

    /// Sixteen random bytes, new at every call.
    fn random(&self) -> [u8; 16];
}
