//! Finds nodes of a tree by XPath.

mod functions;

use super::tree::{Kind, NodeId, Tree, local};
use super::xpath::{Axis, Expression, Operator, Step, Test, XPath};
use std::cell::Cell;

/// Something that was found: a node, or an attribute of one by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Found {
    Node(NodeId),
    Attribute(NodeId, usize),
}

/// Nodes looked at in one search. Predicates in predicates multiply.
const VISITS_MAX: usize = 1 << 18;

/// Bytes read in one search, as the text of nodes that each other node may ask for again.
const READ_MAX: usize = 256 << 20;

/// What it costs to look for text in a node, in bytes that are read meanwhile.
const NODE_COST: usize = 32;

#[derive(Debug, Clone)]
enum Value {
    Nodes(Vec<Found>),
    Bool(bool),
    Number(f64),
    Text(String),
}

/// A node, its position among those that a predicate filters, and how many there are.
#[derive(Clone, Copy)]
struct Place {
    node: Found,
    position: usize,
    size: usize,
}

impl XPath {
    /// The nodes that the expression gives, in the order of the document; none when it gives no nodes.
    pub(crate) fn find(&self, tree: &Tree) -> Result<Vec<Found>, &'static str> {
        let mut search = Search {
            tree,
            visits: 0,
            read: Cell::new(0),
        };
        let place = Place {
            node: Found::Node(0),
            position: 1,
            size: 1,
        };
        match search.value(&self.0, place)? {
            Value::Nodes(nodes) => Ok(nodes),
            _ => Ok(Vec::new()),
        }
    }
}

struct Search<'t> {
    /// A document as it was read: numbers follow its order, so that what is inside a node follows it without a gap.
    tree: &'t Tree,
    visits: usize,
    read: Cell<usize>,
}

type Evaluated<T> = Result<T, &'static str>;

