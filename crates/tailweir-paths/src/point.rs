//! The context `datapoint`.

use crate::attributes::read;
use crate::metric::metric_value;
use crate::path::{Entry, Keys, Path, Place, entry, indexed};
use crate::resource::surroundings;
use crate::span::{nanoseconds, part, time};
use tailweir_otlp::{Buckets, DataPoint, MetricView, Number, Numbers, ResourceFields, ScopeFields};
use tailweir_ottl::{EvaluationError, Key, List, Origin, Subject, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PointField {
    Attributes,
    StartTime,
    StartTimeUnixNano,
    Time,
    TimeUnixNano,
    ValueDouble,
    ValueInt,
    Exemplars,
    Flags,
    Count,
    Sum,
    BucketCounts,
    ExplicitBounds,
    Scale,
    ZeroCount,
    Positive,
    PositiveOffset,
    PositiveBucketCounts,
    Negative,
    NegativeOffset,
    NegativeBucketCounts,
    QuantileValues,
}

pub(crate) const DATA_POINT: &[Entry] = &[
    indexed(
        &["attributes"],
        Place::DataPoint(PointField::Attributes),
        Keys::Any,
    ),
    entry(&["start_time"], Place::DataPoint(PointField::StartTime)),
    entry(
        &["start_time_unix_nano"],
        Place::DataPoint(PointField::StartTimeUnixNano),
    ),
    entry(&["time"], Place::DataPoint(PointField::Time)),
    entry(
        &["time_unix_nano"],
        Place::DataPoint(PointField::TimeUnixNano),
    ),
    entry(&["value_double"], Place::DataPoint(PointField::ValueDouble)),
    entry(&["value_int"], Place::DataPoint(PointField::ValueInt)),
    entry(&["exemplars"], Place::DataPoint(PointField::Exemplars)),
    entry(&["flags"], Place::DataPoint(PointField::Flags)),
    entry(&["count"], Place::DataPoint(PointField::Count)),
    entry(&["sum"], Place::DataPoint(PointField::Sum)),
    entry(
        &["bucket_counts"],
        Place::DataPoint(PointField::BucketCounts),
    ),
    entry(
        &["explicit_bounds"],
        Place::DataPoint(PointField::ExplicitBounds),
    ),
    entry(&["scale"], Place::DataPoint(PointField::Scale)),
    entry(&["zero_count"], Place::DataPoint(PointField::ZeroCount)),
    entry(&["positive"], Place::DataPoint(PointField::Positive)),
    entry(
        &["positive", "offset"],
        Place::DataPoint(PointField::PositiveOffset),
    ),
    entry(
        &["positive", "bucket_counts"],
        Place::DataPoint(PointField::PositiveBucketCounts),
    ),
    entry(&["negative"], Place::DataPoint(PointField::Negative)),
    entry(
        &["negative", "offset"],
        Place::DataPoint(PointField::NegativeOffset),
    ),
    entry(
        &["negative", "bucket_counts"],
        Place::DataPoint(PointField::NegativeBucketCounts),
    ),
    entry(
        &["quantile_values"],
        Place::DataPoint(PointField::QuantileValues),
    ),
];

pub(crate) const FLAGS: &[(&str, i64)] = &[("FLAG_NONE", 0), ("FLAG_NO_RECORDED_VALUE", 1)];

type Found<'a> = Result<Value<'a>, EvaluationError>;

/// A data point, for conditions of [`crate::Scene::DataPoint`].
#[derive(Debug, Clone, Copy)]
pub struct DataPointSubject<'b> {
    /// The resource of its metric.
    pub resource: ResourceFields<'b>,
    /// The scope of its metric.
    pub scope: ScopeFields<'b>,
    /// The metric that it belongs to.
    pub metric: MetricView<'b>,
    /// The data point.
    pub point: DataPoint<'b>,
}

