//! Attributes that come one by one, may come again, and may be taken out.

use super::AttributeSet;
use crate::encoded_value::{EncodedValue, encode_attribute};
use crate::wire::put_bytes;
use std::collections::BTreeMap;

/// Attributes under construction. Of a name that comes again the last value counts, at its first place.
#[derive(Debug, Default)]
pub struct AttributeMap {
    /// In order; nothing where one was taken out.
    entries: Vec<Option<(Vec<u8>, EncodedValue)>>,
    places: BTreeMap<Vec<u8>, usize>,
}

impl AttributeMap {
    /// Adds an attribute, or gives the one of this name another value.
    pub fn put(&mut self, key: &[u8], value: EncodedValue) {
        match self.places.get(key) {
            Some(&place) => self.entries[place] = Some((key.to_vec(), value)),
            None => {
                self.places.insert(key.to_vec(), self.entries.len());
                self.entries.push(Some((key.to_vec(), value)));
            }
        }
    }

    /// The value of the attribute with this name.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&EncodedValue> {
        let place = self.places.get(key)?;
        let (_, value) = self.entries.get(*place)?.as_ref()?;
        Some(value)
    }

    /// Takes the attribute with this name out.
    pub fn remove(&mut self, key: &[u8]) -> Option<EncodedValue> {
        let place = self.places.remove(key)?;
        let (_, value) = self.entries.get_mut(place)?.take()?;
        Some(value)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// All of them, in order.
    #[must_use]
    pub fn finish(self) -> AttributeSet {
        let mut content = Vec::new();
        for (key, value) in self.entries.iter().flatten() {
            put_bytes(
                &mut content,
                super::attribute_set::ENTRY,
                &encode_attribute(key, value),
            );
        }
        AttributeSet::of_unique(content)
    }
}
