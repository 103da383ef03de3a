//! Writing fields of metrics.

use super::write::{Written, attributes, enumerated, int, list, mismatch, nested, number, text};
use crate::metric::MetricField;
use tailweir_otlp::{MetricData, MetricView, field};
use tailweir_ottl::{EvaluationError, Key, Value};

/// `has_parts` says that statements are about the points, which therefore are not in the message.
pub(super) fn set(
    message: &[u8],
    path: MetricField,
    has_parts: bool,
    keys: &[Key<'_>],
    value: Value<'_>,
) -> Written {
    let metric = MetricView(message);
    match path {
        MetricField::Name => text(field::METRIC_NAME, message, metric.name(), &value),
        MetricField::Description => text(
            field::METRIC_DESCRIPTION,
            message,
            metric.description(),
            &value,
        ),
        MetricField::Unit => text(field::METRIC_UNIT, message, metric.unit(), &value),
        // The Collector takes it and does nothing.
        MetricField::Type => Ok(None),
        MetricField::AggregationTemporality => set_temporality(metric, int(&value)?),
        MetricField::IsMonotonic => set_monotonic(metric, &value),
        MetricField::DataPoints if has_parts => Err(EvaluationError::Unavailable(
            "the data points cannot be replaced by a statement about one of them",
        )),
        MetricField::DataPoints => match metric.data().field() {
            Some(kind) => nested(kind, message, |data| {
                list(field::DATA_POINTS, data, "list of data points", &value)
            }),
            None => Ok(None),
        },
        MetricField::Metadata => attributes(field::METRIC_METADATA, message, keys, value),
        MetricField::PointAttribute => Err(EvaluationError::Unavailable(
            "whether a point has an attribute cannot be changed",
        )),
    }
}

fn set_temporality(metric: MetricView<'_>, value: i64) -> Written {
    let data = metric.data();
    match (data, data.field()) {
        (
            MetricData::Sum(points)
            | MetricData::Histogram(points)
            | MetricData::ExponentialHistogram(points),
            Some(kind),
        ) => nested(kind, metric.0, |data| {
            let held = enumerated(points.temporality().number().into());
            number(field::DATA_TEMPORALITY, data, held, enumerated(value))
        }),
        _ => Ok(None),
    }
}

fn set_monotonic(metric: MetricView<'_>, value: &Value<'_>) -> Written {
    let Value::Bool(new) = value else {
        return Err(mismatch("bool", value));
    };
    match metric.data() {
        MetricData::Sum(points) => nested(field::METRIC_SUM, metric.0, |data| {
            let held = points.is_monotonic().into();
            number(field::SUM_IS_MONOTONIC, data, held, (*new).into())
        }),
        _ => Ok(None),
    }
}
