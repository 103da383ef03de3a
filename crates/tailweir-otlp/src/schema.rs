//! The messages of OTLP, as tables: what each field is called and how it is encoded.
//!
//! Validation, JSON in both directions and the Collector's sizes are walks over these tables.

mod metrics;
mod tables;

pub(crate) use metrics::METRICS_REQUEST;
pub(crate) use tables::{
    KEY_VALUE, LOGS_REQUEST, RESOURCE, RESOURCE_SPANS, SCOPE, SCOPE_SPANS, SPAN, STATUS,
    TRACES_REQUEST,
};

use crate::view::KeyValue;
use crate::wire::{DEPTH_MAX, Reader, WireError};

/// A message type. Fields are in the order of their numbers.
pub(crate) struct Message {
    pub(crate) fields: &'static [FieldType],
    /// Whether its explicit fields are the alternatives of one `oneof`; else each is optional.
    pub(crate) is_oneof: bool,
    /// Position in `fields` plus one, by field number; 0 where there is no such field.
    index: [u8; FIELDS_MAX],
    /// The tag of its attributes, of which most messages are made up, if it has any.
    attributes: Option<u8>,
    /// By tags of one byte: whether it is that of a known field whose payload is sound whatever it is.
    is_free: [bool; TAGS],
}

/// One more than the highest field number in use.
pub(crate) const FIELDS_MAX: usize = 17;

/// How many tags take one byte.
const TAGS: usize = 0x80;

/// A field of a message type.
pub(crate) struct FieldType {
    pub(crate) number: u32,
    /// Its name in JSON.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) repeated: bool,
    /// Whether it is written even when zero: an alternative of a `oneof`, or optional.
    pub(crate) explicit: bool,
}

/// How a field is encoded.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Bool,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Fixed32,
    Fixed64,
    Sfixed64,
    Double,
    String,
    Bytes,
    /// Bytes of this exact length, or none; hexadecimal in JSON.
    Id(usize),
    Enum(&'static [&'static str]),
    Message(&'static Message),
}

impl Message {
    const fn new(fields: &'static [FieldType]) -> Self {
        let mut index = [0; FIELDS_MAX];
        let mut attributes = None;
        let mut is_free = [false; TAGS];
        let mut at = 0;
        while at < fields.len() {
            index[fields[at].number as usize] = at as u8 + 1;
            let tag = (fields[at].number << 3) as usize | fields[at].kind.wire_type() as usize;
            let is_checked = matches!(fields[at].kind, Kind::Id(_) | Kind::Message(_));
            if tag < TAGS && !is_checked {
                is_free[tag] = true;
            }
            if matches!(fields[at].name.as_bytes(), b"attributes") {
                attributes = Some((fields[at].number << 3 | 2) as u8);
            }
            at += 1;
        }
        Self {
            fields,
            is_oneof: false,
            index,
            attributes,
            is_free,
        }
    }

    const fn with_alternatives(fields: &'static [FieldType]) -> Self {
        Self {
            is_oneof: true,
            ..Self::new(fields)
        }
    }

    /// The field of this number, if it is known.
    #[inline]
    pub(crate) fn field(&self, number: u32) -> Option<&'static FieldType> {
        let at = *self.index.get(number as usize)?;
        self.fields.get(usize::from(at).checked_sub(1)?)
    }

    /// The field of this name, in camelCase or snake_case.
    pub(crate) fn named(&self, name: &[u8]) -> Option<&'static FieldType> {
        self.fields.iter().find(|field| field.is_named(name))
    }

    /// Checks the structure of a message of this type: lengths, wire types, ids, nesting.
    pub(crate) fn check(&self, message: &[u8], depth: u32) -> Result<(), WireError> {
        if depth > DEPTH_MAX {
            return Err(WireError::Depth);
        }
        let mut reader = Reader::new(message);
        loop {
            // Attributes follow each other.
            if let Some(tag) = self.attributes {
                check_attributes(&mut reader, tag, depth + 1)?;
            }
            match reader.key()? {
                None => return Ok(()),
                // Numbers and text need no look at what they are: most fields are those.
                Some(key) if self.is_free.get(key as usize) == Some(&true) => {
                    reader.skip(key >> 3, (key & 7) as u8, depth)?;
                }
                Some(key) => {
                    let tag = (key >> 3, (key & 7) as u8);
                    self.check_payload(&mut reader, tag, depth)?;
                }
            }
        }
    }

    /// Checks and consumes the payload of a field whose tag was read.
    #[inline]
    pub(crate) fn check_payload(
        &self,
        reader: &mut Reader<'_>,
        (number, wire_type): (u32, u8),
        depth: u32,
    ) -> Result<(), WireError> {
        let known = self.field(number);
        if wire_type == 2 {
            let content = reader.delimited()?;
            return known.map_or(Ok(()), |known| known.check_content(content, depth));
        }
        reader.skip(number, wire_type, depth)?;
        match known {
            Some(known) if known.kind.wire_type() != wire_type => {
                Err(WireError::WireType { field: number })
            }
            _ => Ok(()),
        }
    }
}

