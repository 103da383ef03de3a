//! The messages of OTLP, as tables: what each field is called and how it is encoded.
//!
//! Validation, JSON in both directions and the Collector's sizes are walks over these tables.

mod metrics;
mod tables;

pub(crate) use metrics::METRICS_REQUEST;
pub(crate) use tables::{
    LOGS_REQUEST, RESOURCE, RESOURCE_SPANS, SCOPE, SCOPE_SPANS, SPAN, TRACES_REQUEST,
};

use crate::wire::{DEPTH_MAX, Field, Payload, Reader, WireError};

/// A message type. Fields are in the order of their numbers.
pub(crate) struct Message {
    pub(crate) fields: &'static [FieldType],
    /// Whether its explicit fields are the alternatives of one `oneof`; else each is optional.
    pub(crate) is_oneof: bool,
    /// Position in `fields` plus one, by field number; 0 where there is no such field.
    index: [u8; FIELDS_MAX],
}

/// One more than the highest field number in use.
pub(crate) const FIELDS_MAX: usize = 17;

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
        let mut at = 0;
        while at < fields.len() {
            index[fields[at].number as usize] = at as u8 + 1;
            at += 1;
        }
        Self {
            fields,
            is_oneof: false,
            index,
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
        while let Some(field) = reader.field(depth)? {
            self.check_field(field, depth)?;
        }
        Ok(())
    }

    /// Checks one field of a message of this type.
    #[inline]
    pub(crate) fn check_field(&self, field: Field<'_>, depth: u32) -> Result<(), WireError> {
        let Some(known) = self.field(field.number) else {
            return Ok(());
        };
        match (known.kind, field.payload) {
            (Kind::Message(message), Payload::Bytes(bytes)) => message.check(bytes, depth + 1),
            (Kind::Id(length), Payload::Bytes(bytes)) => {
                let sound = bytes.is_empty() || bytes.len() == length;
                if sound {
                    Ok(())
                } else {
                    Err(WireError::IdLength {
                        field: field.number,
                    })
                }
            }
            (Kind::String | Kind::Bytes, Payload::Bytes(_)) => Ok(()),
            (_, Payload::Bytes(packed)) if known.repeated => known.kind.check_packed(packed, field),
            (kind, payload) if kind.is_encoded_as(payload) => Ok(()),
            _ => Err(field.wrong_type()),
        }
    }
}

impl FieldType {
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

    fn is_encoded_as(self, payload: Payload<'_>) -> bool {
        let wire_type = match payload {
            Payload::Varint(_) => 0,
            Payload::Fixed64(_) => 1,
            Payload::Bytes(_) => 2,
            Payload::Group => 3,
            Payload::Fixed32(_) => 5,
        };
        self.wire_type() == wire_type
    }

    fn check_packed(self, packed: &[u8], field: Field<'_>) -> Result<(), WireError> {
        match self {
            Self::Fixed64 | Self::Sfixed64 | Self::Double if packed.len().is_multiple_of(8) => {
                Ok(())
            }
            Self::Fixed64 | Self::Sfixed64 | Self::Double => Err(WireError::Truncated),
            Self::Uint64 | Self::Int64 => {
                let mut reader = Reader::new(packed);
                while !reader.rest().is_empty() {
                    reader.varint()?;
                }
                Ok(())
            }
            _ => Err(field.wrong_type()),
        }
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
