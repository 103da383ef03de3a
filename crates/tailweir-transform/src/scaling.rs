//! Values times a factor: for the editor `scale_metric`, and the operation of `metrics_transform`.

use std::f64::consts::LN_2;
use tailweir_otlp::field::{self, WritableField};
use tailweir_otlp::{
    DataPoint, ExemplarView, ExponentialHistogramPoint, MetricData, MetricView, Number,
};
use tailweir_ottl::{EvaluationError, Value, integer_of};

/// Every value of a metric times a factor.
pub(crate) fn scale(
    metric: MetricView<'_>,
    factor: f64,
    unit: Option<&Value<'_>>,
) -> Result<Option<Vec<u8>>, EvaluationError> {
    let data = metric.data();
    let Some(kind) = data.field() else {
        return Err(EvaluationError::Unavailable(
            "the metric has no data to scale",
        ));
    };
    if let MetricData::ExponentialHistogram(_) = data {
        return Err(EvaluationError::Unavailable(
            "exponential histograms cannot be scaled",
        ));
    }
    let points: Vec<_> = data.points().map(|point| scaled(point, factor)).collect();
    let data = field::DATA_POINTS.with_messages(data.message(), points.iter().map(Vec::as_slice));
    let mut new = kind.with_bytes(metric.0, &data);
    if let Some(Value::String(unit)) = unit {
        new = field::METRIC_UNIT.with_bytes(&new, unit);
    }
    Ok(Some(new))
}

/// A data point with its values times a factor; one of an exponential histogram as it is.
pub(crate) fn scaled(point: DataPoint<'_>, factor: f64) -> Vec<u8> {
    let message = point.message();
    match point {
        DataPoint::Number(number) => scaled_number(
            message,
            number.value(),
            factor,
            (field::NUMBER_DOUBLE, field::NUMBER_INT),
        ),
        DataPoint::Histogram(histogram) => {
            let mut new = message.to_vec();
            let known = [
                (field::HISTOGRAM_SUM, histogram.sum()),
                (field::HISTOGRAM_MIN, histogram.min()),
                (field::HISTOGRAM_MAX, histogram.max()),
            ];
            for (target, value) in known {
                if let Some(value) = value {
                    new = target.with_number(&new, (value * factor).to_bits());
                }
            }
            let bounds = histogram
                .explicit_bounds()
                .map(|bound| (bound * factor).to_bits());
            new = field::HISTOGRAM_BOUNDS.with_numbers(&new, bounds);
            let exemplars: Vec<_> = histogram
                .exemplars()
                .map(|exemplar| scaled_exemplar(exemplar, factor))
                .collect();
            field::HISTOGRAM_EXEMPLARS.with_messages(&new, exemplars.iter().map(Vec::as_slice))
        }
        DataPoint::Summary(summary) => {
            let sum = (summary.sum() * factor).to_bits();
            let new = field::SUMMARY_SUM.with_number(message, sum);
            let quantiles = field::SUMMARY_QUANTILES
                .messages(message)
                .zip(summary.quantiles());
            let quantiles: Vec<_> = quantiles
                .map(|(message, quantile)| {
                    field::QUANTILE_VALUE.with_number(message, (quantile.value * factor).to_bits())
                })
                .collect();
            field::SUMMARY_QUANTILES.with_messages(&new, quantiles.iter().map(Vec::as_slice))
        }
        DataPoint::ExponentialHistogram(_) => message.to_vec(),
    }
}

/// A data point of an exponential histogram with its values times a factor above zero: its buckets move.
pub(crate) fn scaled_exponential(point: ExponentialHistogramPoint<'_>, factor: f64) -> Vec<u8> {
    let Some(shift) = bucket_shift(point.scale(), factor) else {
        return point.0.to_vec();
    };
    let mut new = point.0.to_vec();
    for (target, value) in [
        (field::HISTOGRAM_SUM, point.sum()),
        (field::EXPONENTIAL_MIN, point.min()),
        (field::EXPONENTIAL_MAX, point.max()),
        (
            field::EXPONENTIAL_ZERO_THRESHOLD,
            Some(point.zero_threshold()),
        ),
    ] {
        if let Some(value) = value {
            new = target.with_number(&new, (value * factor).to_bits());
        }
    }
    for (target, side) in [
        (field::EXPONENTIAL_POSITIVE, point.positive()),
        (field::EXPONENTIAL_NEGATIVE, point.negative()),
    ] {
        if side.counts().next().is_some() {
            let offset = side.offset().saturating_add(shift);
            let buckets = field::BUCKETS_OFFSET.with_number(&target.nested(&new), offset as u64);
            new = target.with_bytes(&new, &buckets);
        }
    }
    let exemplars: Vec<_> = point
        .exemplars()
        .map(|exemplar| scaled_exemplar(exemplar, factor))
        .collect();
    field::EXPONENTIAL_EXEMPLARS.with_messages(&new, exemplars.iter().map(Vec::as_slice))
}

/// By how many buckets a factor moves the middle of each: the same for all of them. Nothing where buckets are so
/// fine, or the factor is such, that there is no number for it.
fn bucket_shift(scale: i32, factor: f64) -> Option<i32> {
    let per_doubling = f64::from(scale).exp2();
    // How many doublings a bucket is wide.
    let width = f64::from(-scale).exp2();
    // Where the middle of a bucket is, in buckets from its start: the logarithm of `(1 + base) / 2`.
    let middle = 1.0 - per_doubling + per_doubling * (-width).exp2().ln_1p() / LN_2;
    let shift = (middle + per_doubling * factor.log2()).ceil() - 1.0;
    (shift >= f64::from(i32::MIN) && shift <= f64::from(i32::MAX)).then_some(shift as i32)
}

fn scaled_exemplar(exemplar: ExemplarView<'_>, factor: f64) -> Vec<u8> {
    let fields = (field::EXEMPLAR_DOUBLE, field::EXEMPLAR_INT);
    scaled_number(exemplar.0, exemplar.value(), factor, fields)
}

fn scaled_number(
    message: &[u8],
    value: Number,
    factor: f64,
    (double, int): (WritableField, WritableField),
) -> Vec<u8> {
    match value {
        Number::Empty => message.to_vec(),
        Number::Double(value) => double.with_number(message, (value * factor).to_bits()),
        Number::Int(value) => int.with_number(message, integer_of(value as f64 * factor) as u64),
    }
}
