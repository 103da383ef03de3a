//! What exemplars name.

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, Metric};
use std::collections::{BTreeMap, BTreeSet};

/// The traces that exemplars of these metrics name, by the metric's name. One without exemplars is there too.
#[must_use]
pub fn traces_of_exemplars(metrics: Vec<Metric>) -> BTreeMap<String, BTreeSet<Vec<u8>>> {
    let mut all = BTreeMap::<String, BTreeSet<Vec<u8>>>::new();
    for metric in metrics {
        let traces = exemplars(metric.data).into_iter().map(|it| it.trace_id);
        all.entry(metric.name).or_default().extend(traces);
    }
    all
}

fn exemplars(data: Option<Data>) -> Vec<Exemplar> {
    match data {
        None | Some(Data::Summary(_)) => Vec::new(),
        Some(Data::Gauge(it)) => of(it.data_points, |point| point.exemplars),
        Some(Data::Sum(it)) => of(it.data_points, |point| point.exemplars),
        Some(Data::Histogram(it)) => of(it.data_points, |point| point.exemplars),
        Some(Data::ExponentialHistogram(it)) => of(it.data_points, |point| point.exemplars),
    }
}

fn of<P>(points: Vec<P>, exemplars: impl Fn(P) -> Vec<Exemplar>) -> Vec<Exemplar> {
    points.into_iter().flat_map(exemplars).collect()
}
