//! YAML text to a tree, as the Collector's YAML reader understands it.

mod blot;
mod scalar;

pub(crate) use blot::{blot_addresses, is_secret};
pub(crate) use scalar::resolve;

use crate::Location;
use crate::node::{Entry, Node, Place, Value};
use crate::report::{Cause, Report};
use blot::Blotter;
use granit_parser::{Event, Options, Parser, ScalarStyle, Span, StrInput};
use std::collections::HashMap;
use std::sync::Arc;

/// Most values of one text, those of aliases counted each time.
const NODES_MAX: usize = 250_000;
/// Deepest nesting of one text.
const DEPTH_MAX: usize = 100;

/// A text that is not the YAML of a configuration.
#[derive(Debug)]
pub(crate) struct SyntaxError {
    /// Where it was noticed.
    pub(crate) place: Place,
    /// What is wrong.
    pub(crate) problem: String,
    /// What to do about it. Empty: nothing is known.
    help: &'static str,
}

impl SyntaxError {
    /// Adds what is most often meant.
    fn explain(mut self, text: &str) -> Self {
        let index = self.place.location.line.saturating_sub(1) as usize;
        let line = text.lines().nth(index).unwrap_or_default();
        if line.contains("${") && line.contains('{') {
            self.help = "inside `{...}` and `[...]` a substitution must be in quotes; it may still be a \
                         number";
        } else if line.starts_with('\t') {
            self.help = "indent by spaces, not by tabs";
        }
        self
    }

    /// Reports it.
    pub(crate) fn report(self, report: &mut Report) {
        let text = format!("not YAML: {}", self.problem);
        report.error_at(self.place, Cause::Syntax, text, self.help);
    }
}

/// What a text holds, and the text with its secrets blotted out.
pub(crate) struct Parsed {
    /// The first document. Empty texts hold nothing.
    pub(crate) node: Result<Node, SyntaxError>,
    /// The text to quote from.
    pub(crate) blotted: String,
}

/// Reads the first document of a text.
pub(crate) fn parse(source: &Arc<str>, text: &str) -> Parsed {
    // They come as events where another crate of a binary asks for that.
    let mut options = Options::default();
    options.set_emit_comments(false);
    let mut builder = Builder {
        parser: Parser::new_from_str_with_options(text, options),
        source,
        anchors: HashMap::new(),
        nodes: 0,
        depth: 0,
        blotter: Blotter::default(),
    };
    let node = builder.document();
    let node = node.map_err(|error| error.explain(text));
    let blotted = match &node {
        Ok(_) => builder.blotter.apply(text),
        Err(_) => blot::lines(text),
    };
    Parsed { node, blotted }
}

/// Reads a value that stands inside a configuration: all of it is at one place.
pub(crate) fn parse_value(text: &str, place: &Place) -> Option<Node> {
    let source: Arc<str> = Arc::clone(&place.location.source);
    let mut node = parse(&source, text).node.ok()?;
    relocate(&mut node, place);
    Some(node)
}

/// Puts a whole tree at one place.
fn relocate(node: &mut Node, place: &Place) {
    node.place = place.clone();
    node.key_place = None;
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| relocate(item, place)),
        Value::Map(entries) => entries
            .iter_mut()
            .for_each(|entry| relocate(&mut entry.node, place)),
        _ => {}
    }
}

struct Builder<'t> {
    parser: Parser<'t, StrInput<'t>>,
    source: &'t Arc<str>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    depth: usize,
    blotter: Blotter,
}

