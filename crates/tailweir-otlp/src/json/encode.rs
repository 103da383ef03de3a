//! The wire to JSON, for people and for tests.

use crate::schema::{FieldType, Kind, Message};
use crate::wire::{Field, Fields, Payload, Reader, unzigzag32};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;

/// Writes a message that was checked.
pub(super) fn write_message(message: &Message, wire: &[u8], out: &mut Vec<u8>) {
    out.push(b'{');
    let mut is_first = true;
    let chosen = chosen_alternative(message, wire);
    for field in message.fields {
        if field.explicit && message.is_oneof && chosen != Some(field.number) {
            continue;
        }
        let start = out.len();
        if !is_first {
            out.push(b',');
        }
        write_text(field.name.as_bytes(), out);
        out.push(b':');
        if write_field(field, wire, out) {
            is_first = false;
        } else {
            out.truncate(start);
        }
    }
    out.push(b'}');
}

/// Of a `oneof`, the alternative that stands last.
fn chosen_alternative(message: &Message, wire: &[u8]) -> Option<u32> {
    let alternatives = Fields::new(wire).filter(|field| {
        message
            .field(field.number)
            .is_some_and(|known| known.explicit)
    });
    alternatives.last().map(|field| field.number)
}

/// Writes the value of a field, unless it is absent.
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

fn write_quoted(value: impl ToString, out: &mut Vec<u8>) {
    write_plain_text(&value.to_string(), out);
}

fn write_plain(value: impl ToString, out: &mut Vec<u8>) {
    out.extend_from_slice(value.to_string().as_bytes());
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

fn write_text(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for character in String::from_utf8_lossy(text).chars() {
        match character {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            character if character < ' ' => {
                write_plain(format_args!("\\u{:04x}", u32::from(character)), out);
            }
            character => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}
