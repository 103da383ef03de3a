//! Metrics that another system measured: what a scrape finds, in the forms that it may have.

use super::points::{put_exemplar, put_packed, put_packed_varints, put_times};
use super::{
    AttributeSet, MetricHead, NewExemplar, PointsWriter, ResourceMetricsWriter, ScopeMetricsWriter,
    nested, put_fixed64, put_fixed64_unless_zero, put_text_unless_empty, put_varint_unless_zero,
};
use crate::wire::{put_key, put_varint, zigzag32};

/// What a scope says of itself.
#[derive(Debug, Clone, Copy)]
pub struct NewScope<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Its version.
    pub version: &'a [u8],
    /// Where the schema of its metrics is; empty: not said.
    pub schema_url: &'a [u8],
    /// Its attributes.
    pub attributes: &'a AttributeSet,
}

/// The kind of a metric. Sums and histograms are cumulative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForeignKind {
    /// A value of now.
    Gauge,
    /// A sum.
    Sum {
        /// Whether it only rises.
        is_monotonic: bool,
    },
    /// A histogram with explicit bounds.
    Histogram,
    /// An exponential histogram.
    Exponential,
    /// Quantiles.
    Summary,
}

impl ForeignKind {
    /// Its field of a metric.
    const fn field(self) -> u32 {
        match self {
            Self::Gauge => 5,
            Self::Sum { .. } => 7,
            Self::Histogram => 9,
            Self::Exponential => 10,
            Self::Summary => 11,
        }
    }
}

/// A point as another system measured it.
#[derive(Debug, Clone, Copy)]
pub struct NewForeignPoint<'a> {
    /// Its attributes.
    pub attributes: &'a AttributeSet,
    /// When its time began, in nanoseconds of the Unix epoch; 0: not said.
    pub start: u64,
    /// When it was measured, in nanoseconds of the Unix epoch.
    pub time: u64,
    /// Whether there is no value any more: the series has ended here.
    pub has_ended: bool,
    /// Its value.
    pub value: ForeignValue<'a>,
    /// Measurements that stand for others.
    pub exemplars: &'a [NewForeignExemplar],
}

/// The value of a point.
#[derive(Debug, Clone, Copy)]
pub enum ForeignValue<'a> {
    /// Of a gauge or a sum.
    Number(f64),
    /// Of a histogram.
    Histogram {
        /// How many values there were.
        count: u64,
        /// Their sum, where it was said.
        sum: Option<f64>,
        /// Upper bounds of the buckets but the last, rising.
        bounds: &'a [f64],
        /// Values in each bucket, one more than bounds.
        buckets: &'a [u64],
    },
    /// Of an exponential histogram.
    Exponential(ForeignExponential<'a>),
    /// Of a summary.
    Summary {
        /// How many values there were.
        count: u64,
        /// Their sum.
        sum: f64,
        /// Shares, 0 to 1, and the values below which they lie.
        quantiles: &'a [(f64, f64)],
    },
}

/// The value of an exponential histogram.
#[derive(Debug, Clone, Copy)]
pub struct ForeignExponential<'a> {
    /// How many values there were.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// Bucket `i` ends at `2^((i + 1) * 2^-scale)`.
    pub scale: i32,
    /// How many values are about zero.
    pub zero_count: u64,
    /// What counts as zero.
    pub zero_threshold: f64,
    /// Number of the first bucket above zero, and values in each.
    pub positive: (i32, &'a [u64]),
    /// The same below zero.
    pub negative: (i32, &'a [u64]),
}

/// A measurement that stands for others, with attributes of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct NewForeignExemplar {
    /// What was measured, when and where.
    pub measured: NewExemplar,
    /// What else is known.
    pub attributes: AttributeSet,
}

impl ResourceMetricsWriter<'_> {
    /// Adds the metrics of a scope.
    pub fn scope_of(&mut self, scope: &NewScope<'_>, write: impl FnOnce(ScopeMetricsWriter<'_>)) {
        nested(self.out, 2, |out| {
            nested(out, 1, |out| {
                put_text_unless_empty(out, 1, scope.name);
                put_text_unless_empty(out, 2, scope.version);
                scope.attributes.write(3, out);
            });
            write(ScopeMetricsWriter { out });
            put_text_unless_empty(out, 3, scope.schema_url);
        });
    }
}

