//! Lays one configuration over another.

use crate::node::{Entry, Node, Value};

/// Lays `upper` over `lower`: maps are merged, everything else replaces, an empty value included.
pub(crate) fn over(lower: &mut Node, upper: Node) {
    match (&mut lower.value, upper.value) {
        (Value::Map(lower), Value::Map(upper)) => {
            for entry in upper {
                match lower.iter_mut().find(|known| known.key == entry.key) {
                    Some(known) => over_entry(&mut known.node, entry.node),
                    None => lower.push(entry),
                }
            }
        }
        // A source that is empty altogether.
        (Value::Map(_), Value::Null) => {}
        (_, value) => lower.value = value,
    }
}

fn over_entry(lower: &mut Node, upper: Node) {
    let both_are_maps = matches!((&lower.value, &upper.value), (Value::Map(_), Value::Map(_)));
    if both_are_maps {
        over(lower, upper);
    } else {
        *lower = upper;
    }
}

/// Empties the entries of a section of `lower` that `upper` has there too, but for what they say under the key `kept`.
pub(crate) fn empty_entries_of(lower: &mut Node, upper: &Node, section: &str, kept: &str) {
    let Some(upper) = upper.get(section) else {
        return;
    };
    let Value::Map(sections) = &mut lower.value else {
        return;
    };
    let lower = sections.iter_mut().find(|known| known.key == section);
    let Some(Value::Map(entries)) = lower.map(|entry| &mut entry.node.value) else {
        return;
    };
    for known in entries {
        if upper.get(&known.key).is_none() {
            continue;
        }
        match &mut known.node.value {
            Value::Map(options) => options.retain(|option| option.key == kept),
            value => *value = Value::Null,
        }
    }
}

/// Takes keys such as `a::b` apart into maps, as the Collector does.
pub(crate) fn unfold(mut node: Node) -> Node {
    match node.value {
        Value::List(items) => node.value = Value::List(items.into_iter().map(unfold).collect()),
        Value::Map(entries) => {
            let mut whole = Node::new(node.place.clone(), Value::Map(Vec::new()));
            for entry in entries {
                let map = Value::Map(vec![unfold_entry(entry)]);
                over(&mut whole, Node::new(node.place.clone(), map));
            }
            node.value = whole.value;
        }
        _ => {}
    }
    node
}

fn unfold_entry(entry: Entry) -> Entry {
    let node = unfold(entry.node);
    let Some((first, rest)) = entry.key.split_once("::") else {
        return Entry {
            key: entry.key,
            node,
        };
    };
    let key_place = node.key_place.clone();
    let inner = unfold_entry(Entry {
        key: rest.to_owned(),
        node,
    });
    let mut outer = Node::new(inner.node.head(), Value::Map(vec![inner]));
    outer.key_place = key_place;
    Entry {
        key: first.to_owned(),
        node: outer,
    }
}
