//! Attributes and their values as values of the language.

use std::borrow::Cow;
use tailweir_otlp::{AnyValue, Attributes};
use tailweir_ottl::{EvaluationError, Key, Value};

type Found<'a> = Result<Value<'a>, EvaluationError>;

/// The attributes as a map, or what the keys lead to. A name that is not there is nil; a list that is too
/// short is an error.
pub(crate) fn read<'a>(attributes: Attributes<'a>, keys: &[Key<'_>]) -> Found<'a> {
    let Some((first, rest)) = keys.split_first() else {
        return Ok(map(attributes));
    };
    match attributes.get(first.name()?) {
        Some(value) => follow(value, rest),
        None => Ok(Value::Nil),
    }
}

/// What the keys lead to from a value.
pub(crate) fn follow<'a>(mut value: AnyValue<'a>, keys: &[Key<'_>]) -> Found<'a> {
    for key in keys {
        value = match value {
            AnyValue::Map(map) => match map.get(key.name()?) {
                Some(value) => value,
                None => return Ok(Value::Nil),
            },
            AnyValue::Array(list) => {
                let position = key.index(list.count())?;
                list.iter().nth(position).unwrap_or(AnyValue::Empty)
            }
            other => {
                return Err(EvaluationError::Type {
                    expected: "a map or list to index",
                    found: plain(other).kind(),
                });
            }
        };
    }
    Ok(plain(value))
}

/// A map of nothing, which keys still must fit.
pub(crate) fn read_empty<'a>(keys: &[Key<'_>]) -> Found<'a> {
    read(Attributes::EMPTY, keys)
}

fn map(attributes: Attributes<'_>) -> Value<'_> {
    let entries = attributes.iter();
    Value::map(
        entries
            .map(|entry| (Cow::Borrowed(entry.key), plain(entry.value)))
            .collect(),
    )
}

/// The value itself. Lists and maps are walked; views end them 64 levels deep.
#[must_use]
pub fn plain(value: AnyValue<'_>) -> Value<'_> {
    match value {
        AnyValue::Empty => Value::Nil,
        AnyValue::String(text) => Value::String(Cow::Borrowed(text)),
        AnyValue::Bool(value) => Value::Bool(value),
        AnyValue::Int(value) => Value::Int(value),
        AnyValue::Double(value) => Value::Double(value),
        AnyValue::Bytes(bytes) => Value::Bytes(Cow::Borrowed(bytes)),
        AnyValue::Array(list) => Value::list(list.iter().map(plain).collect()),
        AnyValue::Map(attributes) => map(attributes),
    }
}
