//! Components as old configurations have them: what runs in their place, and how they are written today.

use super::Role;
use crate::components::OtlpGrpcExporter;
use crate::node::Node;
use crate::report::Report;

/// The `jaeger` exporter spoke a protocol of its own, to port 14250. Jaeger takes OTLP on 4317.
pub(super) fn speak_otlp(settings: &mut OtlpGrpcExporter, node: &Node, report: &mut Report) {
    let Some(host) = settings.client.endpoint.strip_suffix(":14250") else {
        return;
    };
    let place = node
        .get("endpoint")
        .map_or_else(|| node.head(), |node| node.place.clone());
    settings.client.endpoint = format!("{host}:4317");
    report.advise_at(
        place,
        "OTLP is sent to port 4317 instead of 14250, where Jaeger spoke its old protocol",
        "write port 4317",
    );
}

/// Says how a component of an old type is written today. Types that the Collector still takes are
/// left alone.
pub(crate) fn old_forms(role: Role, name: &str, node: &Node, report: &mut Report) {
    let (text, help) = match (role, name) {
        (Role::Exporter, "logging") => (
            "the `logging` exporter is called `debug` today",
            "rename it",
        ),
        (Role::Exporter, "jaeger") => (
            "the `jaeger` exporter is gone; Jaeger is spoken to by OTLP",
            "write `otlp_grpc` with `endpoint: HOST:4317`",
        ),
        (Role::Exporter, "loki") => (
            "the `loki` exporter is gone; Loki takes OTLP",
            "write `otlp_http` with `endpoint: http://LOKI:3100/otlp`",
        ),
        (Role::Processor, "spanmetrics") => (
            "the `spanmetrics` processor is gone; it runs as the connector, with the names of its metrics",
            "configure the connector `span_metrics`, an exporter of the pipeline of traces and a receiver of one of metrics",
        ),
        (Role::Extension, "memory_ballast") => (
            "`memory_ballast` is gone: there is no garbage collector to calm",
            "remove it",
        ),
        _ => return,
    };
    report.advise_at(node.head(), text, help);
}
