//! `flatten`: maps and lists inside a map become entries of it, their keys joined by dots.

use super::entries::{Entries, entries_of};
use super::{Edit, Editor, Given, TARGET, TargetKind, editor, optional};
use crate::coerce::Kind;
use crate::converters::{Failure, Refusal};
use crate::{Text, Value};
use std::collections::HashMap;

/// Bytes that keys may take together that are made of others, as much as a request may grow: the key of a list is in that
/// of each of its items, even of those that hold nothing.
const KEYS_MAX: usize = 64 << 20;

pub(super) const TABLE: &[Editor] = &[editor(
    "flatten",
    &[
        TARGET,
        optional("prefix", Kind::LiteralString),
        optional("depth", Kind::LiteralInt),
        optional("resolve_conflicts", Kind::LiteralBool),
    ],
    TargetKind::Map,
    flatten,
)];

fn flatten(given: &mut Given<'_>) -> Result<Edit, Refusal> {
    let prefix = given.literals.text(1).unwrap_or_default().to_owned();
    let depth = given.literals.int(2).unwrap_or(i64::MAX);
    if depth < 1 {
        return Err(Refusal::new(
            2,
            format!("the depth is {depth}; it must be above zero"),
        ));
    }
    let keeps_all = given.literals.bool(3).unwrap_or_default();
    Ok(Box::new(move |target, _| {
        let flat = Flat {
            entries: Entries::default(),
            depth,
            keeps_all,
            numbers: HashMap::new(),
            room: KEYS_MAX,
        };
        flat.of(target, prefix.as_bytes()).map(Some)
    }))
}

struct Flat<'a> {
    entries: Entries<'a>,
    /// Maps and lists this deep stay as they are.
    depth: i64,
    /// Whether entries whose keys become equal are told apart by a number.
    keeps_all: bool,
    /// The next number of each key that occurs more than once.
    numbers: HashMap<Vec<u8>, usize>,
    /// Bytes that keys may still take.
    room: usize,
}

type Flattened = Result<(), Failure>;

impl<'a> Flat<'a> {
    /// The flat map of a map.
    fn of(mut self, map: Value<'a>, prefix: &[u8]) -> Result<Value<'a>, Failure> {
        self.map(map, prefix, 0)?;
        Ok(self.entries.into_map())
    }

    fn map(&mut self, map: Value<'a>, prefix: &[u8], depth: i64) -> Flattened {
        for (key, value) in entries_of(map) {
            let key = self.joined(prefix, key)?;
            self.value(key, value, depth)?;
        }
        Ok(())
    }

    fn value(&mut self, key: Text<'a>, value: Value<'a>, depth: i64) -> Flattened {
        match value {
            map @ Value::Map(_) if depth < self.depth => self.map(map, &key, depth + 1),
            Value::List(list) if depth < self.depth => {
                for (number, item) in list.into_items().into_iter().enumerate() {
                    self.item(&key, number, item, depth + 1)?;
                }
                Ok(())
            }
            other => self.put(key, other),
        }
    }

    /// An item of a list. Plain items of a list are numbered even where entries are told apart: there
    /// the list's own key is taken, which makes the second item `key.0`.
    fn item(&mut self, key: &[u8], number: usize, item: Value<'a>, depth: i64) -> Flattened {
        match item {
            map @ Value::Map(_) if depth < self.depth => {
                let key = self.numbered(key, number)?;
                self.map(map, &key, depth + 1)
            }
            Value::List(list) if depth < self.depth => {
                let key = self.numbered(key, number)?;
                for (number, inner) in list.into_items().into_iter().enumerate() {
                    let key = self.numbered(&key, number)?;
                    self.value(key, inner, depth + 2)?;
                }
                Ok(())
            }
            plain if self.keeps_all => {
                self.spend(key.len())?;
                self.put(key.to_vec().into(), plain)
            }
            plain => {
                let key = self.numbered(key, number)?;
                self.put(key, plain)
            }
        }
    }

    fn put(&mut self, key: Text<'a>, value: Value<'a>) -> Flattened {
        if !self.keeps_all || !self.entries.has(&key) {
            self.entries.put(key, value);
            return Ok(());
        }
        let number = match self.numbers.get_mut(&*key) {
            Some(next) => {
                *next += 1;
                *next
            }
            None => {
                self.spend(key.len())?;
                self.numbers.insert(key.to_vec(), 0);
                0
            }
        };
        let numbered = self.numbered(&key, number)?;
        self.entries.put(numbered, value);
        Ok(())
    }

    fn numbered(&mut self, key: &[u8], number: usize) -> Result<Text<'a>, Failure> {
        self.joined(key, number.to_string().into_bytes().into())
    }

    fn joined(&mut self, prefix: &[u8], key: Text<'a>) -> Result<Text<'a>, Failure> {
        if prefix.is_empty() {
            return Ok(key);
        }
        let length = prefix.len() + 1 + key.len();
        self.spend(length)?;
        let mut whole = Vec::with_capacity(length);
        whole.extend_from_slice(prefix);
        whole.push(b'.');
        whole.extend_from_slice(&key);
        Ok(whole.into())
    }

    /// Asked before a key is made.
    fn spend(&mut self, bytes: usize) -> Flattened {
        let left = self.room.checked_sub(bytes);
        self.room = left.ok_or_else(|| {
            format!(
                "the keys become longer than {KEYS_MAX} bytes together; flatten less with `depth`"
            )
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Flat, KEYS_MAX};
    use crate::Value;
    use crate::converters::Failure;
    use crate::editors::Entries;
    use std::collections::HashMap;

    /// How many entries a map becomes with one long key, under which there is a list of so many of these; or why it does not.
    fn flattened(count: usize, item: &Value<'static>, keeps_all: bool) -> Result<usize, String> {
        let flat = Flat {
            entries: Entries::default(),
            depth: i64::MAX,
            keeps_all,
            numbers: HashMap::new(),
            room: KEYS_MAX,
        };
        let list = Value::list(vec![item.clone(); count]);
        let key = vec![b'k'; 100_000];
        match flat.of(Value::map(vec![(key.into(), list)]), b"") {
            Ok(Value::Map(map)) => Ok(map.entries().len()),
            Ok(other) => Err(other.kind().to_owned()),
            Err(Failure::Reason(reason)) => Err(reason.into_owned()),
            Err(Failure::Error(error)) => Err(error.to_string()),
        }
    }

    /// Scenario: a key of 100,000 bytes with a list of 50,000 empty values, maps or lists, or of a few hundred, where entries
    /// are told apart by a number and where they are not.
    /// Guarantees: what would be five thousand million bytes of keys fails with the bound, also where nothing would be left
    /// of it; what stays within 64 MiB becomes an entry for each item.
    #[test]
    fn keys_have_a_bound_together() {
        let nested = Value::list(vec![Value::Nil; 2]);
        for keeps_all in [false, true] {
            for item in [Value::Nil, Value::map(Vec::new()), nested.clone()] {
                let reason = flattened(50_000, &item, keeps_all).expect_err("too long");
                assert!(reason.contains("67108864 bytes"), "{reason}");
            }
        }
        assert_eq!(flattened(600, &Value::Nil, false), Ok(600));
        assert_eq!(flattened(300, &Value::Nil, true), Ok(300));
        assert_eq!(flattened(600, &Value::map(Vec::new()), false), Ok(0));
        assert_eq!(flattened(200, &nested, false), Ok(400));
    }
}
