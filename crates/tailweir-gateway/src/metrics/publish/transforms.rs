//! Pages of processors that edit and leave out, and of what they know of Kubernetes.

use super::{Labels, Page};
use crate::metrics::{Metric, Metric as M};
use crate::status::{KubernetesRow, TransformRow};
use std::collections::BTreeMap;
use tailweir_transform::Count;

/// A metric with its labels.
type Series<'a> = (Metric, Vec<(&'static str, &'a str)>);

impl Page<'_> {
    pub(super) fn transforms(&self, rows: &[TransformRow]) {
        for row in rows {
            let labels: Labels<'_> = &[("pipeline", &row.pipeline), ("processor", &row.processor)];
            self.counter(Metric::ProcessorFailed, labels, row.failed);
            self.counter(Metric::ProcessorDropped, labels, row.dropped);
        }
        self.transform_counts(rows);
        // The Collector's metrics tell signals apart, not pipelines.
        let mut sums: BTreeMap<(&str, &str), [u64; 2]> = BTreeMap::new();
        for row in rows {
            let [incoming, outgoing] = sums.entry((&row.processor, row.signal)).or_default();
            *incoming += row.incoming;
            *outgoing += row.outgoing;
        }
        for ((processor, signal), [incoming, outgoing]) in sums {
            let labels: Labels<'_> = &[("processor", processor), ("otel_signal", signal)];
            self.counter(Metric::ProcessorIncoming, labels, incoming);
            self.counter(Metric::ProcessorOutgoing, labels, outgoing);
        }
    }

    /// What the Collector counts under names of its own, without the pipeline.
    fn transform_counts(&self, rows: &[TransformRow]) {
        let mut sums: BTreeMap<Series<'_>, u64> = BTreeMap::new();
        for row in rows {
            let is_filter = row.processor.split('/').next() == Some("filter");
            if is_filter && let Some(metric) = filtered(row.signal) {
                let labels = vec![("filter", row.processor.as_str())];
                *sums.entry((metric, labels)).or_default() += row.dropped;
            }
            for (count, amount) in &row.counts {
                let (metric, labels) = counted(count, row);
                *sums.entry((metric, labels)).or_default() += amount;
            }
        }
        for ((metric, labels), sum) in sums {
            self.counter(metric, &labels, sum);
        }
    }

    pub(super) fn kubernetes(&self, rows: &[KubernetesRow]) {
        for row in rows {
            let processor = ("processor", row.processor.as_str());
            for (outcome, resources) in &row.resources {
                let labels = [processor, ("outcome", *outcome)];
                self.counter(Metric::KubernetesResources, &labels, *resources);
            }
            for kind in &row.kinds {
                let labels = [processor, ("kind", kind.kind)];
                self.gauge(Metric::KubernetesObjects, &labels, kind.held);
                self.counter(Metric::KubernetesAttributesCut, &labels, kind.cut);
                self.counter(Metric::KubernetesFailures, &labels, kind.failures);
                for (event, count) in [
                    ("set", kind.set),
                    ("gone", kind.gone),
                    ("refused", kind.refused),
                ] {
                    let labels = [processor, ("kind", kind.kind), ("event", event)];
                    self.counter(Metric::KubernetesEvents, &labels, count);
                }
            }
        }
    }
}

/// The metric of a filter's dropped items.
fn filtered(signal: &str) -> Option<Metric> {
    match signal {
        "traces" => Some(Metric::FilteredSpans),
        "metrics" => Some(Metric::FilteredPoints),
        "logs" => Some(Metric::FilteredRecords),
        _ => None,
    }
}

/// Under which name and labels a transform's count is published.
fn counted<'a>(count: &'a Count, row: &'a TransformRow) -> Series<'a> {
    let by_signal = |spans, points, records| match row.signal {
        "traces" => spans,
        "metrics" => points,
        _ => records,
    };
    match count {
        Count::EvaluationErrors => {
            let labels = vec![
                ("pipeline", row.pipeline.as_str()),
                ("processor", row.processor.as_str()),
            ];
            (Metric::ProcessorEvaluationErrors, labels)
        }
        Count::Grouped => {
            let metric = by_signal(M::GroupedSpans, M::GroupedPoints, M::GroupedRecords);
            (metric, Vec::new())
        }
        Count::NotGrouped => {
            let metric = by_signal(
                M::NotGroupedSpans,
                M::NotGroupedPoints,
                M::NotGroupedRecords,
            );
            (metric, Vec::new())
        }
        Count::Sampled { policy, sampled } => {
            let metric = by_signal(M::ChanceTraces, M::ChanceTraces, M::ChanceRecords);
            let sampled = if *sampled { "true" } else { "false" };
            (
                metric,
                vec![("policy", policy.as_ref()), ("sampled", sampled)],
            )
        }
    }
}
