//! The settings, ready for use: keys and attributes of series.

use super::form::Form;
use super::resources::TableKind;
use crate::dimensions::Dimensions;
use crate::error::ConnectError;
use crate::histogram::Shape;
use crate::text::{kind_name, put_measured, put_text, status_name};
use std::time::Duration;
use tailweir_config::{AggregationTemporality, DurationUnit, SpanMetricsConnector};
use tailweir_otlp::{AttributeMap, AttributeSet, Attributes, EncodedValue, ScopeView, SpanHead};

/// Bounds of durations, where the settings have none, in milliseconds.
const BOUNDS: [f64; 16] = [
    2.0, 4.0, 6.0, 8.0, 10.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1000.0, 1400.0, 2000.0, 5000.0,
    10_000.0, 15_000.0,
];

/// See the module.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) form: &'static Form,
    dimensions: Dimensions,
    own: [Dimensions; 3],
    own_durations: bool,
    /// Nothing: durations are not counted.
    histogram: Option<Shape>,
    pub(super) events: bool,
    pub(super) exemplars: bool,
    excluded: Excluded,
    scopes: Vec<Vec<u8>>,
    writes_method: bool,
    instance: EncodedValue,
    /// Nanoseconds of a unit of durations.
    pub(super) unit_nanos: f64,
    pub(super) unit: &'static str,
    pub(super) temporality: AggregationTemporality,
    pub(super) names: [Vec<u8>; 3],
    pub(super) metrics_expiration: Duration,
    pub(super) series_expiration: Duration,
}

/// Which of the dimensions that every span has are left out.
#[derive(Debug, Clone, Copy)]
struct Excluded {
    service: bool,
    name: bool,
    kind: bool,
    status: bool,
    instance: bool,
}

/// What of a span counts beside its attributes.
#[derive(Debug, Clone, Copy)]
pub(super) struct SpanParts<'a> {
    pub(super) service: &'a [u8],
    pub(super) name: &'a [u8],
    pub(super) head: SpanHead,
    pub(super) scope: ScopeView<'a>,
    /// Whether its tracestate says that it stands for several.
    pub(super) is_extrapolated: bool,
}

/// Whether calls and durations have different dimensions, and so different series.
pub(super) fn has_own_durations(settings: &SpanMetricsConnector) -> bool {
    settings.calls_dimensions != settings.histogram.dimensions
}

impl Plan {
    pub(super) fn new(
        settings: &SpanMetricsConnector,
        form: &'static Form,
        instance: &str,
    ) -> Result<Self, ConnectError> {
        let histogram = &settings.histogram;
        let (unit_nanos, unit) = match histogram.unit {
            DurationUnit::Milliseconds => (1e6, "ms"),
            DurationUnit::Seconds => (1e9, "s"),
        };
        let is_excluded = |name: &str| settings.exclude_dimensions.iter().any(|it| it == name);
        let scopes = settings.include_instrumentation_scope.iter();
        Ok(Self {
            form,
            dimensions: Dimensions::new(&settings.dimensions)?,
            own: [
                Dimensions::new(&settings.calls_dimensions)?,
                Dimensions::new(&histogram.dimensions)?,
                Dimensions::new(&settings.events.dimensions)?,
            ],
            own_durations: !histogram.disable && has_own_durations(settings),
            histogram: (!histogram.disable).then(|| shape(settings, unit_nanos)),
            events: settings.events.enabled,
            exemplars: settings.exemplars.enabled,
            excluded: Excluded {
                service: is_excluded("service.name"),
                name: is_excluded("span.name"),
                kind: is_excluded("span.kind"),
                status: is_excluded("status.code"),
                instance: is_excluded("collector.instance.id"),
            },
            scopes: scopes.map(|name| name.clone().into_bytes()).collect(),
            writes_method: settings.enable_metrics_sampling_method,
            instance: EncodedValue::string(instance.as_bytes()),
            unit_nanos,
            unit,
            temporality: settings.aggregation_temporality,
            names: form.names.map(|name| match settings.namespace.as_str() {
                "" => name.as_bytes().to_vec(),
                namespace => format!("{namespace}.{name}").into_bytes(),
            }),
            metrics_expiration: settings.metrics_expiration,
            series_expiration: settings.series_expiration,
        })
    }

