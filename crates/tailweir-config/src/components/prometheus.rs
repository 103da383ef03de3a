//! The `prometheus` exporter.

use super::server::HttpServer;
use crate::report::{Cause, Report};
use crate::setting::{Block, choice, settings};
use std::collections::BTreeMap;
use std::time::Duration;

choice! {
    /// How names of metrics become names of Prometheus.
    pub enum TranslationStrategy = UnderscoreEscapingWithSuffixes {
        /// Underscores for other characters; units and `_total` are added.
        UnderscoreEscapingWithSuffixes = "UnderscoreEscapingWithSuffixes",
        /// Underscores for other characters; nothing is added.
        UnderscoreEscapingWithoutSuffixes = "UnderscoreEscapingWithoutSuffixes",
        /// Names are kept; units and `_total` are added.
        NoUTF8EscapingWithSuffixes = "NoUTF8EscapingWithSuffixes",
        /// Names are kept as they are.
        NoTranslation = "NoTranslation",
    }
}

settings! {
    /// Offers metrics to be scraped by Prometheus.
    pub struct PrometheusExporter inlines {
        /// The server.
        server: HttpServer = HttpServer {
            read_header_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            ..HttpServer::default()
        },
    } {
        /// Put before every name, with an underscore.
        namespace: String = String::new(),
        /// Labels of every series.
        const_labels: BTreeMap<String, String> = BTreeMap::new(),
        /// Write the time of each point.
        send_timestamps: bool = false,
        /// How long a series is offered after its last point.
        metric_expiration: Duration = Duration::from_secs(300),
        /// Offer OpenMetrics to scrapers that ask for it.
        enable_open_metrics: bool = false,
        /// Leave out the labels of the instrumentation scope.
        without_scope_info: bool = false,
        /// How names are translated. Absent: with suffixes, or as `add_metric_suffixes` says.
        translation_strategy: Option<TranslationStrategy> = None,
        /// Before `translation_strategy`: whether units and `_total` are added.
        add_metric_suffixes: bool = true,
        /// Labels made of resource attributes.
        resource_to_telemetry_conversion: ResourceToTelemetry = ResourceToTelemetry::default(),
        /// The same, with a choice of attributes.
        resource_constant_labels: ResourceConstantLabels = ResourceConstantLabels::default(),
    }
    rules prometheus_rules;
}

fn prometheus_rules(exporter: &mut PrometheusExporter, block: &mut Block<'_>, report: &mut Report) {
    if exporter.server.endpoint.trim().is_empty() {
        let text = "the prometheus exporter has no `endpoint`";
        report.error_at(
            block.at("endpoint"),
            Cause::Missing,
            text,
            "add `endpoint: 0.0.0.0:8889`",
        );
    }
}

settings! {
    /// Labels made of resource attributes.
    pub struct ResourceToTelemetry {
        /// Whether resource attributes become labels.
        enabled: bool = false,
        /// Leave out `service.name` and its like, which are in `job` and `instance`.
        exclude_service_attributes: bool = false,
    }
}

settings! {
    /// Labels made of chosen resource attributes.
    pub struct ResourceConstantLabels {
        /// Whether resource attributes become labels.
        enabled: bool = false,
        /// Leave out `service.name` and its like, which are in `job` and `instance`.
        exclude_service_attributes: bool = false,
        /// Keys that become labels; `*` stands for any text. Empty: all.
        included: Vec<String> = Vec::new(),
        /// Keys that do not, though they are among `included`.
        excluded: Vec<String> = Vec::new(),
    }
}
