//! What can be wrong with a condition, when it is compiled and when it is evaluated.

use crate::nearest::clip;
use std::borrow::Cow;
use std::fmt;

/// A condition or statement that cannot be compiled: where, why, and what was probably meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileError {
    /// `condition` or `statement`.
    what: &'static str,
    text: String,
    offset: usize,
    message: String,
    suggestion: Option<String>,
}

impl CompileError {
    pub(crate) fn new(text: &str, offset: usize, message: impl Into<String>) -> Self {
        Self {
            what: "condition",
            text: text.to_owned(),
            offset: offset.min(text.len()),
            message: message.into(),
            suggestion: None,
        }
    }

    /// The same error, of a statement.
    pub(crate) fn of_statement(self) -> Self {
        Self {
            what: "statement",
            ..self
        }
    }

    pub(crate) fn suggesting(self, suggestion: Option<impl Into<String>>) -> Self {
        Self {
            suggestion: suggestion.map(Into::into),
            ..self
        }
    }

    /// Where in the condition, in bytes from its start.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// What is wrong, without the place and the condition.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The valid name nearest to an unknown one.
    #[must_use]
    pub fn suggestion(&self) -> Option<&str> {
        self.suggestion.as_deref()
    }

    /// The line of the condition that is wrong, with a caret under the place:
    ///
    /// ```text
    /// span.atributes["x"] == 1
    ///      ^ no such path; did you mean `attributes`?
    /// ```
    #[must_use]
    pub fn with_caret(&self) -> String {
        let start = self.text[..self.boundary()]
            .rfind('\n')
            .map_or(0, |newline| newline + 1);
        let line = self.text[start..].lines().next().unwrap_or_default();
        let column = self.text[start..self.boundary()].chars();
        // A tab before the place keeps its width in the line below.
        let indent: String = column.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        format!("{line}\n{indent}^ {}", Reason(self))
    }

    fn boundary(&self) -> usize {
        (0..=self.offset)
            .rev()
            .find(|at| self.text.is_char_boundary(*at))
            .unwrap_or(0)
    }
}

struct Reason<'e>(&'e CompileError);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        match &self.0.suggestion {
            Some(suggestion) => write!(f, "; did you mean `{suggestion}`?"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, offset) = (clip(&self.text), self.offset);
        write!(
            f,
            "{} `{text}` at byte {offset}: {}",
            self.what,
            Reason(self)
        )
    }
}

impl std::error::Error for CompileError {}

/// A condition that has no result for this subject, or a statement that cannot change it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// A value of one kind where another is needed.
    #[error("expected {expected} but got {found}")]
    Type {
        /// What was needed.
        expected: &'static str,
        /// What was there.
        found: &'static str,
    },
    /// A list is shorter than an index needs it to be, or the index is negative.
    #[error("index {index} is out of bounds of a list of {length}")]
    Index {
        /// The index, counted from 0.
        index: i64,
        /// How many values the list holds.
        length: usize,
    },
    /// A map lacks a key without which there is no result.
    #[error("key not found in map")]
    Key,
    /// A division by zero.
    #[error("attempted to divide by 0")]
    Division,
    /// A converter cannot handle what it was given.
    #[error("{converter}: {reason}")]
    Converter {
        /// Its name.
        converter: &'static str,
        /// What it cannot handle.
        reason: Cow<'static, str>,
    },
    /// A path that has no value in this place, such as an event's index during sampling.
    #[error("{0}")]
    Unavailable(&'static str),
}

impl EvaluationError {
    pub(crate) fn type_of(expected: &'static str, found: &crate::Value<'_>) -> Self {
        Self::Type {
            expected,
            found: found.kind(),
        }
    }
}