    pub(super) fn is_delta(&self) -> bool {
        self.temporality == AggregationTemporality::Delta
    }

    pub(super) fn has_own_durations(&self) -> bool {
        self.own_durations
    }

    /// The shape of durations, wherever they are written.
    pub(super) fn durations(&self) -> Option<&Shape> {
        self.histogram.as_ref()
    }

    /// The shape of the histograms in the series of a table, if they have any.
    pub(super) fn shape(&self, kind: TableKind) -> Option<&Shape> {
        let has_durations = match kind {
            TableKind::Calls => !self.own_durations,
            TableKind::Durations => true,
            TableKind::Events => false,
        };
        self.histogram.as_ref().filter(|_| has_durations)
    }

    /// Writes what tells the series of a table apart into `key`. Values count as text, so `5` and `"5"`
    /// are one series, as they are for the Collector.
    pub(super) fn put_key(
        &self,
        kind: TableKind,
        parts: &SpanParts<'_>,
        sources: &[Attributes<'_>],
        key: &mut Vec<u8>,
    ) {
        key.clear();
        if !self.excluded.service {
            put_measured(parts.service, key);
        }
        if !self.excluded.name {
            put_measured(parts.name, key);
        }
        if !self.excluded.kind {
            // Kinds that are not defined have one word, the empty one.
            key.push(u8::try_from(parts.head.kind).map_or(u8::MAX, |kind| kind.min(6)));
        }
        if !self.excluded.status {
            key.push(parts.head.status.bit());
        }
        for dimensions in [&self.dimensions, &self.own[kind as usize]] {
            if dimensions.is_empty() {
                continue;
            }
            dimensions.each(sources, |name, value| {
                put_measured(name, key);
                let at = key.len();
                key.extend_from_slice(&[0; 4]);
                put_text(value, key);
                let length = (key.len() - at - 4) as u32;
                key[at..at + 4].copy_from_slice(&length.to_le_bytes());
            });
        }
        if self.writes_method {
            key.push(u8::from(parts.is_extrapolated));
        }
    }

    /// The attributes of a new series.
    pub(super) fn attributes(
        &self,
        kind: TableKind,
        parts: &SpanParts<'_>,
        sources: &[Attributes<'_>],
    ) -> AttributeSet {
        // A pattern may find as many dimensions as a client sends attributes.
        let mut attributes = AttributeMap::default();
        let mut put = |is_excluded: bool, name: &[u8], text: &[u8]| {
            if !is_excluded {
                attributes.put(name, EncodedValue::string(text));
            }
        };
        put(self.excluded.service, b"service.name", parts.service);
        put(self.excluded.name, self.form.span_name, parts.name);
        put(self.excluded.kind, b"span.kind", kind_name(parts.head.kind));
        let status = status_name(parts.head.status);
        put(self.excluded.status, b"status.code", status);
        let scope = parts.scope.name();
        if !scope.is_empty() && self.scopes.iter().any(|name| name == scope) {
            put(false, b"span.instrumentation.scope.name", scope);
            let version = parts.scope.version();
            put(
                version.is_empty(),
                b"span.instrumentation.scope.version",
                version,
            );
        }
        let method: &[u8] = if parts.is_extrapolated {
            b"extrapolated"
        } else {
            b"counted"
        };
        put(!self.writes_method, b"sampling.method", method);
        if !self.excluded.instance {
            attributes.put(b"collector.instance.id", self.instance.clone());
        }
        for dimensions in [&self.dimensions, &self.own[kind as usize]] {
            dimensions.each(sources, |name, value| {
                attributes.put(name, value.encoded());
            });
        }
        attributes.finish()
    }
}

fn shape(settings: &SpanMetricsConnector, unit_nanos: f64) -> Shape {
    let histogram = &settings.histogram;
    if let Some(exponential) = &histogram.exponential {
        return Shape::of(exponential);
    }
    let bounds: Vec<f64> = match &histogram.explicit {
        Some(explicit) => {
            let buckets = explicit.buckets.iter();
            buckets
                .map(|bound| bound.as_nanos() as f64 / unit_nanos)
                .collect()
        }
        None if unit_nanos > 1e6 => BOUNDS.iter().map(|bound| bound / 1000.0).collect(),
        None => BOUNDS.to_vec(),
    };
    Shape::Explicit(bounds.into())
}
