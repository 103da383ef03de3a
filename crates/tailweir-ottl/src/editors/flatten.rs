//! `flatten`: maps and lists inside a map become entries of it, their keys joined by dots.

use super::entries::{Entries, entries_of};
use super::{Edit, Editor, Given, TARGET, TargetKind, editor, optional};
use crate::coerce::Kind;
use crate::converters::Refusal;
use crate::{Text, Value};
use std::collections::HashMap;

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
        let mut flat = Flat {
            entries: Entries::default(),
            depth,
            keeps_all,
            numbers: HashMap::new(),
        };
        flat.map(target, prefix.as_bytes(), 0);
        Ok(Some(flat.entries.into_map()))
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
}

impl<'a> Flat<'a> {
    fn map(&mut self, map: Value<'a>, prefix: &[u8], depth: i64) {
        for (key, value) in entries_of(map) {
            let key = joined(prefix, key);
            self.value(key, value, depth);
        }
    }

    fn value(&mut self, key: Text<'a>, value: Value<'a>, depth: i64) {
        match value {
            map @ Value::Map(_) if depth < self.depth => self.map(map, &key, depth + 1),
            Value::List(list) if depth < self.depth => {
                for (number, item) in list.into_items().into_iter().enumerate() {
                    self.item(&key, number, item, depth + 1);
                }
            }
            other => self.put(key, other),
        }
    }

    /// An item of a list. Plain items of a list are numbered even where entries are told apart: there
    /// the list's own key is taken, which makes the second item `key.0`.
    fn item(&mut self, key: &[u8], number: usize, item: Value<'a>, depth: i64) {
        let numbered = joined(key, number.to_string().into_bytes().into());
        match item {
            map @ Value::Map(_) if depth < self.depth => self.map(map, &numbered, depth + 1),
            Value::List(list) if depth < self.depth => {
                for (number, inner) in list.into_items().into_iter().enumerate() {
                    let key = joined(&numbered, number.to_string().into_bytes().into());
                    self.value(key, inner, depth + 2);
                }
            }
            plain if self.keeps_all => self.put(key.to_vec().into(), plain),
            plain => self.put(numbered, plain),
        }
    }

    fn put(&mut self, key: Text<'a>, value: Value<'a>) {
        if !self.keeps_all || !self.entries.has(&key) {
            self.entries.put(key, value);
            return;
        }
        let next = self.numbers.entry(key.to_vec()).or_default();
        let numbered = joined(&key, next.to_string().into_bytes().into());
        *next += 1;
        self.entries.put(numbered, value);
    }
}

fn joined<'a>(prefix: &[u8], key: Text<'a>) -> Text<'a> {
    if prefix.is_empty() {
        return key;
    }
    let mut whole = Vec::with_capacity(prefix.len() + 1 + key.len());
    whole.extend_from_slice(prefix);
    whole.push(b'.');
    whole.extend_from_slice(&key);
    whole.into()
}
