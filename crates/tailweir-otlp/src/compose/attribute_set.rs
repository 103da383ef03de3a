//! Attributes that can be put into any message.

use crate::encoded_value::{EncodedValue, encode_attribute};
use crate::view::{AnyValue, Attributes, Messages};
use crate::wire::put_bytes;

/// Field of a list of key-value pairs.
pub(super) const ENTRY: u32 = 1;

/// Attributes in their encoded form. Each name occurs once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttributeSet(Vec<u8>);

impl AttributeSet {
    /// The same attributes as there, in their order; of each name the first.
    #[must_use]
    pub fn of(attributes: Attributes<'_>) -> Self {
        let mut set = Self::default();
        for entry in attributes {
            if set.view().get(entry.key).is_none() {
                set.put(entry.key, &entry.value.encoded());
            }
        }
        set
    }

    /// The content of a list in which no name occurs twice.
    pub(super) fn of_unique(content: Vec<u8>) -> Self {
        Self(content)
    }

    /// Adds an attribute, or gives the one of this name another value.
    pub fn put(&mut self, key: &[u8], value: &EncodedValue) {
        let entry = encode_attribute(key, value);
        if self.view().get(key).is_none() {
            put_bytes(&mut self.0, ENTRY, &entry);
            return;
        }
        let mut changed = Vec::with_capacity(self.0.len() + entry.len());
        for before in Messages::new(&self.0, ENTRY) {
            let same = crate::view::KeyValue::new(before).key == key;
            put_bytes(&mut changed, ENTRY, if same { &entry } else { before });
        }
        self.0 = changed;
    }

    /// How they read.
    #[must_use]
    pub fn view(&self) -> Attributes<'_> {
        Attributes::new(&self.0, ENTRY)
    }

    /// How many bytes they take.
    #[must_use]
    pub fn length(&self) -> usize {
        self.0.len()
    }

    /// Writes them as field `number` of a message.
    pub(super) fn write(&self, number: u32, out: &mut Vec<u8>) {
        for entry in Messages::new(&self.0, ENTRY) {
            put_bytes(out, number, entry);
        }
    }
}

impl AnyValue<'_> {
    /// The value in its own message, ready to be put elsewhere.
    #[must_use]
    pub fn encoded(self) -> EncodedValue {
        match self {
            Self::Empty => EncodedValue::empty(),
            Self::String(text) => EncodedValue::string(text),
            Self::Bool(value) => EncodedValue::bool(value),
            Self::Int(value) => EncodedValue::int(value),
            Self::Double(value) => EncodedValue::double(value),
            Self::Bytes(bytes) => EncodedValue::bytes(bytes),
            Self::Array(list) => {
                let elements: Vec<_> = list.iter().map(AnyValue::encoded).collect();
                EncodedValue::array(&elements)
            }
            Self::Map(map) => {
                EncodedValue::map(map.iter().map(|entry| (entry.key, entry.value.encoded())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::AttributeSet;
    use crate::{AnyValue, EncodedValue};

    /// Scenario: two attributes are put, the first of them again with another value.
    /// Guarantees: it has the new value and its old place, and the other is untouched.
    #[test]
    fn each_name_occurs_once() {
        let mut set = AttributeSet::default();
        set.put(b"a", &EncodedValue::int(1));
        set.put(b"b", &EncodedValue::bool(true));
        set.put(b"a", &EncodedValue::string(b"long enough"));
        let entries: Vec<_> = set
            .view()
            .iter()
            .map(|entry| (entry.key, entry.value))
            .collect();
        assert_eq!(
            entries,
            [
                (&b"a"[..], AnyValue::String(b"long enough")),
                (&b"b"[..], AnyValue::Bool(true))
            ]
        );
        assert_eq!(AttributeSet::of(set.view()), set);
    }

    /// Scenario: a nested value is encoded again.
    /// Guarantees: it reads the same.
    #[test]
    fn values_survive_their_encoding() {
        let inner = EncodedValue::map([(&b"k"[..], EncodedValue::double(1.5))]);
        let value =
            EncodedValue::array(&[inner, EncodedValue::empty(), EncodedValue::bytes(b"\x00")]);
        assert_eq!(value.view().encoded(), value);
    }
}
