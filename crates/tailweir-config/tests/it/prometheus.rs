//! The exporters for Prometheus.

use crate::workbench::{lines, load_text, settings};
use tailweir_config::{Compat, Exporter, HttpCompression, TranslationStrategy};

fn text(exporter: &str, options: &str) -> String {
    format!(
        "receivers: {{nop: }}\nexporters: {{{exporter}: {{{options}}}}}\n\
         service: {{pipelines: {{metrics: {{receivers: [nop], exporters: [{exporter}]}}}}}}\n"
    )
}

/// What is said of a configuration, without its place.
fn said(exporter: &str, options: &str) -> String {
    lines(&load_text(&text(exporter, options)).diagnostics).join("\n")
}

/// Scenario: options of the page that contradict each other, have no effect, or cannot be.
/// Guarantees: each is told, as an error only where the page could not be served as written.
///
/// Conforms: exporter `prometheus` | metrics | `add_metric_suffixes` | no effect: as in the pinned version, whose
/// gate has switched it off; a warning says so
#[test]
fn mistakes_of_a_page_are_told() {
    for (options, expected) in [
        (
            "namespace: x",
            "error: exporters::prometheus: the prometheus exporter has no `endpoint`",
        ),
        (
            "endpoint: ':1', max_series: 0",
            "`max_series` must be above zero",
        ),
        (
            "endpoint: ':1', resource_constant_labels: {enabled: true}",
            "`resource_constant_labels` has no `enabled`",
        ),
        (
            "endpoint: ':1', resource_constant_labels: {included: [a]}, \
             resource_to_telemetry_conversion: {enabled: true}",
            "resource attributes are chosen twice",
        ),
        (
            "endpoint: ':1', add_metric_suffixes: false",
            "warning: exporters::prometheus: `add_metric_suffixes` has no effect",
        ),
        (
            "endpoint: ':1', const_labels: {__x: y}",
            "warning: exporters::prometheus: Prometheus takes no label",
        ),
    ] {
        let said = said("prometheus", options);
        assert!(said.contains(expected), "{options}:\n{said}");
    }
}

/// Scenario: the page of old and of new names.
/// Guarantees: what is written is what holds.
///
/// Conforms: exporter `prometheus` | metrics | `compat` | only here: whose pages are served
#[test]
fn a_page_is_as_written() {
    let options = "endpoint: ':1', compat: collector, translation_strategy: NoTranslation";
    let settings = settings(&text("prometheus", options));
    let Some(Exporter::Prometheus(page)) = settings.exporters.values().next() else {
        panic!("no page");
    };
    assert_eq!(page.compat, Compat::Collector);
    assert_eq!(
        page.translation_strategy,
        Some(TranslationStrategy::NoTranslation)
    );
    assert_eq!(page.max_series, 500_000);
}

/// Scenario: remote write with options that it cannot have, under both of its names.
/// Guarantees: each is refused with the reason.
///
/// Conforms: exporter `prometheus_remote_write` | metrics | `max_batch_request_parallelism`, `num_consumers` | no
/// effect: requests are sent one after the other, so that no sample is overtaken
#[test]
fn mistakes_of_remote_write_are_told() {
    const URL: &str = "endpoint: 'http://h/write'";
    for (options, expected) in [
        ("namespace: x", "the exporter has no `endpoint`"),
        (
            &*format!("{URL}, wal: {{directory: x}}"),
            "there is no write-ahead log",
        ),
        (
            &*format!("{URL}, compression: zstd"),
            "remote write is packed with snappy",
        ),
        (
            &*format!("{URL}, external_labels: {{a: ''}}"),
            "no name or no value",
        ),
        (
            &*format!("{URL}, remote_write_queue: {{queue_size: 0}}"),
            "`queue_size` must be above zero",
        ),
        (
            &*format!("{URL}, translation_strategy: NoTranslation"),
            "names of any script need remote write 2.0",
        ),
        (
            &*format!("{URL}, max_batch_request_parallelism: 5"),
            "no sample is overtaken",
        ),
    ] {
        for exporter in ["prometheus_remote_write", "prometheusremotewrite"] {
            let said = said(exporter, options);
            assert!(said.contains(expected), "{options}:\n{said}");
        }
    }
}

/// Scenario: remote write with its client written in either way.
/// Guarantees: it is the same client, packed with snappy.
///
/// Conforms: exporter `prometheus_remote_write` | metrics | options of the client, also below `http` | same
#[test]
fn the_client_of_remote_write_is_written_in_either_way() {
    for options in ["endpoint: 'http://h/w'", "http: {endpoint: 'http://h/w'}"] {
        let settings = settings(&text("prometheus_remote_write", options));
        let Some(Exporter::PrometheusRemoteWrite(remote)) = settings.exporters.values().next()
        else {
            panic!("no remote write");
        };
        assert_eq!(remote.client().endpoint, "http://h/w");
        assert_eq!(remote.client().compression, HttpCompression::Snappy);
    }
}
