//! Histograms out of data points, and two of them into one.

use super::{Exponential, Histogram};
use tailweir_otlp::{ExponentialHistogramPoint, HistogramPoint};

/// Most bounds of a histogram.
const BOUNDS_MAX: usize = 16_384;

impl Histogram {
    /// That of a data point; nothing when buckets and bounds do not belong together.
    pub(crate) fn of_explicit(point: HistogramPoint<'_>) -> Option<Self> {
        let bounds: Vec<f64> = point.explicit_bounds().take(BOUNDS_MAX + 1).collect();
        let buckets: Vec<u64> = point.bucket_counts().take(BOUNDS_MAX + 2).collect();
        if bounds.len() > BOUNDS_MAX || buckets.len() != bounds.len() + 1 {
            return None;
        }
        Some(Self::Explicit {
            bounds: bounds.into(),
            buckets: buckets.into(),
            count: point.count(),
            sum: point.sum().unwrap_or_default(),
        })
    }

    /// That of a data point; nothing when it cannot be one of ours.
    pub(crate) fn of_exponential(
        point: ExponentialHistogramPoint<'_>,
        size_max: usize,
    ) -> Option<Self> {
        Exponential::of(point, size_max).map(Self::Exponential)
    }

    /// Whether another can be added to it.
    pub(crate) fn is_alike(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Explicit { bounds, .. }, Self::Explicit { bounds: others, .. }) => {
                bounds == others
            }
            (Self::Exponential(_), Self::Exponential(_)) => true,
            _ => false,
        }
    }

    /// Adds the values of another that is alike.
    pub(crate) fn merge(&mut self, other: &Self) {
        match (self, other) {
            (
                Self::Explicit {
                    buckets,
                    count,
                    sum,
                    ..
                },
                Self::Explicit {
                    buckets: more_buckets,
                    count: more,
                    sum: more_sum,
                    ..
                },
            ) => {
                for (bucket, more) in buckets.iter_mut().zip(more_buckets) {
                    *bucket = bucket.wrapping_add(*more);
                }
                *count = count.wrapping_add(*more);
                *sum += more_sum;
            }
            (Self::Exponential(histogram), Self::Exponential(more)) => histogram.merge(more),
            _ => {}
        }
    }

    /// One of the same shape, of nothing.
    pub(crate) fn emptied(&self) -> Self {
        match self {
            Self::Explicit {
                bounds, buckets, ..
            } => Self::Explicit {
                bounds: std::sync::Arc::clone(bounds),
                buckets: vec![0; buckets.len()].into(),
                count: 0,
                sum: 0.0,
            },
            Self::Exponential(histogram) => Self::Exponential(histogram.emptied()),
        }
    }
}
