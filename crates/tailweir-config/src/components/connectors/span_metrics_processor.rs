//! The `spanmetrics` processor of old configurations.

use super::dimension::{Dimension, check_dimensions};
use super::span_metrics::{
    AggregationTemporality, ExplicitHistogram, SpanMetricsConnector, SpanMetricsExemplars,
    check_rising,
};
use crate::ComponentId;
use crate::report::{Cause, Report};
use crate::setting::{Block, settings};
use std::time::Duration;

/// What each data point has by itself, as it is and as a label of Prometheus.
const RESERVED: &[&str] = &[
    "service.name",
    "service_name",
    "operation",
    "span.kind",
    "span_kind",
    "status.code",
    "status_code",
];

settings! {
    /// Counts spans and their durations where it stands in a pipeline of traces, and sends what it counted to
    /// an exporter of metrics. The Collector no longer has it; it runs as a `span_metrics` connector whose
    /// series have their old names. One series for all pipelines that have it.
    pub struct SpanMetricsProcessor {
        /// The exporter that its metrics go to. No pipeline needs to have it.
        metrics_exporter: ComponentId = ComponentId::default(),
        /// Upper bounds of the buckets, rising. Absent: 2, 4, 6, 8, 10, 50, 100, 200, 400, 800 ms, 1, 1.4,
        /// 2, 5, 10 and 15 s.
        latency_histogram_buckets: Option<Vec<Duration>> = None,
        /// Further dimensions.
        dimensions: Vec<Dimension> = Vec::new(),
        /// Whether data points cover everything, or what is new.
        aggregation_temporality: AggregationTemporality = AggregationTemporality::Cumulative,
        /// Time between flushes.
        metrics_flush_interval: Duration = Duration::from_secs(15),
        /// What comes before the names of its metrics, with a dot. Empty: nothing.
        namespace: String = String::new(),
    }
    ignored {
        "dimensions_cache_size": i64 = "no series is forgotten for another, so that none begins anew; all may take 256 MiB",
    }
    rules processor_rules;
}

fn processor_rules(
    processor: &mut SpanMetricsProcessor,
    block: &mut Block<'_>,
    report: &mut Report,
) {
    if processor.metrics_exporter == ComponentId::default() {
        let key = "metrics_exporter";
        let help = "write the id of an exporter that takes metrics";
        report.error_at(
            block.at(key),
            Cause::Missing,
            "`metrics_exporter` is missing",
            help,
        );
    }
    let key = "latency_histogram_buckets";
    if let Some(buckets) = &processor.latency_histogram_buckets {
        check_rising(key, buckets, block.at(key), report);
    }
    let key = "dimensions";
    let (items, whole) = (block.items(key), block.at(key));
    check_dimensions(&processor.dimensions, RESERVED, items, &whole, report);
    if processor.metrics_flush_interval.is_zero() {
        let key = "metrics_flush_interval";
        let text = "`metrics_flush_interval` must be above zero";
        report.error_at(block.at(key), Cause::OutOfRange, text, "");
    }
}

impl SpanMetricsProcessor {
    /// The connector that counts the same.
    #[must_use]
    pub fn as_connector(&self) -> SpanMetricsConnector {
        let mut connector = SpanMetricsConnector {
            dimensions: self.dimensions.clone(),
            exclude_dimensions: vec!["collector.instance.id".to_owned()],
            aggregation_temporality: self.aggregation_temporality,
            metrics_flush_interval: self.metrics_flush_interval,
            namespace: self.namespace.clone(),
            exemplars: SpanMetricsExemplars {
                enabled: true,
                ..SpanMetricsExemplars::default()
            },
            ..SpanMetricsConnector::default()
        };
        let buckets = self.latency_histogram_buckets.clone();
        connector.histogram.explicit = buckets.map(|buckets| ExplicitHistogram { buckets });
        connector
    }
}
