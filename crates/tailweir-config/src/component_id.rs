//! Ids of components and pipelines.

use crate::node::Node;
use crate::report::{Cause, Report, shorten};
use crate::setting::{Setting, Shape};
use serde_json::Value as Json;
use std::fmt;
use tailweir_core::Signal;

/// The id of a component, `type` or `type/name`, as written (old names of types are kept).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ComponentId {
    kind: String,
    name: String,
}

impl ComponentId {
    /// Reads an id. The type starts with a letter and has up to 63 letters, digits and underscores;
    /// the name has up to 1024 characters, none of them white space or a symbol.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (kind, name) = split(text)?;
        let first = kind.chars().next();
        let letters = kind.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !first.is_some_and(|c| c.is_ascii_alphabetic()) || !letters || kind.len() > 63 {
            let kind = shorten(kind);
            return Err(format!(
                "`{kind}` is not a type: it must start with a letter and hold only letters, digits and underscores"
            ));
        }
        Ok(Self {
            kind: kind.to_owned(),
            name: name.unwrap_or_default().to_owned(),
        })
    }

    /// The id of the connector that a processor is. No connector can be configured with it: there is no such type.
    pub(crate) fn of_processor(processor: &Self) -> Self {
        Self {
            kind: "processors".to_owned(),
            name: processor.to_string(),
        }
    }

    /// The type, such as `otlp`.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The name after the slash, if there is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        (!self.name.is_empty()).then_some(self.name.as_str())
    }
}

/// Takes `type/name` apart and checks the name.
fn split(text: &str) -> Result<(&str, Option<&str>), String> {
    let text = text.trim();
    let (kind, name) = match text.split_once('/') {
        Some((kind, name)) => (kind.trim(), Some(name.trim())),
        None => (text, None),
    };
    if kind.is_empty() {
        return Err("an id must not be empty".to_owned());
    }
    match name {
        Some("") => {
            return Err(format!(
                "`{}` ends in a slash: the name is missing",
                shorten(text)
            ));
        }
        Some(name) if name.chars().count() > 1024 => {
            return Err("the name is longer than 1024 characters".to_owned());
        }
        Some(name) if name.chars().any(|c| c.is_whitespace() || c.is_control()) => {
            return Err(format!("the name `{}` holds white space", shorten(name)));
        }
        _ => {}
    }
    Ok((kind, name))
}

impl fmt::Display for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        match self.name() {
            Some(name) => write!(f, "/{name}"),
            None => Ok(()),
        }
    }
}

impl Setting for ComponentId {
    fn shape() -> Shape {
        Shape::Id
    }

    fn read(&mut self, node: &Node, report: &mut Report) {
        let Some(text) = node.text() else {
            report.wrong_type(node, "the id of a component");
            return;
        };
        match Self::parse(text) {
            Ok(id) => *self = id,
            Err(problem) => {
                let help = "write `type` or `type/name`";
                report.error_at(node.place.clone(), Cause::BadId, problem, help);
            }
        }
    }

    fn write(&self) -> Json {
        Json::from(self.to_string())
    }
}

/// The id of a pipeline: its signal and perhaps a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PipelineId {
    /// What flows through it.
    pub signal: Signal,
    /// The name after the slash. Empty: none.
    pub name: String,
}

impl PipelineId {
    /// Reads `traces`, `metrics` or `logs`, with or without `/name`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (signal, name) = split(text)?;
        let Some(signal) = Signal::ALL.into_iter().find(|known| known.name() == signal) else {
            return Err(match signal {
                "profiles" => "profiles are not supported".to_owned(),
                _ => format!("unknown signal `{}`", shorten(signal)),
            });
        };
        Ok(Self {
            signal,
            name: name.unwrap_or_default().to_owned(),
        })
    }
}

impl Default for PipelineId {
    /// That of the pipeline of traces.
    fn default() -> Self {
        Self {
            signal: Signal::Traces,
            name: String::new(),
        }
    }
}

impl Setting for PipelineId {
    fn shape() -> Shape {
        Shape::Id
    }

    fn read(&mut self, node: &Node, report: &mut Report) {
        let Some(text) = node.text() else {
            report.wrong_type(node, "the id of a pipeline");
            return;
        };
        match Self::parse(text) {
            Ok(id) => *self = id,
            Err(problem) => {
                let help = "write `traces`, `metrics` or `logs`, with or without `/name`";
                report.error_at(node.place.clone(), Cause::BadId, problem, help);
            }
        }
    }

    fn write(&self) -> Json {
        Json::from(self.to_string())
    }
}

impl fmt::Display for PipelineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.signal.name())?;
        match self.name.as_str() {
            "" => Ok(()),
            name => write!(f, "/{name}"),
        }
    }
}
