//! The `prometheus` exporter.

use super::queue::SendingQueue;
use super::server::HttpServer;
use crate::Compat;
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
        /// How names are translated. Absent: `UnderscoreEscapingWithSuffixes`.
        translation_strategy: Option<TranslationStrategy> = None,
        /// Where the Collector leaves a series or metric out (its labels become one, or are called `job`;
        /// nothing is left of its name): show it all the same, or leave it out too.
        compat: Compat = Compat::Tailweir,
        /// Most series. New ones beyond are refused and counted; what is there goes on. They may take 2 KiB
        /// each in all.
        max_series: i64 = 500_000,
        /// A queue in front of the page. Absent: senders wait until their metrics are on it.
        sending_queue: Option<SendingQueue> = None,
        /// Has no effect, as in the Collector: `translation_strategy` says whether units and `_total` are
        /// added.
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
    block.require_positive("max_series", exporter.max_series, report);
    if !exporter.add_metric_suffixes {
        report.warn_at(
            block.at("add_metric_suffixes"),
            Cause::NoEffect,
            "`add_metric_suffixes` has no effect, in the Collector neither",
            "write `translation_strategy: UnderscoreEscapingWithoutSuffixes`",
        );
    }
    for name in exporter.const_labels.keys() {
        if name.is_empty() || name.starts_with("__") {
            report.warn_at(
                block.at("const_labels"),
                Cause::NoEffect,
                format!(
                    "Prometheus takes no label called {name:?}; it is called `exported_{name}`"
                ),
                "choose a name that begins with a letter",
            );
        }
    }
    resource_label_rules(
        &exporter.resource_to_telemetry_conversion,
        &exporter.resource_constant_labels,
        block,
        report,
    );
}

/// Refuses to choose resource attributes in two ways at once.
pub(super) fn resource_label_rules(
    switches: &ResourceToTelemetry,
    lists: &ResourceConstantLabels,
    block: &Block<'_>,
    report: &mut Report,
) {
    if lists.enabled || lists.exclude_service_attributes {
        report.error_at(
            block.at("resource_constant_labels"),
            Cause::NotAllowed,
            "`resource_constant_labels` has no `enabled` and no `exclude_service_attributes`",
            "write `included` and `excluded`",
        );
    }
    let are_switched = switches.enabled || switches.exclude_service_attributes;
    let are_listed = !lists.included.is_empty() || !lists.excluded.is_empty();
    if are_switched && are_listed {
        report.error_at(
            block.at("resource_to_telemetry_conversion"),
            Cause::Contradiction,
            "resource attributes are chosen twice",
            "remove `resource_to_telemetry_conversion`",
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
