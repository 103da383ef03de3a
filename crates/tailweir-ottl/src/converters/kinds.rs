//! What a value is, and what it can become.

use super::{Arguments, Body, Converter, Literals, Outcome, Refusal, converter, required};
use crate::Value;
use crate::coerce::{Kind, hexadecimal};
use crate::expression::Prepared;

pub(super) const TABLE: &[Converter] = &[
    converter(
        "Bool",
        &[required("target", Kind::BoolLike)],
        Body::Plain(unchanged),
    ),
    converter(
        "Double",
        &[required("target", Kind::DoubleLike)],
        Body::Plain(unchanged),
    ),
    converter(
        "Hex",
        &[required("target", Kind::BytesLike)],
        Body::Plain(hex),
    ),
    converter(
        "Int",
        &[required("target", Kind::IntLike)],
        Body::Plain(unchanged),
    ),
    converter(
        "IsBool",
        &[required("target", Kind::Asked(&Kind::Bool))],
        Body::Plain(is_bool),
    ),
    converter(
        "IsDouble",
        &[required("target", Kind::Asked(&Kind::Double))],
        Body::Plain(is_double),
    ),
    converter(
        "IsEmpty",
        &[required("target", Kind::Any)],
        Body::Plain(is_empty),
    ),
    converter(
        "IsInt",
        &[required("target", Kind::Asked(&Kind::Int))],
        Body::Plain(is_int),
    ),
    converter(
        "IsList",
        &[required("target", Kind::Any)],
        Body::Plain(is_list),
    ),
    converter(
        "IsMap",
        &[required("target", Kind::Asked(&Kind::Map))],
        Body::Plain(is_map),
    ),
    converter(
        "IsString",
        &[required("target", Kind::Asked(&Kind::String))],
        Body::Plain(is_string),
    ),
    converter("Len", &[required("target", Kind::Any)], Body::Plain(len)),
    converter(
        "Log",
        &[required("target", Kind::DoubleLike)],
        Body::Plain(log),
    ),
    converter(
        "ProfileID",
        &[required("target", Kind::BytesLike)],
        Body::Prepared(profile_id),
    ),
    converter(
        "SpanID",
        &[required("target", Kind::BytesLike)],
        Body::Prepared(span_id),
    ),
    converter(
        "String",
        &[required("target", Kind::StringLike)],
        Body::Plain(unchanged),
    ),
    converter(
        "TraceID",
        &[required("target", Kind::BytesLike)],
        Body::Prepared(trace_id),
    ),
];

/// The argument itself: becoming the parameter's kind was all there was to do.
fn unchanged(mut arguments: Arguments<'_>) -> Outcome<'_> {
    Ok(arguments.value(0))
}

fn hex(mut arguments: Arguments<'_>) -> Outcome<'_> {
    Ok(Value::text(hexadecimal(
        &arguments.bytes(0).unwrap_or_default(),
    )))
}

fn is_bool(mut arguments: Arguments<'_>) -> Outcome<'_> {
    Ok(Value::Bool(matches!(arguments.value(0), Value::Bool(_))))
}

fn is_double(mut arguments: Arguments<'_>) -> Outcome<'_> {
    Ok(Value::Bool(matches!(arguments.value(0), Value::Double(_))))
}

fn is_int(mut arguments: Arguments<'_>) -> Outcome<'_> {
    Ok(Value::Bool(matches!(arguments.value(0), Value::Int(_))))
}

fn is_map(mut arguments: Arguments<'_>) -> Outcome<'_> {
    Ok(Value::Bool(matches!(arguments.value(0), Value::Map(_))))
}

fn is_string(mut arguments: Arguments<'_>) -> Outcome<'_> {
    Ok(Value::Bool(matches!(arguments.value(0), Value::String(_))))
}

fn is_list(mut arguments: Arguments<'_>) -> Outcome<'_> {
    Ok(Value::Bool(match arguments.value(0) {
        Value::List(_) => true,
        Value::Object(object) => object.length.is_some(),
        _ => false,
    }))
}

/// Whether it is nil, without items, zero, false or 1970.
fn is_empty(mut arguments: Arguments<'_>) -> Outcome<'_> {
    Ok(Value::Bool(match arguments.value(0) {
        Value::Nil => true,
        Value::Bool(value) => !value,
        Value::Int(value) => value == 0,
        Value::Double(value) => value == 0.0 && value.is_sign_positive(),
        Value::String(text) | Value::Bytes(text) => text.is_empty(),
        Value::Duration(duration) => duration.nanoseconds() == 0,
        Value::TraceId(id) | Value::ProfileId(id) => id == [0; 16],
        Value::SpanId(id) => id == [0; 8],
        Value::List(list) => list.items().is_empty(),
        Value::Map(map) => map.entries().is_empty(),
        // In Go the zero time is in the year 1, and a part of telemetry is never zero.
        Value::Time(_) | Value::Object(_) => false,
    }))
}

fn len(mut arguments: Arguments<'_>) -> Outcome<'_> {
    let value = arguments.value(0);
    let length = match &value {
        Value::String(text) | Value::Bytes(text) => text.len(),
        Value::List(list) => list.items().len(),
        Value::Map(map) => map.entries().len(),
        Value::Object(object) if object.length.is_some() => object.length.unwrap_or_default(),
        other => return Err(format!("a {} has no length", other.kind()).into()),
    };
    Ok(Value::Int(length as i64))
}

fn log(mut arguments: Arguments<'_>) -> Outcome<'_> {
    match arguments.optional_double(0) {
        Some(value) if value > 0.0 || value.is_nan() => Ok(Value::Double(value.ln())),
        Some(value) => Err(format!("the logarithm takes a number above zero, not {value}").into()),
        None => Err("the logarithm takes a number, not nil".into()),
    }
}

/// An id from its bytes, or from its hexadecimal digits.
fn id<const N: usize>(bytes: &[u8]) -> Result<[u8; N], String> {
    if let Ok(id) = <[u8; N]>::try_from(bytes) {
        return Ok(id);
    }
    let mut id = [0; N];
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let pairs = bytes
        .chunks(2)
        .map(|pair| Some((digit(&pair[0])? << 4 | digit(pair.get(1)?)?) as u8));
    let parsed: Option<Vec<u8>> = pairs.collect();
    match parsed.filter(|parsed| parsed.len() == N) {
        Some(parsed) => {
            id.copy_from_slice(&parsed);
            Ok(id)
        }
        None => Err(format!(
            "an id takes {N} bytes or {} hexadecimal digits, not {} bytes",
            2 * N,
            bytes.len()
        )),
    }
}

/// A converter to an id, which refuses a literal that is none.
fn to_id<const N: usize>(
    literals: &Literals<'_>,
    value: fn([u8; N]) -> Value<'static>,
) -> Result<Prepared, Refusal> {
    if let Some(bytes) = literals.bytes(0) {
        id::<N>(bytes).map_err(|reason| Refusal::new(0, reason))?;
    }
    Ok(Box::new(move |mut arguments| {
        Ok(value(id(&arguments.bytes(0).unwrap_or_default())?))
    }))
}

fn trace_id(literals: &Literals<'_>) -> Result<Prepared, Refusal> {
    to_id(literals, Value::TraceId)
}

fn span_id(literals: &Literals<'_>) -> Result<Prepared, Refusal> {
    to_id(literals, Value::SpanId)
}

fn profile_id(literals: &Literals<'_>) -> Result<Prepared, Refusal> {
    to_id(literals, Value::ProfileId)
}
