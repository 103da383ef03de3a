//! Where a configuration comes from: `--config`, `--set` and feature gates.

use crate::environment::Environment;
use crate::node::{Node, Place, Value};
use crate::report::{Cause, Report};
use crate::tail_sampling::MEMORY_BUDGET;
use crate::{Location, merge, yaml};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Largest source, in bytes.
const SOURCE_BYTES_MAX: usize = 16 << 20;
/// Most sources of one configuration.
const SOURCES_MAX: usize = 100;

/// The sources of a configuration, in the order in which they are laid over each other.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    configs: Vec<String>,
    sets: Vec<String>,
    texts: Vec<Text>,
    /// Whether each feature gate that was named is on.
    gates: BTreeMap<String, bool>,
}

/// A text that is laid over all sources.
#[derive(Debug, Clone)]
struct Text {
    origin: String,
    text: String,
    /// Whether its processors stand in place of those that are called the same.
    replaces: bool,
}

impl Sources {
    /// No source yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a source: a path, or `file:PATH`, `env:VARIABLE` or `yaml:TEXT`. Later ones win.
    #[must_use]
    pub fn config(mut self, uri: impl Into<String>) -> Self {
        self.configs.push(uri.into());
        self
    }

    /// Adds a setting `a.b.c=value`, the value being YAML. It wins over all sources.
    #[must_use]
    pub fn set(mut self, setting: impl Into<String>) -> Self {
        self.sets.push(setting.into());
        self
    }

    /// Adds one value that a flag or variable gives: `origin` is what that is called in diagnostics, `path` its
    /// keys joined by `::`, and the value YAML. It wins over all sources, and over those of [`Sources::set`].
    #[must_use]
    pub fn option(self, origin: &str, path: &str, value: &str) -> Self {
        self.text(origin, format!("{path}: {value}"))
    }

    /// Adds a text that wins over all sources and settings before it; `origin` is what it is called in diagnostics.
    #[must_use]
    pub fn text(mut self, origin: &str, text: impl Into<String>) -> Self {
        self.texts.push(Text {
            origin: origin.to_owned(),
            text: text.into(),
            replaces: false,
        });
        self
    }

    /// Adds a text as [`Sources::text`] does, but that its processors stand in place of those that are called the same:
    /// nothing that these say shines through, but the `memory_budget` of a `tail_sampling` processor, which is of the process.
    #[must_use]
    pub fn replacing_processors(mut self, origin: &str, text: impl Into<String>) -> Self {
        self.texts.push(Text {
            origin: origin.to_owned(),
            text: text.into(),
            replaces: true,
        });
        self
    }

    /// Switches feature gates of the Collector: `a,-b,+c`. Those that nobody knows are refused when the sources are
    /// loaded.
    #[must_use]
    pub fn feature_gates(mut self, gates: &str) -> Self {
        for gate in gates
            .split(',')
            .map(str::trim)
            .filter(|gate| !gate.is_empty())
        {
            let (id, is_on) = match gate.strip_prefix('-') {
                Some(off) => (off, false),
                None => (gate.strip_prefix('+').unwrap_or(gate), true),
            };
            self.gates.insert(id.to_owned(), is_on);
        }
        self
    }

    /// Whether a feature gate is on.
    pub(crate) fn has_gate(&self, gate: &str) -> bool {
        self.gates.get(gate) == Some(&true)
    }

    /// The feature gates that were named, and whether they are on.
    pub(crate) fn gates(&self) -> impl Iterator<Item = (&str, bool)> {
        self.gates.iter().map(|(id, is_on)| (id.as_str(), *is_on))
    }

    /// Reads all sources and lays them over each other, in order.
    pub(crate) fn read(
        &self,
        environment: &dyn Environment,
        texts: &mut BTreeMap<Arc<str>, Arc<str>>,
        report: &mut Report,
    ) -> Node {
        let mut whole = Node::new(nowhere(""), Value::Map(Vec::new()));
        if self.configs.is_empty() {
            let help = "name a file by `--config`";
            report.error_at(
                nowhere("command line"),
                Cause::Missing,
                "no configuration is given",
                help,
            );
        }
        if self.configs.len() + self.sets.len() > SOURCES_MAX {
            let text = format!("more than {SOURCES_MAX} sources");
            report.error_at(nowhere("command line"), Cause::OutOfRange, text, "");
            return whole;
        }
        for uri in &self.configs {
            match fetch(uri, environment) {
                Ok((name, text)) => {
                    if let Some(node) = read_text(&name, &text, texts, report) {
                        merge::over(&mut whole, node);
                    }
                }
                Err(problem) => {
                    report.error_at(nowhere(&name_of(uri)), Cause::Unreadable, problem, "");
                }
            }
        }
        for setting in &self.sets {
            if let Some(node) = read_set(setting, texts, report) {
                merge::over(&mut whole, node);
            }
        }
        for text in &self.texts {
            if let Some(node) = read_text(&text.origin, &text.text, texts, report) {
                if text.replaces {
                    merge::empty_entries_of(&mut whole, &node, "processors", MEMORY_BUDGET);
                }
                merge::over(&mut whole, node);
            }
        }
        whole
    }
}

