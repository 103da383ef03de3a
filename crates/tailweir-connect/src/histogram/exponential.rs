//! Histograms whose buckets grow by a constant factor, which is chosen as small as fits.
//!
//! Bucket `i` of scale `s` holds values above `2^(i * 2^-s)` up to and with `2^((i + 1) * 2^-s)`. A
//! histogram begins at the finest scale; when a value would make it too wide, neighbours are merged in
//! pairs until it fits. Source: OpenTelemetry specification, "Exponential Histogram".

mod merge;

/// The finest scale: buckets grow by 0.00007 %.
const SCALE_MAX: i32 = 20;
/// The coarsest scale that still has two buckets for all numbers.
const SCALE_MIN: i32 = -10;
/// Exponents of the smallest and the largest normal numbers.
const EXPONENT_MIN: i32 = -1022;
const EXPONENT_MAX: i32 = 1023;
/// Bits of a number behind its exponent.
const SIGNIFICAND_BITS: u32 = 52;

/// A histogram of values that are not below zero.
#[derive(Debug, Clone)]
pub(crate) struct Exponential {
    size_max: usize,
    scale: i32,
    /// Number of the first bucket.
    offset: i32,
    buckets: Vec<u64>,
    count: u64,
    zero_count: u64,
    sum: f64,
    range: Option<(f64, f64)>,
}

