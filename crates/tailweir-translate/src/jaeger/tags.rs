//! Tags, which are attributes.

use std::borrow::Cow;
use tailweir_otlp::{AnyValue, AttributeMap, EncodedValue};

/// Adds a tag to attributes. The code of an HTTP answer has its old name, as in the Collector.
pub(super) fn put(attributes: &mut AttributeMap, key: &[u8], value: EncodedValue) {
    let key = match key {
        b"http.response.status_code" => Cow::Borrowed("http.status_code"),
        key => String::from_utf8_lossy(key),
    };
    attributes.put(key.as_bytes(), value);
}

/// The value of a tag of a type that nobody knows.
pub(super) fn unknown(name: &str) -> EncodedValue {
    EncodedValue::string(format!("<Unknown Jaeger TagType \"{name}\">").as_bytes())
}

/// The text of a value; that of anything but text is empty.
pub(super) fn text(value: &EncodedValue) -> &[u8] {
    match value.view() {
        AnyValue::String(text) => text,
        _ => b"",
    }
}

/// Takes a tag out, if it is text.
pub(super) fn take_text(attributes: &mut AttributeMap, key: &str) -> Option<Vec<u8>> {
    let value = attributes.get(key.as_bytes())?;
    let AnyValue::String(found) = value.view() else {
        return None;
    };
    let found = found.to_vec();
    attributes.remove(key.as_bytes());
    Some(found)
}
