//! The metrics that operators see.

use crate::harness::{Fixture, sampling_yaml};
use metrics_exporter_prometheus::PrometheusBuilder;
use tailweir_gateway::{MetricKind, metric_reference};
use tailweir_testkit::{Sink, request, span, trace_id};

/// Scenario: traces were kept, dropped and exported, and the metrics are published.
/// Guarantees: the Collector's names are there with its labels and without `_total`, the books too,
/// and nothing is published that the reference does not list.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_has_the_collectors_names_and_the_books() {
    // The only test of this process that installs a recorder.
    let page = PrometheusBuilder::new().install_recorder().unwrap();
    let sink = Sink::start();
    let gateway = Fixture::start(&sampling_yaml(&sink.endpoint())).await;
    let sent = request()
        .service("shop")
        .span(span(trace_id(1), 1).error())
        .span(span(trace_id(2), 1));
    gateway.send(sent.message()).await.unwrap();
    sink.until("the kept trace", |sink| sink.spans().len() == 1)
        .await;
    // Both traces are decided in one round, but each shard reports for itself.
    gateway
        .until("decisions", |status| status.samplers[0].held.traces == 0)
        .await;
    gateway.running.publish_metrics().await;
    let text = page.render();
    for line in [
        "otelcol_receiver_accepted_spans{receiver=\"otlp\",transport=\"grpc\"} 2",
        "otelcol_receiver_refused_spans{receiver=\"otlp\",transport=\"http\"} 0",
        "otelcol_exporter_queue_capacity{exporter=\"otlp\",data_type=\"traces\"} 1000",
        "otelcol_processor_tail_sampling_global_count_traces_sampled{sampled=\"true\",decision=\"sampled\"} 1",
        "otelcol_processor_tail_sampling_global_count_traces_sampled{sampled=\"false\",decision=\"not_sampled\"} 1",
        "otelcol_processor_tail_sampling_count_traces_sampled{policy=\"errors\",sampled=\"true\",decision=\"sampled\"} 1",
        "otelcol_processor_tail_sampling_count_traces_sampled{policy=\"errors\",sampled=\"false\",decision=\"not_sampled\"} 1",
        "otelcol_processor_tail_sampling_sampling_policy_execution_count{policy=\"errors\"} 2",
        "otelcol_processor_tail_sampling_new_trace_id_received 2",
        "tailweir_decided_traces{policy=\"errors\",decision=\"sampled\"} 1",
        "tailweir_acknowledged_items{signal=\"traces\"} 2",
        "tailweir_dropped_items{signal=\"traces\",reason=\"not_sampled\"} 1",
        "tailweir_ready 1",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "no {line} in\n{text}"
        );
    }
    let reference = metric_reference();
    for line in text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        let name = line.split(['{', ' ']).next().unwrap_or_default();
        let known = reference.iter().any(|metric| match metric.kind {
            MetricKind::Histogram => name.starts_with(metric.name),
            MetricKind::Counter | MetricKind::Gauge => name == metric.name,
        });
        assert!(known, "{name} is not in the reference");
    }
    gateway.finish().await;
}
