//! How own log records and spans leave: `processors`, in the form of OpenTelemetry's declarative configuration.
//!
//! Times are whole milliseconds, as that form has them.

use crate::report::{Cause, Report};
use crate::setting::{Block, Headers, choice, settings};
use std::time::Duration;

settings! {
    /// One way on which own log records or spans leave: `batch` or `simple`.
    pub struct TelemetryProcessor {
        /// Many at once.
        batch: Option<TelemetryBatch> = None,
        /// Each by itself, as soon as it is there.
        simple: Option<TelemetrySimple> = None,
    }
    rules processor_rules;
}

impl TelemetryProcessor {
    /// Where it sends to. Absent only where the configuration is refused.
    #[must_use]
    pub fn otlp(&self) -> Option<&TelemetryOtlp> {
        let batch = self.batch.as_ref().map(|batch| &batch.exporter);
        let simple = self.simple.as_ref().map(|simple| &simple.exporter);
        batch.or(simple)?.otlp.as_ref()
    }
}

fn processor_rules(processor: &mut TelemetryProcessor, block: &mut Block<'_>, report: &mut Report) {
    let (text, fix) = match (&processor.batch, &processor.simple) {
        (Some(_), Some(_)) => (
            "the processor is `batch` and `simple` at once",
            "make two processors of it",
        ),
        (None, None) => (
            "the processor is neither `batch` nor `simple`",
            "write `batch: {exporter: {otlp: {protocol: grpc, endpoint: http://host:4317}}}`",
        ),
        _ => return,
    };
    let cause = match processor.batch {
        Some(_) => Cause::Contradiction,
        None => Cause::Missing,
    };
    report.error_at(block.place(), cause, text, fix);
}

settings! {
    /// Own log records or spans leave many at once.
    pub struct TelemetryBatch {
        /// Longest time that a request is filled, in milliseconds. Absent: 1000 for logs, 5000 for traces.
        schedule_delay: Option<i64> = None,
        /// Most of them that wait. Those beyond are left out and counted. More than 1,048,576 count as that many.
        max_queue_size: i64 = 2048,
        /// Longest time for a request with all its attempts, in milliseconds.
        export_timeout: i64 = 30_000,
        /// Most of them in a request.
        max_export_batch_size: i64 = 512,
        /// Where they are sent.
        exporter: TelemetryExporter = TelemetryExporter::default(),
    }
    rules batch_rules;
}

fn batch_rules(batch: &mut TelemetryBatch, block: &mut Block<'_>, report: &mut Report) {
    require_exporter(&batch.exporter, block, report);
    block.reject_negative("schedule_delay", batch.schedule_delay.unwrap_or(0), report);
    block.require_positive("max_queue_size", batch.max_queue_size, report);
    block.require_positive("export_timeout", batch.export_timeout, report);
    block.require_positive("max_export_batch_size", batch.max_export_batch_size, report);
}

settings! {
    /// Own log records or spans leave as soon as they are there.
    pub struct TelemetrySimple {
        /// Where they are sent.
        exporter: TelemetryExporter = TelemetryExporter::default(),
    }
    rules simple_rules;
}

fn simple_rules(simple: &mut TelemetrySimple, block: &mut Block<'_>, report: &mut Report) {
    require_exporter(&simple.exporter, block, report);
}

fn require_exporter(exporter: &TelemetryExporter, block: &Block<'_>, report: &mut Report) {
    if exporter.otlp.is_none() {
        let text = "the processor has no `exporter`";
        let fix = "add `exporter: {otlp: {protocol: grpc, endpoint: http://host:4317}}`";
        report.error_at(block.at("exporter"), Cause::Missing, text, fix);
    }
}

settings! {
    /// Where own telemetry is sent.
    pub struct TelemetryExporter {
        /// To a server of OTLP.
        otlp: Option<TelemetryOtlp> = None,
    }
    refused {
        "console" = "the log is written anyway (`logs.output_paths`); send the rest by `otlp`",
    }
}

choice! {
    /// How own telemetry is sent.
    pub enum TelemetryProtocol = Grpc {
        /// OTLP over gRPC.
        Grpc = "grpc",
        /// OTLP over HTTP.
        Http = "http/protobuf",
    }
}

choice! {
    /// How requests of own telemetry are packed.
    pub enum TelemetryCompression = None {
        /// Not at all.
        None = "none" | "",
        /// gzip.
        Gzip = "gzip",
    }
}

settings! {
    /// A server of OTLP that takes own telemetry.
    pub struct TelemetryOtlp {
        /// How it is sent. Must be written.
        protocol: Option<TelemetryProtocol> = None,
        /// URL of the server; over HTTP with a path, that is the whole one. Without `http://` or `https://` it is
        /// `https://`, with `insecure: true` `http://`.
        endpoint: String = String::new(),
        /// Headers of every request.
        headers: Headers = Headers::default(),
        /// Plain text, where the endpoint does not say.
        insecure: bool = false,
        /// Longest time for one attempt, in milliseconds.
        timeout: i64 = 10_000,
        /// How requests are packed.
        compression: TelemetryCompression = TelemetryCompression::None,
        /// Path of the certificates that are trusted (PEM). Empty: those of the system.
        certificate: String = String::new(),
        /// Path of the certificate of this process (PEM). Needs a key.
        client_certificate: String = String::new(),
        /// Path of its private key (PEM).
        client_key: String = String::new(),
    }
    refused {
        "headers_list" = "write the headers one by one below `headers`",
    }
    present_when_empty true;
    rules otlp_rules;
}

impl TelemetryOtlp {
    /// Longest time for one attempt.
    #[must_use]
    pub fn attempt_time(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.timeout).unwrap_or_default())
    }
}

fn otlp_rules(otlp: &mut TelemetryOtlp, block: &mut Block<'_>, report: &mut Report) {
    if otlp.protocol.is_none() && !block.has("protocol") {
        let fix = "add `protocol: grpc` or `protocol: http/protobuf`";
        report.error_at(block.place(), Cause::Missing, "there is no `protocol`", fix);
    }
    if otlp.endpoint.is_empty() {
        let fix = "add `endpoint: http://host:4317`";
        let text = "there is no `endpoint`";
        report.error_at(block.at("endpoint"), Cause::Missing, text, fix);
    } else if !otlp.endpoint.starts_with("http://") && !otlp.endpoint.starts_with("https://") {
        let scheme = if otlp.insecure { "http" } else { "https" };
        otlp.endpoint = format!("{scheme}://{}", otlp.endpoint);
    }
    block.require_positive("timeout", otlp.timeout, report);
    if otlp.client_certificate.is_empty() != otlp.client_key.is_empty() {
        let (has, lacks) = match otlp.client_key.is_empty() {
            true => ("client_certificate", "client_key"),
            false => ("client_key", "client_certificate"),
        };
        let text = format!("there is a `{has}` and no `{lacks}`");
        let fix = format!("add `{lacks}`");
        report.error_at(block.at(has), Cause::MissingBeside, text, fix);
    }
}
