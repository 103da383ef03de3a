//! Exponential histograms, and their buckets as native histograms have them.

use super::histogram::EXEMPLARS_MAX;
use crate::exemplar::Exemplar;
use tailweir_otlp::{Buckets, ExponentialHistogramPoint};

/// Scales that a native histogram may have.
const SCALE_MIN: i32 = -4;
const SCALE_MAX: i32 = 8;
/// Most buckets of one side of a sum of two histograms; it gets coarser instead. Sources keep 160.
const BUCKETS_MAX: i64 = 20_000;
/// Half of the width of the zero bucket where the source says nothing.
const ZERO_THRESHOLD: f64 = 1e-128;

/// A distribution with exponential buckets.
#[derive(Debug, Clone, Default)]
pub(crate) struct Exponential {
    pub(crate) count: u64,
    pub(crate) sum: Option<f64>,
    scale: i32,
    zero_count: u64,
    zero_threshold: f64,
    positive: Side,
    negative: Side,
    pub(crate) exemplars: Vec<Exemplar>,
}

/// The buckets of one side of zero.
#[derive(Debug, Clone, Default, PartialEq)]
struct Side {
    /// Index of the first bucket.
    offset: i32,
    counts: Vec<u64>,
}

impl Exponential {
    pub(super) fn of(point: ExponentialHistogramPoint<'_>) -> Self {
        let mut histogram = Self {
            count: point.count(),
            sum: point.sum(),
            scale: point.scale(),
            zero_count: point.zero_count(),
            zero_threshold: point.zero_threshold(),
            positive: Side::of(point.positive()),
            negative: Side::of(point.negative()),
            exemplars: point.exemplars().map(Exemplar::of).collect(),
        };
        let surplus = histogram.exemplars.len().saturating_sub(EXEMPLARS_MAX);
        histogram.exemplars.drain(..surplus);
        histogram
    }

    /// Adds another one, at the coarser scale of both.
    pub(super) fn add(&mut self, other: Self, as_collector: bool) {
        let scale = self.common_scale(&other);
        let threshold = self.zero_threshold.max(other.zero_threshold);
        let [mut sum, more] =
            [&*self, &other].map(|histogram| histogram.at(scale, threshold, as_collector));
        sum.positive.merge(&more.positive);
        sum.negative.merge(&more.negative);
        *self = Self {
            count: self.count.wrapping_add(other.count),
            sum: self.sum.zip(other.sum).map(|(sum, more)| sum + more),
            zero_count: sum.zero_count.wrapping_add(more.zero_count),
            // The Collector forgets exemplars when it adds.
            exemplars: if as_collector {
                Vec::new()
            } else {
                other.exemplars
            },
            ..sum
        };
    }

    /// The same at a coarser scale, with the buckets inside a larger zero bucket counted there.
    fn at(&self, scale: i32, threshold: f64, as_collector: bool) -> Self {
        let shift = (i64::from(self.scale) - i64::from(scale)).clamp(0, 31) as u32;
        let mut coarser = Self {
            scale,
            zero_threshold: threshold,
            positive: self.positive.coarser(shift, as_collector),
            negative: self.negative.coarser(shift, as_collector),
            zero_count: self.zero_count,
            ..Self::default()
        };
        if threshold > self.zero_threshold {
            let mut zeros = coarser.positive.cut(threshold, scale, as_collector);
            // The Collector leaves negative buckets where they are.
            if !as_collector {
                zeros = zeros.wrapping_add(coarser.negative.cut(threshold, scale, false));
            }
            coarser.zero_count = coarser.zero_count.wrapping_add(zeros);
        }
        coarser
    }

    /// The finest scale at which both can be one without too many buckets.
    fn common_scale(&self, other: &Self) -> i32 {
        let mut scale = self.scale.min(other.scale);
        let is_too_wide = |scale: i32| {
            let shift = |histogram: &Self| (i64::from(histogram.scale) - i64::from(scale)).min(62);
            let span = |left: &Side, right: &Side| {
                let (left, right) = (left.range(shift(self)), right.range(shift(other)));
                let (Some(left), Some(right)) = (left, right) else {
                    return 0;
                };
                left.1.max(right.1) - left.0.min(right.0)
            };
            let (positive, negative) = (
                span(&self.positive, &other.positive),
                span(&self.negative, &other.negative),
            );
            positive.max(negative) > BUCKETS_MAX
        };
        while is_too_wide(scale) && scale > i32::MIN {
            scale -= 1;
        }
        scale
    }

