//! Points that become alike become one: for the editors `aggregate_on_attributes` and
//! `aggregate_on_attribute_value`, and the operations and combinations of `metrics_transform`.

mod exponential;
mod histograms;
mod identity;
mod numbers;

use tailweir_otlp::field;
use tailweir_otlp::{AnyValue, EncodedValue, MetricData, MetricView};
use tailweir_ottl::EvaluationError;

/// What becomes of the values of points that are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aggregation {
    /// Nothing is said: the first of them.
    First,
    Sum,
    Mean,
    Min,
    Max,
    Median,
    Count,
}

/// What becomes of integers and floats that are aggregated with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mixed {
    /// What the first is. Floats among integers count as nothing in sums, as in the Collector: the editors do so.
    AsFirst,
    /// Floats, so that none is lost.
    AsFloats,
}

impl Aggregation {
    /// The one of this name, as the first argument of an editor.
    pub(crate) fn named(name: &str) -> Result<Self, (usize, String)> {
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
pub(crate) fn on_attributes(
    metric: MetricView<'_>,
    how: (Aggregation, Mixed),
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
pub(crate) fn on_values(
    metric: MetricView<'_>,
    how: (Aggregation, Mixed),
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
    how: (Aggregation, Mixed),
    mut edit: impl FnMut(&mut tailweir_otlp::AttributeList<'_>),
) -> Option<Vec<u8>> {
    let data = metric.data();
    let kind = data.field()?;
    let points = data.points().map(|point| {
        let target = point.attributes_field();
        let mut attributes = target.attributes(point.message());
        edit(&mut attributes);
        match attributes.is_changed() {
            true => target.with_attributes(point.message(), &attributes),
            false => point.message().to_vec(),
        }
    });
    let merged = merged(data, points, how);
    let new = field::DATA_POINTS.with_messages(data.message(), merged.iter().map(Vec::as_slice));
    Some(kind.with_bytes(metric.0, &new))
}

/// Points of data of this kind and temporality, of which those that are alike became one. They come in the order
/// in which the first of each came.
pub(crate) fn merged(
    data: MetricData<'_>,
    points: impl IntoIterator<Item = Vec<u8>>,
    (how, mixed): (Aggregation, Mixed),
) -> Vec<Vec<u8>> {
    let mut groups = identity::Groups::default();
    for point in points {
        let identity = identity::of(data, data.point(&point));
        groups.put(identity, point);
    }
    let groups = groups.into_groups().into_iter();
    groups
        .flat_map(|group| match data {
            MetricData::Histogram(_) => vec![histograms::merged(group)],
            MetricData::ExponentialHistogram(_) => exponential::merged(group),
            _ => vec![numbers::merged(group, how, mixed)],
        })
        .collect()
}
