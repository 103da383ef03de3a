//! Histograms out of data points, and two of them into one.

use super::{EXPONENT_MAX, Exponential, SCALE_MAX, SCALE_MIN};
use tailweir_otlp::ExponentialHistogramPoint;

/// Most buckets of a histogram.
const BUCKETS_MAX: usize = 16_384;

impl Exponential {
    /// That of a data point; nothing when it has values below zero, more buckets than one may have, or buckets for numbers that
    /// there are not. It is to have at most `size_max` buckets once something is added.
    pub(crate) fn of(point: ExponentialHistogramPoint<'_>, size_max: usize) -> Option<Self> {
        let (scale, positive) = (point.scale(), point.positive());
        let buckets: Vec<u64> = positive.counts().take(BUCKETS_MAX + 1).collect();
        let is_positive = point.negative().counts().all(|count| count == 0);
        if !(SCALE_MIN..=SCALE_MAX).contains(&scale) || !is_positive {
            return None;
        }
        let last = i64::from(positive.offset()) + buckets.len() as i64;
        let bound = bound_of(scale);
        if buckets.len() > BUCKETS_MAX || i64::from(positive.offset()) < -bound || last > bound {
            return None;
        }
        let (scale, offset) = match buckets.is_empty() {
            // What it says of buckets that it has not means nothing.
            true => (SCALE_MAX, 0),
            false => (scale, positive.offset()),
        };
        Some(Self {
            size_max: size_max.max(2),
            scale,
            offset,
            buckets,
            count: point.count(),
            zero_count: point.zero_count(),
            sum: point.sum().unwrap_or_default(),
            range: point.min().zip(point.max()),
        })
    }

    /// Adds the values of another, and becomes as coarse as it must.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.count = self.count.wrapping_add(other.count);
        self.zero_count = self.zero_count.wrapping_add(other.zero_count);
        self.sum += other.sum;
        self.range = match (self.range, other.range) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (range, None) | (None, range) => range,
        };
        if other.buckets.is_empty() {
            return;
        }
        let mut other = other.clone();
        if self.buckets.is_empty() {
            (self.scale, self.offset, self.buckets) = (other.scale, other.offset, other.buckets);
            return;
        }
        let scale = self.scale.min(other.scale);
        self.coarsen(self.scale - scale);
        other.coarsen(other.scale - scale);
        let last = other.last().unwrap_or(other.offset);
        let excess = self.excess(other.offset, last);
        self.coarsen(excess);
        other.coarsen(excess);
        for (index, count) in (other.offset..).zip(&other.buckets) {
            if *count > 0 {
                self.add(index, *count);
            }
        }
    }

    /// One of nothing that may have as many buckets.
    pub(crate) fn emptied(&self) -> Self {
        Self::new(self.size_max)
    }
}

