//! Values of attributes as text.

use crate::terminal::printable;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;
use tailweir_otlp::{AnyValue, Attributes};

/// With its type, as verbosity `detailed` has it: `Str(text)`, `Int(1)`.
pub(crate) fn typed(value: AnyValue<'_>) -> String {
    let name = match value {
        AnyValue::Empty => "Empty",
        AnyValue::String(_) => "Str",
        AnyValue::Bool(_) => "Bool",
        AnyValue::Int(_) => "Int",
        AnyValue::Double(_) => "Double",
        AnyValue::Bytes(_) => "Bytes",
        AnyValue::Array(_) => "Slice",
        AnyValue::Map(_) => "Map",
    };
    format!("{name}({})", plain(value))
}

/// Without its type. Lists and maps are JSON, bytes are base64.
pub(crate) fn plain(value: AnyValue<'_>) -> String {
    match value {
        AnyValue::Empty => String::new(),
        AnyValue::String(text) => printable(text),
        AnyValue::Bool(flag) => flag.to_string(),
        AnyValue::Int(number) => number.to_string(),
        AnyValue::Double(number) => number.to_string(),
        AnyValue::Bytes(bytes) => STANDARD.encode(bytes),
        // JSON escapes control characters, but not all that terminals obey.
        AnyValue::Array(_) | AnyValue::Map(_) => printable(json(value).to_string().as_bytes()),
    }
}

/// The views bound the depth of nesting.
fn json(value: AnyValue<'_>) -> Json {
    match value {
        AnyValue::Empty => Json::Null,
        AnyValue::String(text) => Json::from(String::from_utf8_lossy(text)),
        AnyValue::Bool(flag) => Json::from(flag),
        AnyValue::Int(number) => Json::from(number),
        AnyValue::Double(number) => Json::from(number),
        AnyValue::Bytes(bytes) => Json::from(STANDARD.encode(bytes)),
        AnyValue::Array(items) => items.iter().map(json).collect(),
        AnyValue::Map(entries) => object(entries),
    }
}

fn object(entries: Attributes<'_>) -> Json {
    let pair = |entry: tailweir_otlp::KeyValue<'_>| {
        (
            String::from_utf8_lossy(entry.key).into_owned(),
            json(entry.value),
        )
    };
    entries.iter().map(pair).collect()
}

/// `key=value` of each.
pub(crate) fn pairs(attributes: Attributes<'_>) -> impl Iterator<Item = String> {
    attributes
        .iter()
        .map(|entry| format!("{}={}", printable(entry.key), plain(entry.value)))
}

/// The name of a span's kind; nothing for a number that is none.
pub(crate) fn span_kind(kind: i32) -> &'static str {
    match kind {
        0 => "Unspecified",
        1 => "Internal",
        2 => "Server",
        3 => "Client",
        4 => "Producer",
        5 => "Consumer",
        _ => "",
    }
}
