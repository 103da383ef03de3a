//! A block of options while it is read: which keys there are and which were asked for.

use super::{Field, Setting, Standing};
use crate::node::{Node, Place, Value};
use crate::report::{Cause, Report};

/// A block of options while it is read.
pub(crate) struct Block<'a> {
    node: &'a Node,
}

impl<'a> Block<'a> {
    /// A block over a map, or over nothing.
    pub(crate) fn new(node: &'a Node) -> Self {
        Self { node }
    }

    /// The node of this block.
    pub(crate) fn node(&self) -> &'a Node {
        self.node
    }

    /// The place of the whole block: its key.
    pub(crate) fn place(&self) -> Place {
        self.node.head()
    }

    /// Whether a key is written.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.node.get(key).is_some()
    }

    /// The place of the value of a key, or of the block when the key is not written.
    pub(crate) fn at(&self, key: &str) -> Place {
        match self.node.get(key) {
            Some(node) if matches!(node.value, Value::Null | Value::Map(_)) => node.head(),
            Some(node) => node.place.clone(),
            None => self.place(),
        }
    }

    /// The places of the elements of a list; of the value itself when it is no list.
    pub(crate) fn items(&self, key: &str) -> std::vec::IntoIter<Place> {
        let places = match self.node.get(key).map(|node| &node.value) {
            Some(Value::List(items)) => items.iter().map(|item| item.place.clone()).collect(),
            Some(_) => vec![self.at(key); 64],
            None => Vec::new(),
        };
        places.into_iter()
    }

    /// Reads an option, if it is written.
    pub(crate) fn read<T: Setting>(&self, key: &str, target: &mut T, report: &mut Report) {
        if let Some(node) = self.node.get(key) {
            report.within(key, |report| target.read(node, report));
        }
    }

    /// Checks the type of an option that does nothing, and says so when it is written.
    pub(crate) fn ignore<T: Setting + Default>(
        &self,
        key: &str,
        reason: &str,
        report: &mut Report,
    ) {
        let Some(node) = self.node.get(key) else {
            return;
        };
        report.within(key, |report| {
            T::default().read(node, report);
            let text = format!("`{key}` has no effect here: {reason}");
            report.warn_at(node.head(), Cause::NoEffect, text, "");
        });
    }

    /// Refuses an option that cannot be had.
    pub(crate) fn refuse(&self, key: &str, reason: &str, report: &mut Report) {
        if let Some(node) = self
            .node
            .get(key)
            .filter(|node| !matches!(node.value, Value::Null))
        {
            let text = format!("`{key}` is not available");
            report.within(key, |report| {
                report.error_at(node.head(), Cause::AbsentOption, text, reason);
            });
        }
    }

    /// Refuses a number below zero.
    pub(crate) fn reject_negative(&self, key: &str, number: i64, report: &mut Report) {
        if number < 0 {
            let text = format!("`{key}` must not be negative");
            report.error_at(self.at(key), Cause::OutOfRange, text, "");
        }
    }

    /// Refuses a number that is not above zero.
    pub(crate) fn require_positive(&self, key: &str, number: i64, report: &mut Report) {
        if number <= 0 {
            let text = format!("`{key}` must be above zero");
            report.error_at(self.at(key), Cause::OutOfRange, text, "");
        }
    }

    /// Refuses every key that is none of these options.
    pub(crate) fn report_unknown(&self, fields: &[Field], report: &mut Report) {
        for entry in self.node.entries() {
            if fields.iter().any(|field| field.key == entry.key) {
                continue;
            }
            let known: Vec<&str> = fields
                .iter()
                .filter(|field| !matches!(field.standing, Standing::Refused(_)))
                .map(|field| field.key)
                .collect();
            report.unknown_name(
                entry.node.head(),
                Cause::UnknownKey,
                "option",
                &entry.key,
                &known,
            );
        }
    }
}
