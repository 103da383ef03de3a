//! A configuration as a tree whose every part knows where it was written.

use crate::Location;
use serde_json::Value as Json;

/// A stretch of one line of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Where it starts.
    pub(crate) location: Location,
    /// Its length in characters, 1 at least.
    pub(crate) length: u32,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Where the value stands.
    pub(crate) place: Place,
    /// Where the key stands to which it belongs.
    pub(crate) key_place: Option<Place>,
    /// The value.
    pub(crate) value: Value,
    /// For what came from a substitution: its text, which options of text receive as it is.
    pub(crate) original: Option<String>,
    /// Whether it came from a substitution, so that its value must not be repeated in messages.
    pub(crate) is_substituted: bool,
}

/// A YAML value.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// Nothing.
    Null,
    /// A truth value.
    Flag(bool),
    /// A whole number, of 64 bits with or without a sign.
    Integer(i128),
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of writing, without duplicate keys.
    Map(Vec<Entry>),
}

/// An entry of a map.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Its key.
    pub(crate) key: String,
    /// Its value.
    pub(crate) node: Node,
}

impl Node {
    /// A value at a place.
    pub(crate) fn new(place: Place, value: Value) -> Self {
        Self {
            place,
            key_place: None,
            value,
            original: None,
            is_substituted: false,
        }
    }

    /// The place to show when the whole value is meant: its key, if it has one.
    pub(crate) fn head(&self) -> Place {
        self.key_place.clone().unwrap_or_else(|| self.place.clone())
    }

    /// The text that an option of text receives, if this is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match (&self.original, &self.value) {
            (Some(original), _) => Some(original),
            (None, Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The entries, if this is a map.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The value of a key, if this is a map that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries()
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.node)
    }

    /// The value without its places.
    pub(crate) fn to_json(&self) -> Json {
        match &self.value {
            Value::Null => Json::Null,
            Value::Flag(flag) => Json::from(*flag),
            Value::Integer(number) => match (i64::try_from(*number), u64::try_from(*number)) {
                (Ok(number), _) => Json::from(number),
                (_, Ok(number)) => Json::from(number),
                _ => Json::from(*number as f64),
            },
            // JSON has no infinity: it becomes null, as nothing else would be less wrong.
            Value::Number(number) => Json::from(*number),
            Value::Text(text) => Json::from(text.as_str()),
            Value::List(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Value::Map(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.node.to_json()))
                .collect(),
        }
    }

    /// What the value is, for a sentence.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Flag(_) => "true or false",
            Value::Integer(_) | Value::Number(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}
