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

/// How the expressions of a configuration are compiled: which language it is, and what is outside.
#[derive(Debug, Clone)]
pub struct Dialect {
    /// See [`Options::lambdas`].
    pub lambdas: bool,
    /// Where times and randomness come from.
    pub surroundings: Arc<dyn Surroundings>,
}

impl Dialect {
    /// The options of expressions that may see what is outside.
    #[must_use]
    pub fn options(&self) -> Options {
        Options {
            lambdas: self.lambdas,
            determinism: Determinism::Waived(Arc::clone(&self.surroundings)),
        }
    }
}

/// The world outside, for conditions that may see it.
pub trait Surroundings: fmt::Debug + Send + Sync {
    /// The time now.
    fn now(&self) -> Time;

    /// Sixteen random bytes, new at every call.
    fn random(&self) -> [u8; 16];
}
