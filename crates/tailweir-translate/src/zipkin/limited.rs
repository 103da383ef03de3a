//! Lists and maps in JSON that do not grow without end.

use crate::TranslateError;
use crate::translation::PARTS_MAX;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// A list of [`PARTS_MAX`] elements at most, without those that are `null`.
pub(super) struct List<T>(pub(super) Vec<T>);

/// A map of [`PARTS_MAX`] texts at most; `null` is the empty text.
#[derive(Default)]
pub(super) struct Texts(pub(super) BTreeMap<String, String>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

fn too_many<E: Error>() -> E {
    E::custom(TranslateError::TooMany { most: PARTS_MAX })
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E: Error>(self) -> Result<List<T>, E> {
        Ok(List::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<List<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element::<Option<T>>()? {
            list.extend(element);
            if list.len() > PARTS_MAX {
                return Err(too_many());
            }
        }
        Ok(List(list))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of texts")
    }

    fn visit_unit<E: Error>(self) -> Result<Texts, E> {
        Ok(Texts::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Texts, A::Error> {
        let mut texts = BTreeMap::new();
        while let Some((key, text)) = entries.next_entry::<String, Option<String>>()? {
            texts.insert(key, text.unwrap_or_default());
            if texts.len() > PARTS_MAX {
                return Err(too_many());
            }
        }
        Ok(Texts(texts))
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextsVisitor)
    }
}
