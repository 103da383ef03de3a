//! Substitution: `${env:NAME}`, `${env:NAME:-default}`, `${NAME}`, `${file:PATH}`, `${yaml:TEXT}`,
//! and `$$` for a dollar sign.
//!
//! A value that is one substitution becomes what its text is as YAML, and keeps the text for options
//! that want text. Keys are never substituted. Errors name variables and files, never their values.

use crate::environment::Environment;
use crate::node::{Node, Place, Value};
use crate::report::{Cause, Report, shorten};
use crate::sources::{read_file, split_scheme};
use crate::yaml;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Most rounds for one value, as in the Collector.
const ROUNDS_MAX: usize = 1000;
/// Most text that substitutions of one configuration may bring, in bytes.
const BYTES_MAX: usize = 16 << 20;
/// Deepest nesting of what one value becomes.
const DEPTH_MAX: usize = 100;

/// Substitutes in a whole tree. What cannot be substituted is reported and becomes nothing.
pub(crate) fn apply(
    node: &mut Node,
    environment: &dyn Environment,
    texts: &mut BTreeMap<Arc<str>, Arc<str>>,
    report: &mut Report,
) {
    let mut substitution = Substitution {
        environment,
        texts,
        report,
        bytes: 0,
        unset: BTreeSet::new(),
    };
    substitution.tree(node);
}

struct Substitution<'a> {
    environment: &'a dyn Environment,
    texts: &'a mut BTreeMap<Arc<str>, Arc<str>>,
    report: &'a mut Report,
    bytes: usize,
    unset: BTreeSet<(String, u32, u32)>,
}

/// What a substitution brought: its value, and its text if it has one.
struct Brought {
    value: Node,
    text: Option<String>,
}

