//! The `loki` exporter, which the Collector no longer has.

use super::client::HttpClient;
use super::queue::{RetryOnFailure, SendingQueue};
use crate::report::{Cause, Report};
use crate::setting::{Block, settings};
use std::collections::BTreeMap;

settings! {
    /// Sends logs to Loki's own endpoint.
    pub struct LokiExporter inlines {
        /// The client.
        client: HttpClient = HttpClient::default(),
    } {
        /// Labels made of exporter, job, instance and level.
        default_labels_enabled: BTreeMap<String, bool> = BTreeMap::new(),
        /// The queue in front.
        sending_queue: SendingQueue = SendingQueue::default(),
        /// What happens when an export fails.
        retry_on_failure: RetryOnFailure = RetryOnFailure::default(),
    }
    rules loki_rules;
}

fn loki_rules(exporter: &mut LokiExporter, block: &mut Block<'_>, report: &mut Report) {
    if exporter.client.endpoint.is_empty() {
        let text = "the loki exporter has no `endpoint`";
        report.error_at(block.at("endpoint"), Cause::Missing, text, "");
    }
}
