//! Metrics that are made of parts of others: sums and counts of histograms and summaries, quantiles.

use super::convert::{derived, sum_of};
use tailweir_otlp::field::{self, WritableField};
use tailweir_otlp::{DataPoint, EncodedValue, MetricData, MetricView, Points, Temporality};
use tailweir_ottl::EvaluationError;

const NOT_A_DISTRIBUTION: EvaluationError =
    EvaluationError::Unavailable("the metric is no histogram or summary with a temporality");

/// The sums of a histogram of either kind, or of a summary.
pub(super) fn sum(
    metric: MetricView<'_>,
    is_monotonic: bool,
    suffix: &str,
) -> Result<Option<Vec<u8>>, EvaluationError> {
    let temporality = temporality(metric)?;
    let points = metric
        .data()
        .points()
        .filter_map(sum_point)
        .collect::<Vec<_>>();
    Ok(extracted(
        metric,
        &points,
        temporality,
        is_monotonic,
        suffix,
    ))
}

/// The counts of a histogram of either kind, or of a summary.
pub(super) fn count(
    metric: MetricView<'_>,
    is_monotonic: bool,
    suffix: &str,
) -> Result<Option<Vec<u8>>, EvaluationError> {
    let temporality = temporality(metric)?;
    let points = metric
        .data()
        .points()
        .filter_map(count_point)
        .collect::<Vec<_>>();
    let new = extracted(metric, &points, temporality, is_monotonic, suffix);
    // A count has no unit of what is counted.
    Ok(new.map(|new| field::METRIC_UNIT.with_bytes(&new, b"1")))
}

/// The sums of a summary, even when there are none.
pub(super) fn summary_sum(
    metric: MetricView<'_>,
    temporality: Temporality,
    is_monotonic: bool,
    suffix: &str,
) -> Option<Vec<u8>> {
    of_summary(metric, sum_point, temporality, is_monotonic, suffix)
}

/// The counts of a summary, even when there are none.
pub(super) fn summary_count(
    metric: MetricView<'_>,
    temporality: Temporality,
    is_monotonic: bool,
    suffix: &str,
) -> Option<Vec<u8>> {
    of_summary(metric, count_point, temporality, is_monotonic, suffix)
}

/// One number of each point of a summary.
fn of_summary(
    metric: MetricView<'_>,
    number: fn(DataPoint<'_>) -> Option<Vec<u8>>,
    temporality: Temporality,
    is_monotonic: bool,
    suffix: &str,
) -> Option<Vec<u8>> {
    let MetricData::Summary(_) = metric.data() else {
        return None;
    };
    let points: Vec<_> = metric.data().points().filter_map(number).collect();
    let data = sum_of(points.iter().map(Vec::as_slice), temporality, is_monotonic);
    Some(derived(metric, suffix, field::METRIC_SUM, &data))
}

/// The quantiles of a summary as a gauge, with the quantile in an attribute.
pub(super) fn summary_quantiles(
    metric: MetricView<'_>,
    key: &str,
    suffix: &str,
) -> Option<Vec<u8>> {
    let MetricData::Summary(_) = metric.data() else {
        return None;
    };
    let mut points = Vec::new();
    for point in metric.data().points() {
        let DataPoint::Summary(summary) = point else {
            continue;
        };
        for quantile in summary.quantiles() {
            let new = number_point(point, field::NUMBER_DOUBLE, quantile.value.to_bits());
            let mut attributes = field::NUMBER_ATTRIBUTES.attributes(&new);
            attributes.put(key.as_bytes(), &EncodedValue::double(quantile.quantile));
            points.push(field::NUMBER_ATTRIBUTES.with_attributes(&new, &attributes));
        }
    }
    let data = field::DATA_POINTS.with_messages(&[], points.iter().map(Vec::as_slice));
    Some(derived(metric, suffix, field::METRIC_GAUGE, &data))
}

/// The temporality of what is extracted. That of a summary counts as cumulative.
fn temporality(metric: MetricView<'_>) -> Result<Temporality, EvaluationError> {
    let of = |points: Points<'_>| match points.temporality() {
        Temporality::Unspecified => Err(NOT_A_DISTRIBUTION),
        known => Ok(known),
    };
    match metric.data() {
        MetricData::Histogram(points) | MetricData::ExponentialHistogram(points) => of(points),
        MetricData::Summary(_) => Ok(Temporality::Cumulative),
        MetricData::Empty | MetricData::Gauge(_) | MetricData::Sum(_) => Err(NOT_A_DISTRIBUTION),
    }
}

fn extracted(
    metric: MetricView<'_>,
    points: &[Vec<u8>],
    temporality: Temporality,
    is_monotonic: bool,
    suffix: &str,
) -> Option<Vec<u8>> {
    if points.is_empty() {
        return None;
    }
    let data = sum_of(points.iter().map(Vec::as_slice), temporality, is_monotonic);
    Some(derived(metric, suffix, field::METRIC_SUM, &data))
}

fn sum_point(point: DataPoint<'_>) -> Option<Vec<u8>> {
    let sum = match point {
        DataPoint::Histogram(histogram) => histogram.sum()?,
        DataPoint::ExponentialHistogram(histogram) => histogram.sum()?,
        DataPoint::Summary(summary) => summary.sum(),
        DataPoint::Number(_) => return None,
    };
    Some(number_point(point, field::NUMBER_DOUBLE, sum.to_bits()))
}

fn count_point(point: DataPoint<'_>) -> Option<Vec<u8>> {
    let count = match point {
        DataPoint::Histogram(histogram) => histogram.count(),
        DataPoint::ExponentialHistogram(histogram) => histogram.count(),
        DataPoint::Summary(summary) => summary.count(),
        DataPoint::Number(_) => return None,
    };
    Some(number_point(point, field::NUMBER_INT, count))
}

/// A number point with the attributes and times of another point.
pub(super) fn number_point(point: DataPoint<'_>, value: WritableField, bits: u64) -> Vec<u8> {
    let attributes = match point {
        DataPoint::Number(_) | DataPoint::Summary(_) => field::NUMBER_ATTRIBUTES,
        DataPoint::Histogram(_) => field::HISTOGRAM_ATTRIBUTES,
        DataPoint::ExponentialHistogram(_) => field::EXPONENTIAL_ATTRIBUTES,
    };
    let attributes = attributes.messages(point.message());
    let new = field::NUMBER_ATTRIBUTES.with_messages(&[], attributes);
    let new = value.with_number(&new, bits);
    let new = field::POINT_START.with_number(&new, point.start());
    field::POINT_TIME.with_number(&new, point.time())
}
