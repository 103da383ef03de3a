//! Entries of a map that is being built: the order in which keys came, each key once.

use crate::{Text, Value};
use std::collections::HashMap;

/// With so many entries and more, keys are found by hash.
const HASHED_FROM: usize = 32;

/// Entries of a map, in order.
#[derive(Debug, Default)]
pub(crate) struct Entries<'a> {
    list: Vec<(Text<'a>, Value<'a>)>,
    /// Where the first entry of each key is, once there are many.
    positions: HashMap<Text<'a>, usize>,
}

impl<'a> Entries<'a> {
    /// The entries of a map.
    pub(super) fn of(value: Value<'a>) -> Self {
        let mut entries = Self {
            list: entries_of(value),
            positions: HashMap::new(),
        };
        if entries.list.len() >= HASHED_FROM {
            entries.index();
        }
        entries
    }

    /// The value of a key.
    pub(super) fn get_mut(&mut self, key: &[u8]) -> Option<&mut Value<'a>> {
        let position = self.position(key)?;
        Some(&mut self.list[position].1)
    }

    /// Whether there is an entry of this key.
    pub(super) fn has(&self, key: &[u8]) -> bool {
        self.position(key).is_some()
    }

    /// Gives a key a value: in the place where it is, or behind all others.
    pub(crate) fn put(&mut self, key: Text<'a>, value: Value<'a>) {
        match self.position(&key) {
            Some(position) => self.list[position].1 = value,
            None => {
                if !self.positions.is_empty() {
                    self.positions.insert(key.clone(), self.list.len());
                }
                self.list.push((key, value));
                if self.list.len() == HASHED_FROM {
                    self.index();
                }
            }
        }
    }

    /// The map that they are.
    pub(crate) fn into_map(self) -> Value<'a> {
        Value::map(self.list)
    }

    fn position(&self, key: &[u8]) -> Option<usize> {
        if self.positions.is_empty() {
            self.list.iter().position(|entry| *entry.0 == *key)
        } else {
            self.positions.get(key).copied()
        }
    }

    fn index(&mut self) {
        for (position, (key, _)) in self.list.iter().enumerate() {
            self.positions.entry(key.clone()).or_insert(position);
        }
    }
}

/// The entries of a value that was seen to be a map.
pub(super) fn entries_of(value: Value<'_>) -> Vec<(Text<'_>, Value<'_>)> {
    match value {
        Value::Map(map) => map.into_entries(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::Entries;
    use crate::Value;

    /// Scenario: a hundred keys are put, each twice, so that the way in which they are found changes.
    /// Guarantees: each is there once, in the order of the first time, with the last value.
    #[test]
    fn keys_are_found_among_few_and_among_many() {
        let mut entries = Entries::default();
        for round in 0..2 {
            for number in 0..100 {
                entries.put(number.to_string().into_bytes().into(), Value::Int(round));
            }
        }
        let Value::Map(map) = entries.into_map() else {
            unreachable!("entries are a map")
        };
        assert_eq!(map.entries().len(), 100);
        for (number, (key, value)) in map.entries().iter().enumerate() {
            assert_eq!(**key, *number.to_string().as_bytes());
            assert!(matches!(value, Value::Int(1)));
        }
    }
}
