//! What is changed in a metric.

use super::selection::Selection;
use crate::aggregation::{self, Aggregation, Mixed};
use crate::scaling;
use std::collections::HashMap;
use tailweir_otlp::{Change, DataPoint, EncodedValue, MetricData, MetricView, Number, field};
use tailweir_ottl::integer_of;

#[derive(Debug)]
pub(super) enum Operation {
    AddLabel {
        key: Vec<u8>,
        value: EncodedValue,
    },
    UpdateLabel {
        key: Vec<u8>,
        /// Empty: it stays.
        new_key: Vec<u8>,
        values: HashMap<Vec<u8>, EncodedValue>,
    },
    DeleteValue {
        key: Vec<u8>,
        value: Vec<u8>,
    },
    ToggleType,
    Scale(f64),
    AggregateLabels {
        how: Aggregation,
        kept: Vec<String>,
    },
    AggregateValues {
        how: Aggregation,
        key: String,
        values: Vec<String>,
        new: String,
    },
}

/// An operation cannot be done on a metric of this kind.
#[derive(Debug)]
pub(super) struct Unfit;

impl Operation {
    /// The metric after the operation; nothing when it stays as it is. Some are done on the points that are
    /// selected, others where all points are.
    pub(super) fn run(
        &self,
        metric: MetricView<'_>,
        selection: &Selection,
        is_whole: bool,
    ) -> Result<Option<Vec<u8>>, Unfit> {
        let changed = |change: &dyn Fn(DataPoint<'_>) -> Change| {
            let sifted = metric.sift_points(|point| match selection.allows(point.attributes()) {
                true => change(point),
                false => Change::Keep,
            });
            Ok(sifted.content)
        };
        match self {
            Self::UpdateLabel {
                key,
                new_key,
                values,
            } => changed(&|point| update_label(point, key, new_key, values)),
            Self::ToggleType => changed(&toggled),
            Self::Scale(factor) => scaled(metric, selection, *factor),
            _ if !is_whole => Ok(None),
            Self::AddLabel { key, value } => changed(&|point| add_label(point, key, value)),
            Self::DeleteValue { key, value } => {
                changed(
                    &|point| match point.attributes().get(key).and_then(|it| it.as_string()) {
                        Some(text) if text == value => Change::Drop,
                        _ => Change::Keep,
                    },
                )
            }
            Self::AggregateLabels { how, kept } => {
                aggregation::on_attributes(metric, (*how, Mixed::AsFloats), Some(kept))
                    .map_err(|_| Unfit)
            }
            Self::AggregateValues {
                how,
                key,
                values,
                new,
            } => match metric.data() {
                MetricData::Summary(_) => Err(Unfit),
                _ => Ok(aggregation::on_values(
                    metric,
                    (*how, Mixed::AsFloats),
                    key,
                    values,
                    new,
                )),
            },
        }
    }
}

fn add_label(point: DataPoint<'_>, key: &[u8], value: &EncodedValue) -> Change {
    match point.attributes().get(key) {
        Some(_) => Change::Keep,
        None => {
            let field = point.attributes_field();
            let labelled = field.with_attribute(point.message(), key, value);
            labelled.map_or(Change::Keep, Change::Replace)
        }
    }
}

fn update_label(
    point: DataPoint<'_>,
    key: &[u8],
    new_key: &[u8],
    values: &HashMap<Vec<u8>, EncodedValue>,
) -> Change {
    let field = point.attributes_field();
    let mut list = field.attributes(point.message());
    let Some(value) = list.get_encoded(key) else {
        return Change::Keep;
    };
    let is_renamed = !new_key.is_empty() && new_key != key;
    let key_now = if is_renamed { new_key } else { key };
    if is_renamed {
        list.put(new_key, &value);
        list.remove(key);
    }
    // What is no text is no value that could be named.
    let text = value.view().as_string();
    if let Some(new) = text.and_then(|text| values.get(text)) {
        list.put(key_now, new);
    }
    match list.is_changed() {
        true => Change::Replace(field.with_attributes(point.message(), &list)),
        false => Change::Keep,
    }
}

/// A point whose value has the other type.
fn toggled(point: DataPoint<'_>) -> Change {
    let DataPoint::Number(number) = point else {
        return Change::Keep;
    };
    Change::Replace(match number.value() {
        Number::Empty => return Change::Keep,
        Number::Int(value) => field::NUMBER_DOUBLE.with_number(number.0, (value as f64).to_bits()),
        Number::Double(value) => field::NUMBER_INT.with_number(number.0, integer_of(value) as u64),
    })
}

/// A metric with the values of the points that are selected times a factor. Summaries stay. Buckets cannot be
/// turned round, so a histogram takes no factor below zero.
fn scaled(
    metric: MetricView<'_>,
    selection: &Selection,
    factor: f64,
) -> Result<Option<Vec<u8>>, Unfit> {
    match metric.data() {
        MetricData::Empty | MetricData::Summary(_) => return Ok(None),
        MetricData::Histogram(_) | MetricData::ExponentialHistogram(_) if factor < 0.0 => {
            return Err(Unfit);
        }
        _ => {}
    }
    let sifted = metric.sift_points(|point| {
        if !selection.allows(point.attributes()) {
            return Change::Keep;
        }
        Change::Replace(match point {
            DataPoint::ExponentialHistogram(point) => scaling::scaled_exponential(point, factor),
            DataPoint::Number(_) | DataPoint::Histogram(_) => scaling::scaled(point, factor),
            DataPoint::Summary(_) => return Change::Keep,
        })
    });
    Ok(sifted.content)
}
