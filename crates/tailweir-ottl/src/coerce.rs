//! What converters take: the kind of each parameter, and how a value becomes that kind.

use crate::number;
use crate::value::{List, Origin};
use crate::{EvaluationError, Text, Value, json};
use std::borrow::Cow;

type Coerced<'a> = Result<Value<'a>, EvaluationError>;

/// The kind of a parameter. Kinds that end in `Like` convert; the others only take what fits. Kinds that
/// begin with `Literal` must be written in the condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Anything.
    Any,
    /// Anything, but a literal must be of the kind that the converter asks about.
    Asked(&'static Kind),
    String,
    StringLike,
    Int,
    IntLike,
    Double,
    DoubleLike,
    Bool,
    BoolLike,
    BytesLike,
    Map,
    List,
    Time,
    Duration,
    /// Text, anywhere converted to text: a list literal, or any value that turns out a list.
    Texts,
    /// A list literal of text, whose items may be computed.
    StringList,
    /// A list literal of anything.
    AnyList,
    LiteralString,
    LiteralStrings,
    LiteralBool,
    LiteralInt,
    LiteralDouble,
    /// A list literal of floats.
    LiteralDoubles,
    /// A path that an editor writes.
    Target,
    /// The name of a converter that an editor calls.
    Function,
    /// A lambda with so many parameters.
    Lambda(usize),
}

