//! Fields that can be written, by name: what their numbers are and how they are encoded stays here.
//!
//! Each function takes the bytes of a message and gives those of the message with one field changed. All
//! other bytes, fields that nobody knows yet included, are copied as they are.
//!
//! ```
//! use tailweir_otlp::{SpanView, field};
//!
//! let span = b"\x2a\x01x\xaa\x01\x01?";
//! let renamed = field::SPAN_NAME.with_bytes(span, b"y");
//! assert_eq!(renamed, b"\x2a\x01y\xaa\x01\x01?");
//! assert_eq!(SpanView(&renamed).name(), b"y");
//! ```

mod attribute;
mod named;

pub use named::*;

use crate::attribute_list::AttributeList;
use crate::splice::{replace, replace_one_of};
use crate::view::Messages;
use crate::wire::{put_bytes, put_key, put_varint, zigzag32};
use std::borrow::Cow;

/// A field of a message that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WritableField {
    number: u32,
    encoding: Encoding,
    /// Whether it is written even when it is zero or empty.
    is_explicit: bool,
    /// The other alternatives of its `oneof`, which go when it is written.
    rivals: &'static [u32],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Varint,
    Zigzag,
    Fixed32,
    Fixed64,
    Bytes,
}

impl WritableField {
    const fn new(number: u32, encoding: Encoding) -> Self {
        Self {
            number,
            encoding,
            is_explicit: false,
            rivals: &[],
        }
    }

    const fn explicit(self) -> Self {
        Self {
            is_explicit: true,
            ..self
        }
    }

    const fn against(self, rivals: &'static [u32]) -> Self {
        Self { rivals, ..self }
    }

    /// Its number.
    pub(crate) const fn number(self) -> u32 {
        self.number
    }

    /// The message with a number in this field: an integer, the bits of a float, or for a signed field the
    /// number in two's complement.
    #[must_use]
    pub fn with_number(self, message: &[u8], value: u64) -> Vec<u8> {
        self.with(message, |out| {
            if value != 0 || self.is_explicit {
                self.put_number(value, out);
            }
        })
    }

    /// The message with text, bytes or another message in this field.
    #[must_use]
    pub fn with_bytes(self, message: &[u8], content: &[u8]) -> Vec<u8> {
        self.with(message, |out| {
            if !content.is_empty() || self.is_explicit {
                put_bytes(out, self.number, content);
            }
        })
    }

    /// The message with these numbers in this field, packed.
    #[must_use]
    pub fn with_numbers(self, message: &[u8], values: impl IntoIterator<Item = u64>) -> Vec<u8> {
        let mut packed = Vec::new();
        for value in values {
            match self.encoding {
                Encoding::Fixed64 => packed.extend_from_slice(&value.to_le_bytes()),
                _ => put_varint(&mut packed, value),
            }
        }
        self.with(message, |out| {
            if !packed.is_empty() {
                put_bytes(out, self.number, &packed);
            }
        })
    }

    /// The message with these messages in this field, one after the other.
    #[must_use]
    pub fn with_messages<'m>(
        self,
        message: &[u8],
        contents: impl IntoIterator<Item = &'m [u8]>,
    ) -> Vec<u8> {
        self.with(message, |out| {
            for content in contents {
                put_bytes(out, self.number, content);
            }
        })
    }

    /// The message with these attributes in this field.
    #[must_use]
    pub fn with_attributes(self, message: &[u8], list: &AttributeList<'_>) -> Vec<u8> {
        self.with(message, |out| list.write(self.number, out))
    }

    /// The message without this field.
    #[must_use]
    pub fn without(self, message: &[u8]) -> Vec<u8> {
        self.with(message, |_| {})
    }

    /// Each occurrence of this field.
    #[must_use]
    pub fn messages(self, message: &[u8]) -> Messages<'_> {
        Messages::new(message, self.number)
    }

    /// The message in this field; empty when there is none, and one when it is spread over several.
    #[must_use]
    pub fn nested(self, message: &[u8]) -> Cow<'_, [u8]> {
        let mut occurrences = self.messages(message);
        match (occurrences.next(), occurrences.next()) {
            (None, _) => Cow::Borrowed(&[]),
            (Some(only), None) => Cow::Borrowed(only),
            (Some(_), Some(_)) => Cow::Owned(self.messages(message).collect::<Vec<_>>().concat()),
        }
    }

    /// The attributes in this field, to be edited.
    #[must_use]
    pub fn attributes(self, message: &[u8]) -> AttributeList<'_> {
        AttributeList::new(message, self.number)
    }

    fn with(self, message: &[u8], write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::with_capacity(message.len() + 32);
        if self.rivals.is_empty() {
            replace(message, self.number, &mut out, write);
        } else {
            replace_one_of(message, self.number, self.rivals, &mut out, write);
        }
        out
    }

    fn put_number(self, value: u64, out: &mut Vec<u8>) {
        match self.encoding {
            Encoding::Varint => {
                put_key(out, self.number, 0);
                put_varint(out, value);
            }
            Encoding::Zigzag => {
                put_key(out, self.number, 0);
                put_varint(out, zigzag32(value as i32));
            }
            Encoding::Fixed32 => {
                put_key(out, self.number, 5);
                out.extend_from_slice(&(value as u32).to_le_bytes());
            }
            Encoding::Fixed64 => {
                put_key(out, self.number, 1);
                out.extend_from_slice(&value.to_le_bytes());
            }
            Encoding::Bytes => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a field that is there twice, one that is missing, and one that becomes zero, beside an
    /// unknown field.
    /// Guarantees: one occurrence is left in the first place, a missing one goes where its number belongs,
    /// zero is nothing, and the unknown field stays.
    #[test]
    fn one_field_is_written_and_all_others_stay() {
        let span = b"\x2a\x01x\x30\x02\x2a\x01z\xaa\x01\x01?";
        assert_eq!(
            SPAN_NAME.with_bytes(span, b"y"),
            b"\x2a\x01y\x30\x02\xaa\x01\x01?"
        );
        let stated = SPAN_TRACE_STATE.with_bytes(span, b"a=1");
        assert_eq!(&stated[..5], b"\x1a\x03a=1");
        assert_eq!(&stated[5..], span);
        assert_eq!(
            SPAN_KIND.with_number(span, 0),
            b"\x2a\x01x\x2a\x01z\xaa\x01\x01?"
        );
    }

    /// Scenario: the value of a number point changes from integer to float, and to a float of zero.
    /// Guarantees: only one value is left, and zero is a value.
    #[test]
    fn an_alternative_takes_the_place_of_its_rivals() {
        let point = NUMBER_INT.with_number(b"", 5);
        let point = NUMBER_DOUBLE.with_number(&point, 0f64.to_bits());
        assert_eq!(point, b"\x21\0\0\0\0\0\0\0\0");
    }
}
