//! What is wrong with a line, a test or the catalogue.

use std::fmt;

/// Something that keeps the tables from being written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The file, below the top of the repository.
    pub(super) file: String,
    /// The line in it.
    pub(super) line: usize,
    /// What is wrong, and what to write.
    pub(super) text: String,
}

impl Fault {
    pub(super) fn new(file: &str, line: usize, text: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            text: text.into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.text)
    }
}
