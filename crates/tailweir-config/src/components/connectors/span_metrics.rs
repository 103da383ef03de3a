//! The `span_metrics` connector.

use super::dimension::{Dimension, check_dimensions};
use crate::node::Place;
use crate::report::{Cause, Report};
use crate::setting::{Block, choice, settings};
use std::time::Duration;

/// What each data point has by itself.
const RESERVED: &[&str] = &[
    "service.name",
    "span.kind",
    "status.code",
    "span.name",
    "collector.instance.id",
];

choice! {
    /// What time a data point covers.
    pub enum AggregationTemporality = Cumulative {
        /// Everything since the first span.
        Cumulative = "AGGREGATION_TEMPORALITY_CUMULATIVE",
        /// What came since the last flush.
        Delta = "AGGREGATION_TEMPORALITY_DELTA",
    }
}

choice! {
    /// The unit of durations.
    pub enum DurationUnit (any case) = Milliseconds {
        /// Milliseconds.
        Milliseconds = "ms",
        /// Seconds.
        Seconds = "s",
    }
}

settings! {
    /// A histogram with fixed buckets.
    pub struct ExplicitHistogram {
        /// Upper bounds of the buckets, rising.
        buckets: Vec<Duration> = Vec::new(),
    }
}

settings! {
    /// A histogram whose buckets adapt.
    pub struct ExponentialHistogram {
        /// Most buckets, 2 to 16,384. 0: 160.
        max_size: i32 = 0,
    }
    rules exponential_rules;
}

fn exponential_rules(
    histogram: &mut ExponentialHistogram,
    block: &mut Block<'_>,
    report: &mut Report,
) {
    check_max_size("max_size", histogram.max_size, block, report);
}

/// Fewer than two buckets cannot hold two values at any scale; the most is that of the Collector.
pub(super) fn check_max_size(key: &str, size: i32, block: &Block<'_>, report: &mut Report) {
    if size != 0 && !(2..=16_384).contains(&size) {
        let used = if size < 0 { 160 } else { size.clamp(2, 16_384) };
        let text = format!("`{key}` is taken as {used}: histograms have 2 to 16384 buckets");
        report.warn_at(block.at(key), Cause::Oddity, text, "write that");
    }
}

settings! {
    /// How durations are counted.
    pub struct SpanMetricsHistogram {
        /// Count no durations.
        disable: bool = false,
        /// The unit: `ms` or `s`.
        unit: DurationUnit = DurationUnit::Milliseconds,
        /// Buckets that adapt. Not with `explicit`.
        exponential: Option<ExponentialHistogram> = None,
        /// Fixed buckets. Absent, without `exponential` too: 2, 4, 6, 8, 10, 50, 100, 200, 400, 800 ms,
        /// 1, 1.4, 2, 5, 10 and 15 s.
        explicit: Option<ExplicitHistogram> = None,
        /// Dimensions of durations alone.
        dimensions: Vec<Dimension> = Vec::new(),
    }
    rules histogram_rules;
}

fn histogram_rules(
    histogram: &mut SpanMetricsHistogram,
    block: &mut Block<'_>,
    report: &mut Report,
) {
    if histogram.explicit.is_some() && histogram.exponential.is_some() {
        let text = "`explicit` and `exponential` exclude each other";
        report.error_at(
            block.at("exponential"),
            Cause::Contradiction,
            text,
            "remove one",
        );
    }
    if let Some(explicit) = &histogram.explicit {
        check_rising("buckets", &explicit.buckets, block.at("explicit"), report);
    }
    let whole = block.at("dimensions");
    let places = block.items("dimensions");
    check_dimensions(&histogram.dimensions, RESERVED, places, &whole, report);
}

/// Says so when the bounds of buckets do not rise.
pub(super) fn check_rising(key: &str, bounds: &[Duration], place: Place, report: &mut Report) {
    if bounds.windows(2).any(|pair| pair[0] >= pair[1]) {
        let text = format!("the bounds of `{key}` do not rise, so counts land in the wrong ones");
        report.warn_at(place, Cause::Oddity, text, "sort them");
    }
}

settings! {
    /// Traces that stand as examples beside data points.
    pub struct SpanMetricsExemplars {
        /// Keep exemplars. Where a `tail_sampling` processor sees the same spans, only those of traces that
        /// it kept are written.
        enabled: bool = false,
        /// Most exemplars of a data point between two flushes.
        max_per_data_point: i64 = 5,
    }
    rules exemplars_rules;
}

fn exemplars_rules(
    exemplars: &mut SpanMetricsExemplars,
    block: &mut Block<'_>,
    report: &mut Report,
) {
    if exemplars.enabled {
        let key = "max_per_data_point";
        block.reject_negative(key, exemplars.max_per_data_point, report);
    }
}

