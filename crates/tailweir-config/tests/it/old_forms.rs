//! Forms of older Collectors.

use crate::workbench::{Memory, settings};
use tailweir_config::{ComponentId, Exporter, LoadOptions, Severity, Sources, Verbosity, load};

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
