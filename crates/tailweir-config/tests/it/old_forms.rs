//! Forms of older Collectors.

use crate::workbench::{Memory, lines, load_text, settings};
use tailweir_config::{
    ComponentId, Connector, Exporter, LoadOptions, Severity, Sources, Verbosity, load,
};

const OLD: &str = "receivers: {otlp: {protocols: {grpc: {endpoint: '0.0.0.0:4317'}}}}
processors:
  batch: {send_batch_size: 100_000, send_batch_max_size: 200_000}
exporters:
  logging: {loglevel: debug}
  jaeger: {endpoint: 'jaeger:14250', tls: {insecure: true}}
service:
  telemetry: {metrics: {address: ':8889'}}
  pipelines: {traces: {receivers: [otlp], processors: [batch], exporters: [logging, jaeger]}}
";

fn id(text: &str) -> ComponentId {
    ComponentId::parse(text).expect("an id")
}

/// Scenario: a configuration with the `logging` and `jaeger` exporters, the old address of metrics and
/// grouped digits.
/// Guarantees: it runs as it was meant, with one line of advice each.
///
/// Conforms: exporter `jaeger` | traces | `endpoint` with the port of old, where newer Collectors refuse it | better:
/// OTLP is sent to port 4317, with advice
/// Conforms: exporter `logging` | traces | `loglevel` | same
#[test]
fn old_forms_run_with_advice() {
    let settings = settings(OLD);
    let Exporter::Debug(debug) = &settings.exporters[&id("logging")] else {
        panic!("not the debug exporter");
    };
    assert_eq!(debug.verbosity, Verbosity::Detailed);
    let Exporter::OtlpGrpc(jaeger) = &settings.exporters[&id("jaeger")] else {
        panic!("not the OTLP exporter");
    };
    assert_eq!(jaeger.client.endpoint, "jaeger:4317");
    let addresses: Vec<String> = settings.telemetry.metrics.addresses().collect();
    assert_eq!(addresses, ["0.0.0.0:8889"]);
}

/// Scenario: the `logging` exporter stands in a pipeline of each signal, and the `memory_ballast` extension runs.
/// Guarantees: the first is the `debug` exporter in each of them; the second is taken, and told to be gone.
///
/// Conforms: exporter `logging` | traces, metrics, logs | where newer Collectors refuse it | better: it runs as
/// `debug`, with advice
/// Conforms: extension `memory_ballast` | `size_mib` and all others | no effect: there is no garbage collector to
/// calm; advice says so
#[test]
fn what_was_renamed_or_removed_still_stands_where_it_stood() {
    let pipeline = "{receivers: [nop], exporters: [logging]}";
    let loaded = load_text(&format!(
        "receivers: {{nop: }}
exporters: {{logging: }}
extensions: {{memory_ballast: {{size_mib: 64}}}}
service:
  extensions: [memory_ballast]
  pipelines: {{traces: {pipeline}, metrics: {pipeline}, logs: {pipeline}}}
"
    ));
    let said = lines(&loaded.diagnostics).join("\n");
    assert!(
        said.contains("there is no garbage collector to calm"),
        "{said}"
    );
    let settings = loaded.settings.expect("a configuration that runs");
    assert!(matches!(
        settings.exporters[&id("logging")],
        Exporter::Debug(_)
    ));
    assert_eq!(settings.pipelines.len(), 3);
}

/// Scenario: the same configuration, as it is and under `--strict`.
/// Guarantees: each old form is advice, and an error when strict; nothing else is said.
#[test]
fn strict_refuses_old_forms() {
    let mut memory = Memory::default();
    memory.files.insert("old.yaml", OLD.to_owned());
    let sources = Sources::new().config("old.yaml");
    let lenient = load(&sources, LoadOptions::default(), &memory);
    let advice: Vec<Severity> = lenient
        .diagnostics
        .iter()
        .map(|item| item.severity)
        .collect();
    assert_eq!(advice, [Severity::Advice; 5], "{}", lenient.diagnostics);
    let strict = LoadOptions {
        strict: true,
        ..LoadOptions::default()
    };
    let strict = load(&sources, strict, &memory);
    assert!(strict.settings.is_none());
    assert_eq!(strict.diagnostics.errors().count(), 5);
}

