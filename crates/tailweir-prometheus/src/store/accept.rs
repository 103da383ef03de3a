//! Requests into series.

use super::identity::Hasher;
use super::placing::Named;
use super::slots::Series;
use super::targets::Target;
use super::{Outcome, SERIES_SHARE, ShownTargets, Store, StoreOptions};
use crate::naming::{Kind, Sender, TargetLabels};
use crate::target_key::key_of;
use crate::trouble::Trouble;
use crate::value::{Change, Data, Succession, Value};
use std::cell::Cell;
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
    /// Whether there was no room for its target, or for what is new of it. It is not tried again with each point: that
    /// would make all its labels so many times.
    is_too_large: Cell<bool>,
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
    /// Whether there was no room for its family; not tried again for each of its new series.
    is_too_large: Cell<bool>,
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
                        is_too_large: Cell::new(false),
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
            is_too_large: Cell::new(false),
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
            Some(slot) => match self.follow(slot, source, metric, point, outcome)? {
                Change::Older => return Ok(()),
                _ => slot,
            },
            None => self.begin(identity, source, metric, point, outcome)?,
        };
        let placed = self.place(slot, metric.named(), hasher, outcome);
        if placed == Err(Trouble::SeriesLimit) && known.is_none() {
            // Hidden for want of room, it would take room from others.
            metric.is_too_large.set(true);
            self.remove(slot);
        }
        placed?;
        self.check_buckets(slot, metric, outcome)
    }

    /// Takes in the next point of a series.
    fn follow(
        &mut self,
        slot: u32,
        source: &Source<'_>,
        metric: &Metric<'_>,
        point: DataPoint<'_>,
        outcome: &mut Outcome,
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
        let after = series.value.memory();
        let (has_target, is_large) = (series.target.is_some(), series.memory() > SERIES_SHARE);
        self.memory = self.memory.saturating_sub(before) + after;
        if after > before && is_large && self.memory > self.memory_max() {
            self.remove(slot);
            return Err(Trouble::SeriesLimit);
        }
        if has_target {
            self.refresh(0, source, metric, outcome);
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
        if metric.is_too_large.get() || !self.has_room(0) {
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
            series.target = Some(self.hold(memory, source, metric, outcome)?);
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

    /// The target of a new series, which takes so many bytes itself.
    fn hold(
        &mut self,
        memory: usize,
        source: &Source<'_>,
        metric: &Metric<'_>,
        outcome: &mut Outcome,
    ) -> Result<u32, Trouble> {
        self.refresh(memory, source, metric, outcome);
        if let Some(target) = self.targets.hold(source.sender_hash) {
            return Ok(target);
        }
        if source.is_too_large.get() {
            return Err(Trouble::SeriesLimit);
        }
        let labels = target_labels(&self.options, source);
        let target = Target::new(source.sender_hash, source.resource_hash, labels);
        let grown = target.memory();
        if !self.has_room(memory + grown) {
            source.is_too_large.set(true);
            return Err(Trouble::SeriesLimit);
        }
        self.memory += grown;
        Ok(self.targets.enter(target))
    }

    /// Brings the labels of a target up to date, if it is there and so many bytes stay free. Otherwise the old labels stay,
    /// which is told.
    fn refresh(
        &mut self,
        memory: usize,
        source: &Source<'_>,
        metric: &Metric<'_>,
        outcome: &mut Outcome,
    ) {
        if source.is_too_large.get() {
            return;
        }
        let (identity, resource) = (source.sender_hash, source.resource_hash);
        let room = self.room().saturating_sub(memory);
        let make = || target_labels(&self.options, source);
        match self.targets.refresh(identity, resource, room, make) {
            Ok(grown) => self.memory = self.memory.saturating_add_signed(grown),
            Err(trouble) => {
                source.is_too_large.set(true);
                let notice = self.troubles.note(trouble, metric.view.name());
                outcome.notices.extend(notice);
            }
        }
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
