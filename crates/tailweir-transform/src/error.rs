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

/// Why edits were not applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The request would grow too much: many items, each given a long value.
    #[error("edits would make a request of {length} bytes more than {limit} bytes longer")]
    Growth {
        /// Its length before.
        length: usize,
        /// By how much it may grow.
        limit: usize,
    },
}