/// The value as this kind. Nil stays nil for the kinds that convert.
pub(crate) fn coerce(value: Value<'_>, kind: Kind) -> Coerced<'_> {
    match (kind, value) {
        (Kind::StringLike, value) => string_like(value),
        (Kind::IntLike, value) => int_like(value),
        (Kind::DoubleLike, value) => double_like(value),
        (Kind::BoolLike, value) => bool_like(value),
        (Kind::BytesLike, value) => bytes_like(value),
        (Kind::List, value) => list(value),
        (Kind::Texts, value) => texts(value),
        (Kind::String | Kind::LiteralString, value @ Value::String(_))
        | (Kind::Int | Kind::LiteralInt, value @ Value::Int(_))
        | (Kind::Double | Kind::LiteralDouble, value @ Value::Double(_))
        | (Kind::Bool | Kind::LiteralBool, value @ Value::Bool(_))
        | (Kind::Map, value @ Value::Map(_))
        | (Kind::Time, value @ Value::Time(_))
        | (Kind::Duration, value @ Value::Duration(_)) => Ok(value),
        (Kind::String | Kind::LiteralString, value) => {
            Err(EvaluationError::type_of("string", &value))
        }
        (Kind::Int | Kind::LiteralInt, value) => Err(EvaluationError::type_of("int", &value)),
        (Kind::Double | Kind::LiteralDouble, value) => {
            Err(EvaluationError::type_of("double", &value))
        }
        (Kind::Bool | Kind::LiteralBool, value) => Err(EvaluationError::type_of("bool", &value)),
        (Kind::Map, value) => Err(EvaluationError::type_of("map", &value)),
        (Kind::Time, value) => Err(EvaluationError::type_of("time", &value)),
        (Kind::Duration, value) => Err(EvaluationError::type_of("duration", &value)),
        // Lists of arguments and lambdas are taken apart when the condition is compiled.
        (
            Kind::Any
            | Kind::Asked(_)
            | Kind::StringList
            | Kind::AnyList
            | Kind::LiteralStrings
            | Kind::LiteralDoubles
            | Kind::Target
            | Kind::Function
            | Kind::Lambda(_),
            value,
        ) => Ok(value),
    }
}

fn string_like(value: Value<'_>) -> Coerced<'_> {
    Ok(match value {
        Value::Nil | Value::String(_) => value,
        Value::Bytes(bytes) => Value::text(hexadecimal(&bytes)),
        other => Value::text(
            json::escaped(&other)
                .ok_or(EvaluationError::type_of("a value that JSON has", &other))?,
        ),
    })
}

fn unparsable(kind: &'static str) -> EvaluationError {
    EvaluationError::Type {
        expected: kind,
        found: "text that is none",
    }
}

fn int_like(value: Value<'_>) -> Coerced<'_> {
    Ok(match value {
        Value::Nil | Value::Int(_) => value,
        Value::Double(value) => Value::Int(number::go_int(value)),
        Value::Bool(value) => Value::Int(i64::from(value)),
        Value::String(text) => {
            Value::Int(number::parse_int(&text, 10).ok_or_else(|| unparsable("int"))?)
        }
        other => {
            return Err(EvaluationError::type_of(
                "an int or what can become one",
                &other,
            ));
        }
    })
}

fn double_like(value: Value<'_>) -> Coerced<'_> {
    Ok(match value {
        Value::Nil | Value::Double(_) => value,
        Value::Int(value) => Value::Double(value as f64),
        Value::Bool(value) => Value::Double(f64::from(u8::from(value))),
        Value::String(text) => {
            Value::Double(number::parse_double(&text).ok_or_else(|| unparsable("double"))?)
        }
        other => {
            return Err(EvaluationError::type_of(
                "a double or what can become one",
                &other,
            ));
        }
    })
}

fn bool_like(value: Value<'_>) -> Coerced<'_> {
    Ok(match value {
        Value::Nil | Value::Bool(_) => value,
        Value::Int(value) => Value::Bool(value != 0),
        Value::Double(value) => Value::Bool(value != 0.0),
        Value::String(text) => Value::Bool(match text.as_ref() {
            b"1" | b"t" | b"T" | b"TRUE" | b"true" | b"True" => true,
            b"0" | b"f" | b"F" | b"FALSE" | b"false" | b"False" => false,
            _ => return Err(unparsable("bool")),
        }),
        other => {
            return Err(EvaluationError::type_of(
                "a bool or what can become one",
                &other,
            ));
        }
    })
}

fn bytes_like(value: Value<'_>) -> Coerced<'_> {
    Ok(Value::Bytes(match value {
        Value::Nil => return Ok(Value::Nil),
        Value::Bytes(bytes) | Value::String(bytes) => bytes,
        Value::Int(value) => Cow::Owned(value.to_be_bytes().to_vec()),
        Value::Double(value) => Cow::Owned(value.to_bits().to_be_bytes().to_vec()),
        Value::Bool(value) => Cow::Owned(vec![u8::from(value)]),
        other => {
            return Err(EvaluationError::type_of(
                "bytes or what can become them",
                &other,
            ));
        }
    }))
}

/// A list as telemetry could hold it.
pub(crate) fn list(value: Value<'_>) -> Coerced<'_> {
    match value {
        Value::List(list) if list.origin() == Origin::Data => Ok(Value::List(list)),
        Value::List(list) => {
            let literal = list.origin() == Origin::Literal;
            let items = list.into_items().into_iter();
            let items: Result<_, _> = items
                .map(|item| match item {
                    Value::Map(_) if literal => Err(EvaluationError::type_of(
                        "a list without maps of its own",
                        &item,
                    )),
                    other => datum(other),
                })
                .collect();
            Ok(Value::list(items?))
        }
        other => Err(EvaluationError::type_of("list", &other)),
    }
}

/// A value as telemetry could hold it, when it could.
pub(crate) fn datum(value: Value<'_>) -> Coerced<'_> {
    match value {
        value @ Value::List(_) => list(value),
        Value::Time(_)
        | Value::Duration(_)
        | Value::TraceId(_)
        | Value::SpanId(_)
        | Value::ProfileId(_)
        | Value::Object(_) => Err(EvaluationError::type_of(
            "a value that telemetry can hold",
            &value,
        )),
        value => Ok(value),
    }
}

/// Nil is a list of nothing here.
fn texts(value: Value<'_>) -> Coerced<'_> {
    let list = match value {
        Value::List(list) => list,
        Value::Nil => return Ok(Value::list(Vec::new())),
        other => return Err(EvaluationError::type_of("list", &other)),
    };
    let origin = list.origin();
    let items: Result<_, _> = list.into_items().into_iter().map(string_like).collect();
    Ok(Value::List(List::new(items?, origin)))
}

/// Lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(digit), 16).unwrap_or_default());
            }
            text
        })
}

/// The text as a string, each foreign byte replaced by U+FFFD.
pub(crate) fn readable<'t>(text: &'t Text<'_>) -> Cow<'t, str> {
    String::from_utf8_lossy(text)
}
