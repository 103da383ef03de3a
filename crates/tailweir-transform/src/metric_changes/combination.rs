//! Many metrics as one.

use super::selection::{Selection, Wanted};
use super::{Full, Metric};
use crate::aggregation::{self, Aggregation, Mixed};
use std::collections::BTreeSet;
use tailweir_config::SubmatchCase;
use tailweir_otlp::{AttributeList, EncodedValue, MetricData, MetricView, field};

/// Labels that come from the name of a metric.
#[derive(Debug)]
pub(super) struct Labels {
    /// One for each group of the pattern.
    pub(super) keys: Vec<Vec<u8>>,
    pub(super) case: SubmatchCase,
}

impl Labels {
    /// The labels of each group of the pattern that found something in the name.
    fn of<'l>(&'l self, selection: &Selection, name: &[u8]) -> Vec<(&'l [u8], EncodedValue)> {
        let Wanted::Pattern(pattern) = &selection.name else {
            return Vec::new();
        };
        let Some(places) = pattern.locate_groups(name) else {
            return Vec::new();
        };
        let found = self.keys.iter().zip(&places.groups);
        found
            .filter_map(|(key, place)| {
                let text = &places.text[place.clone()?];
                let text = self.in_case(text);
                (!text.is_empty()).then(|| (key.as_slice(), EncodedValue::string(&text)))
            })
            .collect()
    }

    fn in_case(&self, text: &[u8]) -> Vec<u8> {
        match (self.case, std::str::from_utf8(text)) {
            (SubmatchCase::Lower, Ok(text)) => text.to_lowercase().into_bytes(),
            (SubmatchCase::Upper, Ok(text)) => text.to_uppercase().into_bytes(),
            _ => text.to_vec(),
        }
    }
}

/// Whether metrics can be one: of one kind, unit, temporality and monotonicity, with the same labels. Summaries
/// cannot.
pub(super) fn go_together(metrics: &[MetricView<'_>]) -> bool {
    let is_summary = |metric: &MetricView<'_>| matches!(metric.data(), MetricData::Summary(_));
    if metrics.iter().any(is_summary) {
        return false;
    }
    let [first, rest @ ..] = metrics else {
        return true;
    };
    if rest.is_empty() {
        return true;
    }
    let (form, keys) = (form_of(*first), keys_of(*first));
    rest.iter()
        .all(|metric| form_of(*metric) == form && keys_of(*metric) == keys)
}

/// What must be the same.
fn form_of(metric: MetricView<'_>) -> (&'static str, &[u8], i32, bool) {
    let data = metric.data();
    let (temporality, is_monotonic) = match data {
        MetricData::Sum(points) => (points.temporality().number(), points.is_monotonic()),
        MetricData::Histogram(points) | MetricData::ExponentialHistogram(points) => {
            (points.temporality().number(), false)
        }
        MetricData::Empty | MetricData::Gauge(_) | MetricData::Summary(_) => (0, false),
    };
    (data.name(), metric.unit(), temporality, is_monotonic)
}

fn keys_of(metric: MetricView<'_>) -> BTreeSet<&[u8]> {
    let points = metric.data().points();
    points
        .flat_map(|point| point.attributes().iter())
        .map(|entry| entry.key)
        .collect()
}

/// The first of the metrics with the points of all, each with the labels that come from its metric's name. Asks
/// before it adds so many bytes.
pub(super) fn combined(
    selection: &Selection,
    labels: &Labels,
    how: Aggregation,
    metrics: &[Metric<'_>],
    mut spend: impl FnMut(usize) -> Result<(), Full>,
) -> Result<Vec<u8>, Full> {
    let Some(first) = metrics.first() else {
        return Ok(Vec::new());
    };
    let first = MetricView(first);
    let Some(kind) = first.data().field() else {
        return Ok(first.0.to_vec());
    };
    let mut points = Vec::new();
    for metric in metrics {
        let metric = MetricView(metric);
        let new = labels.of(selection, metric.name());
        let length: usize = new
            .iter()
            .map(|(key, value)| key.len() + value.message().len())
            .sum();
        for point in metric.data().points() {
            spend(length)?;
            let target = point.attributes_field();
            let mut list = target.attributes(point.message());
            put(&mut list, &new);
            points.push(target.with_attributes(point.message(), &list));
        }
    }
    let merged = aggregation::merged(first.data(), points, (how, Mixed::AsFloats));
    let points = merged.iter().map(Vec::as_slice);
    let data = field::DATA_POINTS.with_messages(first.data().message(), points);
    Ok(kind.with_bytes(first.0, &data))
}

fn put(list: &mut AttributeList<'_>, labels: &[(&[u8], EncodedValue)]) {
    for (key, value) in labels {
        list.put(key, value);
    }
}
