//! Histograms with explicit bounds.

use crate::exemplar::Exemplar;
use tailweir_otlp::HistogramPoint;

/// Most exemplars of one series; the latest of a point are kept.
pub(super) const EXEMPLARS_MAX: usize = 64;

/// A distribution with explicit bounds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Histogram {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    /// Upper bounds of all buckets but the last.
    bounds: Vec<f64>,
    /// How many values fell into each bucket.
    counts: Vec<u64>,
    pub(crate) exemplars: Vec<Exemplar>,
}

/// A bucket as a page has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bucket {
    /// The greatest value that it holds.
    pub(crate) bound: f64,
    /// How many values are not greater than that.
    pub(crate) count: u64,
    pub(crate) exemplar: Option<Exemplar>,
}

impl Histogram {
    pub(super) fn of(point: HistogramPoint<'_>) -> Self {
        let mut histogram = Self {
            count: point.count(),
            sum: point.sum().unwrap_or(0.0),
            bounds: point.explicit_bounds().collect(),
            counts: point.bucket_counts().collect(),
            exemplars: point.exemplars().map(Exemplar::of).collect(),
        };
        let surplus = histogram.exemplars.len().saturating_sub(EXEMPLARS_MAX);
        histogram.exemplars.drain(..surplus);
        histogram
    }

    /// Adds another one. Where the bounds differ the newer one stands alone.
    pub(super) fn add(&mut self, other: Self, is_newer: bool, as_collector: bool) {
        if self.bounds == other.bounds {
            self.count = self.count.wrapping_add(other.count);
            self.sum += other.sum;
            for (count, more) in self.counts.iter_mut().zip(&other.counts) {
                *count = count.wrapping_add(*more);
            }
            // The Collector forgets exemplars when it adds.
            self.exemplars = if as_collector {
                Vec::new()
            } else {
                other.exemplars
            };
        } else if is_newer {
            *self = other;
            if as_collector {
                self.exemplars.clear();
            }
        }
    }

    /// Fills `buckets` with all upper bounds in order, each once, and the count of all values up to there.
    /// Infinity is among them only where it was given, or an exemplar lies in the last bucket.
    pub(crate) fn write_buckets(&self, buckets: &mut Vec<Bucket>) {
        buckets.clear();
        let counts = self.counts.iter().copied().chain(std::iter::repeat(0));
        let bounds = self.bounds.iter().copied().zip(counts);
        buckets.extend(bounds.map(|(bound, count)| Bucket {
            bound,
            count,
            exemplar: None,
        }));
        // Bounds are in order nearly always.
        if !buckets.is_sorted_by(|left, right| left.bound < right.bound) {
            buckets.retain(|bucket| !bucket.bound.is_nan());
            buckets.sort_by(|left, right| left.bound.total_cmp(&right.bound));
            // The first of equal bounds counts.
            buckets.dedup_by(|later, first| later.bound == first.bound);
        }
        let mut total = 0_u64;
        for bucket in &mut *buckets {
            total = total.wrapping_add(bucket.count);
            bucket.count = total;
        }
        self.hang_exemplars(buckets);
    }

    /// Hangs each exemplar on the bucket that it fell into; the last of a bucket stays.
    fn hang_exemplars(&self, buckets: &mut Vec<Bucket>) {
        for exemplar in &self.exemplars {
            let holds = |bucket: &Bucket| bucket.bound >= exemplar.value;
            let at = buckets.partition_point(|bucket| !holds(bucket));
            let is_last = buckets
                .last()
                .is_some_and(|last| last.bound == f64::INFINITY);
            if at == buckets.len() && !is_last {
                buckets.push(Bucket {
                    bound: f64::INFINITY,
                    count: self.count,
                    exemplar: None,
                });
            }
            let at = at.min(buckets.len() - 1);
            buckets[at].exemplar = Some(*exemplar);
        }
    }

    pub(super) fn memory(&self) -> usize {
        size_of::<Self>()
            + (self.bounds.capacity() + self.counts.capacity()) * size_of::<u64>()
            + self.exemplars.capacity() * size_of::<Exemplar>()
    }
}

#[cfg(test)]
mod tests {
    use super::Histogram;

    /// Scenario: bounds out of order, twice, with a not-a-number among them.
    /// Guarantees: buckets come out in order, each bound once, and counts only grow.
    #[test]
    fn buckets_come_out_in_order() {
        let histogram = Histogram {
            bounds: vec![5.0, 1.0, f64::NAN, 1.0],
            counts: vec![2, 3, 4, 5],
            ..Histogram::default()
        };
        let mut buckets = Vec::new();
        histogram.write_buckets(&mut buckets);
        let found: Vec<_> = buckets
            .iter()
            .map(|bucket| (bucket.bound, bucket.count))
            .collect();
        assert_eq!(found, [(1.0, 3), (5.0, 5)]);
    }
}
