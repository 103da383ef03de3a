//! Points of histograms that are alike, as one. Their buckets are added, whatever the aggregation.

use tailweir_otlp::field::{self, WritableField};
use tailweir_otlp::{DataPoint, HistogramPoint};

/// What points of both kinds of histograms have in common.
pub(super) struct Totals {
    count: u64,
    sum: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    start: u64,
    exemplars: Vec<Vec<u8>>,
}

impl Totals {
    pub(super) fn of(point: DataPoint<'_>, exemplars: WritableField) -> Self {
        let (count, sum, min, max) = match point {
            DataPoint::Histogram(point) => (point.count(), point.sum(), point.min(), point.max()),
            DataPoint::ExponentialHistogram(point) => {
                (point.count(), point.sum(), point.min(), point.max())
            }
            DataPoint::Number(_) | DataPoint::Summary(_) => (0, None, None, None),
        };
        Self {
            count,
            sum,
            min,
            max,
            start: point.start(),
            exemplars: exemplars
                .messages(point.message())
                .map(<[u8]>::to_vec)
                .collect(),
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.count = self.count.wrapping_add(other.count);
        self.sum = Some(self.sum.unwrap_or_default() + other.sum.unwrap_or_default());
        self.min = self.min.map(|min| min.min(other.min.unwrap_or_default()));
        self.max = self.max.map(|max| max.max(other.max.unwrap_or_default()));
        self.start = self.start.min(other.start);
        self.exemplars.extend(other.exemplars);
    }

    pub(super) fn write(
        &self,
        first: &[u8],
        exemplars: WritableField,
        (min, max): (WritableField, WritableField),
    ) -> Vec<u8> {
        let new = field::POINT_COUNT.with_number(first, self.count);
        let mut new = field::POINT_START.with_number(&new, self.start);
        for (target, value) in [
            (field::HISTOGRAM_SUM, self.sum),
            (min, self.min),
            (max, self.max),
        ] {
            if let Some(value) = value {
                new = target.with_number(&new, value.to_bits());
            }
        }
        exemplars.with_messages(&new, self.exemplars.iter().map(Vec::as_slice))
    }
}

pub(super) fn merged(group: Vec<Vec<u8>>) -> Vec<u8> {
    let [first, rest @ ..] = group.as_slice() else {
        return Vec::new();
    };
    let exemplars = field::HISTOGRAM_EXEMPLARS;
    let totals_of =
        |point: &[u8]| Totals::of(DataPoint::Histogram(HistogramPoint(point)), exemplars);
    let mut totals = totals_of(first);
    let mut counts: Vec<u64> = HistogramPoint(first).bucket_counts().collect();
    for point in rest {
        if HistogramPoint(point).count() > 0 {
            totals.add(totals_of(point));
            add_counts(&mut counts, HistogramPoint(point).bucket_counts());
        }
    }
    if rest.is_empty() {
        return first.clone();
    }
    let ends = (field::HISTOGRAM_MIN, field::HISTOGRAM_MAX);
    let new = totals.write(first, exemplars, ends);
    field::HISTOGRAM_BUCKETS.with_numbers(&new, counts)
}

/// Adds counts bucket by bucket. There may be more of them.
fn add_counts(counts: &mut Vec<u64>, more: impl Iterator<Item = u64>) {
    for (position, count) in more.enumerate() {
        match counts.get_mut(position) {
            Some(held) => *held = held.wrapping_add(count),
            None => counts.push(count),
        }
    }
}