settings! {
    /// How events of spans are counted.
    pub struct SpanMetricsEvents {
        /// Count them.
        enabled: bool = false,
        /// Dimensions of events: attributes of the span, of the event, or of the resource. One at least.
        dimensions: Vec<Dimension> = Vec::new(),
    }
    rules events_rules;
}

fn events_rules(events: &mut SpanMetricsEvents, block: &mut Block<'_>, report: &mut Report) {
    if !events.enabled {
        return;
    }
    if events.dimensions.is_empty() {
        let text = "`events` has no `dimensions`";
        report.error_at(block.at("dimensions"), Cause::Missing, text, "add one");
    }
    let whole = block.at("dimensions");
    let places = block.items("dimensions");
    check_dimensions(&events.dimensions, RESERVED, places, &whole, report);
}

settings! {
    /// Counts spans and their durations by service, name, kind and outcome. Written `span_metrics`, or
    /// `spanmetrics` as before. A span with a sampling threshold (`ot=th:`) counts for as many as it stands
    /// for.
    pub struct SpanMetricsConnector {
        /// Further dimensions, of all its metrics.
        dimensions: Vec<Dimension> = Vec::new(),
        /// Dimensions of calls alone.
        calls_dimensions: Vec<Dimension> = Vec::new(),
        /// Dimensions to leave out: `service.name`, `span.name`, `span.kind`, `status.code`,
        /// `collector.instance.id`.
        exclude_dimensions: Vec<String> = Vec::new(),
        /// Most resources whose metrics are kept. The one that was not seen for the longest time leaves, with
        /// a last data point.
        resource_metrics_cache_size: i64 = 1000,
        /// Attributes that tell resources apart. Empty: all.
        resource_metrics_key_attributes: Vec<String> = Vec::new(),
        /// Whether data points cover everything, or what is new.
        aggregation_temporality: AggregationTemporality = AggregationTemporality::Cumulative,
        /// How durations are counted.
        histogram: SpanMetricsHistogram = SpanMetricsHistogram::default(),
        /// Time between flushes.
        metrics_flush_interval: Duration = Duration::from_secs(60),
        /// A resource without spans for so long is forgotten. Zero: never.
        metrics_expiration: Duration = Duration::ZERO,
        /// A series without spans for so long is forgotten. Zero: never.
        series_expiration: Duration = Duration::ZERO,
        /// Most series whose last flush is remembered, so that deltas join. Absent: 1000.
        metric_timestamp_cache_size: Option<i64> = None,
        /// What comes before the names of its metrics. Empty: nothing.
        namespace: String = "traces.span.metrics".to_owned(),
        /// Traces that stand as examples.
        exemplars: SpanMetricsExemplars = SpanMetricsExemplars::default(),
        /// Events of spans.
        events: SpanMetricsEvents = SpanMetricsEvents::default(),
        /// Names of instrumentation scopes that become attributes of data points.
        include_instrumentation_scope: Vec<String> = Vec::new(),
        /// Most series of a metric and resource; spans past it are counted in one with the attribute
        /// `otel.metric.overflow`. 0: no limit but that of memory, 256 MiB of series in all.
        aggregation_cardinality_limit: i64 = 0,
        /// Write the resource's attributes. They are in any case: leaving them out is a feature gate of the
        /// Collector that is off.
        add_resource_attributes: bool = false,
        /// Write `sampling.method`: `extrapolated` for spans that stand for several, else `counted`.
        enable_metrics_sampling_method: bool = false,
    }
    ignored {
        "dimensions_cache_size": i64 = "the Collector ignores it; `aggregation_cardinality_limit` bounds series",
    }
    rules span_metrics_rules;
}

fn span_metrics_rules(
    connector: &mut SpanMetricsConnector,
    block: &mut Block<'_>,
    report: &mut Report,
) {
    for (key, dimensions) in [
        ("dimensions", &connector.dimensions),
        ("calls_dimensions", &connector.calls_dimensions),
    ] {
        check_dimensions(
            dimensions,
            RESERVED,
            block.items(key),
            &block.at(key),
            report,
        );
    }
    if connector.metrics_flush_interval.is_zero() {
        let text = "`metrics_flush_interval` must be above zero";
        let key = "metrics_flush_interval";
        report.error_at(block.at(key), Cause::OutOfRange, text, "");
    }
    let size = connector.resource_metrics_cache_size;
    block.require_positive("resource_metrics_cache_size", size, report);
    let is_delta = connector.aggregation_temporality == AggregationTemporality::Delta;
    if let Some(size) = connector.metric_timestamp_cache_size.filter(|_| is_delta) {
        block.require_positive("metric_timestamp_cache_size", size, report);
    }
    let limit = connector.aggregation_cardinality_limit;
    block.reject_negative("aggregation_cardinality_limit", limit, report);
}
