//! The wire to JSON, for people and for tests.

use crate::schema::{FIELDS_MAX, FieldType, Kind, Message};
use crate::splice::Positions;
use crate::wire::{Field, Fields, Payload, Reader, unzigzag32};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;
use std::fmt::Display;
use std::io::Write;
use std::ops::Range;

/// Writes a message that was checked.
pub(super) fn write_message(message: &Message, wire: &[u8], out: &mut Vec<u8>) {
    out.push(b'{');
    let mut is_first = true;
    let extents = Extents::of(message, wire);
    for field in message.fields {
        let Some(extent) = extents.get(field.number) else {
            continue;
        };
        let start = out.len();
        if !is_first {
            out.push(b',');
        }
        write_plain_text(field.name, out);
        out.push(b':');
        if write_field(field, &wire[extent], out) {
            is_first = false;
        } else {
            out.truncate(start);
        }
    }
    out.push(b'}');
}

/// From where to where the occurrences of each field stand in a message, by its number; an empty place where there
/// are none. Most fields that a message may have are not there, and those that are stand together: so that none is
/// looked for in the whole message.
struct Extents([(usize, usize); FIELDS_MAX]);

impl Extents {
    fn of(message: &Message, wire: &[u8]) -> Self {
        let mut extents = [(0, 0); FIELDS_MAX];
        let mut alternative = None;
        for (found, end) in Positions::new(wire) {
            let Some(field) = message.field(found.number) else {
                continue;
            };
            let number = field.number as usize;
            if message.is_oneof && field.explicit {
                // Only the alternative that stands last counts.
                let before = alternative.replace(number);
                if let Some(before) = before.filter(|before| *before != number) {
                    extents[before] = (0, 0);
                }
            }
            let (start, behind) = &mut extents[number];
            if *behind == 0 {
                *start = found.start;
            }
            *behind = end;
        }
        Self(extents)
    }

    fn get(&self, number: u32) -> Option<Range<usize>> {
        let (start, end) = *self.0.get(number as usize)?;
        (end > 0).then_some(start..end)
    }
}

/// Writes the value of a field, unless it is absent. Others may stand between its occurrences.
fn write_field(field: &FieldType, wire: &[u8], out: &mut Vec<u8>) -> bool {
    let occurrences = Fields::new(wire).filter(|occurrence| occurrence.number == field.number);
    if field.repeated {
        return write_list(field, occurrences, out);
    }
    if let Kind::Message(message) = field.kind {
        let Some(content) = merged(occurrences) else {
            return false;
        };
        write_message(message, &content, out);
        return true;
    }
    match occurrences.last() {
        Some(last) if field.explicit || !is_zero(last.payload) => {
            write_scalar(field.kind, last.payload, out);
            true
        }
        _ => false,
    }
}

/// Occurrences of one message, put behind each other, are that message.
fn merged<'a>(occurrences: impl Iterator<Item = Field<'a>>) -> Option<Cow<'a, [u8]>> {
    let mut whole: Option<Cow<'a, [u8]>> = None;
    for content in occurrences.filter_map(|occurrence| occurrence.bytes()) {
        match &mut whole {
            None => whole = Some(Cow::Borrowed(content)),
            Some(whole) => whole.to_mut().extend_from_slice(content),
        }
    }
    whole
}

fn write_list<'a>(
    field: &FieldType,
    occurrences: impl Iterator<Item = Field<'a>>,
    out: &mut Vec<u8>,
) -> bool {
    let start = out.len();
    for occurrence in occurrences {
        match (field.kind, occurrence.payload) {
            (Kind::Message(message), Payload::Bytes(content)) => {
                separate(start, out);
                write_message(message, content, out);
            }
            (Kind::String, Payload::Bytes(text)) => {
                separate(start, out);
                write_text(text, out);
            }
            (kind, Payload::Bytes(packed)) => write_packed(kind, packed, start, out),
            (kind, payload) => {
                separate(start, out);
                write_scalar(kind, payload, out);
            }
        }
    }
    let found = out.len() > start;
    if found {
        out.push(b']');
    }
    found
}

fn write_packed(kind: Kind, packed: &[u8], start: usize, out: &mut Vec<u8>) {
    let mut reader = Reader::new(packed);
    while !reader.rest().is_empty() {
        let payload = match kind.wire_type() {
            1 => reader.fixed64().map(Payload::Fixed64),
            _ => reader.varint().map(Payload::Varint),
        };
        let Ok(payload) = payload else {
            return;
        };
        separate(start, out);
        write_scalar(kind, payload, out);
    }
}

/// What stands before an element of a list that began at `start`.
fn separate(start: usize, out: &mut Vec<u8>) {
    out.push(if out.len() == start { b'[' } else { b',' });
}

fn is_zero(payload: Payload<'_>) -> bool {
    match payload {
        Payload::Varint(value) | Payload::Fixed64(value) => value == 0,
        Payload::Fixed32(value) => value == 0,
        Payload::Bytes(bytes) => bytes.is_empty(),
        Payload::Group => true,
    }
}