/// A configuration with the `spanmetrics` processor, as its documentation wrote it.
fn with_span_metrics(processor: &str) -> String {
    format!(
        "receivers: {{nop: , otlp/dummy: {{protocols: {{grpc: {{endpoint: 'localhost:12345'}}}}}}}}
processors:
  spanmetrics: {processor}
exporters: {{nop: , zipkin: {{endpoint: 'http://z/api/v2/spans'}}, otlp/metrics: {{endpoint: 'm:4317'}}}}
service:
  pipelines:
    traces: {{receivers: [nop], processors: [spanmetrics], exporters: [nop]}}
    metrics/spanmetrics: {{receivers: [otlp/dummy], exporters: [otlp/metrics]}}
"
    )
}

/// Scenario: a traces pipeline has the `spanmetrics` processor, which names an exporter.
/// Guarantees: it is a connector in that place, with a pipeline from it to the exporter, which no processor of
/// another pipeline stands in; where it stands is told with what to write today.
#[test]
fn the_span_metrics_processor_is_a_connector() {
    let text = with_span_metrics("{metrics_exporter: otlp/metrics, dimensions_cache_size: 500}");
    let loaded = load_text(&text);
    let said = lines(&loaded.diagnostics);
    let [ignored, advice] = said.as_slice() else {
        panic!("not two remarks: {said:?}");
    };
    assert!(ignored.contains("config.yaml:3:49: warning") && ignored.contains("256 MiB"));
    assert!(advice.contains("config.yaml:3:3: advice") && advice.contains("`span_metrics`"));
    let settings = loaded.settings.expect("a valid configuration");
    let connector = settings.connector_of(&id("spanmetrics"));
    let connector = connector.expect("a connector");
    assert!(matches!(
        settings.connectors[&connector],
        Connector::SpanMetricsProcessor(_)
    ));
    let [traces, dummy, made] = settings.pipelines.as_slice() else {
        panic!("not three pipelines: {:?}", settings.pipelines);
    };
    assert!(settings.fed_connectors(traces).eq([connector.clone()]));
    assert_eq!(settings.fed_connectors(dummy).count(), 0);
    assert_eq!(made.receivers, [connector]);
    assert_eq!(made.exporters, [id("otlp/metrics")]);
}

/// Scenario: the processor names no exporter, one that is not there, one that takes no metrics; a dimension that
/// each point has, bounds that fall, a flush at no time, a word that is none; a pipeline has the name of its own.
/// Guarantees: each is told in its place.
#[test]
fn mistakes_of_the_span_metrics_processor_are_told() {
    let exporter = "metrics_exporter: otlp/metrics";
    let cases = [
        ("{}".to_owned(), "`metrics_exporter` is missing"),
        (
            "{metrics_exporter: otlp}".to_owned(),
            "the exporter `otlp` is not configured",
        ),
        (
            "{metrics_exporter: zipkin}".to_owned(),
            "the exporter `zipkin` does not take metrics",
        ),
        (
            format!("{{{exporter}, dimensions: [{{name: operation}}]}}"),
            "the dimension `operation` is there already",
        ),
        (
            format!("{{{exporter}, latency_histogram_buckets: [2s, 1s]}}"),
            "`latency_histogram_buckets` do not rise",
        ),
        (
            format!("{{{exporter}, metrics_flush_interval: 0s}}"),
            "`metrics_flush_interval` must be above zero",
        ),
        (
            format!("{{{exporter}, aggregation_temporality: DELTA}}"),
            "AGGREGATION_TEMPORALITY_DELTA",
        ),
        (
            format!("{{{exporter}, latency_buckets: [1s]}}"),
            "unknown option `latency_buckets`",
        ),
    ];
    for (processor, wanted) in cases {
        let said = lines(&load_text(&with_span_metrics(&processor)).diagnostics);
        let found = said
            .iter()
            .any(|line| line.contains("config.yaml:3:") && line.contains(wanted));
        assert!(found, "{wanted}: {said:?}");
    }
    let text = with_span_metrics(&format!("{{{exporter}}}"))
        .replace("metrics/spanmetrics", "metrics/processors/spanmetrics");
    let said = lines(&load_text(&text).diagnostics);
    let wanted = "`metrics/processors/spanmetrics` is that of this processor";
    assert!(said.iter().any(|line| line.contains(wanted)), "{said:?}");
}