impl<'t> Builder<'t> {
    fn document(&mut self) -> Result<Node, SyntaxError> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(..) => {}
                Event::StreamEnd | Event::DocumentEnd => {
                    return Ok(Node::new(self.place(&span), Value::Null));
                }
                event => return self.node(event, &span, false),
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), SyntaxError> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => {
                let span = Span::empty(*error.marker());
                Err(self.error(&span, error.info()))
            }
            None => Err(self.error(&Span::default(), "the text ends too early".to_owned())),
        }
    }

    fn node(&mut self, event: Event<'t>, span: &Span, secret: bool) -> Result<Node, SyntaxError> {
        self.count(1, span)?;
        let place = self.place(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = tag.as_deref().and_then(|tag| tag.core_suffix()) == Some("str");
                let value = match style {
                    ScalarStyle::Plain if !is_text => resolve(&text),
                    _ => Value::Text(text.into_owned()),
                };
                if secret {
                    self.blotter.hide(span);
                }
                Ok(self.anchored(anchor, Node::new(place, value)))
            }
            Event::SequenceStart(_, anchor, _) => {
                self.descend(span)?;
                let items = self.items(secret)?;
                self.depth -= 1;
                Ok(self.anchored(anchor, Node::new(place, Value::List(items))))
            }
            Event::MappingStart(_, anchor, _) => {
                self.descend(span)?;
                let entries = self.entries(secret)?;
                self.depth -= 1;
                Ok(self.anchored(anchor, Node::new(place, Value::Map(entries))))
            }
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    let problem = "the alias stands inside what it refers to".to_owned();
                    return Err(self.error(span, problem));
                };
                self.count(size(&node), span)?;
                match self.depth + depth(&node) > DEPTH_MAX {
                    true => Err(self.error(span, too_deep())),
                    false => Ok(node),
                }
            }
            _ => Err(self.error(span, "a value is missing".to_owned())),
        }
    }

    fn items(&mut self, secret: bool) -> Result<Vec<Node>, SyntaxError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, &span, secret)?),
            }
        }
    }

    fn entries(&mut self, secret: bool) -> Result<Vec<Entry>, SyntaxError> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged: Vec<Node> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let (key, plain) = match event {
                Event::MappingEnd => break,
                Event::Scalar(key, style, ..) => (key.into_owned(), style == ScalarStyle::Plain),
                _ => return Err(self.error(&span, "a key must be text".to_owned())),
            };
            let key_place = self.place(&span);
            let (event, span) = self.next()?;
            let mut node = self.node(event, &span, secret || is_secret(&key))?;
            if plain && key == "<<" {
                merged.push(node);
                continue;
            }
            if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                let line = first.node.head().location.line;
                let problem = format!("the key `{key}` was already written in line {line}");
                return Err(SyntaxError {
                    place: key_place,
                    problem,
                    help: "",
                });
            }
            node.key_place = Some(key_place);
            entries.push(Entry { key, node });
        }
        for node in merged {
            self.merge(&mut entries, node)?;
        }
        Ok(entries)
    }

    /// What `<<` brings in: keys that are not written in the map itself.
    fn merge(&self, entries: &mut Vec<Entry>, node: Node) -> Result<(), SyntaxError> {
        match node.value {
            Value::Map(merged) => {
                for entry in merged {
                    if entries.iter().all(|known| known.key != entry.key) {
                        entries.push(entry);
                    }
                }
                Ok(())
            }
            Value::List(items) => items
                .into_iter()
                .try_for_each(|item| self.merge(entries, item)),
            _ => {
                let problem = "`<<` takes a map or a list of maps".to_owned();
                Err(SyntaxError {
                    place: node.place,
                    problem,
                    help: "",
                })
            }
        }
    }

    fn anchored(&mut self, anchor: usize, node: Node) -> Node {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        node
    }

    fn count(&mut self, nodes: usize, span: &Span) -> Result<(), SyntaxError> {
        self.nodes += nodes;
        match self.nodes > NODES_MAX {
            true => Err(self.error(span, format!("the text holds more than {NODES_MAX} values"))),
            false => Ok(()),
        }
    }

    fn descend(&mut self, span: &Span) -> Result<(), SyntaxError> {
        self.depth += 1;
        match self.depth > DEPTH_MAX {
            true => Err(self.error(span, too_deep())),
            false => Ok(()),
        }
    }

    fn error(&self, span: &Span, problem: String) -> SyntaxError {
        SyntaxError {
            place: self.place(span),
            problem,
            help: "",
        }
    }

    fn place(&self, span: &Span) -> Place {
        let length = match span.start.line() == span.end.line() {
            true => span.end.index().saturating_sub(span.start.index()).max(1),
            false => 1,
        };
        Place {
            location: Location {
                source: Arc::clone(self.source),
                line: span.start.line().max(1) as u32,
                column: span.start.col() as u32 + 1,
            },
            length: length as u32,
        }
    }
}

fn too_deep() -> String {
    format!("the text nests deeper than {DEPTH_MAX}")
}

fn depth(node: &Node) -> usize {
    match &node.value {
        Value::List(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Map(entries) => {
            1 + entries
                .iter()
                .map(|entry| depth(&entry.node))
                .max()
                .unwrap_or(0)
        }
        _ => 0,
    }
}

fn size(node: &Node) -> usize {
    match &node.value {
        Value::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(|entry| size(&entry.node)).sum::<usize>(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests;