impl Substitution<'_> {
    fn tree(&mut self, node: &mut Node) {
        match &mut node.value {
            Value::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.step(&index.to_string(), item);
                }
            }
            Value::Map(entries) => {
                for entry in entries {
                    let key = entry.key.clone();
                    self.step(&key, &mut entry.node);
                }
            }
            Value::Text(_) => self.leaf(node),
            _ => {}
        }
    }

    fn step(&mut self, key: &str, node: &mut Node) {
        self.report.enter(key);
        self.tree(node);
        self.report.leave();
    }

    fn leaf(&mut self, node: &mut Node) {
        let key_place = node.key_place.take();
        let taken = Node::new(
            node.place.clone(),
            std::mem::replace(&mut node.value, Value::Null),
        );
        match self.exhaust(taken) {
            Ok((done, changed)) => {
                *node = unescape(done);
                if changed {
                    mark(node);
                }
            }
            Err(problem) => {
                let help =
                    "substitutions are `${env:NAME}`, `${env:NAME:-default}`, `${file:PATH}`";
                self.report
                    .error_at(node.place.clone(), Cause::Substitution, problem, help);
            }
        }
        node.key_place = key_place;
    }

    /// Substitutes until nothing is left to substitute.
    fn exhaust(&mut self, mut node: Node) -> Result<(Node, bool), String> {
        for round in 0..ROUNDS_MAX {
            let (next, changed) = self.round(node, 0)?;
            if !changed {
                return Ok((next, round > 0));
            }
            node = next;
        }
        Err("the substitution never ends".to_owned())
    }

    fn round(&mut self, mut node: Node, depth: usize) -> Result<(Node, bool), String> {
        if depth > DEPTH_MAX {
            return Err(format!("the substitution nests deeper than {DEPTH_MAX}"));
        }
        if let Some(original) = node.original.take() {
            return self.round_of_substituted(node, &original, depth);
        }
        let place = node.place.clone();
        match node.value {
            Value::Text(text) => self.text(text, &place),
            Value::List(items) => {
                let mut any = false;
                let mut list = Vec::with_capacity(items.len());
                for item in items {
                    let (item, changed) = self.round(item, depth + 1)?;
                    any |= changed;
                    list.push(item);
                }
                Ok((
                    Node {
                        value: Value::List(list),
                        ..node
                    },
                    any,
                ))
            }
            Value::Map(entries) => {
                let mut any = false;
                let mut map = Vec::with_capacity(entries.len());
                for mut entry in entries {
                    let key_place = entry.node.key_place.clone();
                    let (next, changed) = self.round(entry.node, depth + 1)?;
                    any |= changed;
                    entry.node = Node { key_place, ..next };
                    map.push(entry);
                }
                Ok((
                    Node {
                        value: Value::Map(map),
                        ..node
                    },
                    any,
                ))
            }
            value => Ok((Node { value, ..node }, false)),
        }
    }

    /// A value that came from a substitution and has both a value and a text.
    fn round_of_substituted(
        &mut self,
        node: Node,
        original: &str,
        depth: usize,
    ) -> Result<(Node, bool), String> {
        let place = node.place.clone();
        let (mut value, changed) = self.round(node, depth)?;
        if value.original.is_some() || matches!(value.value, Value::Text(_)) {
            return Ok((value, changed));
        }
        // The option may want the text, which may hold substitutions of its own.
        let (text, text_changed) = match self.text(original.to_owned(), &place) {
            Ok(both) => both,
            Err(_) => return Ok((value, changed)),
        };
        if let Value::Text(text) = text.value {
            value.original = Some(text);
            return Ok((value, changed || text_changed));
        }
        Ok((value, changed))
    }

    /// One substitution in a text: the first that closes.
    fn text(&mut self, text: String, place: &Place) -> Result<(Node, bool), String> {
        let Some(found) = find(&text) else {
            return Ok((Node::new(place.clone(), Value::Text(text)), false));
        };
        let found = found.to_owned();
        let brought = self.fetch(&found, place)?;
        if found == text {
            let mut node = brought.value;
            node.original = brought.text;
            return Ok((node, true));
        }
        let Some(inline) = brought.text else {
            return Err("what is substituted is no text that could stand inside a text".to_owned());
        };
        let copies = text.matches(&found).count();
        self.charge(copies.saturating_mul(inline.len()))?;
        let text = text.replace(&found, &inline);
        Ok((Node::new(place.clone(), Value::Text(text)), true))
    }

    fn fetch(&mut self, reference: &str, place: &Place) -> Result<Brought, String> {
        let inner = &reference[2..reference.len() - 1];
        if let Some((name, _)) = inner.split_once(":-").filter(|(name, _)| is_name(name)) {
            let name = shorten(name);
            return Err(format!(
                "`${{{name}:-...}}` needs its scheme: write `${{env:{name}:-...}}`"
            ));
        }
        let (scheme, rest) = match inner.contains(':') {
            true => split_scheme(inner).ok_or("the substitution names no scheme")?,
            false => ("env", inner),
        };
        if rest.contains('$') {
            return Err("the substitution holds a dollar sign".to_owned());
        }
        match scheme {
            "env" => self.variable(rest, place),
            "yaml" => self.value(rest.to_owned(), place),
            "file" => self.file(rest, place),
            "http" | "https" => Err("configurations are not fetched over HTTP".to_owned()),
            _ => Err(format!("the scheme `{}` is not known", shorten(scheme))),
        }
    }

    fn variable(&mut self, rest: &str, place: &Place) -> Result<Brought, String> {
        let (name, default) = match rest.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (rest, None),
        };
        if !is_name(name) {
            return Err(format!("`{}` is not a name of a variable", shorten(name)));
        }
        if let Some(value) = self.environment.variable(name) {
            return self.value(value, place);
        }
        if default.is_none() {
            let key = (name.to_owned(), place.location.line, place.location.column);
            if self.unset.insert(key) {
                let text = format!("the variable `{name}` is not set; it counts as empty");
                let help = format!("set it, or write a default: `${{env:{name}:-...}}`");
                self.report.warn_at(place.clone(), Cause::Unset, text, help);
            }
        }
        self.value(default.unwrap_or_default().to_owned(), place)
    }

    fn file(&mut self, path: &str, place: &Place) -> Result<Brought, String> {
        let text = read_file(path, self.environment)
            .map_err(|problem| format!("`{}`: {problem}", shorten(path)))?;
        self.charge(text.len())?;
        let source: Arc<str> = Arc::from(path);
        let parsed = yaml::parse(&source, &text);
        match parsed.node {
            Ok(node) if !matches!(node.value, Value::Text(_)) => {
                self.texts
                    .entry(source)
                    .or_insert_with(|| Arc::from(parsed.blotted));
                let scalar = !matches!(node.value, Value::List(_) | Value::Map(_));
                let value = if scalar {
                    Node::new(place.clone(), node.value)
                } else {
                    node
                };
                Ok(Brought {
                    value,
                    text: Some(text),
                })
            }
            _ => Ok(as_text(text, place)),
        }
    }

    /// What a text is as YAML; texts that are text, or no YAML, stand as they are, quotes and all.
    fn value(&mut self, text: String, place: &Place) -> Result<Brought, String> {
        self.charge(text.len())?;
        match yaml::parse_value(&text, place) {
            Some(node) if !matches!(node.value, Value::Text(_)) => Ok(Brought {
                value: node,
                text: Some(text),
            }),
            _ => Ok(as_text(text, place)),
        }
    }

    fn charge(&mut self, bytes: usize) -> Result<(), String> {
        self.bytes = self.bytes.saturating_add(bytes).saturating_add(1);
        match self.bytes > BYTES_MAX {
            true => Err(format!(
                "the substitutions bring more than {BYTES_MAX} bytes"
            )),
            false => Ok(()),
        }
    }
}

/// Whether this may be the name of a variable.
fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn as_text(text: String, place: &Place) -> Brought {
    Brought {
        value: Node::new(place.clone(), Value::Text(text.clone())),
        text: Some(text),
    }
}

/// The first `${...}` that closes and is not escaped by an odd number of dollar signs before it.
fn find(text: &str) -> Option<&str> {
    let mut rest = text;
    loop {
        let close = rest.find('}')?;
        let head = &rest[..close];
        if let Some(open) = head.rfind("${") {
            let dollars = head[..open]
                .bytes()
                .rev()
                .take_while(|byte| *byte == b'$')
                .count();
            if dollars % 2 == 0 {
                return Some(&rest[open..=close]);
            }
        }
        rest = &rest[close + 1..];
    }
}

/// Remembers that a value was substituted, everywhere below.
fn mark(node: &mut Node) {
    node.is_substituted = true;
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(mark),
        Value::Map(entries) => entries.iter_mut().for_each(|entry| mark(&mut entry.node)),
        _ => {}
    }
}

/// `$$` becomes `$`, everywhere below.
fn unescape(mut node: Node) -> Node {
    let plain = |text: String| match text.contains("$$") {
        true => text.replace("$$", "$"),
        false => text,
    };
    node.original = node.original.map(plain);
    node.value = match node.value {
        Value::Text(text) => Value::Text(plain(text)),
        Value::List(items) => Value::List(items.into_iter().map(unescape).collect()),
        Value::Map(entries) => {
            let entry = |mut entry: crate::node::Entry| {
                entry.node = unescape(entry.node);
                entry
            };
            Value::Map(entries.into_iter().map(entry).collect())
        }
        value => value,
    };
    node
}