impl Exponential {
    /// One of nothing, with at most so many buckets, 2 or more.
    pub(crate) fn new(size_max: usize) -> Self {
        Self {
            size_max: size_max.max(2),
            scale: SCALE_MAX,
            offset: 0,
            buckets: Vec::new(),
            count: 0,
            zero_count: 0,
            sum: 0.0,
            range: None,
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn zero_count(&self) -> u64 {
        self.zero_count
    }

    pub(crate) fn sum(&self) -> f64 {
        self.sum
    }

    /// The smallest and the largest value.
    pub(crate) fn range(&self) -> Option<(f64, f64)> {
        self.range
    }

    /// The scale; zero as long as no value says how fine it can be.
    pub(crate) fn scale(&self) -> i32 {
        if self.buckets.is_empty() {
            0
        } else {
            self.scale
        }
    }

    pub(crate) fn offset(&self) -> i32 {
        self.offset
    }

    pub(crate) fn buckets(&self) -> &[u64] {
        &self.buckets
    }

    pub(crate) fn size_max(&self) -> usize {
        self.size_max
    }

    /// Counts a value, not below zero, `times` times.
    pub(crate) fn observe(&mut self, value: f64, times: u64) {
        if times == 0 || !value.is_finite() {
            return;
        }
        let (smallest, largest) = self.range.unwrap_or((value, value));
        self.range = Some((smallest.min(value), largest.max(value)));
        self.count = self.count.wrapping_add(times);
        if value <= 0.0 {
            self.zero_count = self.zero_count.wrapping_add(times);
            return;
        }
        self.sum += value * times as f64;
        let mut index = index_of(value, self.scale);
        let excess = self.excess(index, index);
        if excess > 0 {
            self.coarsen(excess);
            index = index_of(value, self.scale);
        }
        self.add(index, times);
    }

    /// By how many scales it must become coarser for buckets of these numbers to fit.
    fn excess(&self, first: i32, last: i32) -> i32 {
        let (mut low, mut high) = match self.last() {
            Some(own) => (self.offset.min(first), own.max(last)),
            None => return 0,
        };
        let mut change = 0;
        while i64::from(high) - i64::from(low) >= self.size_max as i64
            && self.scale - change > SCALE_MIN
        {
            low >>= 1;
            high >>= 1;
            change += 1;
        }
        change
    }

    fn last(&self) -> Option<i32> {
        let length = self.buckets.len() as i32;
        (length > 0).then(|| self.offset + length - 1)
    }

    fn coarsen(&mut self, by: i32) {
        let offset = self.offset >> by;
        let mut merged: Vec<u64> = Vec::with_capacity(self.buckets.len() / 2 + 1);
        for (index, count) in (self.offset..).zip(&self.buckets) {
            let bucket = ((index >> by) - offset) as usize;
            if bucket >= merged.len() {
                merged.resize(bucket + 1, 0);
            }
            merged[bucket] = merged[bucket].wrapping_add(*count);
        }
        self.buckets = merged;
        self.offset = offset;
        self.scale -= by;
    }

    fn add(&mut self, index: i32, times: u64) {
        let Some(last) = self.last() else {
            self.offset = index;
            self.buckets.push(times);
            return;
        };
        if index < self.offset {
            let missing = (self.offset - index) as usize;
            self.buckets.splice(0..0, std::iter::repeat_n(0, missing));
            self.offset = index;
        } else if index > last {
            let length = (index - self.offset) as usize + 1;
            self.buckets.resize(length, 0);
        }
        let bucket = &mut self.buckets[(index - self.offset) as usize];
        *bucket = bucket.wrapping_add(times);
    }
}

/// The number of the bucket of a value above zero.
fn index_of(value: f64, scale: i32) -> i32 {
    if scale > 0 {
        fine_index(value, scale)
    } else {
        coarse_index(value, -scale)
    }
}

/// By the logarithm. Powers of two are taken apart, so that they end their bucket exactly.
fn fine_index(value: f64, scale: i32) -> i32 {
    if value <= f64::MIN_POSITIVE {
        return (EXPONENT_MIN << scale) - 1;
    }
    if significand(value) == 0 {
        return (exponent(value) << scale) - 1;
    }
    let factor = std::f64::consts::LOG2_E * f64::from(1 << scale);
    let index = (value.ln() * factor).floor() as i32;
    index.min(((EXPONENT_MAX + 1) << scale) - 1)
}

/// By the exponent alone: a bucket holds `2^shift` powers of two.
fn coarse_index(value: f64, shift: i32) -> i32 {
    if value < f64::MIN_POSITIVE {
        let index = EXPONENT_MIN >> shift;
        // Where the smallest number ends a bucket, what is below it is in the one before.
        return if shift < 2 { index - 1 } else { index };
    }
    let is_power = significand(value) == 0;
    (exponent(value) - i32::from(is_power)) >> shift
}

fn exponent(value: f64) -> i32 {
    (value.to_bits() >> SIGNIFICAND_BITS & 0x7ff) as i32 - 1023
}

fn significand(value: f64) -> u64 {
    value.to_bits() & ((1 << SIGNIFICAND_BITS) - 1)
}

#[cfg(test)]
mod tests {
    use super::Exponential;

    /// Scenario: powers of two between a half and 1024 are counted in at most four buckets.
    /// Guarantees: each is counted, the buckets are as fine as four allow, and bounds belong to the
    /// bucket below.
    #[test]
    fn buckets_become_as_coarse_as_they_must() {
        let mut histogram = Exponential::new(4);
        for power in -1..=10 {
            histogram.observe(f64::from(power).exp2(), 1);
        }
        assert_eq!(histogram.scale(), -2);
        assert_eq!(
            (histogram.offset(), histogram.buckets()),
            (-1, &[2, 4, 4, 2][..])
        );
        assert_eq!(histogram.range(), Some((0.5, 1024.0)));
        assert_eq!(histogram.count(), 12);
    }

    /// Scenario: nothing but zeros is counted.
    /// Guarantees: they have a count of their own and no bucket, and the scale is zero.
    #[test]
    fn zeros_have_no_bucket() {
        let mut histogram = Exponential::new(160);
        histogram.observe(0.0, 3);
        assert_eq!((histogram.zero_count(), histogram.count()), (3, 3));
        assert_eq!((histogram.scale(), histogram.buckets()), (0, &[][..]));
    }

    /// Scenario: the smallest and the largest numbers share two buckets.
    /// Guarantees: both are counted.
    #[test]
    fn all_numbers_fit_into_two_buckets() {
        let mut histogram = Exponential::new(2);
        for value in [f64::from_bits(1), f64::MIN_POSITIVE, 1.0, f64::MAX] {
            histogram.observe(value, 1);
        }
        assert_eq!(histogram.buckets().iter().sum::<u64>(), 4);
        assert!(histogram.buckets().len() <= 2);
    }
}
