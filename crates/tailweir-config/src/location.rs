//! Where in the user's files something stands.

use std::fmt;
use std::sync::Arc;

/// A place in a configuration source. Prints as `file:line:column`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Location {
    /// Path or URI of the source, as the user gave it.
    pub source: Arc<str>,
    /// From 1; 0 where a source has no lines (a flag).
    pub line: u32,
    /// From 1, in characters; 0 where a source has no lines.
    pub column: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return f.write_str(&self.source);
        }
        write!(f, "{}:{}:{}", self.source, self.line, self.column)
    }
}
