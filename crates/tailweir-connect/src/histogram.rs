//! Distributions of durations, with fixed buckets or with such that adapt.

mod exponential;
mod merge;

pub(crate) use exponential::Exponential;

use std::sync::Arc;
use tailweir_config::ExponentialHistogram;
use tailweir_otlp::{
    AttributeSet, MetricHead, NewExemplar, NewExponentialPoint, NewHistogramPoint, PointsWriter,
    ScopeMetricsWriter, Temporality,
};

/// What histograms of a metric are like.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    /// These upper bounds, and one bucket more.
    Explicit(Arc<[f64]>),
    /// At most so many buckets.
    Exponential(usize),
}

impl Shape {
    /// The shape of exponential histograms of this size; 0 is the default, 160.
    pub(crate) fn exponential(max_size: i32) -> Self {
        Self::Exponential(match max_size {
            ..=0 => 160,
            size => size.clamp(2, 16_384) as usize,
        })
    }

    pub(crate) fn of(settings: &ExponentialHistogram) -> Self {
        Self::exponential(settings.max_size)
    }

    /// Writes a metric of such histograms.
    pub(crate) fn write(
        &self,
        scope: &mut ScopeMetricsWriter<'_>,
        head: MetricHead<'_>,
        temporality: Temporality,
        points: impl FnOnce(PointsWriter<'_>),
    ) {
        match self {
            Self::Explicit(_) => scope.histogram(head, temporality, points),
            Self::Exponential(_) => scope.exponential_histogram(head, temporality, points),
        }
    }
}

/// A distribution.
#[derive(Debug, Clone)]
pub(crate) enum Histogram {
    /// With fixed buckets.
    Explicit {
        bounds: Arc<[f64]>,
        buckets: Box<[u64]>,
        count: u64,
        sum: f64,
    },
    /// With buckets that adapt.
    Exponential(Exponential),
}

/// A data point that a histogram is written into.
#[derive(Clone, Copy)]
pub(crate) struct Point<'a> {
    pub(crate) attributes: &'a AttributeSet,
    pub(crate) start: u64,
    pub(crate) time: u64,
    pub(crate) exemplars: &'a [NewExemplar],
}

impl Histogram {
    /// One of nothing.
    pub(crate) fn new(shape: &Shape) -> Self {
        match shape {
            Shape::Explicit(bounds) => Self::Explicit {
                bounds: Arc::clone(bounds),
                buckets: vec![0; bounds.len() + 1].into(),
                count: 0,
                sum: 0.0,
            },
            Shape::Exponential(size) => Self::Exponential(Exponential::new(*size)),
        }
    }

    /// Counts a value, not below zero, `times` times.
    pub(crate) fn observe(&mut self, value: f64, times: u64) {
        match self {
            Self::Explicit {
                bounds,
                buckets,
                count,
                sum,
            } => {
                *sum += value * times as f64;
                *count = count.wrapping_add(times);
                let bucket = bounds.partition_point(|bound| *bound < value);
                buckets[bucket] = buckets[bucket].wrapping_add(times);
            }
            Self::Exponential(histogram) => histogram.observe(value, times),
        }
    }

    /// Bytes that it may come to take.
    pub(crate) fn memory(&self) -> usize {
        let buckets = match self {
            Self::Explicit { buckets, .. } => buckets.len(),
            Self::Exponential(histogram) => histogram.size_max(),
        };
        size_of::<Self>() + buckets * size_of::<u64>()
    }

    /// Writes it as a data point.
    pub(crate) fn write(&self, points: &mut PointsWriter<'_>, point: Point<'_>) {
        let Point {
            attributes,
            start,
            time,
            exemplars,
        } = point;
        match self {
            Self::Explicit {
                bounds,
                buckets,
                count,
                sum,
            } => points.histogram(&NewHistogramPoint {
                attributes,
                start,
                time,
                count: *count,
                sum: *sum,
                bounds,
                buckets,
                exemplars,
            }),
            Self::Exponential(histogram) => points.exponential(&NewExponentialPoint {
                attributes,
                start,
                time,
                count: histogram.count(),
                sum: histogram.sum(),
                range: histogram.range(),
                scale: histogram.scale(),
                zero_count: histogram.zero_count(),
                offset: histogram.offset(),
                buckets: histogram.buckets(),
                exemplars,
            }),
        }
    }
}
