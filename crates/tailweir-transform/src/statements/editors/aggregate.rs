//! `aggregate_on_attributes` and `aggregate_on_attribute_value`: points that become alike become one.

mod histograms;
mod identity;
mod numbers;

use tailweir_otlp::field::{self, WritableField};
use tailweir_otlp::{AnyValue, DataPoint, EncodedValue, MetricData, MetricView};
use tailweir_ottl::EvaluationError;

/// What becomes of the values of points that are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Aggregation {
    Sum,
    Mean,
    Min,
    Max,
    Median,
    Count,
}

impl Aggregation {
    /// The one of this name, as the first argument of an editor.
    pub(super) fn named(name: &str) -> Result<Self, (usize, String)> {
        Ok(match name {
            "sum" => Self::Sum,
            "mean" => Self::Mean,
            "min" => Self::Min,
            "max" => Self::Max,
            "median" => Self::Median,
            "count" => Self::Count,
            other => {
                let known = "write sum, mean, min, max, median or count";
                return Err((0, format!("there is no aggregation `{other}`; {known}")));
            }
        })
    }
}

/// Leaves the points only these attributes, or all when nothing is said, and makes one of those that are
/// alike.
pub(super) fn on_attributes(
    metric: MetricView<'_>,
    how: Aggregation,
    keys: Option<&[String]>,
) -> Result<Option<Vec<u8>>, EvaluationError> {
    if let MetricData::Summary(_) = metric.data() {
        return Err(EvaluationError::Unavailable(
            "summaries cannot be aggregated",
        ));
    }
    Ok(aggregated(metric, how, |attributes| {
        if let Some(keys) = keys {
            attributes.retain(|entry| keys.iter().any(|key| key.as_bytes() == entry.key));
        }
    }))
}

/// Gives an attribute another value where it has one of these, and makes one of the points that are alike.
pub(super) fn on_values(
    metric: MetricView<'_>,
    how: Aggregation,
    key: &str,
    values: &[String],
    new: &str,
) -> Option<Vec<u8>> {
    if let MetricData::Summary(_) = metric.data() {
        return None;
    }
    aggregated(metric, how, |attributes| {
        // What is no text counts as an empty one, as in the Collector.
        let held = match attributes.get(key.as_bytes()) {
            None => return,
            Some(AnyValue::String(text)) => text,
            Some(_) => &[],
        };
        if values.iter().any(|value| value.as_bytes() == held) {
            attributes.put(key.as_bytes(), &EncodedValue::string(new.as_bytes()));
        }
    })
}

fn aggregated(
    metric: MetricView<'_>,
    how: Aggregation,
    mut edit: impl FnMut(&mut tailweir_otlp::AttributeList<'_>),
) -> Option<Vec<u8>> {
    let data = metric.data();
    let kind = data.field()?;
    let mut groups = identity::Groups::default();
    for point in data.points() {
        let target = attributes_of(point);
        let mut attributes = target.attributes(point.message());
        edit(&mut attributes);
        let message = match attributes.is_changed() {
            true => target.with_attributes(point.message(), &attributes),
            false => point.message().to_vec(),
        };
        let identity = identity::of(data, data.point(&message));
        groups.put(identity, message);
    }
    let merged: Vec<_> = groups
        .into_groups()
        .into_iter()
        .map(|group| match data {
            MetricData::Histogram(_) => histograms::merged(group),
            MetricData::ExponentialHistogram(_) => histograms::merged_exponential(group),
            _ => numbers::merged(group, how),
        })
        .collect();
    let new = field::DATA_POINTS.with_messages(data.message(), merged.iter().map(Vec::as_slice));
    Some(kind.with_bytes(metric.0, &new))
}

fn attributes_of(point: DataPoint<'_>) -> WritableField {
    match point {
        DataPoint::Number(_) | DataPoint::Summary(_) => field::NUMBER_ATTRIBUTES,
        DataPoint::Histogram(_) => field::HISTOGRAM_ATTRIBUTES,
        DataPoint::ExponentialHistogram(_) => field::EXPONENTIAL_ATTRIBUTES,
    }
}
