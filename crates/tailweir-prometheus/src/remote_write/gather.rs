//! Points into series of samples.

use super::RemoteWrite;
use super::samples::{Sample, Series, Times, WrittenExemplar};
use crate::attribute::lossy;
use crate::naming::{Kind, Pairs, Sender};
use crate::trouble::Trouble;
use hashbrown::HashMap;
use tailweir_otlp::{
    AnyValue, Attributes, DataPoint, ExemplarView, MetricData, MetricView, RequestView,
    ScopeFields, Temporality,
};

/// The series of one request.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) series: Vec<Series>,
    by_labels: HashMap<Pairs, usize>,
    pub(super) metadata: Vec<Metadata>,
    pub(super) rejected: u64,
    pub(super) troubles: Vec<(Trouble, Vec<u8>)>,
}

/// What is said about a metric.
pub(super) struct Metadata {
    pub(super) family: String,
    pub(super) kind: Kind,
    pub(super) help: String,
    pub(super) unit: String,
}

/// A metric whose points are gathered.
pub(super) struct Metric<'a> {
    pub(super) name: &'a str,
    /// Place of what is said about it.
    pub(super) metadata: usize,
}

/// A resource and what its points have in common.
struct Source<'a> {
    sender: Sender,
    /// Attributes that become labels of each point, and win over the point's own.
    selected: Vec<(&'a [u8], AnyValue<'a>)>,
}

/// Takes a request apart.
pub(super) fn gather(writer: &RemoteWrite, request: &[u8]) -> Gathered {
    let mut gathered = Gathered::default();
    for fields in RequestView(request).resources() {
        let view = fields.resource();
        let resource = view.attributes();
        let attributes = resource.iter().map(|entry| (entry.key, entry.value));
        let source = Source {
            sender: Sender::of(resource),
            selected: attributes
                .filter(|(key, _)| writer.selection.has(key))
                .collect(),
        };
        let mut latest = 0;
        for scope in fields.scopes() {
            for item in scope.items() {
                let metric = MetricView(item);
                let times = metric.data().points().map(DataPoint::time);
                latest = times.fold(latest, u64::max);
                gathered.metric(writer, &source, scope, metric);
            }
        }
        if writer.with_targets && latest > 0 {
            gathered.target(writer, &source.sender, resource, latest);
        }
    }
    gathered
}

impl Gathered {
    fn metric<'a>(
        &mut self,
        writer: &RemoteWrite,
        source: &Source<'a>,
        scope: ScopeFields<'a>,
        view: MetricView<'a>,
    ) {
        let data = view.data();
        let Some(kind) = Kind::of(data) else {
            return;
        };
        if !has_temporality(data) {
            let points = data.points().count() as u64;
            self.rejected += points;
            self.trouble(Trouble::Temporality, view);
            return;
        }
        let name = writer.naming.family(view, kind, data);
        if name.is_mended {
            self.trouble(Trouble::Nameless, view);
        }
        self.metadata.push(Metadata {
            family: name.value.clone(),
            kind,
            help: lossy(view.description()).into_owned(),
            unit: writer.naming.translation.unit(&lossy(view.unit())),
        });
        let metric = Metric {
            name: &name.value,
            metadata: self.metadata.len() - 1,
        };
        for point in data.points() {
            let own = point.attributes().into_iter();
            let own = own.map(|entry| (entry.key, entry.value));
            let selected = &source.selected;
            let attributes: Vec<_> = own
                .filter(|(key, _)| selected.iter().all(|(chosen, _)| chosen != key))
                .chain(selected.iter().copied())
                .collect();
            let labels = writer
                .naming
                .written(&source.sender, scope, &attributes, kind);
            if labels.is_mended {
                self.trouble(Trouble::LabelConflict, view);
            }
            let labels = with_external(labels.value, writer);
            if !self.point(&metric, &labels, point) {
                self.trouble(Trouble::Buckets, view);
            }
        }
    }

    fn trouble(&mut self, trouble: Trouble, metric: MetricView<'_>) {
        self.troubles.push((trouble, metric.name().to_vec()));
    }

    /// The series that describes who sends: where there is more to say than who it is.
    fn target(
        &mut self,
        writer: &RemoteWrite,
        sender: &Sender,
        resource: Attributes<'_>,
        latest: u64,
    ) {
        let labels = writer.naming.target_pairs(sender, resource);
        let Some(labels) = labels else {
            return;
        };
        let family = writer.naming.translation.target_info();
        self.metadata.push(Metadata {
            family: family.clone(),
            kind: Kind::Gauge,
            help: crate::store::TARGET_HELP.to_owned(),
            unit: String::new(),
        });
        let metric = Metric {
            name: &family,
            metadata: self.metadata.len() - 1,
        };
        let times = Times {
            time: millis(latest),
            start: 0,
            is_stale: false,
        };
        let labels = with_external(labels, writer);
        let at = self.series_of(&metric, &labels, "", None);
        self.series[at].samples.push(Sample::at(1.0, &times));
    }

    /// The place of the series with this name and these labels.
    pub(super) fn series_of(
        &mut self,
        metric: &Metric<'_>,
        labels: &Pairs,
        suffix: &str,
        extra: Option<(&str, String)>,
    ) -> usize {
        let mut all = labels.clone();
        all.push(("__name__".to_owned(), format!("{}{suffix}", metric.name)));
        all.extend(extra.map(|(name, value)| (name.to_owned(), value)));
        all.sort();
        if let Some(place) = self.by_labels.get(&all) {
            return *place;
        }
        self.series.push(Series::new(all.clone(), metric.metadata));
        self.by_labels.insert(all, self.series.len() - 1);
        self.series.len() - 1
    }

    pub(super) fn exemplars<'a>(
        &mut self,
        place: usize,
        exemplars: impl Iterator<Item = ExemplarView<'a>>,
    ) {
        let exemplars = exemplars.map(WrittenExemplar::of);
        self.series[place].exemplars.extend(exemplars);
    }
}

fn with_external(mut labels: Pairs, writer: &RemoteWrite) -> Pairs {
    for (name, value) in &writer.external_labels {
        if labels.iter().all(|(known, _)| known != name) {
            labels.push((name.clone(), value.clone()));
        }
    }
    labels
}

/// Prometheus knows only what counts from a start.
fn has_temporality(data: MetricData<'_>) -> bool {
    match data {
        MetricData::Sum(points)
        | MetricData::Histogram(points)
        | MetricData::ExponentialHistogram(points) => {
            points.temporality() == Temporality::Cumulative
        }
        MetricData::Empty | MetricData::Gauge(_) | MetricData::Summary(_) => true,
    }
}

pub(super) const fn millis(nanos: u64) -> i64 {
    nanos as i64 / 1_000_000
}
