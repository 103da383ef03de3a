//! XML as maps: whole, or simplified to names and texts.

use crate::coerce::readable;
use crate::converters::last_of_each::last_of_each;
use crate::converters::{Arguments, Failure, Outcome};
use crate::xml::{Event, Kind, NodeId, Reader, Tree, local};
use crate::{Text, Value};
use std::borrow::Cow;
use std::collections::HashMap;

type Entries = Vec<(Text<'static>, Value<'static>)>;

fn key(name: &str) -> Text<'static> {
    Cow::Owned(name.as_bytes().to_vec())
}

/// `{"tag", "content", "attributes", "children"}` of the one element that the text is.
pub(super) fn whole(mut arguments: Arguments<'_>) -> Outcome<'_> {
    let text = arguments.text(0);
    let text = readable(&text);
    let mut reader = Reader::new(&text);
    loop {
        match reader.next()? {
            Some(Event::Start { name, attributes }) => {
                let element = element(&mut reader, name, attributes)?;
                if !reader.is_at_end() {
                    return Err("there is more behind the element".into());
                }
                return Ok(element);
            }
            Some(_) => {}
            None => return Err("there is no element".into()),
        }
    }
}

/// An element after its start, up to its end. The reader bounds how deep it goes.
fn element(
    reader: &mut Reader<'_>,
    name: &str,
    attributes: Vec<(&str, String)>,
) -> Result<Value<'static>, Failure> {
    let mut content = String::new();
    let mut children = Vec::new();
    debug_assert!(reader.depth() > 0, "the element is open");
    while let Some(event) = reader.next()? {
        match event {
            Event::Start { name, attributes } => children.push(element(reader, name, attributes)?),
            Event::End => break,
            Event::Text(text) => content.push_str(text.trim()),
            Event::CharacterData(text) => content.push_str(text.trim()),
            Event::Comment(_) | Event::Instruction { .. } | Event::Directive(_) => {}
        }
    }
    let mut entries: Entries = vec![(key("tag"), Value::text(local(name).to_owned()))];
    if !content.is_empty() {
        entries.push((key("content"), Value::text(content)));
    }
    if !attributes.is_empty() {
        let attributes = attributes.into_iter();
        let read = attributes.map(|(name, value)| (key(local(name)), Value::text(value)));
        let read = last_of_each(read.collect());
        entries.push((key("attributes"), Value::map(read)));
    }
    if !children.is_empty() {
        entries.push((key("children"), Value::list(children)));
    }
    Ok(Value::map(entries))
}

/// Elements by name: text where they hold text, maps where they hold elements, lists where a name occurs
/// more than once. Attributes, and what is empty, are left out.
pub(super) fn simplified(mut arguments: Arguments<'_>) -> Outcome<'_> {
    let tree = Tree::parse(&readable(&arguments.text(0)))?;
    Ok(Value::map(simplified_entries(&tree, 0)))
}

fn simplified_entries(tree: &Tree, parent: NodeId) -> Entries {
    let is_element = |id: &&NodeId| tree.nodes[**id].kind == Kind::Element;
    let children: Vec<_> = tree.nodes[parent]
        .children
        .iter()
        .filter(is_element)
        .copied()
        .collect();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for child in &children {
        *counts.entry(local(&tree.nodes[*child].data)).or_default() += 1;
    }
    let mut entries: Entries = Vec::new();
    let mut lists: HashMap<&str, (usize, Vec<Value<'static>>)> = HashMap::new();
    for child in children {
        let node = &tree.nodes[child];
        let name = local(&node.data);
        if node.children.is_empty() {
            continue;
        }
        let several = counts.get(name).is_some_and(|count| *count > 1);
        if several && !lists.contains_key(name) {
            lists.insert(name, (entries.len(), Vec::new()));
            entries.push((key(name), Value::Nil));
        }
        let value = match leaf(tree, child) {
            Some(text) => Value::text(text),
            None => match simplified_entries(tree, child) {
                inside if inside.is_empty() => continue,
                inside => Value::map(inside),
            },
        };
        match lists.get_mut(name) {
            Some((_, items)) => items.push(value),
            None => entries.push((key(name), value)),
        }
    }
    for (position, items) in lists.into_values() {
        entries[position].1 = Value::list(items);
    }
    entries
}

/// The first text of an element that holds no elements.
fn leaf(tree: &Tree, id: NodeId) -> Option<String> {
    let children = || {
        tree.nodes[id]
            .children
            .iter()
            .map(|child| &tree.nodes[*child])
    };
    if children().any(|child| child.kind == Kind::Element) {
        return None;
    }
    let text = children().find(|child| matches!(child.kind, Kind::Text | Kind::CharacterData));
    text.map(|text| text.data.clone())
        .filter(|text| !text.is_empty())
}
