//! Requests into series.

use super::identity::Hasher;
use super::placing::Named;
use super::slots::Series;
use super::{Outcome, ShownTargets, Store, StoreOptions};
use crate::naming::{Kind, Sender, TargetLabels};
use crate::target_key::key_of;
use crate::trouble::Trouble;
use crate::value::{Change, Data, Succession, Value};
use tailweir_core::Moment;
use tailweir_otlp::{
    AnyValue, Attributes, DataPoint, MetricData, MetricView, RequestView, ResourceFields,
    ScopeFields, Temporality,
};

/// Bit of a point's flags: the stream has ended.
const NO_RECORDED_VALUE: u32 = 1;

/// A resource and what its points have in common.
struct Source<'a> {
    now: Moment,
    resource: Attributes<'a>,
    /// Hash of its bytes.
    resource_hash: u64,
    sender: Sender,
    sender_hash: u128,
    /// Whether another shows its streams.
    is_elsewhere: bool,
    /// Attributes that become labels of each point, and win over the point's own.
    selected: Vec<(&'a [u8], AnyValue<'a>)>,
}

/// A metric and what its points have in common.
struct Metric<'a> {
    scope: ScopeFields<'a>,
    scope_hash: u128,
    view: MetricView<'a>,
    data: MetricData<'a>,
    kind: Kind,
    name_hash: u128,
    metadata: u64,
    how: Succession,
}

impl Store {
    /// Takes in an `ExportMetricsServiceRequest`. What is malformed in it is absent.
    pub fn accept(&mut self, request: &[u8], now: Moment) -> Outcome {
        let mut outcome = Outcome::default();
        let mut hasher = std::mem::take(&mut self.hasher);
        for fields in RequestView(request).resources() {
            let source = self.source(fields, now, &mut hasher);
            for scope in fields.scopes() {
                let scope_hash = hasher.scope(scope);
                for item in scope.items() {
                    let view = MetricView(item);
                    let data = view.data();
                    let Some(kind) = Kind::of(data) else {
                        continue;
                    };
                    let metric = Metric {
                        scope,
                        scope_hash,
                        view,
                        data,
                        kind,
                        name_hash: hasher.metric(view.name(), data),
                        metadata: hasher.metadata(view.unit(), view.description(), kind),
                        how: Succession {
                            temporality: temporality_of(data),
                            as_collector: self.options.as_collector,
                        },
                    };
                    self.metric(&source, &metric, &mut hasher, &mut outcome);
                }
            }
        }
        self.hasher = hasher;
        outcome
    }

