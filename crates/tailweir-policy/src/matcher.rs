//! Tests of one attribute's value.

use crate::{CompileErrorCause, rules::Rules};
use tailweir_otlp::AnyValue;
use tailweir_ottl::GoRegex;

/// Whose attribute it is: the Collector's rules differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bearer {
    Resource,
    Span,
}

/// What a value must be.
#[derive(Debug, Clone)]
pub(crate) enum ValueTest {
    /// An integer in this range, both ends included.
    Number { least: i64, most: i64, strict: bool },
    /// This boolean.
    Boolean { wanted: bool, strict: bool },
    /// One of these texts, sorted.
    Text {
        values: Box<[Box<[u8]>]>,
        strict: bool,
    },
    /// A text that one of these expressions matches somewhere.
    Pattern {
        patterns: Box<[GoRegex]>,
        strict: bool,
    },
}

impl ValueTest {
    /// A range of integers. Absent bounds are open.
    pub(crate) fn number(
        least: Option<i64>,
        most: Option<i64>,
        rules: Rules,
    ) -> Result<Self, CompileErrorCause> {
        if least.is_none() && most.is_none() {
            return Err(CompileErrorCause::NoBounds);
        }
        Ok(Self::Number {
            least: least.unwrap_or(i64::MIN),
            most: most.unwrap_or(i64::MAX),
            strict: rules.only_integers_are_compared,
        })
    }

    /// One of the booleans.
    pub(crate) fn boolean(wanted: bool, rules: Rules) -> Self {
        Self::Boolean {
            wanted,
            strict: rules.only_booleans_are_compared,
        }
    }

    /// One of these texts, or a text that one of these expressions of the Go syntax matches somewhere.
    /// Empty ones are left out.
    pub(crate) fn text(
        values: &[String],
        are_patterns: bool,
        rules: Rules,
    ) -> Result<Self, Vec<CompileErrorCause>> {
        let strict = rules.only_text_is_compared;
        let given = || values.iter().filter(|value| !value.is_empty());
        if are_patterns {
            let patterns = compile_patterns(given)?;
            return Ok(Self::Pattern { patterns, strict });
        }
        let mut values: Vec<Box<[u8]>> = given().map(|value| value.as_bytes().into()).collect();
        values.sort_unstable();
        values.dedup();
        let values = values.into();
        Ok(Self::Text { values, strict })
    }

    /// Whether the value passes.
    pub(crate) fn passes(&self, value: AnyValue<'_>, bearer: Bearer) -> bool {
        match self {
            Self::Number {
                least,
                most,
                strict,
            } => {
                as_integer(value, *strict).is_some_and(|number| (*least..=*most).contains(&number))
            }
            Self::Boolean { wanted, strict } => as_boolean(value, *strict) == Some(*wanted),
            Self::Text { values, strict } => as_text(value, bearer, *strict)
                .is_some_and(|text| values.binary_search_by(|known| (**known).cmp(text)).is_ok()),
            Self::Pattern { patterns, strict } => as_text(value, bearer, *strict)
                .is_some_and(|text| patterns.iter().any(|pattern| pattern.is_match(text))),
        }
    }
}

/// Each on its own, so that all that are wrong are told; then as one, if that is possible.
fn compile_patterns<'p, I: Iterator<Item = &'p String>>(
    given: impl Fn() -> I,
) -> Result<Box<[GoRegex]>, Vec<CompileErrorCause>> {
    let (mut patterns, mut errors) = (Vec::new(), Vec::new());
    for pattern in given() {
        match GoRegex::new(pattern) {
            Ok(regex) => patterns.push(regex),
            Err(error) => errors.push(CompileErrorCause::InvalidRegex {
                pattern: pattern.clone(),
                message: error.reason().to_owned(),
            }),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    if let Some(union) = union(given()) {
        patterns = vec![union];
    }
    Ok(patterns.into())
}

/// Several expressions as one, which reads a text once. Not possible when two of them name a group
/// alike.
fn union<'p>(patterns: impl Iterator<Item = &'p String>) -> Option<GoRegex> {
    let joined: Vec<String> = patterns.map(|pattern| format!("(?:{pattern})")).collect();
    (joined.len() > 1).then(|| GoRegex::new(&joined.join("|")).ok())?
}

fn as_integer(value: AnyValue<'_>, strict: bool) -> Option<i64> {
    match value {
        AnyValue::Int(number) => Some(number),
        _ if strict => None,
        _ => Some(0),
    }
}

fn as_boolean(value: AnyValue<'_>, strict: bool) -> Option<bool> {
    match value {
        AnyValue::Bool(truth) => Some(truth),
        _ if strict => None,
        _ => Some(false),
    }
}

/// On a span, empty text matches nothing, and neither does what is no text.
fn as_text<'v>(value: AnyValue<'v>, bearer: Bearer, strict: bool) -> Option<&'v [u8]> {
    match (value, bearer) {
        (AnyValue::String(text), Bearer::Span) => Some(text).filter(|text| !text.is_empty()),
        (AnyValue::String(text), Bearer::Resource) => Some(text),
        (_, Bearer::Resource) if !strict => Some(&[]),
        _ => None,
    }
}
