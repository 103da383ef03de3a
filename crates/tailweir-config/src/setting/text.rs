//! Options of text, secrets and free values.

use super::{Setting, Shape};
use crate::node::{Node, Value};
use crate::report::{Cause, Report};
use serde_json::Value as Json;
use std::fmt;

impl Setting for String {
    const SPLITS_AT_COMMAS: bool = true;

    fn shape() -> Shape {
        Shape::Text
    }

    fn read(&mut self, node: &Node, report: &mut Report) {
        if let Some(text) = node.text() {
            text.clone_into(self);
            return;
        }
        match node.value {
            // The Collector reads an empty value as empty text.
            Value::Null => self.clear(),
            Value::Flag(_) | Value::Integer(_) | Value::Number(_) => report.error_at(
                node.place.clone(),
                Cause::WrongType,
                format!("expected text, found {}", node.kind()),
                "put it in quotes",
            ),
            _ => report.wrong_type(node, "text"),
        }
    }

    fn write(&self) -> Json {
        Json::from(self.as_str())
    }
}

/// Text that is never printed: a password, token or key.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(String);

impl Secret {
    /// A secret of this text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. Do not print it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "\"\"" } else { REDACTED })
    }
}

/// What stands for a secret in print.
pub(crate) const REDACTED: &str = "[REDACTED]";

impl Setting for Secret {
    fn shape() -> Shape {
        Shape::Secret
    }

    fn read(&mut self, node: &Node, report: &mut Report) {
        self.0.read(node, report);
    }

    fn write(&self) -> Json {
        Json::from(if self.0.is_empty() { "" } else { REDACTED })
    }
}

/// Headers: names with values that are never printed. In configurations a map, or a list of
/// `{name, value}`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers(Vec<(String, Secret)>);

impl Headers {
    /// Names and values, in order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, Secret)> for Headers {
    fn from_iter<T: IntoIterator<Item = (String, Secret)>>(headers: T) -> Self {
        Self(headers.into_iter().collect())
    }
}

impl Setting for Headers {
    fn shape() -> Shape {
        Shape::Headers
    }

    fn read(&mut self, node: &Node, report: &mut Report) {
        match &node.value {
            Value::Null => {}
            Value::Map(entries) => {
                for entry in entries {
                    let mut value = Secret::default();
                    report.within(&entry.key, |report| value.read(&entry.node, report));
                    self.0.push((entry.key.clone(), value));
                }
            }
            Value::List(items) => {
                for item in items {
                    let (mut name, mut value) = (String::new(), Secret::default());
                    match (item.get("name"), item.get("value")) {
                        (Some(name_node), value_node) => {
                            name.read(name_node, report);
                            value_node.iter().for_each(|node| value.read(node, report));
                        }
                        (None, _) => report.wrong_type(item, "`name` and `value`"),
                    }
                    self.0.push((name, value));
                }
            }
            _ => report.wrong_type(node, "a map of headers"),
        }
    }

    fn write(&self) -> Json {
        self.iter()
            .map(|(name, value)| (name.to_owned(), value.write()))
            .collect()
    }
}

/// A free value of a configuration, such as the value of an attribute.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Literal {
    /// Nothing.
    #[default]
    Null,
    /// True or false.
    Flag(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// A map, in the order of writing.
    Map(Vec<(String, Self)>),
}

impl Literal {
    fn of(node: &Node) -> Self {
        match &node.value {
            Value::Null => Self::Null,
            Value::Flag(flag) => Self::Flag(*flag),
            Value::Integer(number) => match i64::try_from(*number) {
                Ok(number) => Self::Integer(number),
                // Above 63 bits; OTLP has no such integer.
                Err(_) => Self::Number(*number as f64),
            },
            Value::Number(number) => Self::Number(*number),
            Value::Text(text) => Self::Text(text.clone()),
            Value::List(items) => Self::List(items.iter().map(Self::of).collect()),
            Value::Map(entries) => {
                let pair = |entry: &crate::node::Entry| (entry.key.clone(), Self::of(&entry.node));
                Self::Map(entries.iter().map(pair).collect())
            }
        }
    }
}

impl Setting for Literal {
    fn shape() -> Shape {
        Shape::Any
    }

    fn read(&mut self, node: &Node, _: &mut Report) {
        *self = Self::of(node);
    }

    fn write(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Flag(flag) => Json::from(*flag),
            Self::Integer(number) => Json::from(*number),
            Self::Number(number) => Json::from(*number),
            Self::Text(text) => Json::from(text.as_str()),
            Self::List(items) => items.iter().map(Self::write).collect(),
            Self::Map(entries) => entries
                .iter()
                .map(|(key, value)| (key.clone(), value.write()))
                .collect(),
        }
    }
}

/// Anything, as it is.
impl Setting for Json {
    fn shape() -> Shape {
        Shape::Any
    }

    fn read(&mut self, node: &Node, _: &mut Report) {
        *self = node.to_json();
    }

    fn write(&self) -> Json {
        self.clone()
    }
}
