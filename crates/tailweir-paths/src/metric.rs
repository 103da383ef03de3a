//! The context `metric`.

use crate::attributes::read;
use crate::path::{Entry, Keys, Path, Place, entry, indexed};
use crate::resource::{surroundings, text};
use crate::span::part;
use tailweir_otlp::{MetricData, MetricView, ResourceFields, ScopeFields};
use tailweir_ottl::{EvaluationError, Key, Subject, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MetricField {
    Name,
    Description,
    Unit,
    Type,
    AggregationTemporality,
    IsMonotonic,
    DataPoints,
    Metadata,
    /// The converters `HasAttrKeyOnDatapoint` and `HasAttrOnDatapoint`.
    PointAttribute,
}

pub(crate) const METRIC: &[Entry] = &[
    entry(&["name"], Place::Metric(MetricField::Name)),
    entry(&["description"], Place::Metric(MetricField::Description)),
    entry(&["unit"], Place::Metric(MetricField::Unit)),
    entry(&["type"], Place::Metric(MetricField::Type)),
    entry(
        &["aggregation_temporality"],
        Place::Metric(MetricField::AggregationTemporality),
    ),
    entry(&["is_monotonic"], Place::Metric(MetricField::IsMonotonic)),
    entry(&["data_points"], Place::Metric(MetricField::DataPoints)),
    indexed(
        &["metadata"],
        Place::Metric(MetricField::Metadata),
        Keys::Any,
    ),
];

pub(crate) const METRIC_SYMBOLS: &[(&str, i64)] = &[
    ("AGGREGATION_TEMPORALITY_UNSPECIFIED", 0),
    ("AGGREGATION_TEMPORALITY_DELTA", 1),
    ("AGGREGATION_TEMPORALITY_CUMULATIVE", 2),
    ("METRIC_DATA_TYPE_NONE", 0),
    ("METRIC_DATA_TYPE_GAUGE", 1),
    ("METRIC_DATA_TYPE_SUM", 2),
    ("METRIC_DATA_TYPE_HISTOGRAM", 3),
    ("METRIC_DATA_TYPE_EXPONENTIAL_HISTOGRAM", 4),
    ("METRIC_DATA_TYPE_SUMMARY", 5),
];

type Found<'a> = Result<Value<'a>, EvaluationError>;

/// A metric, for conditions of [`crate::Scene::Metric`].
#[derive(Debug, Clone, Copy)]
pub struct MetricSubject<'b> {
    /// The resource that it belongs to.
    pub resource: ResourceFields<'b>,
    /// The scope that it belongs to.
    pub scope: ScopeFields<'b>,
    /// The metric.
    pub metric: MetricView<'b>,
}

impl Subject<Path> for MetricSubject<'_> {
    fn value<'a>(&'a self, path: &'a Path, keys: &[Key<'a>]) -> Found<'a> {
        match path.0 {
            Place::Metric(field) => metric_value(self.metric, field, keys),
            place => surroundings(self.resource, Some(self.scope), place, keys),
        }
    }
}

pub(crate) fn metric_value<'a>(
    metric: MetricView<'a>,
    field: MetricField,
    keys: &[Key<'_>],
) -> Found<'a> {
    Ok(match field {
        MetricField::Name => text(metric.name()),
        MetricField::Description => text(metric.description()),
        MetricField::Unit => text(metric.unit()),
        MetricField::Type => Value::Int(match metric.data() {
            MetricData::Empty => 0,
            MetricData::Gauge(_) => 1,
            MetricData::Sum(_) => 2,
            MetricData::Histogram(_) => 3,
            MetricData::ExponentialHistogram(_) => 4,
            MetricData::Summary(_) => 5,
        }),
        MetricField::AggregationTemporality => match metric.data() {
            MetricData::Sum(points)
            | MetricData::Histogram(points)
            | MetricData::ExponentialHistogram(points) => {
                Value::Int(points.temporality().number().into())
            }
            MetricData::Empty | MetricData::Gauge(_) | MetricData::Summary(_) => Value::Nil,
        },
        MetricField::IsMonotonic => match metric.data() {
            MetricData::Sum(points) => Value::Bool(points.is_monotonic()),
            _ => Value::Nil,
        },
        MetricField::DataPoints => match metric.data() {
            MetricData::Empty => Value::Nil,
            data => part("list of data points", metric.0, Some(data.points().count())),
        },
        MetricField::Metadata => return read(metric.metadata(), keys),
        MetricField::PointAttribute => return has_point_attribute(metric, keys),
    })
}

/// Whether a point has the attribute, and with the value where one is given: of the points that have the
/// attribute only the first is asked, as in the Collector.
fn has_point_attribute<'a>(metric: MetricView<'a>, keys: &[Key<'_>]) -> Found<'a> {
    if matches!(metric.data(), MetricData::Empty) {
        return Err(EvaluationError::Unavailable("the metric has no data"));
    }
    let [key, wanted @ ..] = keys else {
        return Ok(Value::Bool(false));
    };
    let key = key.name()?;
    let mut points = metric.data().points();
    let found = points.find_map(|point| point.attributes().get(key));
    Ok(Value::Bool(match (found, wanted.first()) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(value), Some(wanted)) => value.as_string().unwrap_or_default() == wanted.name()?,
    }))
}
