//! How own metrics can be had: `readers`, in the form of OpenTelemetry's declarative configuration.

use super::TelemetryOtlp;
use crate::report::{Cause, Report};
use crate::setting::{Block, choice, settings};
use serde_json::Value as Json;
use std::time::Duration;

settings! {
    /// One way in which metrics can be had: `pull` or `periodic`.
    pub struct MetricsReader {
        /// They are fetched.
        pull: Option<PullReader> = None,
        /// They are sent, all of them, again and again.
        periodic: Option<PeriodicReader> = None,
    }
    rules reader_rules;
}

impl MetricsReader {
    pub(super) fn of_prometheus(prometheus: PrometheusPull) -> Self {
        let exporter = PullExporter {
            prometheus: Some(prometheus),
        };
        Self {
            pull: Some(PullReader { exporter }),
            periodic: None,
        }
    }

    pub(super) fn default_pull() -> Self {
        Self::of_prometheus(PrometheusPull::default())
    }
}

fn reader_rules(reader: &mut MetricsReader, block: &mut Block<'_>, report: &mut Report) {
    if reader.pull.is_some() && reader.periodic.is_some() {
        let text = "the reader is `pull` and `periodic` at once";
        let fix = "make two readers of it";
        report.error_at(block.place(), Cause::Contradiction, text, fix);
    }
}

settings! {
    /// Metrics that are fetched.
    pub struct PullReader {
        /// How.
        exporter: PullExporter = PullExporter::default(),
    }
}

settings! {
    /// How metrics are fetched.
    pub struct PullExporter {
        /// By Prometheus.
        prometheus: Option<PrometheusPull> = None,
    }
}

settings! {
    /// Metrics that are scraped by Prometheus.
    pub struct PrometheusPull {
        /// Host to listen on.
        host: String = "localhost".to_owned(),
        /// Port to listen on.
        port: u16 = 8888,
        /// Leave `_total` out.
        without_type_suffix: bool = true,
        /// Leave units out.
        without_units: bool = true,
        /// Leave the labels of the instrumentation scope out.
        without_scope_info: bool = true,
    }
    ignored {
        "with_resource_constant_labels": Json = "resource attributes are in `target_info`",
    }
    present_when_empty true;
}

settings! {
    /// Metrics that are sent again and again.
    pub struct PeriodicReader {
        /// Time from one request to the next, in milliseconds.
        interval: i64 = 60_000,
        /// Longest time for a request with all its attempts, in milliseconds.
        timeout: i64 = 30_000,
        /// Where they are sent.
        exporter: PeriodicExporter = PeriodicExporter::default(),
    }
    ignored {
        "producers": Json = "all metrics of the process are sent",
        "cardinality_limits": Json = "what a metric counts by has bounds of its own",
    }
    present_when_empty true;
    rules periodic_rules;
}

impl PeriodicReader {
    /// Time from one request to the next.
    #[must_use]
    pub fn interval(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.interval).unwrap_or_default())
    }

    /// Longest time for a request with all its attempts.
    #[must_use]
    pub fn export_time(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.timeout).unwrap_or_default())
    }
}

fn periodic_rules(reader: &mut PeriodicReader, block: &mut Block<'_>, report: &mut Report) {
    block.require_positive("interval", reader.interval, report);
    block.require_positive("timeout", reader.timeout, report);
    if reader.exporter.otlp.is_none() {
        let text = "the reader has no `exporter`";
        let fix = "add `exporter: {otlp: {protocol: grpc, endpoint: http://host:4317}}`";
        report.error_at(block.at("exporter"), Cause::Missing, text, fix);
    }
}

settings! {
    /// Where own metrics are sent.
    pub struct PeriodicExporter {
        /// To a server of OTLP.
        otlp: Option<TelemetryMetricsOtlp> = None,
    }
    refused {
        "console" = "metrics are on the page of the admin listener; send them by `otlp`",
    }
}

choice! {
    /// Since when sums and histograms count.
    pub enum TelemetryTemporality = Cumulative {
        /// Since the start of the process.
        Cumulative = "cumulative",
        /// Since the request before.
        Delta = "delta",
        /// Some one, some the other.
        LowMemory = "lowmemory",
    }
}

choice! {
    /// What histograms are sent as.
    pub enum TelemetryHistograms = Explicit {
        /// With buckets of given bounds.
        Explicit = "explicit_bucket_histogram",
        /// With buckets of growing width.
        Exponential = "base2_exponential_bucket_histogram",
    }
}

settings! {
    /// A server of OTLP that takes own metrics.
    pub struct TelemetryMetricsOtlp inlines {
        /// The server.
        server: TelemetryOtlp = TelemetryOtlp::default(),
    } {
        /// Since when sums and histograms count: `cumulative`.
        temporality_preference: TelemetryTemporality = TelemetryTemporality::Cumulative,
        /// What histograms are sent as: `explicit_bucket_histogram`.
        default_histogram_aggregation: TelemetryHistograms = TelemetryHistograms::Explicit,
    }
    present_when_empty true;
    rules metrics_otlp_rules;
}

fn metrics_otlp_rules(otlp: &mut TelemetryMetricsOtlp, block: &mut Block<'_>, report: &mut Report) {
    if otlp.temporality_preference != TelemetryTemporality::Cumulative {
        let text = "own metrics are sent as `cumulative` alone";
        let fix = "remove it; a backend that wants differences has them made by a Collector's `cumulativetodelta`";
        report.error_at(
            block.at("temporality_preference"),
            Cause::AbsentOption,
            text,
            fix,
        );
    }
    if otlp.default_histogram_aggregation != TelemetryHistograms::Explicit {
        let place = block.at("default_histogram_aggregation");
        let text = "own histograms are sent as `explicit_bucket_histogram` alone";
        report.error_at(place, Cause::AbsentOption, text, "remove it");
    }
}
