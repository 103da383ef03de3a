//! The `loki` exporter, which the Collector no longer has.

use super::client::{HttpClient, HttpCompression};
use super::queue::{RetryOnFailure, SendingQueue};
use crate::report::{Cause, Report};
use crate::setting::{Block, choice, settings};
use std::collections::BTreeMap;

choice! {
    /// The form of what is pushed to Loki.
    pub enum LokiEncoding = Protobuf {
        /// Protobuf, packed with snappy.
        Protobuf = "protobuf",
        /// JSON, packed as `compression` says.
        Json = "json",
    }
}

settings! {
    /// What of a record becomes structured metadata of its line, and is not in the line then. At most 128
    /// pairs a line, which is Loki's own limit by default; what is above stays in the line. Loki has to allow
    /// it (`allow_structured_metadata`). Names become those of labels.
    pub struct LokiStructuredMetadata {
        /// The ids of trace and span, as `trace_id` and `span_id`.
        trace_context: bool = false,
        /// Names of attributes of the record; `*` is all.
        attributes: Vec<String> = Vec::new(),
        /// Names of attributes of the resource; `*` is all.
        resource_attributes: Vec<String> = Vec::new(),
    }
}

settings! {
    /// Pushes logs to Loki's own endpoint, as lines of labelled streams. The attributes
    /// `loki.attribute.labels`, `loki.resource.labels`, `loki.tenant` and `loki.format` (`json`, `logfmt`,
    /// `raw`) of records and resources say what becomes of them.
    pub struct LokiExporter inlines {
        /// The client.
        client: HttpClient = uncompressed(),
    } {
        /// Which of the labels `exporter`, `job`, `instance` and `level` every stream has.
        default_labels_enabled: BTreeMap<String, bool> = default_labels(),
        /// The form of the requests. Only here: the Collector's exporter had protobuf alone.
        encoding: LokiEncoding = LokiEncoding::Protobuf,
        /// What becomes structured metadata; nothing by default. Only here.
        structured_metadata: LokiStructuredMetadata = LokiStructuredMetadata::default(),
        /// The queue in front.
        sending_queue: SendingQueue = SendingQueue::default(),
        /// What happens when an export fails.
        retry_on_failure: RetryOnFailure = RetryOnFailure::default(),
    }
    refused {
        "labels" = "records name their labels: set their attribute `loki.attribute.labels`, or `loki.resource.labels`, with an `attributes` processor",
        "format" = "records name it: set their attribute `loki.format` with an `attributes` processor",
        "tenant" = "records name the attribute that says it: set `loki.tenant` with an `attributes` processor",
        "tenant_id" = "write `headers: {X-Scope-OrgID: ...}`",
    }
    rules loki_rules;
}

fn uncompressed() -> HttpClient {
    HttpClient {
        compression: HttpCompression::None,
        ..HttpClient::default()
    }
}

fn default_labels() -> BTreeMap<String, bool> {
    let labels = ["exporter", "job", "instance", "level"];
    labels.map(|label| (label.to_owned(), true)).into()
}

fn loki_rules(exporter: &mut LokiExporter, block: &mut Block<'_>, report: &mut Report) {
    if exporter.client.endpoint.is_empty() {
        let text = "the loki exporter has no `endpoint`";
        let fix = "add `endpoint: http://LOKI:3100/loki/api/v1/push`";
        report.error_at(block.at("endpoint"), Cause::Missing, text, fix);
    }
    let takes = match exporter.encoding {
        LokiEncoding::Protobuf => "what is pushed to Loki is snappy",
        LokiEncoding::Json if exporter.client.compression == HttpCompression::Gzip => return,
        LokiEncoding::Json => "Loki takes JSON plain or as gzip",
    };
    if exporter.client.compression != HttpCompression::None {
        exporter.client.compression = HttpCompression::None;
        let text = format!("`compression` has no effect here: {takes}");
        report.warn_at(block.at("compression"), Cause::NoEffect, text, "remove it");
    }
}
