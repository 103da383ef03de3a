//! Points of exponential histograms that are alike, as one.

use super::histograms::Totals;
use tailweir_otlp::field;
use tailweir_otlp::{Buckets, DataPoint, ExponentialHistogramPoint};

/// The most buckets of a side, from the first to the last that is counted in. Points that are further apart
/// stay apart: what one client sends must not make buckets without end.
const BUCKETS_MAX: u64 = 16 << 10;

/// To how many points one is tried to be added, so that many that are far from each other take no long time.
const TRIES_MAX: usize = 8;

/// The points, of which each was added to another that it is near to.
pub(super) fn merged(group: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    if group.len() < 2 {
        return group;
    }
    let mut sums: Vec<Sum<'_>> = Vec::new();
    for point in &group {
        let point = ExponentialHistogramPoint(point);
        let is_added = sums
            .iter_mut()
            .rev()
            .take(TRIES_MAX)
            .any(|sum| sum.add(point));
        if !is_added {
            sums.push(Sum::of(point));
        }
    }
    sums.iter().map(Sum::write).collect()
}

/// Points that are added to the first of them.
struct Sum<'p> {
    first: &'p [u8],
    totals: Totals,
    zeros: u64,
    positive: Side,
    negative: Side,
    count: usize,
}

impl<'p> Sum<'p> {
    fn of(point: ExponentialHistogramPoint<'p>) -> Self {
        Self {
            first: point.0,
            totals: totals_of(point),
            zeros: point.zero_count(),
            positive: Side::of(point.positive()),
            negative: Side::of(point.negative()),
            count: 1,
        }
    }

    /// Adds a point, unless it is too far away.
    fn add(&mut self, point: ExponentialHistogramPoint<'_>) -> bool {
        if point.count() == 0 {
            return true;
        }
        let (positive, negative) = (Side::of(point.positive()), Side::of(point.negative()));
        if !(self.positive.is_near(&positive) && self.negative.is_near(&negative)) {
            return false;
        }
        self.totals.add(totals_of(point));
        self.zeros = self.zeros.wrapping_add(point.zero_count());
        self.positive.add(positive);
        self.negative.add(negative);
        self.count += 1;
        true
    }

    fn write(&self) -> Vec<u8> {
        if self.count == 1 {
            return self.first.to_vec();
        }
        let ends = (field::EXPONENTIAL_MIN, field::EXPONENTIAL_MAX);
        let new = self
            .totals
            .write(self.first, field::EXPONENTIAL_EXEMPLARS, ends);
        let mut new = field::EXPONENTIAL_ZERO_COUNT.with_number(&new, self.zeros);
        for (target, side) in [
            (field::EXPONENTIAL_POSITIVE, &self.positive),
            (field::EXPONENTIAL_NEGATIVE, &self.negative),
        ] {
            let counts = side.counts.iter().copied();
            let buckets = field::BUCKETS_COUNTS.with_numbers(&target.nested(&new), counts);
            let buckets = field::BUCKETS_OFFSET.with_number(&buckets, side.offset as u64);
            new = target.with_bytes(&new, &buckets);
        }
        new
    }
}

fn totals_of(point: ExponentialHistogramPoint<'_>) -> Totals {
    Totals::of(
        DataPoint::ExponentialHistogram(point),
        field::EXPONENTIAL_EXEMPLARS,
    )
}

/// The buckets above or below zero, the first of which has this index.
struct Side {
    offset: i32,
    counts: Vec<u64>,
}

impl Side {
    fn of(buckets: Buckets<'_>) -> Self {
        Self {
            offset: buckets.offset(),
            counts: buckets.counts().collect(),
        }
    }

    /// The index behind the last bucket.
    fn end(&self) -> i64 {
        i64::from(self.offset) + self.counts.len() as i64
    }

    fn is_near(&self, other: &Self) -> bool {
        let start = self.offset.min(other.offset);
        let span = (self.end().max(other.end()) - i64::from(start)).unsigned_abs();
        let most = self.counts.len().max(other.counts.len()) as u64;
        self.counts.is_empty()
            || other.counts.iter().all(|count| *count == 0)
            || span <= BUCKETS_MAX.max(most)
    }

    /// Adds buckets by their indexes.
    fn add(&mut self, other: Self) {
        if other.counts.iter().all(|count| *count == 0) {
            return;
        }
        if self.counts.is_empty() {
            *self = other;
            return;
        }
        let below = i64::from(self.offset) - i64::from(other.offset);
        if let Some(below) = usize::try_from(below).ok().filter(|below| *below > 0) {
            self.counts.splice(0..0, std::iter::repeat_n(0, below));
            self.offset = other.offset;
        }
        let from = (i64::from(other.offset) - i64::from(self.offset)) as usize;
        let length = self.counts.len().max(from + other.counts.len());
        self.counts.resize(length, 0);
        for (held, count) in self.counts[from..].iter_mut().zip(other.counts) {
            *held = held.wrapping_add(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::merged;
    use tailweir_otlp::{ExponentialHistogramPoint, field};

    fn point(offset: i32, counts: &[u64]) -> Vec<u8> {
        let counted = field::POINT_COUNT.with_number(&[], counts.iter().sum());
        let buckets = field::BUCKETS_OFFSET.with_number(&[], offset as u64);
        let buckets = field::BUCKETS_COUNTS.with_numbers(&buckets, counts.iter().copied());
        field::EXPONENTIAL_POSITIVE.with_bytes(&counted, &buckets)
    }

    fn buckets(points: &[Vec<u8>]) -> Vec<(u64, i32, Vec<u64>)> {
        let views = points.iter().map(|point| ExponentialHistogramPoint(point));
        views
            .map(|point| {
                let side = point.positive();
                (point.count(), side.offset(), side.counts().collect())
            })
            .collect()
    }

    /// Scenario: points whose buckets begin at different indexes, the later below and above the first.
    /// Guarantees: counts are added where their indexes say, and none is lost.
    #[test]
    fn buckets_are_added_by_their_indexes() {
        let points = vec![point(0, &[1, 2]), point(-2, &[4, 0, 8]), point(3, &[16])];
        let expected = vec![(31, -2, vec![4, 0, 9, 2, 0, 16])];
        assert_eq!(buckets(&merged(points)), expected);
    }

    /// Scenario: two points whose buckets are as far from each other as indexes can be, and a third by the second.
    /// Guarantees: the two stay apart, and the third is added to the second.
    #[test]
    fn buckets_far_from_each_other_stay_apart() {
        let points = vec![
            point(i32::MIN, &[1]),
            point(i32::MAX, &[2]),
            point(i32::MAX - 1, &[4]),
        ];
        let expected = vec![(1, i32::MIN, vec![1]), (6, i32::MAX - 1, vec![4, 2])];
        assert_eq!(buckets(&merged(points)), expected);
    }
}
