//! Values of attributes as text.

use std::borrow::Cow;
use std::io::Write;
use tailweir_otlp::AnyValue;
use tailweir_paths::value_of;

/// Appends the value as labels have it: text itself, nothing for nil, base64 for bytes, JSON for lists and
/// maps. What is not UTF-8 stays so.
pub(crate) fn put_text(value: AnyValue<'_>, out: &mut Vec<u8>) {
    match value {
        AnyValue::Empty => {}
        AnyValue::String(text) => out.extend_from_slice(text),
        AnyValue::Bool(true) => out.extend_from_slice(b"true"),
        AnyValue::Bool(false) => out.extend_from_slice(b"false"),
        AnyValue::Int(number) => {
            // Writing to a vector cannot fail.
            let _ = write!(out, "{number}");
        }
        other => out.extend_from_slice(value_of(other).to_text().as_bytes()),
    }
}

/// The value as a text of its own, and whether it was UTF-8.
pub(crate) fn text(value: AnyValue<'_>) -> (String, bool) {
    let mut out = Vec::new();
    put_text(value, &mut out);
    match String::from_utf8(out) {
        Ok(text) => (text, true),
        Err(error) => (
            String::from_utf8_lossy(error.as_bytes()).into_owned(),
            false,
        ),
    }
}

/// Text of a client; what is not UTF-8 is replaced.
pub(crate) fn lossy(text: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(text)
}