    /// Whether a native histogram can show it: its scale is not below -4, and the buckets make up the
    /// count.
    pub(crate) fn is_native(&self) -> bool {
        let total = self.positive.total().wrapping_add(self.negative.total());
        let total = total.wrapping_add(self.zero_count) as i64;
        let count = self.count as i64;
        // Values that are not a number are in no bucket.
        let adds_up = match self.sum {
            Some(sum) if sum.is_nan() => total <= count,
            _ => total == count,
        };
        self.scale >= SCALE_MIN && adds_up
    }

    /// Its buckets as a native histogram has them, where it can be one.
    pub(crate) fn native(&self) -> Option<Native> {
        if !self.is_native() {
            return None;
        }
        let shift = (self.scale - SCALE_MAX).clamp(0, 31) as u32;
        Some(Native {
            schema: self.scale.min(SCALE_MAX),
            zero_threshold: match self.zero_threshold {
                0.0 => ZERO_THRESHOLD,
                threshold => threshold,
            },
            zero_count: self.zero_count,
            positive: self.positive.coarser(shift, false).into(),
            negative: self.negative.coarser(shift, false).into(),
        })
    }

    /// The same; where the stream has ended, an empty one.
    pub(crate) fn native_or_stale(&self, is_stale: bool) -> Option<Native> {
        match is_stale {
            true => Self::default().native(),
            false => self.native(),
        }
    }

    pub(super) fn memory(&self) -> usize {
        let buckets = self.positive.counts.capacity() + self.negative.counts.capacity();
        size_of::<Self>()
            + buckets * size_of::<u64>()
            + self.exemplars.capacity() * size_of::<Exemplar>()
    }
}

impl Side {
    fn of(buckets: Buckets<'_>) -> Self {
        Self {
            offset: buckets.offset(),
            counts: buckets.counts().collect(),
        }
    }

    fn total(&self) -> u64 {
        self.counts.iter().copied().fold(0, u64::wrapping_add)
    }

    /// Indexes of the first and last bucket after `shift` halvings of the scale.
    fn range(&self, shift: i64) -> Option<(i64, i64)> {
        let last = self.counts.len().checked_sub(1)? as i64;
        let offset = i64::from(self.offset);
        Some((offset >> shift, (offset + last) >> shift))
    }

    /// The same at a scale that is `shift` lower. The Collector counts the first bucket twice where it is
    /// not the first of its coarser one.
    fn coarser(&self, shift: u32, as_collector: bool) -> Self {
        let Some((first, last)) = self.range(i64::from(shift)).filter(|_| shift > 0) else {
            return self.clone();
        };
        let mut counts = vec![0_u64; (last - first + 1) as usize];
        for (at, count) in self.counts.iter().enumerate() {
            let index = (i64::from(self.offset) + at as i64) >> shift;
            let sum = &mut counts[(index - first) as usize];
            *sum = sum.wrapping_add(*count);
        }
        let is_aligned = i64::from(self.offset) % (1 << shift) == 0;
        if as_collector && !is_aligned {
            counts[0] = counts[0].wrapping_add(self.counts[0]);
        }
        Self {
            offset: first as i32,
            counts,
        }
    }

    /// Takes out the buckets that lie inside the threshold; returns what they counted. The Collector
    /// takes another bound for theirs.
    fn cut(&mut self, threshold: f64, scale: i32, as_collector: bool) -> u64 {
        let offset = f64::from(self.offset);
        let upper = |at: usize| match as_collector {
            true => (f64::from(scale) + offset + at as f64 + 1.0).exp2(),
            false => ((offset + at as f64 + 1.0) * (-f64::from(scale)).exp2()).exp2(),
        };
        let inside = (0..self.counts.len()).take_while(|at| upper(*at) <= threshold);
        let inside = inside.count();
        let zeros = self.counts.drain(..inside).fold(0, u64::wrapping_add);
        self.offset = match self.counts.is_empty() {
            true => 0,
            false => self.offset.wrapping_add(inside as i32),
        };
        zeros
    }

