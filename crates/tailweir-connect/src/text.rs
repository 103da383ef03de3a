//! Values as text, and bytes that tell values apart.

use std::io::Write as _;
use tailweir_otlp::{AnyValue, Attributes};
use tailweir_paths::value_of;

/// Appends what a value looks like as text: nothing for no value, JSON for lists and maps.
pub(crate) fn put_text(value: AnyValue<'_>, out: &mut Vec<u8>) {
    match value {
        AnyValue::String(text) => out.extend_from_slice(text),
        AnyValue::Int(number) => {
            // Writing to memory cannot fail.
            let _ = write!(out, "{number}");
        }
        AnyValue::Bool(flag) => out.extend_from_slice(if flag { b"true" } else { b"false" }),
        other => out.extend_from_slice(value_of(other).to_text().as_bytes()),
    }
}

/// The value as text.
pub(crate) fn text_of(value: AnyValue<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    put_text(value, &mut text);
    text
}

/// Appends text behind its length, so that texts which follow each other cannot be confused.
pub(crate) fn put_measured(text: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text);
}

/// Appends bytes that are equal for equal attributes, in whatever order they come.
pub(crate) fn put_identity<'a>(
    attributes: Attributes<'a>,
    keep: impl Fn(&[u8]) -> bool,
    out: &mut Vec<u8>,
) {
    let mut entries: Vec<(&'a [u8], AnyValue<'a>)> = attributes
        .iter()
        .filter(|entry| keep(entry.key))
        .map(|entry| (entry.key, entry.value))
        .collect();
    // Of equal names the first counts; the sort keeps it first.
    entries.sort_by_key(|entry| entry.0);
    entries.dedup_by_key(|entry| entry.0);
    for (key, value) in entries {
        put_measured(key, out);
        put_value_identity(value, out);
    }
}

fn put_value_identity(value: AnyValue<'_>, out: &mut Vec<u8>) {
    match value {
        AnyValue::Empty => out.push(0),
        AnyValue::String(text) => {
            out.push(1);
            put_measured(text, out);
        }
        AnyValue::Bool(flag) => out.extend_from_slice(&[2, u8::from(flag)]),
        AnyValue::Int(number) => {
            out.push(3);
            out.extend_from_slice(&number.to_le_bytes());
        }
        AnyValue::Double(number) => {
            out.push(4);
            out.extend_from_slice(&number.to_bits().to_le_bytes());
        }
        AnyValue::Bytes(bytes) => {
            out.push(5);
            put_measured(bytes, out);
        }
        AnyValue::Array(list) => {
            out.push(6);
            for element in list.iter() {
                put_value_identity(element, out);
            }
            out.push(7);
        }
        AnyValue::Map(map) => {
            out.push(8);
            put_identity(map, |_| true, out);
            out.push(9);
        }
    }
}

/// The word of a kind of span; nothing for a number that is not defined.
pub(crate) fn kind_name(kind: i32) -> &'static [u8] {
    match kind {
        0 => b"SPAN_KIND_UNSPECIFIED",
        1 => b"SPAN_KIND_INTERNAL",
        2 => b"SPAN_KIND_SERVER",
        3 => b"SPAN_KIND_CLIENT",
        4 => b"SPAN_KIND_PRODUCER",
        5 => b"SPAN_KIND_CONSUMER",
        _ => b"",
    }
}

/// The word of a status; nothing for a number that is not defined.
pub(crate) fn status_name(status: tailweir_otlp::StatusCode) -> &'static [u8] {
    use tailweir_otlp::StatusCode::{Error, Ok, Other, Unset};
    match status {
        Unset => b"STATUS_CODE_UNSET",
        Ok => b"STATUS_CODE_OK",
        Error => b"STATUS_CODE_ERROR",
        Other => b"",
    }
}
