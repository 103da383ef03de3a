//! XML text: parsed into maps, searched and changed.

use super::{
    Body, Converter, Failure, Literals, Refusal, TARGET, by_position, converter, optional, required,
};
use crate::coerce::{Kind, readable};
use crate::expression::Prepared;
use crate::xml::{Found, Gone, Kind as Node, NodeId, Tree, XPath};
use crate::{Text, Value};
use std::collections::HashSet;

mod maps;
#[cfg(test)]
mod tests;

/// By how many bytes of memory a document may become larger than the one that it is made of. Elements that are found may
/// be in each other, so that what is in all of them is copied for each; and what is inserted into each may be long.
const GROWN_MAX: usize = 64 << 20;

pub(super) const TABLE: &[Converter] = &[
    converter(
        "ConvertAttributesToElementsXML",
        &[
            required("target", Kind::String),
            by_position(optional("xpath", Kind::LiteralString)),
        ],
        Body::Prepared(attributes_to_elements),
    ),
    converter(
        "ConvertTextToElementsXML",
        &[
            required("target", Kind::String),
            by_position(optional("xpath", Kind::LiteralString)),
            optional("element_name", Kind::LiteralString),
        ],
        Body::Prepared(text_to_elements),
    ),
    converter(
        "GetXML",
        &[
            required("target", Kind::String),
            by_position(required("xpath", Kind::LiteralString)),
        ],
        Body::Prepared(get),
    ),
    converter(
        "InsertXML",
        &[
            required("target", Kind::String),
            by_position(required("xpath", Kind::LiteralString)),
            required("sub_document", Kind::String),
        ],
        Body::Prepared(insert),
    ),
    converter("ParseSimplifiedXML", TARGET, Body::Plain(maps::simplified)),
    converter("ParseXML", TARGET, Body::Plain(maps::whole)),
    converter(
        "RemoveXML",
        &[
            required("target", Kind::String),
            by_position(required("xpath", Kind::LiteralString)),
        ],
        Body::Prepared(remove),
    ),
];

/// The expression at position 1, or another when it is left out or empty.
fn xpath(literals: &Literals<'_>, otherwise: &str) -> Result<XPath, Refusal> {
    let text = literals
        .text(1)
        .filter(|text| !text.is_empty() || otherwise.is_empty());
    XPath::new(text.unwrap_or(otherwise)).map_err(|reason| Refusal::new(1, reason))
}

/// Reads a document and finds what the expression names.
fn found(text: &Text<'_>, xpath: &XPath) -> Result<(Tree, Vec<Found>), Failure> {
    let tree = Tree::parse(&readable(text))?;
    let found = xpath.find(&tree)?;
    Ok((tree, found))
}

/// What is found, as a document of its own. Attributes become text.
fn get(literals: &Literals<'_>) -> Result<Prepared, Refusal> {
    let xpath = xpath(literals, "")?;
    Ok(Box::new(move |mut arguments| {
        let text = arguments.text(0);
        if text.is_empty() {
            return Ok(Value::text(""));
        }
        let (tree, found) = found(&text, &xpath)?;
        let before = tree.size();
        let mut result = Tree::empty();
        for found in found {
            let added = match found {
                Found::Node(id) if matches!(tree.nodes[id].kind, Node::Element | Node::Text) => {
                    result.adopt(&tree, id)
                }
                Found::Node(id) if tree.nodes[id].kind == Node::CharacterData => {
                    result.node(Node::Text, &tree.nodes[id].data)
                }
                Found::Node(_) => continue,
                Found::Attribute(id, number) => {
                    result.node(Node::Text, &tree.nodes[id].attributes[number].1)
                }
            };
            result.append(0, added);
            check_growth(&result, before)?;
        }
        Ok(Value::text(result.write()))
    }))
}

fn remove(literals: &Literals<'_>) -> Result<Prepared, Refusal> {
    let xpath = xpath(literals, "")?;
    Ok(Box::new(move |mut arguments| {
        let text = arguments.text(0);
        if text.is_empty() {
            return Ok(Value::text(""));
        }
        let (mut tree, found) = found(&text, &xpath)?;
        let mut gone = Gone::default();
        for found in found {
            match found {
                Found::Attribute(id, number) => gone.attribute(id, number),
                Found::Node(id) => match tree.nodes[id].kind {
                    Node::Element | Node::Comment | Node::CharacterData => gone.node(id),
                    Node::Text => tree.nodes[id].data.clear(),
                    _ => {}
                },
            }
        }
        gone.take_out(&mut tree);
        Ok(Value::text(tree.write()))
    }))
}

