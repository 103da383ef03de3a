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
        let text = |position: usize| {
            values
                .get(position)
                .map(|value| self.text(value))
                .unwrap_or_default()
        };
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
            Function::String => Value::Text(self.text(&first)),
            Function::StringLength => Value::Number(self.text(&first).chars().count() as f64),
            Function::NormalizeSpace => {
                let text = self.text(&first);
                let words: Vec<_> = text.split_ascii_whitespace().collect();
                Value::Text(words.join(" "))
            }
            Function::LowerCase => Value::Text(self.text(&first).to_lowercase()),
            Function::Concat => Value::Text((0..values.len()).map(text).collect()),
            Function::Contains => Value::Bool(text(0).contains(&text(1))),
            Function::StartsWith => Value::Bool(text(0).starts_with(&text(1))),
            Function::EndsWith => Value::Bool(text(0).ends_with(&text(1))),
            Function::SubstringBefore => Value::Text(
                text(0)
                    .split_once(&text(1))
                    .map(|(before, _)| before.to_owned())
                    .unwrap_or_default(),
            ),
            Function::SubstringAfter => Value::Text(
                text(0)
                    .split_once(&text(1))
                    .map(|(_, after)| after.to_owned())
                    .unwrap_or_default(),
            ),
            Function::Substring => {
                let length = values.get(2).map(|length| self.number(length));
                Value::Text(substring(&text(0), self.number(&values[1]), length))
            }
            Function::Translate => Value::Text(translate(&text(0), &text(1), &text(2))),
            Function::Count | Function::Sum => {
                let Value::Nodes(nodes) = &first else {
                    return Err("only nodes can be counted and summed up");
                };
                Value::Number(match function {
                    Function::Count => nodes.len() as f64,
                    _ => nodes
                        .iter()
                        .map(|node| self.number(&Value::Text(self.text_of(*node))))
                        .sum(),
                })
            }
            Function::Name | Function::LocalName => {
                let name = match &first {
                    Value::Nodes(nodes) => nodes
                        .first()
                        .map(|node| self.name_of(*node))
                        .unwrap_or_default(),
                    _ => String::new(),
                };
                Value::Text(if function == Function::Name {
                    name
                } else {
                    local(&name).to_owned()
                })
            }
        })
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
