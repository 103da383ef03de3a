//! Values of the language as values of telemetry.

use tailweir_otlp::{AnyValue, EncodedValue};
use tailweir_ottl::Value;

/// Values nested deeper than this are written as nothing: views would not read them either.
pub(super) const DEPTH_MAX: usize = 64;

/// The value as a message; nothing for what telemetry cannot hold, such as a moment.
#[must_use]
pub fn encode_value(value: &Value<'_>) -> Option<EncodedValue> {
    encoded(value, 0)
}

fn encoded(value: &Value<'_>, depth: usize) -> Option<EncodedValue> {
    if depth > DEPTH_MAX {
        return None;
    }
    let inner = |value: &Value<'_>| encoded(value, depth + 1).unwrap_or_else(EncodedValue::empty);
    Some(match value {
        Value::Nil => EncodedValue::empty(),
        Value::Bool(value) => EncodedValue::bool(*value),
        Value::Int(value) => EncodedValue::int(*value),
        Value::Double(value) => EncodedValue::double(*value),
        Value::String(text) => EncodedValue::string(text),
        Value::Bytes(bytes) => EncodedValue::bytes(bytes),
        Value::List(list) => {
            EncodedValue::array(&list.items().iter().map(inner).collect::<Vec<_>>())
        }
        Value::Map(map) => {
            let entries = map.entries().iter();
            EncodedValue::map(entries.map(|(key, value)| (key.as_ref(), inner(value))))
        }
        Value::Object(object) if depth > 0 => EncodedValue::int(object.as_machine_int()?),
        Value::Time(_)
        | Value::Duration(_)
        | Value::TraceId(_)
        | Value::SpanId(_)
        | Value::ProfileId(_)
        | Value::Object(_) => return None,
    })
}

/// Whether a message holds just this value. Floats are the same when their bits are.
pub(super) fn is_same(held: AnyValue<'_>, value: &Value<'_>) -> bool {
    match (held, value) {
        (AnyValue::Empty, Value::Nil) => true,
        (AnyValue::Bool(held), Value::Bool(value)) => held == *value,
        (AnyValue::Int(held), Value::Int(value)) => held == *value,
        (AnyValue::Double(held), Value::Double(value)) => held.to_bits() == value.to_bits(),
        (AnyValue::String(held), Value::String(value))
        | (AnyValue::Bytes(held), Value::Bytes(value)) => held == value.as_ref(),
        (AnyValue::Array(held), Value::List(list)) => {
            let mut items = list.items().iter();
            held.iter()
                .all(|item| items.next().is_some_and(|value| is_same(item, value)))
                && items.next().is_none()
        }
        (AnyValue::Map(held), Value::Map(map)) => {
            let mut entries = map.entries().iter();
            let is_next = |entry: tailweir_otlp::KeyValue<'_>| {
                let next = entries.next();
                next.is_some_and(|(key, value)| {
                    entry.key == key.as_ref() && is_same(entry.value, value)
                })
            };
            held.iter().all(is_next) && entries.next().is_none()
        }
        _ => false,
    }
}

/// How deep lists and maps are nested in a value. Looks no deeper than is allowed, and one.
pub(super) fn depth(value: &Value<'_>) -> usize {
    fn below(value: &Value<'_>, left: usize) -> usize {
        let inner = |value: &Value<'_>| 1 + below(value, left.saturating_sub(1));
        match value {
            Value::List(list) if left > 0 => list.items().iter().map(inner).max().unwrap_or(1),
            Value::Map(map) if left > 0 => {
                let values = map.entries().iter().map(|(_, value)| value);
                values.map(inner).max().unwrap_or(1)
            }
            Value::List(_) | Value::Map(_) => 1,
            _ => 0,
        }
    }
    below(value, DEPTH_MAX + 1)
}

/// About how many bytes a value takes.
pub(super) fn weight(value: &Value<'_>) -> usize {
    const EACH: usize = 32;
    EACH + match value {
        Value::String(text) | Value::Bytes(text) => text.len(),
        Value::List(list) => list.items().iter().map(weight).sum(),
        Value::Map(map) => {
            let entries = map.entries().iter();
            entries
                .map(|(key, value)| key.len() + EACH + weight(value))
                .sum()
        }
        _ => 0,
    }
}
