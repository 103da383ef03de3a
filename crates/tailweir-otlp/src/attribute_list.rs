//! A list of attributes that is being edited.

use crate::view::{AnyValue, KeyValue};
use crate::wire::{Fields, Payload, put_bytes, put_key, put_varint};
use smallvec::SmallVec;
use std::borrow::Cow;

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

    /// The content of its message.
    pub(crate) fn content(&self) -> &[u8] {
        &self.0
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

/// An entry of a list that is built anew.
#[derive(Debug, Clone, PartialEq)]
pub enum NewEntry<'k> {
    /// The one that was at this position, counted from 0. It can be kept once.
    Kept(usize),
    /// This key and value.
    Put(&'k [u8], EncodedValue),
}

/// Attributes on their way from one message to its edited form. What is not touched keeps its bytes and
/// its place; new attributes come last.
#[derive(Debug)]
pub struct AttributeList<'a> {
    /// Contents of `KeyValue` messages.
    entries: SmallVec<[Cow<'a, [u8]>; 16]>,
    /// How many there were.
    initial: usize,
}

impl<'a> AttributeList<'a> {
    pub(crate) fn new(messages: impl Iterator<Item = &'a [u8]>) -> Self {
        let entries: SmallVec<_> = messages.map(Cow::Borrowed).collect();
        let initial = entries.len();
        Self { entries, initial }
    }

    /// Whether anything differs from what was there. New attributes own their bytes, so only as many old
    /// ones as there were are all of them.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        let is_new = |entry: &Cow<'_, [u8]>| matches!(entry, Cow::Owned(_));
        self.entries.len() != self.initial || self.entries.iter().any(is_new)
    }

    /// Sum of the lengths of the attributes, in bytes, without what stands around each of them.
    #[must_use]
    pub fn length(&self) -> usize {
        self.entries.iter().map(|entry| entry.len()).sum()
    }

    /// Each attribute, in order.
    pub fn iter(&self) -> impl Iterator<Item = KeyValue<'_>> {
        self.entries.iter().map(|entry| KeyValue::new(entry))
    }

    /// The value of the first attribute with this name.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<AnyValue<'_>> {
        self.iter()
            .find(|entry| entry.key == key)
            .map(|entry| entry.value)
    }

    /// The same, as bytes that can be put elsewhere.
    #[must_use]
    pub fn get_encoded(&self, key: &[u8]) -> Option<EncodedValue> {
        let entry = self
            .entries
            .iter()
            .find(|entry| KeyValue::new(entry).key == key)?;
        let mut value = Vec::new();
        for field in Fields::new(entry) {
            if let (2, Payload::Bytes(content)) = (field.number, field.payload) {
                value.extend_from_slice(content);
            }
        }
        Some(EncodedValue(value))
    }

    /// Replaces the value of the first attribute with this name, or adds one.
    pub fn put(&mut self, key: &[u8], value: &EncodedValue) {
        let content = Cow::Owned(encode_attribute(key, value));
        match self.position(key) {
            Some(position) if self.entries[position] == content => {}
            Some(position) => self.entries[position] = content,
            None => self.entries.push(content),
        }
    }

    /// Takes these entries in the place of those that are there, in this order.
    pub fn rebuild<'k>(&mut self, entries: impl IntoIterator<Item = NewEntry<'k>>) {
        let mut old = std::mem::take(&mut self.entries);
        let take = |entry| match entry {
            NewEntry::Kept(position) => old.get_mut(position).map(std::mem::take),
            NewEntry::Put(key, value) => Some(Cow::Owned(encode_attribute(key, &value))),
        };
        self.entries = entries.into_iter().filter_map(take).collect();
    }

    /// Removes the first attribute with this name. Answers whether there was one.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let position = self.position(key);
        if let Some(position) = position {
            self.entries.remove(position);
        }
        position.is_some()
    }

    /// Removes every attribute for which `keep` says no.
    pub fn retain(&mut self, mut keep: impl FnMut(KeyValue<'_>) -> bool) {
        self.entries.retain(|entry| keep(KeyValue::new(entry)));
    }

    /// Gives each attribute for which `edit` answers a new value.
    pub fn update(&mut self, mut edit: impl FnMut(KeyValue<'_>) -> Option<EncodedValue>) {
        for entry in &mut self.entries {
            let before = KeyValue::new(entry);
            let Some(value) = edit(before) else {
                continue;
            };
            let content = encode_attribute(before.key, &value);
            if **entry != *content {
                *entry = Cow::Owned(content);
            }
        }
    }

    fn position(&self, key: &[u8]) -> Option<usize> {
        self.entries
            .iter()
            .position(|entry| KeyValue::new(entry).key == key)
    }

    /// Writes the list as field `number` of its message.
    pub(crate) fn write(&self, number: u32, out: &mut Vec<u8>) {
        for entry in &self.entries {
            put_bytes(out, number, entry);
        }
    }
}

pub(crate) fn encode_attribute(key: &[u8], value: &EncodedValue) -> Vec<u8> {
    let mut content = Vec::with_capacity(key.len() + value.0.len() + 8);
    put_bytes(&mut content, 1, key);
    put_bytes(&mut content, 2, &value.0);
    content
}
