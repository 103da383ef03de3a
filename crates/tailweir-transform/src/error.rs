//! What can be wrong with edits.

use std::fmt;

/// A setting that cannot be compiled, or does not fit the signal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct CompileError {
    /// Which setting of the processor, such as `actions[1].pattern`.
    pub path: String,
    /// What is wrong with it, and what would be right.
    pub problem: String,
}

impl CompileError {
    pub(crate) fn new(path: impl Into<String>, problem: impl fmt::Display) -> Self {
        Self {
            path: path.into(),
            problem: problem.to_string(),
        }
    }
}

/// All that is wrong with the settings of a processor, at least one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileErrors(pub Vec<CompileError>);

impl fmt::Display for CompileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for CompileErrors {}

/// Why a request was not transformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransformError {
    /// The request would grow too much: many items, each given a long value.
    #[error("edits would make a request of {length} bytes more than {limit} bytes longer")]
    Growth {
        /// Its length before.
        length: usize,
        /// By how much it may grow.
        limit: usize,
    },
    /// What is asked of the client further on is longer than what may be kept of it.
    #[error(
        "what later stages ask of the client is {bytes} bytes long, above the limit of {limit} bytes: send shorter headers, or ask for fewer"
    )]
    Client {
        /// Its length.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
    /// A condition or statement failed on an item, and the error mode is to propagate that.
    #[error("{0}")]
    Evaluation(String),
}

impl TransformError {
    /// Whether the same request must fail again. The Collector calls a failed condition a passing failure,
    /// because what it depends on may be the time.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        matches!(self, Self::Growth { .. } | Self::Client { .. })
    }
}
