//! Requests of metrics.

use super::{AttributeSet, PointsWriter, nested, put_text_unless_empty, put_varint_unless_zero};
use crate::view::Temporality;
use crate::wire::{put_key, put_varint};

const RESOURCE: u32 = 1;
const SCOPE: u32 = 1;
const NESTED: u32 = 2;

/// Writes a request of metrics.
pub struct MetricsWriter<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> MetricsWriter<'o> {
    /// A writer that appends to `out`.
    pub fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out }
    }

    /// Adds the metrics of a resource.
    pub fn resource(
        &mut self,
        attributes: &AttributeSet,
        write: impl FnOnce(ResourceMetricsWriter<'_>),
    ) {
        nested(self.out, 1, |out| {
            nested(out, RESOURCE, |out| attributes.write(1, out));
            write(ResourceMetricsWriter { out });
        });
    }
}

/// Writes the metrics of a resource.
pub struct ResourceMetricsWriter<'o> {
    pub(super) out: &'o mut Vec<u8>,
}

impl ResourceMetricsWriter<'_> {
    /// Adds the metrics of a scope of this name.
    pub fn scope(&mut self, name: &[u8], write: impl FnOnce(ScopeMetricsWriter<'_>)) {
        nested(self.out, NESTED, |out| {
            nested(out, SCOPE, |out| put_text_unless_empty(out, 1, name));
            write(ScopeMetricsWriter { out });
        });
    }
}

/// What a metric is called.
#[derive(Debug, Clone, Copy, Default)]
pub struct MetricHead<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// What it measures, in words.
    pub description: &'a [u8],
    /// Its unit, in UCUM.
    pub unit: &'a [u8],
}

/// Writes the metrics of a scope.
pub struct ScopeMetricsWriter<'o> {
    pub(super) out: &'o mut Vec<u8>,
}

const SUM: u32 = 7;
const HISTOGRAM: u32 = 9;
const EXPONENTIAL_HISTOGRAM: u32 = 10;

impl ScopeMetricsWriter<'_> {
    /// Adds a sum. Its points are numbers.
    pub fn sum(
        &mut self,
        head: MetricHead<'_>,
        temporality: Temporality,
        is_monotonic: bool,
        write: impl FnOnce(PointsWriter<'_>),
    ) {
        self.metric(head, SUM, write, |out| {
            put_temporality(out, temporality);
            put_varint_unless_zero(out, 3, is_monotonic.into());
        });
    }

    /// Adds a histogram with explicit bounds.
    pub fn histogram(
        &mut self,
        head: MetricHead<'_>,
        temporality: Temporality,
        write: impl FnOnce(PointsWriter<'_>),
    ) {
        self.metric(head, HISTOGRAM, write, |out| {
            put_temporality(out, temporality);
        });
    }

    /// Adds an exponential histogram.
    pub fn exponential_histogram(
        &mut self,
        head: MetricHead<'_>,
        temporality: Temporality,
        write: impl FnOnce(PointsWriter<'_>),
    ) {
        self.metric(head, EXPONENTIAL_HISTOGRAM, write, |out| {
            put_temporality(out, temporality);
        });
    }

    fn metric(
        &mut self,
        head: MetricHead<'_>,
        kind: u32,
        points: impl FnOnce(PointsWriter<'_>),
        fields: impl FnOnce(&mut Vec<u8>),
    ) {
        nested(self.out, NESTED, |out| {
            put_text_unless_empty(out, 1, head.name);
            put_text_unless_empty(out, 2, head.description);
            put_text_unless_empty(out, 3, head.unit);
            nested(out, kind, |out| {
                points(PointsWriter { out });
                fields(out);
            });
        });
    }
}

fn put_temporality(out: &mut Vec<u8>, temporality: Temporality) {
    put_key(out, 2, 0);
    put_varint(out, temporality.number() as u64);
}