    fn source<'a>(
        &self,
        fields: ResourceFields<'a>,
        now: Moment,
        hasher: &mut Hasher,
    ) -> Source<'a> {
        let view = fields.resource();
        let resource = view.attributes();
        let sender = Sender::of(resource);
        let selection = &self.options.selection;
        let selected = match selection.is_on() {
            true => resource
                .iter()
                .map(|entry| (entry.key, entry.value))
                .filter(|(key, _)| selection.has(key))
                .collect(),
            false => Vec::new(),
        };
        let shown = self.shown_targets.as_ref();
        Source {
            is_elsewhere: shown.is_some_and(|ShownTargets(is_shown)| !is_shown(key_of(&sender))),
            now,
            resource,
            resource_hash: hasher.bytes(view.message().unwrap_or_default()),
            sender_hash: hasher.sender(&sender),
            sender,
            selected,
        }
    }

    fn metric(
        &mut self,
        source: &Source<'_>,
        metric: &Metric<'_>,
        hasher: &mut Hasher,
        outcome: &mut Outcome,
    ) {
        let refused = self.refused(source, metric);
        for point in metric.data.points() {
            let taken = match refused {
                Some(trouble) => Err(trouble),
                None => self.point(source, metric, point, hasher, outcome),
            };
            if let Err(trouble) = taken {
                outcome.rejected += 1;
                let notice = self.troubles.note(trouble, metric.view.name());
                outcome.notices.extend(notice);
            }
            // The Collector does not look at the points behind the end of a stream.
            if self.options.as_collector && point.flags() & NO_RECORDED_VALUE != 0 {
                break;
            }
        }
    }

    /// Why nothing of a metric is shown.
    fn refused(&self, source: &Source<'_>, metric: &Metric<'_>) -> Option<Trouble> {
        if source.is_elsewhere {
            return Some(Trouble::Elsewhere);
        }
        self.has_no_temporality(metric)
            .then_some(Trouble::Temporality)
    }

    /// Whether the metric has no temporality that Prometheus could have.
    fn has_no_temporality(&self, metric: &Metric<'_>) -> bool {
        match (metric.data, metric.how.temporality) {
            (MetricData::Sum(_), Temporality::Unspecified) => true,
            (MetricData::Sum(points), Temporality::Delta) => !points.is_monotonic(),
            (
                MetricData::Histogram(_) | MetricData::ExponentialHistogram(_),
                Temporality::Unspecified,
            ) => !self.options.as_collector,
            _ => false,
        }
    }

    fn point(
        &mut self,
        source: &Source<'_>,
        metric: &Metric<'_>,
        point: DataPoint<'_>,
        hasher: &mut Hasher,
        outcome: &mut Outcome,
    ) -> Result<(), Trouble> {
        let attributes = hasher.attributes(labelled(source, point));
        let parts = [
            source.sender_hash,
            metric.scope_hash,
            metric.name_hash,
            attributes,
        ];
        let identity = hasher.combined(parts);
        let known = self.by_identity.get(&identity).copied();
        if point.flags() & NO_RECORDED_VALUE != 0 {
            if let Some(slot) = known {
                self.remove(slot);
            }
            return Ok(());
        }
        let slot = match known {
            Some(slot) => match self.follow(slot, source, metric, point)? {
                Change::Older => return Ok(()),
                _ => slot,
            },
            None => self.begin(identity, source, metric, point, outcome)?,
        };
        self.place(slot, metric.named(), hasher, outcome)?;
        self.check_buckets(slot, metric, outcome)
    }

    /// Takes in the next point of a series.
    fn follow(
        &mut self,
        slot: u32,
        source: &Source<'_>,
        metric: &Metric<'_>,
        point: DataPoint<'_>,
    ) -> Result<Change, Trouble> {
        let Some(series) = self.slots.get_mut(slot) else {
            return Ok(Change::Older);
        };
        let before = series.value.memory();
        let change = series.value.follow(point, metric.how);
        match change {
            Change::Taken => series.updated = source.now,
            Change::Older => return Ok(change),
            Change::Overlap => return Err(Trouble::Overlap),
        }
        self.memory = self.memory.saturating_sub(before) + series.value.memory();
        if series.target.is_some() {
            let make = || target_labels(&self.options, source);
            self.targets
                .refresh(source.sender_hash, source.resource_hash, make);
        }
        Ok(change)
    }

    /// A series for a stream that is new; not in a family yet.
    fn begin(
        &mut self,
        identity: u128,
        source: &Source<'_>,
        metric: &Metric<'_>,
        point: DataPoint<'_>,
        outcome: &mut Outcome,
    ) -> Result<u32, Trouble> {
        if !self.has_room(0) {
            return Err(Trouble::SeriesLimit);
        }
        let attributes: Vec<_> = labelled(source, point).collect();
        let naming = &self.options.naming;
        let labels = naming.series(&source.sender, metric.scope, &attributes, metric.kind);
        let mut series = Series {
            identity,
            shown: None,
            family: None,
            target: None,
            target_key: key_of(&source.sender),
            is_mended: labels.is_mended,
            metadata: 0,
            updated: source.now,
            labels: labels.value,
            value: Value::of(point),
        };
        let memory = series.memory();
        if !self.has_room(memory) {
            return Err(Trouble::SeriesLimit);
        }
        if source.sender.is_target() {
            let make = || target_labels(&self.options, source);
            let target = self
                .targets
                .hold(source.sender_hash, source.resource_hash, make);
            series.target = Some(target);
        }
        if series.is_mended && !self.options.as_collector {
            outcome.notices.extend(
                self.troubles
                    .note(Trouble::LabelConflict, metric.view.name()),
            );
        }
        self.memory += memory;
        let slot = self.slots.put(series);
        self.by_identity.insert(identity, slot);
        Ok(slot)
    }

    /// Tells of an exponential histogram that cannot be a native one.
    fn check_buckets(
        &mut self,
        slot: u32,
        metric: &Metric<'_>,
        outcome: &mut Outcome,
    ) -> Result<(), Trouble> {
        let value = self.slots.get(slot).map(|series| &series.value.data);
        match value {
            Some(Data::Exponential(histogram)) if !histogram.is_native() => {}
            _ => return Ok(()),
        }
        if self.options.as_collector {
            return Err(Trouble::Buckets);
        }
        let notice = self.troubles.note(Trouble::Buckets, metric.view.name());
        outcome.notices.extend(notice);
        Ok(())
    }
}

impl<'a> Metric<'a> {
    fn named(&self) -> Named<'a> {
        Named {
            view: self.view,
            data: self.data,
            kind: self.kind,
            metadata: self.metadata,
        }
    }
}

fn target_labels(options: &StoreOptions, source: &Source<'_>) -> TargetLabels {
    if options.as_collector {
        return options
            .naming
            .target_as_collector(&source.sender, source.resource);
    }
    options.naming.target(&source.sender, source.resource)
}

/// The attributes of a point, and those of its resource that become labels.
fn labelled<'a>(
    source: &Source<'a>,
    point: DataPoint<'a>,
) -> impl Iterator<Item = (&'a [u8], AnyValue<'a>)> {
    let selected = source.selected.as_slice();
    let own = point.attributes().into_iter();
    own.map(|entry| (entry.key, entry.value))
        .filter(move |(key, _)| selected.iter().all(|(chosen, _)| chosen != key))
        .chain(selected.iter().copied())
}

fn temporality_of(data: MetricData<'_>) -> Temporality {
    match data {
        MetricData::Sum(points)
        | MetricData::Histogram(points)
        | MetricData::ExponentialHistogram(points) => points.temporality(),
        MetricData::Empty | MetricData::Gauge(_) | MetricData::Summary(_) => {
            Temporality::Unspecified
        }
    }
}