/// Checks a `KeyValue`.
#[inline]
pub(crate) fn check_attribute(attribute: &[u8], depth: u32) -> Result<(), WireError> {
    if is_plain_attribute(attribute) {
        Ok(())
    } else {
        KEY_VALUE.check(attribute, depth)
    }
}

/// Checks attributes with this tag of one byte that follow each other. Nearly all are a key and one short
/// scalar, and are seen to be sound without a table. Stops before one that is encoded in another way.
#[inline(always)]
pub(crate) fn check_attributes(
    reader: &mut Reader<'_>,
    tag: u8,
    depth: u32,
) -> Result<(), WireError> {
    while let Some(attribute) = reader.take_plain_entry(tag) {
        if !is_scalar(attribute.value) {
            KEY_VALUE.check(attribute.content, depth)?;
        }
    }
    Ok(())
}

/// Whether an attribute is a key and one scalar, in this order, with lengths of one byte each.
#[inline]
pub(crate) fn is_plain_attribute(attribute: &[u8]) -> bool {
    KeyValue::plain_value_of(attribute).is_some_and(is_scalar)
}

/// Whether the message of a value, shorter than 128 bytes, is one scalar and nothing else.
#[inline(always)]
fn is_scalar(value: &[u8]) -> bool {
    // Most are text; then integers of one or two bytes, booleans, doubles.
    match value {
        [0x0a, length, text @ ..] => usize::from(*length) == text.len(),
        [0x18 | 0x10, number] => *number < 0x80,
        [0x18, low, high] => *low >= 0x80 && *high < 0x80,
        [0x21, bits @ ..] => bits.len() == 8,
        _ => false,
    }
}

impl FieldType {
    #[inline]
    fn check_content(&self, content: &[u8], depth: u32) -> Result<(), WireError> {
        match self.kind {
            Kind::Message(message) => message.check(content, depth + 1),
            Kind::String | Kind::Bytes => Ok(()),
            Kind::Id(length) if content.is_empty() || content.len() == length => Ok(()),
            Kind::Id(_) => Err(WireError::IdLength { field: self.number }),
            number if self.repeated => number.check_packed(content),
            _ => Err(WireError::WireType { field: self.number }),
        }
    }

    fn is_named(&self, name: &[u8]) -> bool {
        let mut rest = name;
        for &byte in self.name.as_bytes() {
            rest = match rest {
                [next, rest @ ..] if *next == byte => rest,
                [b'_', next, rest @ ..]
                    if byte.is_ascii_uppercase() && *next == byte.to_ascii_lowercase() =>
                {
                    rest
                }
                _ => return false,
            };
        }
        rest.is_empty()
    }

    /// Whether the Collector writes it even when it is empty: ids, and messages of their own that occur
    /// once.
    pub(crate) fn is_always_written(&self) -> bool {
        let kind = matches!(self.kind, Kind::Id(_) | Kind::Message(_));
        kind && !self.repeated && !self.explicit
    }

    /// Whether it is a message in a `oneof`.
    pub(crate) fn is_alternative_message(&self) -> bool {
        self.explicit && matches!(self.kind, Kind::Message(_))
    }
}

impl Kind {
    /// Its number on the wire.
    pub(crate) const fn wire_type(self) -> u8 {
        match self {
            Self::Bool
            | Self::Int64
            | Self::Uint32
            | Self::Uint64
            | Self::Sint32
            | Self::Enum(_) => 0,
            Self::Fixed64 | Self::Sfixed64 | Self::Double => 1,
            Self::String | Self::Bytes | Self::Id(_) | Self::Message(_) => 2,
            Self::Fixed32 => 5,
        }
    }

    /// Several numbers of one wire type, behind each other.
    fn check_packed(self, packed: &[u8]) -> Result<(), WireError> {
        let mut reader = Reader::new(packed);
        while !reader.rest().is_empty() {
            match self.wire_type() {
                1 => reader.fixed64()?,
                _ => reader.varint()?,
            };
        }
        Ok(())
    }
}

const fn field(number: u32, name: &'static str, kind: Kind) -> FieldType {
    FieldType {
        number,
        name,
        kind,
        repeated: false,
        explicit: false,
    }
}

const fn repeated(number: u32, name: &'static str, kind: Kind) -> FieldType {
    FieldType {
        repeated: true,
        ..field(number, name, kind)
    }
}

const fn explicit(number: u32, name: &'static str, kind: Kind) -> FieldType {
    FieldType {
        explicit: true,
        ..field(number, name, kind)
    }
}
