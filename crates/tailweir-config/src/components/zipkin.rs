//! The `zipkin` exporter.

use super::client::{HttpClient, HttpCompression};
use super::queue::{RetryOnFailure, SendingQueue};
use crate::report::{Cause, Report};
use crate::setting::{Block, choice, settings};
use std::time::Duration;

choice! {
    /// How spans are written for Zipkin.
    pub enum ZipkinFormat = Json {
        /// JSON, version 2.
        Json = "json",
        /// Protobuf, version 2.
        Proto = "proto",
    }
}

settings! {
    /// Sends spans to Zipkin, version 2 of its API.
    pub struct ZipkinExporter inlines {
        /// The client. `endpoint` is the whole URL: `http://zipkin:9411/api/v2/spans`.
        client: HttpClient = client(),
    } {
        /// How spans are written.
        format: ZipkinFormat = ZipkinFormat::Json,
        /// The service of spans whose resource names none. The default stands for
        /// `OTLPResourceNoServiceName`, which is what the Collector writes whatever is set here.
        default_service_name: String = ZipkinExporter::NO_SERVICE_NAME.to_owned(),
        /// The queue in front.
        sending_queue: SendingQueue = SendingQueue::default(),
        /// What happens when an export fails.
        retry_on_failure: RetryOnFailure = RetryOnFailure::default(),
    }
    rules zipkin_rules;
}

impl ZipkinExporter {
    /// The default of `default_service_name`.
    pub const NO_SERVICE_NAME: &'static str = "<missing service name>";
}

fn client() -> HttpClient {
    HttpClient {
        compression: HttpCompression::None,
        timeout: Duration::from_secs(5),
        ..HttpClient::default()
    }
}

fn zipkin_rules(exporter: &mut ZipkinExporter, block: &mut Block<'_>, report: &mut Report) {
    if exporter.client.endpoint.is_empty() {
        let text = "the zipkin exporter has no `endpoint`";
        let fix = "add `endpoint: http://ZIPKIN:9411/api/v2/spans`";
        report.error_at(block.at("endpoint"), Cause::Missing, text, fix);
    }
}
