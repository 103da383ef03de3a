//! What the language asks of the telemetry that it is about: names when it compiles, values when it
//! evaluates.

use crate::{EvaluationError, Text, Value};
use std::borrow::Cow;

/// The names that a condition may use: paths, enumeration symbols, converters without arguments.
pub trait Context {
    /// A path, resolved: whatever the subject needs to find the value quickly.
    type Path;

    /// Resolves a path.
    ///
    /// # Errors
    /// [`PathError`] when there is no such path, or when it cannot be indexed and is.
    fn resolve(&self, path: &PathExpression<'_>) -> Result<Self::Path, PathError>;

    /// The number that an enumeration symbol stands for.
    fn symbol(&self, name: &str) -> Option<i64>;

    /// Every symbol, for suggestions.
    fn symbols(&self) -> Vec<&'static str>;

    /// A converter of this context alone, such as `IsRootSpan`: a path in disguise. Its arguments, if it
    /// takes any, are the keys of the path.
    fn converter(&self, name: &str) -> Option<Self::Path>;

    /// How many arguments such a converter takes, all of them texts.
    fn arity(&self, _converter: &str) -> usize {
        0
    }

    /// The names of all of those, for suggestions.
    fn converters(&self) -> &[&'static str];
}

/// One thing that conditions are evaluated against: a span, a log record, a resource.
pub trait Subject<P> {
    /// The value of a path, indexed by the keys one after the other.
    ///
    /// # Errors
    /// When a key does not fit what it indexes, or the path has no value here.
    fn value<'a>(&'a self, path: &'a P, keys: &[Key<'a>]) -> Result<Value<'a>, EvaluationError>;
}

/// A path as written: `span.attributes["a"]["b"]` has two segments and two keys.
#[derive(Debug, Clone)]
pub struct PathExpression<'s> {
    /// The names between the dots, at least one.
    pub segments: Vec<&'s str>,
    /// How many keys follow the last name.
    pub keys: usize,
}

/// A path that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathError {
    pub(crate) segment: usize,
    pub(crate) reason: PathErrorReason,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PathErrorReason {
    Unknown(Vec<&'static str>),
    NotIndexable,
    NotIndexableTwice,
}

impl PathError {
    /// The segment of this number (from 0) is unknown, or missing when there are fewer; these would be
    /// valid there.
    #[must_use]
    pub fn unknown(segment: usize, valid: impl IntoIterator<Item = &'static str>) -> Self {
        Self {
            segment,
            reason: PathErrorReason::Unknown(valid.into_iter().collect()),
        }
    }

    /// The segment of this number (from 0) cannot be followed by a key.
    #[must_use]
    pub fn not_indexable(segment: usize) -> Self {
        Self {
            segment,
            reason: PathErrorReason::NotIndexable,
        }
    }

    /// The segment of this number (from 0) can be followed by one key but not by more.
    #[must_use]
    pub fn not_indexable_twice(segment: usize) -> Self {
        Self {
            segment,
            reason: PathErrorReason::NotIndexableTwice,
        }
    }
}

/// A key between brackets, evaluated.
#[derive(Debug, Clone)]
pub enum Key<'a> {
    /// `["name"]`
    Name(Text<'a>),
    /// `[0]`
    Index(i64),
    /// An expression that gave neither; an error once the key is needed, not before.
    Invalid(EvaluationError),
}

impl<'a> Key<'a> {
    pub(crate) fn of(value: Result<Value<'a>, EvaluationError>) -> Self {
        match value {
            Ok(Value::String(name)) => Self::Name(name),
            Ok(Value::Int(index)) => Self::Index(index),
            Ok(other) => Self::Invalid(EvaluationError::type_of(
                "a string or an int as key",
                &other,
            )),
            Err(error) => Self::Invalid(error),
        }
    }

    /// The key as a name.
    ///
    /// # Errors
    /// When it is an index, or an expression that gave neither.
    pub fn name(&self) -> Result<&[u8], EvaluationError> {
        match self {
            Self::Name(name) => Ok(name),
            Self::Index(_) => Err(EvaluationError::Type {
                expected: "a string as key",
                found: "int",
            }),
            Self::Invalid(error) => Err(error.clone()),
        }
    }

    /// The key as an index into a list of this length.
    ///
    /// # Errors
    /// When it is a name, out of bounds, or an expression that gave neither.
    pub fn index(&self, length: usize) -> Result<usize, EvaluationError> {
        match self {
            Self::Index(index) => {
                let position = usize::try_from(*index)
                    .ok()
                    .filter(|position| *position < length);
                position.ok_or(EvaluationError::Index {
                    index: *index,
                    length,
                })
            }
            Self::Name(_) => Err(EvaluationError::Type {
                expected: "an int as key",
                found: "string",
            }),
            Self::Invalid(error) => Err(error.clone()),
        }
    }

    pub(crate) fn borrowed(&'a self) -> Self {
        match self {
            Self::Name(name) => Self::Name(Cow::Borrowed(name)),
            other => other.clone(),
        }
    }
}
