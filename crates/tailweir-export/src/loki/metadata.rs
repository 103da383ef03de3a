//! Which parts of a record become structured metadata of its line, and so are not in the line itself.

use super::labels::{Labels, normalized, text};
use std::collections::BTreeMap;
use tailweir_config::LokiStructuredMetadata;
use tailweir_otlp::{Attributes, LogRecordView};

/// Every attribute, in place of names.
const ALL: &str = "*";
/// Most pairs of one line, as Loki has it by default; what is above stays in the line.
const PAIRS_MAX: usize = 128;

/// The structured metadata of a record.
#[derive(Default)]
pub(super) struct Metadata<'a> {
    /// Names and values; a name once.
    pairs: BTreeMap<String, String>,
    has_trace_context: bool,
    of_record: Vec<&'a [u8]>,
    of_resource: Vec<&'a [u8]>,
}

impl<'a> Metadata<'a> {
    /// What the settings want of a record. What is a label, or has no text, is left where it is; of two
    /// attributes whose names become one, the first is taken.
    pub(super) fn of(
        labels: &Labels<'a>,
        record: LogRecordView<'a>,
        wanted: &LokiStructuredMetadata,
    ) -> Self {
        let mut metadata = Self {
            has_trace_context: wanted.trace_context,
            ..Self::default()
        };
        if wanted.trace_context {
            if record.trace_id().0 != [0; 16] {
                metadata.add("trace_id", record.trace_id().to_string());
            }
            if record.span_id().0 != [0; 8] {
                metadata.add("span_id", record.span_id().to_string());
            }
        }
        metadata.of_record = metadata.take(labels, labels.record, &wanted.attributes);
        metadata.of_resource = metadata.take(labels, labels.resource, &wanted.resource_attributes);
        metadata
    }

    fn take(
        &mut self,
        labels: &Labels<'a>,
        attributes: Attributes<'a>,
        wanted: &[String],
    ) -> Vec<&'a [u8]> {
        let is_wanted = |key: &[u8]| {
            wanted
                .iter()
                .any(|name| name == ALL || name.as_bytes() == key)
        };
        let mut taken = Vec::new();
        if wanted.is_empty() {
            return taken;
        }
        for entry in attributes.iter() {
            if !is_wanted(entry.key) || labels.is_taken(entry.key) || taken.contains(&entry.key) {
                continue;
            }
            let name = normalized(&String::from_utf8_lossy(entry.key));
            if self.add(&name, text(entry.value)) {
                taken.push(entry.key);
            }
        }
        taken
    }

    /// Adds a pair, unless there is no room for it, or nothing to say.
    fn add(&mut self, name: &str, value: String) -> bool {
        let has_room = self.pairs.len() < PAIRS_MAX;
        let is_new =
            has_room && !value.is_empty() && !name.is_empty() && !self.pairs.contains_key(name);
        if is_new {
            self.pairs.insert(name.to_owned(), value);
        }
        is_new
    }

    /// Names and values, in order of the names.
    pub(super) fn pairs(&self) -> &BTreeMap<String, String> {
        &self.pairs
    }

    /// Whether the ids of trace and span are here.
    pub(super) fn has_trace_context(&self) -> bool {
        self.has_trace_context
    }

    /// Whether an attribute of the record is here.
    pub(super) fn has(&self, key: &[u8]) -> bool {
        self.of_record.contains(&key)
    }

    /// Whether an attribute of the resource is here.
    pub(super) fn has_of_resource(&self, key: &[u8]) -> bool {
        self.of_resource.contains(&key)
    }
}
