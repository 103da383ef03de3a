//! Values of one type made another.

use tailweir_config::ConvertedType;
use tailweir_otlp::{AnyValue, EncodedValue};
use tailweir_ottl::{integer_of, parse_float, parse_integer};
use tailweir_paths::value_of;

/// The converted value; nothing when it is of that type already, or cannot be converted and stays.
pub(super) fn convert(value: AnyValue<'_>, to: ConvertedType) -> Option<EncodedValue> {
    match to {
        ConvertedType::Int => to_int(value).map(EncodedValue::int),
        ConvertedType::Double => to_double(value).map(EncodedValue::double),
        ConvertedType::String if matches!(value, AnyValue::String(_)) => None,
        ConvertedType::String => Some(EncodedValue::string(value_of(value).to_text().as_bytes())),
        ConvertedType::Unset => None,
    }
}

fn to_int(value: AnyValue<'_>) -> Option<i64> {
    match value {
        AnyValue::Double(value) => Some(integer_of(value)),
        AnyValue::Bool(value) => Some(i64::from(value)),
        AnyValue::String(text) => parse_integer(text),
        _ => None,
    }
}

fn to_double(value: AnyValue<'_>) -> Option<f64> {
    match value {
        AnyValue::Int(value) => Some(value as f64),
        AnyValue::Bool(value) => Some(f64::from(u8::from(value))),
        AnyValue::String(text) => parse_float(text),
        _ => None,
    }
}
