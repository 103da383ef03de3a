//! `service.telemetry`: own log records and spans.

use crate::workbench::{assert_error, load_text, settings};
use std::time::Duration;
use tailweir_config::{TelemetryCompression, TelemetryProtocol, print_config};

/// A whole configuration with this in `service.telemetry`.
fn with_telemetry(telemetry: &str) -> String {
    format!(
        "receivers: {{nop: }}\nexporters: {{nop: }}\nservice:\n  telemetry: {telemetry}\n  \
         pipelines: {{traces: {{receivers: [nop], exporters: [nop]}}}}\n"
    )
}

/// Scenario: traces and logs in the form of OpenTelemetry's declarative configuration, with headers as a list and as
/// a map, and endpoints with and without a scheme.
/// Guarantees: everything is read as the Collector reads it.
#[test]
fn processors_are_read_as_the_collector_reads_them() {
    let settings = settings(&with_telemetry(
        "{logs: {processors: [{batch: {schedule_delay: 200, max_queue_size: 100, exporter: {otlp: {protocol: \
         http/protobuf, endpoint: 'sink:4318', insecure: true, headers: [{name: key, value: one}], timeout: 500, \
         compression: gzip}}}}]}, traces: {propagators: [tracecontext], processors: [{simple: {exporter: {otlp: \
         {protocol: grpc, endpoint: 'sink:4317', headers: {key: two}}}}}], sampler: {parent_based: {root: \
         {trace_id_ratio_based: {ratio: 0.25}}, remote_parent_not_sampled: {always_on: }}}}}",
    ));
    let logs = settings.telemetry.logs.processors.first().unwrap();
    let batch = logs.batch.as_ref().unwrap();
    assert_eq!(
        (batch.schedule_delay, batch.max_queue_size),
        (Some(200), 100)
    );
    assert_eq!(
        (batch.max_export_batch_size, batch.export_timeout),
        (512, 30_000)
    );
    let otlp = logs.otlp().unwrap();
    assert_eq!(otlp.endpoint, "http://sink:4318");
    assert_eq!(otlp.protocol, Some(TelemetryProtocol::Http));
    assert_eq!(otlp.compression, TelemetryCompression::Gzip);
    assert_eq!(otlp.attempt_time(), Duration::from_millis(500));
    let traces = &settings.telemetry.traces;
    assert!(traces.is_on() && traces.reads_traceparent());
    let otlp = traces.processors.first().unwrap().otlp().unwrap();
    assert_eq!(otlp.endpoint, "https://sink:4317");
    for (otlp, wanted) in [(logs.otlp().unwrap(), "one"), (otlp, "two")] {
        let (name, value) = otlp.headers.iter().next().unwrap();
        assert_eq!((name, value.expose()), ("key", wanted));
    }
    let sampler = traces
        .sampler
        .as_ref()
        .unwrap()
        .parent_based
        .as_ref()
        .unwrap();
    let root = sampler.root.as_ref().unwrap();
    assert_eq!(root.trace_id_ratio_based.as_ref().unwrap().ratio, 0.25);
    assert!(
        sampler
            .remote_parent_not_sampled
            .as_ref()
            .unwrap()
            .always_on
            .is_some()
    );
    assert!(sampler.local_parent_sampled.is_none());
}

/// Scenario: nothing is configured; traces without a processor; traces of level `none` with one.
/// Guarantees: nothing is sent in any of them.
#[test]
fn own_telemetry_is_off_unless_asked_for() {
    let processors =
        "processors: [{simple: {exporter: {otlp: {protocol: grpc, endpoint: 'http://a:1'}}}}]";
    for traces in [
        "{}",
        "{traces: {level: basic}}",
        &format!("{{traces: {{level: none, {processors}}}}}"),
    ] {
        let telemetry = settings(&with_telemetry(traces)).telemetry;
        assert!(
            !telemetry.traces.is_on() && telemetry.logs.processors.is_empty(),
            "{traces}"
        );
    }
}

