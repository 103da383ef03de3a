//! `merge_histogram_buckets`: fewer buckets for a point of a histogram.

use super::{Given, OwnEditor, Stage};
use tailweir_otlp::{DataPoint, HistogramPoint, MetricView, field};
use tailweir_ottl::EvaluationError;

/// How close a bound must be to the one that is meant.
const TOLERANCE: f64 = 1e-12;

pub(super) fn prepare(given: &Given<'_>) -> Result<OwnEditor, (usize, String)> {
    let Some(number) = given.number(0) else {
        return Err((0, "a number is wanted, written out".to_owned()));
    };
    match given.text_or(1, "remove_explicit_bound").as_str() {
        "remove_explicit_bound" => Ok(OwnEditor::MergeBuckets { bound: number }),
        "limit_buckets" if number >= 1.0 && number.fract() == 0.0 => Ok(OwnEditor::LimitBuckets {
            count: number as usize,
        }),
        "limit_buckets" => Err((0, "the limit must be a whole number above zero".to_owned())),
        other => {
            let known = "write remove_explicit_bound or limit_buckets";
            Err((1, format!("there is no method `{other}`; {known}")))
        }
    }
}

/// Lets `merge` change bounds and counts of the point at hand, if it is one of a histogram.
pub(super) fn edit(
    stage: &mut Stage<'_>,
    merge: impl FnOnce(HistogramPoint<'_>) -> Option<(Vec<f64>, Vec<u64>)>,
) -> Result<(), EvaluationError> {
    let data = MetricView(&stage.draft.whole).data();
    let DataPoint::Histogram(point) = data.point(stage.draft.part()) else {
        return Ok(());
    };
    let Some((bounds, counts)) = merge(point) else {
        return Ok(());
    };
    let bounds = bounds.into_iter().map(f64::to_bits);
    let new = field::HISTOGRAM_BOUNDS.with_numbers(point.0, bounds);
    let new = field::HISTOGRAM_BUCKETS.with_numbers(&new, counts);
    let index = stage.draft.index;
    stage.draft.parts[index] = new.into();
    Ok(())
}

/// Bounds and counts of a point that has one more count than bounds, and at least two.
fn parts(point: HistogramPoint<'_>) -> Option<(Vec<f64>, Vec<u64>)> {
    let bounds: Vec<f64> = point.explicit_bounds().collect();
    let counts: Vec<u64> = point.bucket_counts().collect();
    (counts.len() == bounds.len() + 1 && counts.len() > 1).then_some((bounds, counts))
}

/// The bucket that ends at a bound becomes part of the next one.
pub(super) fn merged(point: HistogramPoint<'_>, bound: f64) -> Option<(Vec<f64>, Vec<u64>)> {
    let (mut bounds, mut counts) = parts(point)?;
    let at = bounds
        .iter()
        .position(|known| (known - bound).abs() < TOLERANCE)?;
    bounds.remove(at);
    let count = counts.remove(at);
    counts[at] = counts[at].wrapping_add(count);
    Some((bounds, counts))
}

/// Neighbouring buckets become one, as few as give at most `limit`.
pub(super) fn limited(point: HistogramPoint<'_>, limit: usize) -> Option<(Vec<f64>, Vec<u64>)> {
    let (bounds, counts) = parts(point)?;
    let is_ordered = bounds.windows(2).all(|pair| pair[0] < pair[1]);
    if counts.len() <= limit || !is_ordered {
        return None;
    }
    let each = counts.len().div_ceil(limit);
    let merged = counts.chunks(each).map(|counts| {
        counts
            .iter()
            .fold(0, |sum: u64, count| sum.wrapping_add(*count))
    });
    let merged: Vec<u64> = merged.collect();
    let ends = bounds.iter().skip(each - 1).step_by(each).copied();
    Some((ends.take(merged.len() - 1).collect(), merged))
}
