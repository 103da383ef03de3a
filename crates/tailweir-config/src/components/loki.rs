//! The `loki` exporter, which the Collector no longer has.

use super::client::{HttpClient, HttpCompression};
use super::queue::{RetryOnFailure, SendingQueue};
use crate::report::{Cause, Report};
use crate::setting::{Block, settings};
use std::collections::BTreeMap;

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
        /// The queue in front.
        sending_queue: SendingQueue = SendingQueue::default(),
        /// What happens when an export fails.
        retry_on_failure: RetryOnFailure = RetryOnFailure::default(),
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
    if exporter.client.compression != HttpCompression::None {
        exporter.client.compression = HttpCompression::None;
        let text = "`compression` has no effect here: what is pushed to Loki is snappy";
        report.warn_at(block.at("compression"), Cause::NoEffect, text, "remove it");
    }
}
