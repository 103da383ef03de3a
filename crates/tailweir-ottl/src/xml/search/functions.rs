//! The functions of XPath.

use super::{Evaluated, Found, Place, Search, Value};
use crate::xml::tree::local;
use crate::xml::xpath::{Expression, Function};

impl Search<'_> {
    pub(super) fn call(
        &mut self,
        function: Function,
        arguments: &[Expression],
        place: Place,
    ) -> Evaluated<Value> {
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(self.value(argument, place)?);
        }
        // Functions that may go without an argument take the node that they are asked at.
        let first = values
            .first()
            .cloned()
            .unwrap_or_else(|| Value::Nodes(vec![place.node]));
        Ok(match function {
            Function::Last => Value::Number(place.size as f64),
            Function::Position => Value::Number(place.position as f64),
            Function::True => Value::Bool(true),
            Function::False => Value::Bool(false),
            Function::Not => Value::Bool(!self.truth(&first)),
            Function::Boolean => Value::Bool(self.truth(&first)),
            Function::Number => Value::Number(self.number(&first)),
            Function::Ceiling => Value::Number(self.number(&first).ceil()),
            Function::Floor => Value::Number(self.number(&first).floor()),
            Function::Round => Value::Number((self.number(&first) + 0.5).floor()),
            Function::Count | Function::Sum | Function::Name | Function::LocalName => {
                return self.of_nodes(function, &first);
            }
            Function::String => Value::Text(self.text(&first)),
            Function::StringLength => Value::Number(self.text(&first).chars().count() as f64),
            Function::NormalizeSpace => {
                let text = self.text(&first);
                let words: Vec<_> = text.split_ascii_whitespace().collect();
                Value::Text(words.join(" "))
            }
            Function::LowerCase => Value::Text(self.text(&first).to_lowercase()),
            of_texts => self.of_texts(of_texts, &values),
        })
    }

    fn of_nodes(&self, function: Function, value: &Value) -> Evaluated<Value> {
        let nodes = match value {
            Value::Nodes(nodes) => nodes.as_slice(),
            _ if matches!(function, Function::Count | Function::Sum) => {
                return Err("only nodes can be counted and summed up");
            }
            _ => &[],
        };
        let name = || {
            nodes
                .first()
                .map(|node| self.name_of(*node))
                .unwrap_or_default()
        };
        let number = |node: &Found| self.number(&Value::Text(self.text_of(*node)));
        Ok(match function {
            Function::Count => Value::Number(nodes.len() as f64),
            Function::Sum => Value::Number(nodes.iter().map(number).sum()),
            Function::Name => Value::Text(name()),
            _ => Value::Text(local(&name()).to_owned()),
        })
    }

    /// Functions of two texts and more.
    fn of_texts(&self, function: Function, values: &[Value]) -> Value {
        let text = |position: usize| {
            values
                .get(position)
                .map(|value| self.text(value))
                .unwrap_or_default()
        };
        let number = |position: usize| values.get(position).map(|value| self.number(value));
        let (whole, part) = (text(0), text(1));
        let split = whole.split_once(&part);
        match function {
            Function::Contains => Value::Bool(whole.contains(&part)),
            Function::StartsWith => Value::Bool(whole.starts_with(&part)),
            Function::EndsWith => Value::Bool(whole.ends_with(&part)),
            Function::SubstringBefore => {
                Value::Text(split.map_or("", |(before, _)| before).to_owned())
            }
            Function::SubstringAfter => {
                Value::Text(split.map_or("", |(_, after)| after).to_owned())
            }
            Function::Substring => {
                Value::Text(substring(&whole, number(1).unwrap_or_default(), number(2)))
            }
            Function::Translate => Value::Text(translate(&whole, &part, &text(2))),
            _ => Value::Text((0..values.len()).map(text).collect()),
        }
    }

    fn name_of(&self, found: Found) -> String {
        match found {
            Found::Node(id) => self.tree.nodes[id].data.clone(),
            Found::Attribute(id, number) => self.tree.nodes[id].attributes[number].0.clone(),
        }
    }
}

/// Characters from a position, which counts from 1 and is rounded.
fn substring(text: &str, start: f64, length: Option<f64>) -> String {
    let round = |number: f64| (number + 0.5).floor();
    let start = round(start);
    let end = length.map_or(f64::INFINITY, |length| start + round(length));
    let numbered = text
        .chars()
        .enumerate()
        .map(|(number, character)| ((number + 1) as f64, character));
    let inside = numbered.filter(|(position, _)| *position >= start && *position < end);
    inside.map(|(_, character)| character).collect()
}

/// Every character of `from` becomes the one at its place in `to`, or goes.
fn translate(text: &str, from: &str, to: &str) -> String {
    let map = |character: char| match from.chars().position(|other| other == character) {
        Some(position) => to.chars().nth(position),
        None => Some(character),
    };
    text.chars().filter_map(map).collect()
}