/// The place of what has no lines.
pub(crate) fn nowhere(source: &str) -> Place {
    let location = Location {
        source: Arc::from(source),
        line: 0,
        column: 0,
    };
    Place {
        location,
        length: 1,
    }
}

/// The scheme and the rest of `scheme:rest`, if it is such a thing. One letter is a drive.
pub(crate) fn split_scheme(uri: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = uri.split_once(':')?;
    let mut letters = scheme.chars();
    let sound = letters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && scheme.len() > 1
        && letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-'));
    sound.then_some((scheme, rest))
}

/// What a source is called in diagnostics. Text given on the command line may hold secrets.
fn name_of(uri: &str) -> String {
    match split_scheme(uri) {
        Some(("yaml", _)) => "yaml:...".to_owned(),
        Some(("file", path)) => path.to_owned(),
        _ => uri.to_owned(),
    }
}

fn fetch(uri: &str, environment: &dyn Environment) -> Result<(String, String), String> {
    let text = match split_scheme(uri) {
        Some(("yaml", text)) => text.to_owned(),
        Some(("env", name)) => environment
            .variable(name)
            .ok_or_else(|| format!("the variable `{name}` is not set"))?,
        Some(("http" | "https", _)) => {
            return Err("configurations are not fetched over HTTP; save it as a file".to_owned());
        }
        Some(("file", path)) => read_file(path, environment)?,
        // A scheme that nobody knows, unless it is a file with a colon in its name.
        Some((scheme, _)) => read_file(uri, environment)
            .map_err(|_| format!("the scheme `{scheme}` is not known; use file, env or yaml"))?,
        None => read_file(uri, environment)?,
    };
    if text.len() > SOURCE_BYTES_MAX {
        return Err(format!(
            "the source is larger than {SOURCE_BYTES_MAX} bytes"
        ));
    }
    Ok((name_of(uri), text))
}

/// The text of a file, within bounds.
pub(crate) fn read_file(path: &str, environment: &dyn Environment) -> Result<String, String> {
    let text = environment
        .read(path)
        .map_err(|error| format!("the file cannot be read: {error}"))?;
    match text.len() > SOURCE_BYTES_MAX {
        true => Err(format!("the file is larger than {SOURCE_BYTES_MAX} bytes")),
        false => Ok(text),
    }
}

/// The map that a source holds.
fn read_text(
    name: &str,
    text: &str,
    texts: &mut BTreeMap<Arc<str>, Arc<str>>,
    report: &mut Report,
) -> Option<Node> {
    let source: Arc<str> = Arc::from(name);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let parsed = yaml::parse(&source, text);
    texts.insert(source, Arc::from(parsed.blotted));
    match parsed.node {
        Ok(node) if matches!(node.value, Value::Null | Value::Map(_)) => Some(merge::unfold(node)),
        Ok(node) => {
            let text = format!("the configuration is {}, not a map", node.kind());
            report.error_at(node.place, Cause::Syntax, text, "start with `receivers:`");
            None
        }
        Err(error) => {
            error.report(report);
            None
        }
    }
}

/// `a.b.c=value` as a tree.
fn read_set(
    setting: &str,
    texts: &mut BTreeMap<Arc<str>, Arc<str>>,
    report: &mut Report,
) -> Option<Node> {
    let Some((path, value)) = setting.split_once('=') else {
        let place = nowhere("--set");
        report.error_at(place, Cause::Syntax, "`--set` takes `path=value`", "");
        return None;
    };
    let text = format!("{}: {value}", path.trim().replace('.', "::"));
    read_text(&format!("--set {}", path.trim()), &text, texts, report)
}
