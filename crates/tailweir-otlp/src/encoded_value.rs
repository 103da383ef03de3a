//! Values and attributes that are made once and put into many messages.

use crate::view::AnyValue;
use crate::wire::{length_delimited_size, put_bytes, put_key, put_varint};
use std::ops::Range;

/// A value in its own message, ready to be put into a list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EncodedValue(Vec<u8>);

impl EncodedValue {
    /// No value.
    #[must_use]
    pub fn empty() -> Self {
        Self(Vec::new())
    }

    /// Text.
    #[must_use]
    pub fn string(text: &[u8]) -> Self {
        Self::delimited(1, text)
    }

    /// A boolean.
    #[must_use]
    pub fn bool(value: bool) -> Self {
        Self::varint(2, u64::from(value))
    }

    /// An integer.
    #[must_use]
    pub fn int(value: i64) -> Self {
        Self::varint(3, value as u64)
    }

    /// A floating-point number.
    #[must_use]
    pub fn double(value: f64) -> Self {
        let mut content = Vec::with_capacity(9);
        put_key(&mut content, 4, 1);
        content.extend_from_slice(&value.to_le_bytes());
        Self(content)
    }

    /// Opaque bytes.
    #[must_use]
    pub fn bytes(bytes: &[u8]) -> Self {
        Self::delimited(7, bytes)
    }

    /// A list.
    #[must_use]
    pub fn array(elements: &[Self]) -> Self {
        let mut list = Vec::new();
        for element in elements {
            put_bytes(&mut list, 1, &element.0);
        }
        Self::delimited(5, &list)
    }

    /// A map.
    #[must_use]
    pub fn map<'k>(entries: impl IntoIterator<Item = (&'k [u8], Self)>) -> Self {
        let mut list = Vec::new();
        for (key, value) in entries {
            put_bytes(&mut list, 1, &encode_attribute(key, &value));
        }
        Self::delimited(6, &list)
    }

    /// The content of the message.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.0
    }

    /// How it reads.
    #[must_use]
    pub fn view(&self) -> AnyValue<'_> {
        AnyValue::new(&self.0)
    }

    /// A value with this content of its message.
    pub(crate) const fn from_message(content: Vec<u8>) -> Self {
        Self(content)
    }

    fn delimited(number: u32, content: &[u8]) -> Self {
        let mut message = Vec::with_capacity(content.len() + 6);
        put_bytes(&mut message, number, content);
        Self(message)
    }

    fn varint(number: u32, value: u64) -> Self {
        let mut message = Vec::with_capacity(11);
        put_key(&mut message, number, 0);
        put_varint(&mut message, value);
        Self(message)
    }
}

/// An attribute in its own message, ready to be put into a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedAttribute {
    content: Vec<u8>,
    /// Where the key is in it.
    key: Range<usize>,
}

impl EncodedAttribute {
    /// This key and value.
    #[must_use]
    pub fn new(key: &[u8], value: &EncodedValue) -> Self {
        let end = length_delimited_size(key.len());
        Self {
            content: encode_attribute(key, value),
            key: end - key.len()..end,
        }
    }

    /// Its name.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.content[self.key.clone()]
    }

    /// The content of the message.
    pub(crate) fn content(&self) -> &[u8] {
        &self.content
    }

    /// Where the key is in the content.
    pub(crate) fn key_range(&self) -> Range<usize> {
        self.key.clone()
    }
}

/// The content of a `KeyValue` message.
pub(crate) fn encode_attribute(key: &[u8], value: &EncodedValue) -> Vec<u8> {
    let mut content = Vec::with_capacity(key.len() + value.0.len() + 8);
    put_bytes(&mut content, 1, key);
    put_bytes(&mut content, 2, &value.0);
    content
}
