//! Sums that become gauges and the other way, and copies.

use tailweir_otlp::field::{self, WritableField};
use tailweir_otlp::{MetricData, MetricView, Temporality};
use tailweir_ottl::{EvaluationError, Value};

/// A sum as a gauge of the same points.
pub(super) fn sum_to_gauge(metric: MetricView<'_>) -> Option<Vec<u8>> {
    let MetricData::Sum(_) = metric.data() else {
        return None;
    };
    let points = field::DATA_POINTS.messages(metric.data().message());
    let data = field::DATA_POINTS.with_messages(&[], points);
    Some(field::METRIC_GAUGE.with_bytes(metric.0, &data))
}

/// A gauge as a sum of the same points.
pub(super) fn gauge_to_sum(
    metric: MetricView<'_>,
    temporality: Temporality,
    is_monotonic: bool,
) -> Option<Vec<u8>> {
    let MetricData::Gauge(_) = metric.data() else {
        return None;
    };
    let points = field::DATA_POINTS.messages(metric.data().message());
    let data = sum_of(points, temporality, is_monotonic);
    Some(field::METRIC_SUM.with_bytes(metric.0, &data))
}

/// The data of a sum.
pub(super) fn sum_of<'p>(
    points: impl IntoIterator<Item = &'p [u8]>,
    temporality: Temporality,
    is_monotonic: bool,
) -> Vec<u8> {
    let data = field::DATA_POINTS.with_messages(&[], points);
    let data = field::DATA_TEMPORALITY.with_number(&data, temporality.number() as u64);
    field::SUM_IS_MONOTONIC.with_number(&data, is_monotonic.into())
}

/// A metric of another name, with the description and unit of the one it is made of, and this data.
pub(super) fn derived(
    metric: MetricView<'_>,
    suffix: &str,
    kind: WritableField,
    data: &[u8],
) -> Vec<u8> {
    let name = [metric.name(), suffix.as_bytes()].concat();
    let new = field::METRIC_NAME.with_bytes(&[], &name);
    let new = field::METRIC_DESCRIPTION.with_bytes(&new, metric.description());
    let new = field::METRIC_UNIT.with_bytes(&new, metric.unit());
    kind.with_bytes(&new, data)
}

/// The metric with the name, description and unit that are given.
pub(super) fn copy(
    metric: MetricView<'_>,
    arguments: &[Value<'_>],
) -> Result<Vec<u8>, EvaluationError> {
    let mut copy = metric.0.to_vec();
    let fields = [
        field::METRIC_NAME,
        field::METRIC_DESCRIPTION,
        field::METRIC_UNIT,
    ];
    for (field, argument) in fields.into_iter().zip(arguments) {
        if let Value::String(text) = argument {
            copy = field.with_bytes(&copy, text);
        }
    }
    Ok(copy)
}