impl Search<'_> {
    fn visit(&mut self, nodes: usize) -> Evaluated<()> {
        self.visits += nodes + 1;
        if self.visits > VISITS_MAX || self.read.get() > READ_MAX {
            Err("the search takes too long")
        } else {
            Ok(())
        }
    }

    fn value(&mut self, expression: &Expression, place: Place) -> Evaluated<Value> {
        self.visit(0)?;
        Ok(match expression {
            Expression::Number(number) => Value::Number(*number),
            Expression::Text(text) => Value::Text(text.clone()),
            Expression::Negation(inner) => {
                let value = self.value(inner, place)?;
                Value::Number(-self.number(&value))
            }
            Expression::Binary(left, operator, right) => {
                self.binary(left, *operator, right, place)?
            }
            Expression::Call(function, arguments) => self.call(*function, arguments, place)?,
            Expression::Path { absolute, steps } => {
                let start = if *absolute {
                    Found::Node(0)
                } else {
                    place.node
                };
                Value::Nodes(self.steps(vec![start], steps)?)
            }
            Expression::Filter {
                source,
                predicates,
                steps,
            } => {
                let Value::Nodes(nodes) = self.value(source, place)? else {
                    return Err("only nodes can be filtered");
                };
                let nodes = self.filtered(nodes, predicates)?;
                Value::Nodes(self.steps(nodes, steps)?)
            }
        })
    }

    fn steps(&mut self, mut nodes: Vec<Found>, steps: &[Step]) -> Evaluated<Vec<Found>> {
        for step in steps {
            let mut next = Vec::new();
            for node in nodes {
                let mut candidates = self.along(node, step.axis);
                self.visit(candidates.len())?;
                candidates.retain(|candidate| self.fits(*candidate, step));
                next.extend(self.filtered(candidates, &step.predicates)?);
            }
            next.sort_unstable();
            next.dedup();
            nodes = next;
        }
        Ok(nodes)
    }

    fn filtered(
        &mut self,
        mut nodes: Vec<Found>,
        predicates: &[Expression],
    ) -> Evaluated<Vec<Found>> {
        for predicate in predicates {
            let size = nodes.len();
            let mut kept = Vec::new();
            for (number, node) in nodes.into_iter().enumerate() {
                let position = number + 1;
                let value = self.value(
                    predicate,
                    Place {
                        node,
                        position,
                        size,
                    },
                )?;
                let holds = match value {
                    Value::Number(number) => number == position as f64,
                    other => self.truth(&other),
                };
                if holds {
                    kept.push(node);
                }
            }
            nodes = kept;
        }
        Ok(nodes)
    }

    /// The nodes along an axis, nearest first.
    fn along(&self, from: Found, axis: Axis) -> Vec<Found> {
        let nodes = &self.tree.nodes;
        let Found::Node(id) = from else {
            return self.along_from_attribute(from, axis);
        };
        let ancestors = || std::iter::successors(nodes[id].parent, |parent| nodes[*parent].parent);
        let siblings = || {
            nodes[id]
                .parent
                .map_or(&[][..], |parent| nodes[parent].children.as_slice())
        };
        let own = || siblings().binary_search(&id).unwrap_or_default();
        let within = || self.tree.last_within(id);
        let found: Vec<NodeId> = match axis {
            Axis::Itself => vec![id],
            Axis::Parent => nodes[id].parent.into_iter().collect(),
            Axis::Ancestor => ancestors().collect(),
            Axis::AncestorOrSelf => std::iter::once(id).chain(ancestors()).collect(),
            Axis::Child => nodes[id].children.clone(),
            Axis::Descendant => (id + 1..=within()).collect(),
            Axis::DescendantOrSelf => (id..=within()).collect(),
            Axis::FollowingSibling => siblings().iter().skip(own() + 1).copied().collect(),
            Axis::PrecedingSibling => siblings()[..own()].iter().rev().copied().collect(),
            Axis::Following => (within() + 1..nodes.len()).collect(),
            Axis::Preceding => {
                let above: Vec<_> = ancestors().collect();
                (1..id).rev().filter(|node| !above.contains(node)).collect()
            }
            Axis::Attribute => {
                let of_element = nodes[id].kind == Kind::Element;
                let attributes = 0..if of_element {
                    nodes[id].attributes.len()
                } else {
                    0
                };
                return attributes
                    .map(|number| Found::Attribute(id, number))
                    .collect();
            }
        };
        found.into_iter().map(Found::Node).collect()
    }

    fn along_from_attribute(&self, from: Found, axis: Axis) -> Vec<Found> {
        let Found::Attribute(owner, _) = from else {
            return Vec::new();
        };
        match axis {
            Axis::Itself | Axis::DescendantOrSelf => vec![from],
            Axis::Parent => vec![Found::Node(owner)],
            Axis::Ancestor => self.along(Found::Node(owner), Axis::AncestorOrSelf),
            Axis::AncestorOrSelf => [
                vec![from],
                self.along(Found::Node(owner), Axis::AncestorOrSelf),
            ]
            .concat(),
            _ => Vec::new(),
        }
    }

    fn fits(&self, found: Found, step: &Step) -> bool {
        let (name, is_principal) = match found {
            Found::Node(id) => {
                let node = &self.tree.nodes[id];
                let kind = &node.kind;
                match step.test {
                    Test::Node => return true,
                    Test::Text => return matches!(kind, Kind::Text | Kind::CharacterData),
                    Test::Comment => return *kind == Kind::Comment,
                    Test::Instruction => return *kind == Kind::Instruction,
                    _ => (
                        node.data.as_str(),
                        *kind == Kind::Element && step.axis != Axis::Attribute,
                    ),
                }
            }
            Found::Attribute(id, number) => {
                let (name, _) = &self.tree.nodes[id].attributes[number];
                if step.test == Test::Node {
                    return true;
                }
                (name.as_str(), step.axis == Axis::Attribute)
            }
        };
        is_principal
            && match &step.test {
                Test::Any => true,
                Test::Name(wanted) => name == wanted,
                Test::Prefix(prefix) => {
                    name.strip_suffix(local(name)) == Some(&format!("{prefix}:"))
                }
                _ => false,
            }
    }

    fn binary(
        &mut self,
        left: &Expression,
        operator: Operator,
        right: &Expression,
        place: Place,
    ) -> Evaluated<Value> {
        let left = self.value(left, place)?;
        match operator {
            Operator::Or if self.truth(&left) => return Ok(Value::Bool(true)),
            Operator::And if !self.truth(&left) => return Ok(Value::Bool(false)),
            _ => {}
        }
        let right = self.value(right, place)?;
        let (a, b) = (|| self.number(&left), || self.number(&right));
        Ok(match operator {
            Operator::Or | Operator::And => Value::Bool(self.truth(&right)),
            Operator::Plus => Value::Number(a() + b()),
            Operator::Minus => Value::Number(a() - b()),
            Operator::Times => Value::Number(a() * b()),
            Operator::Divide => Value::Number(a() / b()),
            Operator::Modulo => Value::Number(a() % b()),
            Operator::Union => match (left, right) {
                (Value::Nodes(mut nodes), Value::Nodes(more)) => {
                    nodes.extend(more);
                    nodes.sort_unstable();
                    nodes.dedup();
                    Value::Nodes(nodes)
                }
                _ => return Err("only nodes can be united"),
            },
            comparison => Value::Bool(self.compare(&left, comparison, &right)?),
        })
    }

    /// Nodes compare when any of them does.
    fn compare(&mut self, left: &Value, operator: Operator, right: &Value) -> Evaluated<bool> {
        match (left, right) {
            (Value::Nodes(_), Value::Bool(_)) | (Value::Bool(_), Value::Nodes(_)) => {
                let (a, b) = (
                    Value::Bool(self.truth(left)),
                    Value::Bool(self.truth(right)),
                );
                Ok(self.compare_plain(&a, operator, &b))
            }
            (Value::Nodes(nodes), other) => {
                self.visit(nodes.len())?;
                for node in nodes {
                    let text = Value::Text(self.text_of(*node));
                    if self.compare(&text, operator, other)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            (other, Value::Nodes(nodes)) => {
                self.visit(nodes.len())?;
                let texts = nodes.iter().map(|node| Value::Text(self.text_of(*node)));
                Ok(texts
                    .into_iter()
                    .any(|text| self.compare_plain(other, operator, &text)))
            }
            (left, right) => Ok(self.compare_plain(left, operator, right)),
        }
    }

    fn compare_plain(&self, left: &Value, operator: Operator, right: &Value) -> bool {
        let (a, b) = (self.number(left), self.number(right));
        let equal = || match (left, right) {
            (Value::Bool(_), _) | (_, Value::Bool(_)) => self.truth(left) == self.truth(right),
            (Value::Number(_), _) | (_, Value::Number(_)) => a == b,
            _ => self.text(left) == self.text(right),
        };
        match operator {
            Operator::Equal => equal(),
            Operator::NotEqual => !equal(),
            Operator::Less => a < b,
            Operator::LessOrEqual => a <= b,
            Operator::Greater => a > b,
            Operator::GreaterOrEqual => a >= b,
            _ => false,
        }
    }

    /// The text of what was found. Whether that was too much is asked at the next visit.
    fn text_of(&self, found: Found) -> String {
        let nodes = &self.tree.nodes;
        let (text, looked_at) = match found {
            Found::Node(id) if nodes[id].kind == Kind::Comment => (nodes[id].data.clone(), 1),
            Found::Node(id) => (self.tree.inner_text(id), self.tree.last_within(id) + 1 - id),
            Found::Attribute(id, number) => (nodes[id].attributes[number].1.clone(), 1),
        };
        let read = self.read.get() + text.len() + NODE_COST * looked_at;
        self.read.set(read);
        text
    }

    fn text(&self, value: &Value) -> String {
        match value {
            Value::Nodes(nodes) => nodes
                .first()
                .map(|node| self.text_of(*node))
                .unwrap_or_default(),
            Value::Bool(value) => value.to_string(),
            Value::Number(number) if number.is_infinite() => if *number > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            }
            .to_owned(),
            Value::Number(number) => number.to_string(),
            Value::Text(text) => text.clone(),
        }
    }

    fn number(&self, value: &Value) -> f64 {
        match value {
            Value::Number(number) => *number,
            Value::Bool(value) => f64::from(u8::from(*value)),
            other => self.text(other).trim().parse().unwrap_or(f64::NAN),
        }
    }

    fn truth(&self, value: &Value) -> bool {
        match value {
            Value::Nodes(nodes) => !nodes.is_empty(),
            Value::Bool(value) => *value,
            Value::Number(number) => *number != 0.0 && !number.is_nan(),
            Value::Text(text) => !text.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests;