/// Scenario: each way to write what cannot be sent.
/// Guarantees: each is refused, with what is missing or wrong.
#[test]
fn what_cannot_be_sent_is_refused() {
    let logs =
        |processor: &str| with_telemetry(&format!("{{logs: {{processors: [{processor}]}}}}"));
    let otlp = |otlp: &str| logs(&format!("{{batch: {{exporter: {{otlp: {{{otlp}}}}}}}}}"));
    let traces = |traces: &str| with_telemetry(&format!("{{traces: {{{traces}}}}}"));
    let good = "exporter: {otlp: {protocol: grpc, endpoint: 'http://a:1'}}";
    for (configuration, words) in [
        (logs("{}"), "neither `batch` nor `simple`"),
        (
            logs(&format!("{{batch: {{{good}}}, simple: {{{good}}}}}")),
            "at once",
        ),
        (logs("{batch: {}}"), "no `exporter`"),
        (
            logs("{batch: {exporter: {console: {}}}}"),
            "`console` is not available",
        ),
        (
            logs(&format!("{{batch: {{max_queue_size: 0, {good}}}}}")),
            "above zero",
        ),
        (
            logs(&format!("{{batch: {{schedule_delay: -1, {good}}}}}")),
            "must not be negative",
        ),
        (otlp("endpoint: 'http://a:1'"), "no `protocol`"),
        (
            otlp("protocol: http/json, endpoint: 'http://a:1'"),
            "http/json",
        ),
        (otlp("protocol: grpc"), "no `endpoint`"),
        (
            otlp("protocol: grpc, endpoint: a, timeout: 0"),
            "above zero",
        ),
        (
            otlp("protocol: grpc, endpoint: a, client_key: k"),
            "no `client_certificate`",
        ),
        (
            otlp("protocol: grpc, endpoint: a, headers_list: 'a=b'"),
            "`headers_list` is not available",
        ),
        (traces("propagators: [b3]"), "`b3` is not available"),
        (traces("propagators: [jaeger]"), "jaeger"),
        (traces("sampler: {}"), "the sampler is none"),
        (
            traces("sampler: {always_on: , always_off: }"),
            "several at once",
        ),
        (
            traces("sampler: {trace_id_ratio_based: {ratio: 2}}"),
            "between 0 and 1",
        ),
        (
            traces("sampler: {jaeger_remote: {endpoint: a}}"),
            "`jaeger_remote` is not available",
        ),
        (traces("level: loud"), "loud"),
    ] {
        assert_error(&load_text(&configuration), &configuration, words);
    }
}

/// Scenario: headers hold a token.
/// Guarantees: `print-config` does not show it.
#[test]
fn headers_of_own_telemetry_are_not_shown() {
    let settings = settings(&with_telemetry(
        "{logs: {processors: [{simple: {exporter: {otlp: {protocol: grpc, endpoint: a, headers: {k: hunter2}}}}}]}}",
    ));
    assert!(!format!("{:?}", settings.telemetry).contains("hunter2"));
    assert!(!print_config(&settings).contains("hunter2"));
}

/// Scenario: metrics are scraped and sent in two ways, one of them without options.
/// Guarantees: each reader is read as the Collector reads it, with its defaults; of level `none` nothing is sent.
#[test]
fn readers_are_read_as_the_collector_reads_them() {
    let readers = "readers: [{pull: {exporter: {prometheus: {port: 9}}}}, {periodic: {interval: 5000, timeout: 700, \
                   exporter: {otlp: {protocol: http/protobuf, endpoint: 'sink:4318', insecure: true, \
                   temporality_preference: cumulative}}}}, {periodic: {exporter: {otlp: {protocol: grpc, endpoint: \
                   'http://sink:4317'}}}}]";
    let metrics = |level: &str| {
        let text = with_telemetry(&format!("{{metrics: {{level: {level}, {readers}}}}}"));
        settings(&text).telemetry.metrics
    };
    let normal = metrics("normal");
    let periodic: Vec<_> = normal.periodic().collect();
    let [(1, first), (2, second)] = periodic.as_slice() else {
        panic!("{periodic:#?}");
    };
    assert_eq!(first.interval(), Duration::from_secs(5));
    assert_eq!(first.export_time(), Duration::from_millis(700));
    let server = &first.exporter.otlp.as_ref().unwrap().server;
    assert_eq!(server.endpoint, "http://sink:4318");
    assert_eq!(server.protocol, Some(TelemetryProtocol::Http));
    assert_eq!(second.interval(), Duration::from_secs(60));
    assert_eq!(second.export_time(), Duration::from_secs(30));
    assert_eq!(normal.addresses().collect::<Vec<_>>(), ["localhost:9"]);
    assert_eq!(metrics("none").periodic().count(), 0);
}

/// Scenario: readers that lack something, are two at once, or ask for what is not sent.
/// Guarantees: each is refused with what to do.
#[test]
fn mistakes_of_readers_are_told() {
    let otlp = |more: &str| {
        format!(
            "periodic: {{exporter: {{otlp: {{protocol: grpc, endpoint: 'http://a:1'{more}}}}}}}"
        )
    };
    for (reader, said) in [
        (
            "periodic: {interval: 1000}".to_owned(),
            "the reader has no `exporter`",
        ),
        (
            "periodic: {exporter: {otlp: {endpoint: 'http://a:1'}}}".to_owned(),
            "there is no `protocol`",
        ),
        (
            "periodic: {exporter: {console: {}}}".to_owned(),
            "metrics are on the page of the admin listener",
        ),
        (
            format!("pull: {{exporter: {{prometheus: }}}}, {}", otlp("")),
            "`pull` and `periodic` at once",
        ),
        (
            otlp(", temporality_preference: delta"),
            "own metrics are sent as `cumulative` alone",
        ),
        (
            otlp(", default_histogram_aggregation: base2_exponential_bucket_histogram"),
            "own histograms are sent as `explicit_bucket_histogram` alone",
        ),
    ] {
        let text = with_telemetry(&format!("{{metrics: {{readers: [{{{reader}}}]}}}}"));
        assert_error(&load_text(&text), &reader, said);
    }
}
