//! What the settings of a connector say about its totals.

use crate::histogram::Shape;
use crate::text::put_identity;
use std::time::Duration;
use tailweir_config::{AggregationTemporality, Connector, SpanMetricsConnector};
use tailweir_core::Slot;
use tailweir_otlp::{Attributes, ResourceFields};

/// Says in which slot of the cluster the series of a resource are. Series of one resource are in one.
pub type SlotOf = Box<dyn Fn(ResourceFields<'_>) -> Slot + Send + Sync>;

/// How often totals are written of connectors that write at once what they count.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// A series of a service graph without requests for so long is forgotten.
const EDGE_STALE_AFTER: Duration = Duration::from_secs(15 * 60);
/// For how many flushes it is remembered of a series of changes when it was last written.
const DELTA_FLUSHES: u32 = 10;

/// Which attributes tell the resources of a connector's series apart.
#[derive(Debug)]
pub struct ResourceKeys(Vec<Vec<u8>>);

impl ResourceKeys {
    /// Those of this connector.
    #[must_use]
    pub fn of(connector: &Connector) -> Self {
        let Connector::SpanMetrics(settings) = connector else {
            return Self(Vec::new());
        };
        let keys = settings.resource_metrics_key_attributes.iter();
        Self(keys.map(|key| key.clone().into_bytes()).collect())
    }

    /// What tells a resource apart, where it is not all of its attributes.
    #[must_use]
    pub fn key(&self, resource: ResourceFields<'_>) -> Option<Vec<u8>> {
        let attributes = resource.resource().attributes();
        (!self.0.is_empty()).then(|| self.identity(attributes))
    }

    /// Bytes that are equal for resources whose series are the same.
    pub(super) fn identity(&self, attributes: Attributes<'_>) -> Vec<u8> {
        let mut key = Vec::new();
        let counts = |name: &[u8]| self.0.is_empty() || self.0.iter().any(|key| key == name);
        put_identity(attributes, counts, &mut key);
        key
    }
}

/// How totals are written and kept.
#[derive(Debug)]
pub(super) struct Options {
    /// Whether what is written are changes too.
    pub(super) is_delta: bool,
    pub(super) flush_every: Duration,
    /// Whether a sum is zero when it is written first, so that its first increase shows.
    pub(super) begins_at_zero: bool,
    /// A resource without changes for so long is forgotten; zero: never.
    pub(super) resource_expiration: Duration,
    /// A series without changes for so long is forgotten; zero: never.
    pub(super) series_expiration: Duration,
    /// Most series of a metric and resource; 0: no limit.
    pub(super) limit: usize,
    /// Most exemplars of a data point.
    pub(super) exemplars_max: usize,
    /// Most buckets of an exponential histogram.
    pub(super) size_max: usize,
    /// Bytes that all series may take together.
    pub(super) memory_max: usize,
    pub(super) resource_keys: ResourceKeys,
}

impl Options {
    /// Those of a connector; nothing when it makes no metrics.
    pub(super) fn of(connector: &Connector) -> Option<Self> {
        let plain = Self {
            is_delta: false,
            flush_every: FLUSH_EVERY,
            begins_at_zero: false,
            resource_expiration: Duration::ZERO,
            series_expiration: Duration::ZERO,
            limit: 0,
            exemplars_max: 0,
            size_max: 0,
            memory_max: 64 << 20,
            resource_keys: ResourceKeys::of(connector),
        };
        Some(match connector {
            Connector::Forward | Connector::Routing(_) => return None,
            Connector::SpanMetrics(settings) => Self::of_spans(settings, plain),
            Connector::SpanMetricsProcessor(settings) => Self {
                begins_at_zero: false,
                ..Self::of_spans(&settings.as_connector(), plain)
            },
            Connector::ServiceGraph(settings) => {
                let every = settings.metrics_flush_interval;
                let every = every.filter(|every| !every.is_zero());
                Self {
                    flush_every: every.unwrap_or(FLUSH_EVERY),
                    series_expiration: EDGE_STALE_AFTER,
                    size_max: match Shape::exponential(settings.exponential_histogram_max_size) {
                        Shape::Exponential(size) => size,
                        Shape::Explicit(_) => 0,
                    },
                    ..plain
                }
            }
            Connector::Exceptions(settings) => Self {
                exemplars_max: match settings.exemplars.enabled {
                    true => crate::exceptions::EXEMPLARS_MAX,
                    false => 0,
                },
                ..plain
            },
            Connector::Count(_) => Self {
                is_delta: true,
                series_expiration: FLUSH_EVERY * DELTA_FLUSHES,
                ..plain
            },
        })
    }

    fn of_spans(settings: &SpanMetricsConnector, plain: Self) -> Self {
        let is_delta = settings.aggregation_temporality == AggregationTemporality::Delta;
        let size = |number: i64| usize::try_from(number).unwrap_or_default();
        Self {
            is_delta,
            flush_every: settings.metrics_flush_interval,
            begins_at_zero: !is_delta,
            resource_expiration: settings.metrics_expiration,
            series_expiration: match is_delta {
                true => settings.metrics_flush_interval * DELTA_FLUSHES,
                false => settings.series_expiration,
            },
            limit: size(settings.aggregation_cardinality_limit),
            exemplars_max: size(settings.exemplars.max_per_data_point),
            size_max: size_of_histograms(settings),
            memory_max: 256 << 20,
            ..plain
        }
    }
}

/// Most buckets of the histograms of durations; 0 when they have bounds.
fn size_of_histograms(settings: &SpanMetricsConnector) -> usize {
    let shape = settings.histogram.exponential.as_ref().map(Shape::of);
    match shape {
        Some(Shape::Exponential(size)) => size,
        Some(Shape::Explicit(_)) | None => 0,
    }
}