/// Puts the sub-document into every element that is found, last.
fn insert(literals: &Literals<'_>) -> Result<Prepared, Refusal> {
    let xpath = xpath(literals, "")?;
    Ok(Box::new(move |mut arguments| {
        let (text, sub_document) = (arguments.text(0), arguments.text(2));
        let mut tree = match text.is_empty() {
            true => Tree::empty(),
            false => Tree::parse(&readable(&text))?,
        };
        let before = tree.size();
        let inserted = Tree::parse(&readable(&sub_document))?;
        for found in xpath.find(&tree)? {
            match found {
                Found::Node(id)
                    if matches!(tree.nodes[id].kind, Node::Element | Node::Document) =>
                {
                    for node in inserted.nodes[0].children.clone() {
                        let copy = tree.adopt(&inserted, node);
                        tree.append(id, copy);
                    }
                    check_growth(&tree, before)?;
                }
                _ => return Err("the XPath finds something that is no element".into()),
            }
        }
        Ok(Value::text(tree.write()))
    }))
}

fn attributes_to_elements(literals: &Literals<'_>) -> Result<Prepared, Refusal> {
    let xpath = xpath(literals, "//@*")?;
    Ok(Box::new(move |mut arguments| {
        let (mut tree, found) = found(&arguments.text(0), &xpath)?;
        let attribute = |found: &Found| match found {
            Found::Attribute(id, number) => Some((*id, *number)),
            Found::Node(_) => None,
        };
        let mut gone = Gone::default();
        for (id, number) in found.iter().filter_map(attribute) {
            gone.attribute(id, number);
            let (name, value) = tree.nodes[id].attributes[number].clone();
            let element = tree.node(Node::Element, crate::xml::local(&name));
            let text = tree.node(Node::Text, &value);
            tree.append(element, text);
            tree.append(id, element);
        }
        gone.take_out(&mut tree);
        Ok(Value::text(tree.write()))
    }))
}

fn text_to_elements(literals: &Literals<'_>) -> Result<Prepared, Refusal> {
    let xpath = xpath(literals, "/")?;
    let name = literals
        .text(2)
        .filter(|name| !name.is_empty())
        .unwrap_or("value")
        .to_owned();
    Ok(Box::new(move |mut arguments| {
        let (mut tree, found) = found(&arguments.text(0), &xpath)?;
        let mut wrapped = HashSet::new();
        for found in found {
            if let Found::Node(id) = found {
                wrap_texts(&mut tree, id, &name, &mut wrapped);
            }
        }
        Ok(Value::text(tree.write()))
    }))
}

/// Fails when a document has become too much larger than it was before.
fn check_growth(tree: &Tree, before: usize) -> Result<(), Failure> {
    if tree.size() > before.saturating_add(GROWN_MAX) {
        let reason =
            format!("the document grows by more than {GROWN_MAX} bytes; let the XPath find less");
        return Err(reason.into());
    }
    Ok(())
}

/// Puts text that stands beside other content into elements of its own. What was `wrapped` before stays: that it is in
/// several nodes that are found changes nothing.
fn wrap_texts(tree: &mut Tree, id: NodeId, name: &str, wrapped: &mut HashSet<NodeId>) {
    if !matches!(tree.nodes[id].kind, Node::Element | Node::Document) || !wrapped.insert(id) {
        return;
    }
    let children = tree.nodes[id].children.clone();
    for child in &children {
        wrap_texts(tree, *child, name, wrapped);
    }
    let of_kind = |kind: &Node| {
        children
            .iter()
            .filter(|child| tree.nodes[**child].kind == *kind)
            .count()
    };
    let (texts, elements) = (of_kind(&Node::Text), of_kind(&Node::Element));
    if texts == 0 || texts + elements <= 1 {
        return;
    }
    for child in children {
        if tree.nodes[child].kind == Node::Text {
            let data = std::mem::replace(&mut tree.nodes[child].data, name.to_owned());
            tree.nodes[child].kind = Node::Element;
            let text = tree.node(Node::Text, &data);
            tree.append(child, text);
        }
    }
}
