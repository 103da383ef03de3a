//! Lists, maps and options that may be absent.

use super::{Field, Record, Setting, Shape};
use crate::node::{Node, Value};
use crate::report::{Cause, Report};
use serde_json::Value as Json;
use std::collections::BTreeMap;

impl<T: Setting + Default> Setting for Vec<T> {
    fn shape() -> Shape {
        Shape::List(Box::new(T::shape()))
    }

    fn read(&mut self, node: &Node, report: &mut Report) {
        match &node.value {
            Value::Null => {}
            Value::List(items) => {
                let read = |(index, item): (usize, &Node)| {
                    let mut value = T::default();
                    report.within(&index.to_string(), |report| value.read(item, report));
                    value
                };
                *self = items.iter().enumerate().map(read).collect();
            }
            Value::Text(text) if T::SPLITS_AT_COMMAS => *self = split(node, text, report),
            _ => report.wrong_type(node, "a list"),
        }
    }

    fn write(&self) -> Json {
        self.iter().map(Setting::write).collect()
    }
}

/// A text where a list of texts is wanted is a list of one; the Collector splits it at commas.
fn split<T: Setting + Default>(node: &Node, text: &str, report: &mut Report) -> Vec<T> {
    if text.is_empty() {
        return Vec::new();
    }
    if text.contains(',') {
        let message = "the text stands where a list is wanted and is split at its commas";
        let fix = "write a list: `[\"...\"]`";
        report.warn_at(node.place.clone(), Cause::Oddity, message, fix);
    }
    let read = |part: &str| {
        let mut value = T::default();
        value.read(
            &Node::new(node.place.clone(), Value::Text(part.to_owned())),
            report,
        );
        value
    };
    text.split(',').map(read).collect()
}

impl<T: Setting + Default> Setting for BTreeMap<String, T> {
    fn shape() -> Shape {
        Shape::Map(Box::new(T::shape()))
    }

    fn read(&mut self, node: &Node, report: &mut Report) {
        match &node.value {
            Value::Null => {}
            Value::Map(entries) => {
                for entry in entries {
                    let value = self.entry(entry.key.clone()).or_default();
                    report.within(&entry.key, |report| value.read(&entry.node, report));
                }
            }
            _ => report.wrong_type(node, "a map"),
        }
    }

    fn write(&self) -> Json {
        self.iter()
            .map(|(key, value)| (key.clone(), value.write()))
            .collect()
    }
}

impl<T: Setting + Default> Setting for Option<T> {
    fn shape() -> Shape {
        T::shape()
    }

    fn read(&mut self, node: &Node, report: &mut Report) {
        if matches!(node.value, Value::Null) && !present_when_empty::<T>() {
            return;
        }
        self.get_or_insert_with(T::default).read(node, report);
    }

    fn write(&self) -> Json {
        self.as_ref().map_or(Json::Null, Setting::write)
    }
}

/// Whether an empty value stands for a block with its defaults.
fn present_when_empty<T: Setting>() -> bool {
    match T::shape() {
        Shape::Record {
            present_when_empty, ..
        } => present_when_empty,
        _ => false,
    }
}

impl<T: Record + Setting> Setting for Box<T> {
    fn shape() -> Shape {
        T::shape()
    }

    fn read(&mut self, node: &Node, report: &mut Report) {
        self.as_mut().read(node, report);
    }

    fn write(&self) -> Json {
        self.as_ref().write()
    }
}

impl<T: Record> Record for Box<T> {
    const NAME: &'static str = T::NAME;
    const ABOUT: &'static [&'static str] = T::ABOUT;
    const PRESENT_WHEN_EMPTY: bool = T::PRESENT_WHEN_EMPTY;

    fn fields(defaults: &Self) -> Vec<Field> {
        T::fields(defaults)
    }

    fn read_fields(&mut self, block: &mut super::Block<'_>, report: &mut Report) {
        self.as_mut().read_fields(block, report);
    }

    fn report_unknown(block: &super::Block<'_>, report: &mut Report) {
        T::report_unknown(block, report);
    }

    fn write_fields(&self, out: &mut serde_json::Map<String, Json>) {
        self.as_ref().write_fields(out);
    }
}
