//! Which points are alike: the same attributes and times, and buckets of one
//! layout.

use std::collections::HashMap;
use tailweir_otlp::{AnyValue, Attributes, DataPoint, MetricData, Temporality};

/// Points that are alike, in the order in which the first of each came.
#[derive(Default)]
pub(super) struct Groups {
    positions: HashMap<Vec<u8>, usize>,
    groups: Vec<Vec<Vec<u8>>>,
}

impl Groups {
    pub(super) fn put(&mut self, identity: Vec<u8>, point: Vec<u8>) {
        let next = self.groups.len();
        let position = *self.positions.entry(identity).or_insert(next);
        match self.groups.get_mut(position) {
            Some(group) => group.push(point),
            None => self.groups.push(vec![point]),
        }
    }

    pub(super) fn into_groups(self) -> Vec<Vec<Vec<u8>>> {
        self.groups
    }
}

/// What two points must have in common to become one.
pub(super) fn of(data: MetricData<'_>, point: DataPoint<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    put_attributes(point.attributes(), &mut out);
    out.extend_from_slice(&point.time().to_be_bytes());
    if is_delta(data) {
        out.extend_from_slice(&point.start().to_be_bytes());
    }
    match point {
        DataPoint::Number(_) | DataPoint::Summary(_) => {}
        DataPoint::Histogram(histogram) => {
            for bound in histogram.explicit_bounds() {
                out.extend_from_slice(&bound.to_bits().to_be_bytes());
            }
            out.push(histogram.min().is_some().into());
            out.push(histogram.max().is_some().into());
            out.extend_from_slice(&point.flags().to_be_bytes());
        }
        DataPoint::ExponentialHistogram(histogram) => {
            out.extend_from_slice(&histogram.scale().to_be_bytes());
            out.push(histogram.min().is_some().into());
            out.push(histogram.max().is_some().into());
            out.extend_from_slice(&point.flags().to_be_bytes());
        }
    }
    out
}

fn is_delta(data: MetricData<'_>) -> bool {
    match data {
        MetricData::Sum(points)
        | MetricData::Histogram(points)
        | MetricData::ExponentialHistogram(points) => points.temporality() == Temporality::Delta,
        MetricData::Empty | MetricData::Gauge(_) | MetricData::Summary(_) => false,
    }
}

/// Attributes in the order of their keys; of equal keys the first counts.
fn put_attributes(attributes: Attributes<'_>, out: &mut Vec<u8>) {
    let mut entries: Vec<_> = attributes.iter().collect();
    entries.sort_by(|left, right| left.key.cmp(right.key));
    entries.dedup_by(|later, first| later.key == first.key);
    out.push(b'{');
    for entry in entries {
        put_text(entry.key, out);
        put_value(entry.value, out);
    }
    out.push(b'}');
}

/// A value, tagged. A float that is a whole number is that number: JSON tells them apart no better, and
/// that is how the Collector compares.
fn put_value(value: AnyValue<'_>, out: &mut Vec<u8>) {
    match value {
        AnyValue::Empty => out.push(b'n'),
        AnyValue::Bool(value) => out.extend_from_slice(&[b'b', value.into()]),
        AnyValue::Int(value) => out.extend_from_slice(format!("#{value};").as_bytes()),
        AnyValue::Double(value) => out.extend_from_slice(format!("#{value};").as_bytes()),
        AnyValue::String(text) => put_text(text, out),
        AnyValue::Bytes(bytes) => {
            out.push(b'y');
            put_text(bytes, out);
        }
        AnyValue::Array(list) => {
            out.push(b'[');
            list.iter().for_each(|item| put_value(item, out));
            out.push(b']');
        }
        AnyValue::Map(map) => put_attributes(map, out),
    }
}

fn put_text(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(&(text.len() as u64).to_be_bytes());
    out.extend_from_slice(text);
}