/// Integers of 64 bits are text, because JSON readers take numbers for doubles.
fn write_scalar(kind: Kind, payload: Payload<'_>, out: &mut Vec<u8>) {
    match (kind, payload) {
        (Kind::Bool, Payload::Varint(value)) => {
            out.extend_from_slice(if value == 0 { b"false" } else { b"true" });
        }
        (Kind::Int64, Payload::Varint(value)) => write_quoted(value as i64, out),
        (Kind::Uint64, Payload::Varint(value)) => write_quoted(value, out),
        (Kind::Fixed64, Payload::Fixed64(value)) => write_quoted(value, out),
        (Kind::Sfixed64, Payload::Fixed64(value)) => write_quoted(value as i64, out),
        (Kind::Uint32, Payload::Varint(value)) => write_plain(value as u32, out),
        (Kind::Sint32, Payload::Varint(value)) => write_plain(unzigzag32(value), out),
        (Kind::Enum(_), Payload::Varint(value)) => write_plain(value as i32, out),
        (Kind::Fixed32, Payload::Fixed32(value)) => write_plain(value, out),
        (Kind::Double, Payload::Fixed64(bits)) => write_double(f64::from_bits(bits), out),
        (Kind::String, Payload::Bytes(text)) => write_text(text, out),
        (Kind::Bytes, Payload::Bytes(bytes)) => write_plain_text(&STANDARD.encode(bytes), out),
        (Kind::Id(_), Payload::Bytes(bytes)) => write_hexadecimal(bytes, out),
        _ => out.extend_from_slice(b"null"),
    }
}

fn write_quoted(value: impl Display, out: &mut Vec<u8>) {
    out.push(b'"');
    write_plain(value, out);
    out.push(b'"');
}

fn write_plain(value: impl Display, out: &mut Vec<u8>) {
    // Writing to memory does not fail.
    let _ = write!(out, "{value}");
}

/// Text that needs no escapes.
fn write_plain_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

fn write_double(value: f64, out: &mut Vec<u8>) {
    match value {
        value if value.is_nan() => write_plain_text("NaN", out),
        f64::INFINITY => write_plain_text("Infinity", out),
        f64::NEG_INFINITY => write_plain_text("-Infinity", out),
        // The exponent form keeps 1e300 short.
        value => write_plain(format!("{value:?}"), out),
    }
}

fn write_hexadecimal(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for byte in bytes {
        out.extend([byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]));
    }
    out.push(b'"');
}

/// Text, with U+FFFD for what is no UTF-8. What stands between characters that need an escape is copied in one
/// piece.
fn write_text(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        let mut rest = chunk.valid().as_bytes();
        while let Some(at) = rest.iter().position(|byte| needs_escape(*byte)) {
            out.extend_from_slice(&rest[..at]);
            write_escape(rest[at], out);
            rest = &rest[at + 1..];
        }
        out.extend_from_slice(rest);
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    out.push(b'"');
}

/// All of these are characters of their own: bytes of longer ones are above them.
const fn needs_escape(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        control => write_plain(format_args!("\\u{control:04x}"), out),
    }
}

#[cfg(test)]
mod tests {
    use super::write_message;
    use crate::schema::{KEY_VALUE, Message, SPAN};

    fn written(message: &Message, wire: &[u8]) -> String {
        let mut out = Vec::new();
        write_message(message, wire, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// Scenario: a name with characters that need an escape at its begin, in it, behind each other and at its end,
    /// with longer characters, and with bytes that are no UTF-8.
    /// Guarantees: each is escaped, what is no UTF-8 is U+FFFD, and all else stays.
    #[test]
    fn text_is_escaped() {
        let name = b"\"a\\b\n\r\t\x01\x1f\xc3\xa9\xff\xfe\xe2\x82z\"";
        let wire = [&[0x2a, name.len() as u8], &name[..]].concat();
        let expected = r#"{"name":"\"a\\b\n\r\t\u0001\u001fé���z\""}"#;
        assert_eq!(written(&SPAN, &wire), expected);
    }

    /// Scenario: fields that stand in another order than that of their numbers, with others between their
    /// occurrences, one that is zero, and a value that holds two alternatives.
    /// Guarantees: they are written in order, the last occurrence and the last alternative count, and zero is
    /// left out.
    #[test]
    fn fields_stand_in_any_order() {
        let span = b"\x30\x02\x2a\x01x\x7a\x02\x18\x01\x50\x00\x2a\x01y\x7a\x03\x12\x01m\x1a\x01t";
        let expected =
            r#"{"traceState":"t","name":"y","kind":2,"status":{"message":"m","code":1}}"#;
        assert_eq!(written(&SPAN, span), expected);
        let attribute = b"\x12\x05\x0a\x01a\x18\x03\x0a\x01k";
        assert_eq!(
            written(&KEY_VALUE, attribute),
            r#"{"key":"k","value":{"intValue":"3"}}"#
        );
    }
}