/// Buckets of a scale are numbered from the negative of this to this: beyond there are no numbers.
fn bound_of(scale: i32) -> i64 {
    // The smallest numbers have exponents below that of the smallest normal one.
    let exponents = i64::from(EXPONENT_MAX) + 64;
    if scale >= 0 {
        exponents << scale
    } else {
        (exponents >> -scale) + 2
    }
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS_MAX, Exponential};
    use tailweir_otlp::{
        AttributeSet, ExponentialHistogramPoint, MetricData, MetricHead, MetricView, MetricsWriter,
        NewExponentialPoint, RequestView, ScopeFields, Temporality,
    };

    fn of(values: &[f64], size: usize) -> Exponential {
        let mut histogram = Exponential::new(size);
        for value in values {
            histogram.observe(*value, 1);
        }
        histogram
    }

    /// Through the wire and back.
    fn sent(histogram: &Exponential) -> Option<Exponential> {
        let point = NewExponentialPoint {
            attributes: &AttributeSet::default(),
            start: 1,
            time: 2,
            count: histogram.count(),
            sum: histogram.sum(),
            range: histogram.range(),
            scale: histogram.scale(),
            zero_count: histogram.zero_count(),
            offset: histogram.offset(),
            buckets: histogram.buckets(),
            exemplars: &[],
        };
        received(&point)
    }

    fn received(point: &NewExponentialPoint<'_>) -> Option<Exponential> {
        let mut out = Vec::new();
        MetricsWriter::new(&mut out).resource(&AttributeSet::default(), |mut resource| {
            resource.scope(b"", |mut scope| {
                scope.exponential_histogram(
                    MetricHead::default(),
                    Temporality::Delta,
                    |mut points| points.exponential(point),
                );
            });
        });
        let metric = RequestView(&out)
            .scopes()
            .flat_map(ScopeFields::items)
            .next();
        match MetricView(metric?).data() {
            data @ MetricData::ExponentialHistogram(_) => {
                let message = data.points().next()?.message();
                Exponential::of(ExponentialHistogramPoint(message), 20)
            }
            _ => None,
        }
    }

    /// Scenario: values of very different size are observed by one, and shared out among three that are sent and merged.
    /// Guarantees: scale, buckets, count and range are the same; the sum is, up to rounding.
    #[test]
    fn what_is_merged_is_what_one_would_have_observed() {
        let values: Vec<f64> = (0..300_u32)
            .map(|n| 1.001_f64.powi(n as i32 * 7) * f64::from(n % 5))
            .collect();
        let whole = of(&values, 20);
        let mut merged = Exponential::new(20);
        for third in 0..3 {
            let share: Vec<f64> = values.iter().copied().skip(third).step_by(3).collect();
            merged.merge(&sent(&of(&share, 20)).expect("what was written can be read"));
        }
        assert_eq!(merged.scale(), whole.scale());
        assert_eq!(merged.offset(), whole.offset());
        assert_eq!(merged.buckets(), whole.buckets());
        assert_eq!(merged.count(), whole.count());
        assert_eq!(merged.zero_count(), whole.zero_count());
        assert_eq!(merged.range(), whole.range());
        assert!((merged.sum() - whole.sum()).abs() < whole.sum() * 1e-12);
    }

    /// Scenario: points of a hostile peer: buckets for numbers that there are not, at every scale, and too many of them.
    /// Guarantees: they are refused, so that no merge makes room for what lies between.
    #[test]
    fn buckets_for_no_numbers_are_refused() {
        let (one, attributes) = ([1], AttributeSet::default());
        let point = |scale, offset| NewExponentialPoint {
            attributes: &attributes,
            start: 1,
            time: 2,
            count: 1,
            sum: 1.0,
            range: None,
            scale,
            zero_count: 0,
            offset,
            buckets: &one,
            exemplars: &[],
        };
        for scale in [-10, -1, 0, 1, 20] {
            assert!(received(&point(scale, i32::MAX)).is_none());
            assert!(received(&point(scale, i32::MIN)).is_none());
            assert!(received(&point(scale, -1)).is_some());
        }
        assert!(received(&point(21, 0)).is_none());
        assert!(received(&point(-11, 0)).is_none());
        let many = vec![1; BUCKETS_MAX + 1];
        let wide = NewExponentialPoint {
            buckets: &many,
            ..point(20, 0)
        };
        assert!(received(&wide).is_none());
    }

    /// Scenario: a point without buckets has an offset, which its scale allows and no scale does not.
    /// Guarantees: it can be sent on.
    #[test]
    fn an_offset_of_no_buckets_means_nothing() {
        let point = NewExponentialPoint {
            attributes: &AttributeSet::default(),
            start: 1,
            time: 2,
            count: 3,
            sum: 1.0,
            range: None,
            scale: 2,
            zero_count: 3,
            offset: -1216,
            buckets: &[],
            exemplars: &[],
        };
        let received = received(&point).expect("it has nothing wrong");
        assert_eq!(sent(&received).map(|again| again.count()), Some(3));
    }

    /// Scenario: the smallest and the largest number meet, each of which came with two buckets at most.
    /// Guarantees: they become coarse enough to fit, and none is lost.
    #[test]
    fn far_numbers_fit_together() {
        let mut small = of(&[f64::MIN_POSITIVE / 4.0], 2);
        small.merge(&of(&[f64::MAX], 2));
        assert_eq!(small.count(), 2);
        assert_eq!(small.buckets().iter().sum::<u64>(), 2);
        assert!(small.buckets().len() <= 3);
    }
}