    /// Adds another side of the same scale.
    fn merge(&mut self, other: &Self) {
        let (Some(ours), Some(theirs)) = (self.range(0), other.range(0)) else {
            if self.counts.is_empty() {
                self.clone_from(other);
            }
            return;
        };
        let (first, last) = (ours.0.min(theirs.0), ours.1.max(theirs.1));
        let mut counts = vec![0_u64; (last - first + 1) as usize];
        for (side, start) in [(&*self, ours.0), (other, theirs.0)] {
            let places = counts[(start - first) as usize..].iter_mut();
            for (sum, count) in places.zip(&side.counts) {
                *sum = sum.wrapping_add(*count);
            }
        }
        *self = Self {
            offset: first as i32,
            counts,
        };
    }
}

/// The buckets of a native histogram.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Native {
    /// Buckets grow by `2^(2^-schema)`; -4 to 8.
    pub(crate) schema: i32,
    pub(crate) zero_threshold: f64,
    pub(crate) zero_count: u64,
    pub(crate) positive: NativeSide,
    pub(crate) negative: NativeSide,
}

/// The buckets of one side: one span, as there are no gaps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NativeSide {
    /// Index of the first bucket. Prometheus counts by upper bounds, OTLP by lower ones.
    pub(crate) offset: i32,
    counts: Vec<u64>,
}

impl From<Side> for NativeSide {
    fn from(side: Side) -> Self {
        Self {
            offset: side.offset.wrapping_add(1),
            counts: side.counts,
        }
    }
}

impl NativeSide {
    /// How many buckets there are.
    pub(crate) fn len(&self) -> usize {
        self.counts.len()
    }

    /// By how much each bucket differs from the one before it.
    pub(crate) fn deltas(&self) -> impl Iterator<Item = i64> {
        let counts = self.counts.iter().map(|count| *count as i64);
        counts.scan(0_i64, |before, count| {
            let delta = count.wrapping_sub(*before);
            *before = count;
            Some(delta)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Exponential, Side};

    fn side(offset: i32, counts: &[u64]) -> Side {
        Side {
            offset,
            counts: counts.to_vec(),
        }
    }

    fn histogram(scale: i32, positive: Side) -> Exponential {
        Exponential {
            count: positive.counts.iter().sum(),
            sum: Some(1.0),
            scale,
            positive,
            ..Exponential::default()
        }
    }

    /// Scenario: histograms of two scales, the finer one not aligned, are added in both ways.
    /// Guarantees: nothing is lost or counted twice, unless the Collector's way is asked for.
    #[test]
    fn scales_meet_at_the_coarser_one() {
        let mut sum = histogram(3, side(2, &[1, 1, 1, 1]));
        let mut theirs = sum.clone();
        let other = histogram(1, side(0, &[2, 2]));
        sum.add(other.clone(), false);
        assert_eq!(sum.positive, side(0, &[4, 4]));
        assert!(sum.native().is_some());
        theirs.add(other, true);
        assert_eq!(theirs.positive, side(0, &[5, 4]));
        assert!(theirs.native().is_none());
    }

    /// Scenario: a histogram whose zero bucket is wide is added to one with small buckets.
    /// Guarantees: what lies inside it is counted there, on both sides.
    #[test]
    fn a_wide_zero_bucket_takes_small_ones_in() {
        let mut sum = histogram(0, side(-2, &[1, 2, 4]));
        sum.negative = side(-2, &[8]);
        sum.count += 8;
        let mut wide = histogram(0, side(5, &[1]));
        wide.zero_threshold = 1.0;
        sum.add(wide, false);
        // Buckets up to 0.5 and up to 1 lie inside.
        assert_eq!((sum.zero_count, sum.negative.counts.len()), (11, 0));
        assert_eq!(sum.positive.offset, 0);
        assert!(sum.native().is_some());
    }

    /// Scenario: buckets at both ends of all indexes are added.
    /// Guarantees: the sum gets coarser instead of large, and counts all.
    #[test]
    fn distant_buckets_make_the_sum_coarser() {
        let mut sum = histogram(20, side(i32::MIN, &[1]));
        sum.add(histogram(20, side(i32::MAX, &[1])), false);
        assert!(sum.positive.counts.len() <= 20_001);
        assert_eq!(sum.positive.counts.iter().sum::<u64>(), 2);
    }
}
