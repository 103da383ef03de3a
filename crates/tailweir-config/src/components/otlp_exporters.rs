//! The `otlp_grpc` and `otlp_http` exporters.

use super::client::{GrpcClient, HttpClient, check_url};
use super::queue::{RetryOnFailure, SendingQueue};
use crate::report::{Cause, Report};
use crate::setting::{Block, choice, settings};
use std::time::Duration;

settings! {
    /// Sends OTLP over gRPC. Written `otlp_grpc`, or `otlp` as before.
    pub struct OtlpGrpcExporter inlines {
        /// The client.
        client: GrpcClient = GrpcClient::default(),
    } {
        /// Time for one attempt. Zero: no limit.
        timeout: Duration = Duration::from_secs(5),
        /// The queue in front.
        sending_queue: SendingQueue = SendingQueue::default(),
        /// What happens when an export fails.
        retry_on_failure: RetryOnFailure = RetryOnFailure::default(),
    }
    rules grpc_rules;
}

fn grpc_rules(exporter: &mut OtlpGrpcExporter, block: &mut Block<'_>, report: &mut Report) {
    if exporter.client.endpoint.is_empty() {
        let text = "the exporter has no `endpoint`";
        report.error_at(
            block.at("endpoint"),
            Cause::Missing,
            text,
            "add `endpoint: host:4317`",
        );
    }
}

choice! {
    /// How OTLP is written into bodies.
    pub enum Encoding = Proto {
        /// As protobuf.
        Proto = "proto",
        /// As JSON.
        Json = "json",
    }
}

settings! {
    /// Sends OTLP over HTTP. Written `otlp_http`, or `otlphttp` as before.
    pub struct OtlpHttpExporter inlines {
        /// The client.
        client: HttpClient = HttpClient::default(),
    } {
        /// How OTLP is written into bodies.
        encoding: Encoding = Encoding::Proto,
        /// The whole URL of traces, instead of `endpoint` with `/v1/traces`.
        traces_endpoint: String = String::new(),
        /// The whole URL of metrics, instead of `endpoint` with `/v1/metrics`.
        metrics_endpoint: String = String::new(),
        /// The whole URL of logs, instead of `endpoint` with `/v1/logs`.
        logs_endpoint: String = String::new(),
        /// The queue in front.
        sending_queue: SendingQueue = SendingQueue::default(),
        /// What happens when an export fails.
        retry_on_failure: RetryOnFailure = RetryOnFailure::default(),
    }
    ignored {
        "profiles_endpoint": String = "profiles are not sent",
    }
    rules http_rules;
}

fn http_rules(exporter: &mut OtlpHttpExporter, block: &mut Block<'_>, report: &mut Report) {
    let urls = [
        ("traces_endpoint", &exporter.traces_endpoint),
        ("metrics_endpoint", &exporter.metrics_endpoint),
        ("logs_endpoint", &exporter.logs_endpoint),
    ];
    for (key, url) in urls {
        check_url(url, key, block, report);
    }
    if exporter.client.endpoint.is_empty() && urls.iter().all(|(_, url)| url.is_empty()) {
        let text = "the exporter has no `endpoint`";
        let fix = "add `endpoint: http://host:4318`, or `traces_endpoint` and its like";
        report.error_at(block.at("endpoint"), Cause::Missing, text, fix);
    }
}