impl ScopeMetricsWriter<'_> {
    /// Adds a metric of any kind, with what is known beside it.
    pub fn foreign(
        &mut self,
        head: MetricHead<'_>,
        kind: ForeignKind,
        metadata: &AttributeSet,
        points: impl FnOnce(PointsWriter<'_>),
    ) {
        nested(self.out, 2, |out| {
            put_text_unless_empty(out, 1, head.name);
            put_text_unless_empty(out, 2, head.description);
            put_text_unless_empty(out, 3, head.unit);
            nested(out, kind.field(), |out| {
                points(PointsWriter { out });
                if !matches!(kind, ForeignKind::Gauge | ForeignKind::Summary) {
                    put_key(out, 2, 0);
                    put_varint(out, 2);
                }
                if let ForeignKind::Sum { is_monotonic } = kind {
                    put_varint_unless_zero(out, 3, is_monotonic.into());
                }
            });
            metadata.write(12, out);
        });
    }
}

impl PointsWriter<'_> {
    /// Adds a point of the kind of its metric.
    pub fn foreign(&mut self, point: &NewForeignPoint<'_>) {
        let flags = u64::from(point.has_ended);
        nested(self.out, 1, |out| {
            put_times(out, point.start, point.time);
            match point.value {
                ForeignValue::Number(value) => {
                    if !point.has_ended {
                        put_fixed64(out, 4, value.to_bits());
                    }
                    put_exemplars(out, 5, point.exemplars);
                    point.attributes.write(7, out);
                    put_varint_unless_zero(out, 8, flags);
                }
                ForeignValue::Histogram {
                    count,
                    sum,
                    bounds,
                    buckets,
                } => {
                    put_fixed64_unless_zero(out, 4, count);
                    if let Some(sum) = sum {
                        put_fixed64(out, 5, sum.to_bits());
                    }
                    put_packed(out, 6, buckets.iter().copied());
                    put_packed(out, 7, bounds.iter().map(|bound| bound.to_bits()));
                    put_exemplars(out, 8, point.exemplars);
                    point.attributes.write(9, out);
                    put_varint_unless_zero(out, 10, flags);
                }
                ForeignValue::Exponential(value) => {
                    point.attributes.write(1, out);
                    if !point.has_ended {
                        put_exponential(out, &value);
                    }
                    put_varint_unless_zero(out, 10, flags);
                    put_exemplars(out, 11, point.exemplars);
                }
                ForeignValue::Summary {
                    count,
                    sum,
                    quantiles,
                } => {
                    put_fixed64_unless_zero(out, 4, count);
                    put_fixed64_unless_zero(out, 5, sum.to_bits());
                    for (quantile, value) in quantiles {
                        nested(out, 6, |out| {
                            put_fixed64_unless_zero(out, 1, quantile.to_bits());
                            put_fixed64_unless_zero(out, 2, value.to_bits());
                        });
                    }
                    point.attributes.write(7, out);
                    put_varint_unless_zero(out, 8, flags);
                }
            }
        });
    }
}

fn put_exponential(out: &mut Vec<u8>, value: &ForeignExponential<'_>) {
    put_fixed64_unless_zero(out, 4, value.count);
    put_fixed64(out, 5, value.sum.to_bits());
    put_varint_unless_zero(out, 6, zigzag32(value.scale));
    put_fixed64_unless_zero(out, 7, value.zero_count);
    for (number, (offset, buckets)) in [(8, value.positive), (9, value.negative)] {
        if offset != 0 || !buckets.is_empty() {
            nested(out, number, |out| {
                put_varint_unless_zero(out, 1, zigzag32(offset));
                put_packed_varints(out, 2, buckets);
            });
        }
    }
    put_fixed64_unless_zero(out, 14, value.zero_threshold.to_bits());
}

fn put_exemplars(out: &mut Vec<u8>, number: u32, exemplars: &[NewForeignExemplar]) {
    for exemplar in exemplars {
        nested(out, number, |out| {
            put_exemplar(out, &exemplar.measured);
            exemplar.attributes.write(7, out);
        });
    }
}