impl Subject<Path> for DataPointSubject<'_> {
    fn value<'a>(&'a self, path: &'a Path, keys: &[Key<'a>]) -> Found<'a> {
        match path.0 {
            Place::DataPoint(field) => point_value(self.point, field, keys),
            Place::Metric(field) => metric_value(self.metric, field, keys),
            place => surroundings(self.resource, Some(self.scope), place, keys),
        }
    }
}

pub(crate) fn point_value<'a>(
    point: DataPoint<'a>,
    field: PointField,
    keys: &[Key<'_>],
) -> Found<'a> {
    match field {
        PointField::Attributes => read(point.attributes(), keys),
        field => Ok(of_any(point, field)),
    }
}

/// What every kind of point has, then what only some have. What a point has not is nil.
fn of_any(point: DataPoint<'_>, field: PointField) -> Value<'_> {
    match field {
        PointField::StartTime => time(point.start()),
        PointField::StartTimeUnixNano => nanoseconds(point.start()),
        PointField::Time => time(point.time()),
        PointField::TimeUnixNano => nanoseconds(point.time()),
        PointField::Flags => Value::Int(point.flags().into()),
        field => match point {
            DataPoint::Number(number) => match (field, number.value()) {
                // A number of the other kind is zero here.
                (PointField::ValueDouble, Number::Double(value)) => Value::Double(value),
                (PointField::ValueDouble, _) => Value::Double(0.0),
                (PointField::ValueInt, Number::Int(value)) => Value::Int(value),
                (PointField::ValueInt, _) => Value::Int(0),
                (PointField::Exemplars, _) => exemplars(point, number.exemplars().count()),
                _ => Value::Nil,
            },
            DataPoint::Histogram(histogram) => match field {
                PointField::Count => count(histogram.count()),
                PointField::Sum => Value::Double(histogram.sum().unwrap_or_default()),
                PointField::BucketCounts => counts(histogram.bucket_counts()),
                PointField::ExplicitBounds => {
                    plain_list(histogram.explicit_bounds().map(Value::Double))
                }
                PointField::Exemplars => exemplars(point, histogram.exemplars().count()),
                _ => Value::Nil,
            },
            DataPoint::ExponentialHistogram(histogram) => match field {
                PointField::Count => count(histogram.count()),
                PointField::Sum => Value::Double(histogram.sum().unwrap_or_default()),
                PointField::Scale => Value::Int(histogram.scale().into()),
                PointField::ZeroCount => count(histogram.zero_count()),
                PointField::Exemplars => exemplars(point, histogram.exemplars().count()),
                PointField::Positive => part("positive buckets", point.message(), None),
                PointField::Negative => part("negative buckets", point.message(), None),
                field => buckets(histogram.positive(), histogram.negative(), field),
            },
            DataPoint::Summary(summary) => match field {
                PointField::Count => count(summary.count()),
                PointField::Sum => Value::Double(summary.sum()),
                PointField::QuantileValues => part(
                    "list of quantiles",
                    point.message(),
                    Some(summary.quantiles().count()),
                ),
                _ => Value::Nil,
            },
        },
    }
}

fn buckets<'a>(positive: Buckets<'_>, negative: Buckets<'_>, field: PointField) -> Value<'a> {
    match field {
        PointField::PositiveOffset => Value::Int(positive.offset().into()),
        PointField::PositiveBucketCounts => counts(positive.counts()),
        PointField::NegativeOffset => Value::Int(negative.offset().into()),
        PointField::NegativeBucketCounts => counts(negative.counts()),
        _ => Value::Nil,
    }
}

fn exemplars<'a>(point: DataPoint<'_>, length: usize) -> Value<'a> {
    part("list of exemplars", point.message(), Some(length))
}

fn count<'a>(count: u64) -> Value<'a> {
    Value::Int(count as i64)
}

fn counts<'a>(numbers: Numbers<'_>) -> Value<'a> {
    plain_list(numbers.map(count))
}

fn plain_list<'a>(items: impl Iterator<Item = Value<'a>>) -> Value<'a> {
    Value::List(List::new(items.collect(), Origin::Plain))
}
