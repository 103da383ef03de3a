//! Writing fields of data points. A value of the wrong kind, or a field that the kind of point has not, is
//! passed over, as in the Collector.

use super::write::{Written, attributes, bytes, is_emptied, nested, number, unsigned};
use crate::point::PointField;
use tailweir_otlp::field::{self, WritableField};
use tailweir_otlp::{Buckets, DataPoint, Number};
use tailweir_ottl::{Key, Origin, Value};

pub(super) fn set(
    point: DataPoint<'_>,
    path: PointField,
    keys: &[Key<'_>],
    value: Value<'_>,
) -> Written {
    let message = point.message();
    match (path, &value) {
        (PointField::Attributes, _) => attributes(attributes_of(point), message, keys, value),
        (PointField::StartTime, Value::Time(time)) => number(
            field::POINT_START,
            message,
            point.start(),
            time.unix_units(1) as u64,
        ),
        (PointField::StartTimeUnixNano, Value::Int(new)) => {
            number(field::POINT_START, message, point.start(), *new as u64)
        }
        (PointField::Time, Value::Time(time)) => number(
            field::POINT_TIME,
            message,
            point.time(),
            time.unix_units(1) as u64,
        ),
        (PointField::TimeUnixNano, Value::Int(new)) => {
            number(field::POINT_TIME, message, point.time(), *new as u64)
        }
        (PointField::Flags, Value::Int(new)) => number(
            flags_of(point),
            message,
            point.flags().into(),
            unsigned(*new),
        ),
        (PointField::Count, Value::Int(new)) => match point {
            DataPoint::Number(_) => Ok(None),
            _ => number(field::POINT_COUNT, message, count_of(point), *new as u64),
        },
        (PointField::Sum, Value::Double(new)) => Ok(set_sum(point, *new)),
        (PointField::Exemplars, Value::Object(object)) => Ok(is_emptied(object)
            .then(|| exemplars_of(point))
            .flatten()
            .map(|exemplars| exemplars.without(message))),
        (path, value) => match point {
            DataPoint::Number(point) => set_number(point.0, point.value(), path, value),
            DataPoint::Histogram(_) => Ok(set_histogram(message, path, value)),
            DataPoint::ExponentialHistogram(point) => {
                let sides = (point.positive(), point.negative());
                let held = (point.scale(), point.zero_count());
                set_exponential(message, held, sides, path, value)
            }
            DataPoint::Summary(_) => match (path, value) {
                (PointField::QuantileValues, Value::Object(object)) => {
                    Ok(is_emptied(object).then(|| field::SUMMARY_QUANTILES.without(message)))
                }
                _ => Ok(None),
            },
        },
    }
}

/// Where a kind of point has its attributes.
pub(super) fn attributes_of(point: DataPoint<'_>) -> WritableField {
    match point {
        DataPoint::Number(_) | DataPoint::Summary(_) => field::NUMBER_ATTRIBUTES,
        DataPoint::Histogram(_) => field::HISTOGRAM_ATTRIBUTES,
        DataPoint::ExponentialHistogram(_) => field::EXPONENTIAL_ATTRIBUTES,
    }
}

fn flags_of(point: DataPoint<'_>) -> WritableField {
    match point {
        DataPoint::Number(_) | DataPoint::Summary(_) => field::NUMBER_FLAGS,
        DataPoint::Histogram(_) | DataPoint::ExponentialHistogram(_) => field::HISTOGRAM_FLAGS,
    }
}

fn exemplars_of(point: DataPoint<'_>) -> Option<WritableField> {
    match point {
        DataPoint::Number(_) => Some(field::NUMBER_EXEMPLARS),
        DataPoint::Histogram(_) => Some(field::HISTOGRAM_EXEMPLARS),
        DataPoint::ExponentialHistogram(_) => Some(field::EXPONENTIAL_EXEMPLARS),
        DataPoint::Summary(_) => None,
    }
}

fn count_of(point: DataPoint<'_>) -> u64 {
    match point {
        DataPoint::Number(_) => 0,
        DataPoint::Histogram(point) => point.count(),
        DataPoint::ExponentialHistogram(point) => point.count(),
        DataPoint::Summary(point) => point.count(),
    }
}

fn set_sum(point: DataPoint<'_>, new: f64) -> Option<Vec<u8>> {
    let (target, held) = match point {
        DataPoint::Number(_) => return None,
        DataPoint::Histogram(point) => (field::HISTOGRAM_SUM, point.sum()),
        DataPoint::ExponentialHistogram(point) => (field::HISTOGRAM_SUM, point.sum()),
        DataPoint::Summary(point) => (field::SUMMARY_SUM, Some(point.sum())),
    };
    let is_new = held.map(f64::to_bits) != Some(new.to_bits());
    is_new.then(|| target.with_number(point.message(), new.to_bits()))
}

fn set_number(message: &[u8], held: Number, path: PointField, value: &Value<'_>) -> Written {
    let (target, new, bits) = match (path, value) {
        (PointField::ValueDouble, Value::Double(new)) => {
            (field::NUMBER_DOUBLE, Number::Double(*new), new.to_bits())
        }
        (PointField::ValueInt, Value::Int(new)) => {
            (field::NUMBER_INT, Number::Int(*new), *new as u64)
        }
        _ => return Ok(None),
    };
    let same = match (held, new) {
        (Number::Double(held), Number::Double(new)) => held.to_bits() == new.to_bits(),
        (held, new) => held == new,
    };
    Ok((!same).then(|| target.with_number(message, bits)))
}

fn set_histogram(message: &[u8], path: PointField, value: &Value<'_>) -> Option<Vec<u8>> {
    let (target, numbers) = match path {
        PointField::BucketCounts => (field::HISTOGRAM_BUCKETS, counts(value)?),
        PointField::ExplicitBounds => (field::HISTOGRAM_BOUNDS, bounds(value)?),
        _ => return None,
    };
    let new = target.with_numbers(message, numbers);
    (new != message).then_some(new)
}

fn set_exponential(
    message: &[u8],
    (scale, zero_count): (i32, u64),
    (positive, negative): (Buckets<'_>, Buckets<'_>),
    path: PointField,
    value: &Value<'_>,
) -> Written {
    let side = |target: WritableField, own: Buckets<'_>, other: Buckets<'_>, own_kind: &str| {
        let Value::Object(object) = value else {
            return Ok(None);
        };
        let new: &[u8] = match object.kind {
            "positive buckets" | "negative buckets" if is_emptied(object) => &[],
            kind if kind == own_kind => return Ok(None),
            "positive buckets" | "negative buckets" => other.message(),
            _ => return Ok(None),
        };
        bytes(target, message, own.message(), new)
    };
    let (up, down) = (field::EXPONENTIAL_POSITIVE, field::EXPONENTIAL_NEGATIVE);
    match (path, value) {
        (PointField::Scale, Value::Int(new)) => {
            let held = i64::from(scale) as u64;
            number(
                field::EXPONENTIAL_SCALE,
                message,
                held,
                i64::from(*new as i32) as u64,
            )
        }
        (PointField::ZeroCount, Value::Int(new)) => number(
            field::EXPONENTIAL_ZERO_COUNT,
            message,
            zero_count,
            *new as u64,
        ),
        (PointField::Positive, _) => side(up, positive, negative, "positive buckets"),
        (PointField::Negative, _) => side(down, negative, positive, "negative buckets"),
        (PointField::PositiveOffset | PointField::PositiveBucketCounts, value) => {
            nested(up, message, |inner| Ok(set_buckets(inner, path, value)))
        }
        (PointField::NegativeOffset | PointField::NegativeBucketCounts, value) => {
            nested(down, message, |inner| Ok(set_buckets(inner, path, value)))
        }
        _ => Ok(None),
    }
}

fn set_buckets(message: &[u8], path: PointField, value: &Value<'_>) -> Option<Vec<u8>> {
    let new = match (path, value) {
        (PointField::PositiveOffset | PointField::NegativeOffset, Value::Int(new)) => {
            field::BUCKETS_OFFSET.with_number(message, *new as u64)
        }
        (PointField::PositiveBucketCounts | PointField::NegativeBucketCounts, value) => {
            field::BUCKETS_COUNTS.with_numbers(message, counts(value)?)
        }
        _ => return None,
    };
    (new != message).then_some(new)
}

/// Counts, as other buckets have them.
fn counts(value: &Value<'_>) -> Option<Vec<u64>> {
    plain_items(value)?
        .iter()
        .map(|item| match item {
            Value::Int(count) => Some(*count as u64),
            _ => None,
        })
        .collect()
}

/// The bits of bounds, as other histograms have them.
fn bounds(value: &Value<'_>) -> Option<Vec<u64>> {
    plain_items(value)?
        .iter()
        .map(|item| match item {
            Value::Double(bound) => Some(bound.to_bits()),
            _ => None,
        })
        .collect()
}

fn plain_items<'v>(value: &'v Value<'_>) -> Option<&'v [Value<'v>]> {
    match value {
        Value::List(list) if list.origin() == Origin::Plain => Some(list.items()),
        _ => None,
    }
}
