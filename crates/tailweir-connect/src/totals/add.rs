//! Changes into sums.

use super::Totals;
use super::options::Options;
use super::series::{Head, Kind, Resource, Series};
use super::value::{Value, exemplars_of};
use crate::now::Now;
use crate::series::OVERFLOW;
use crate::text::put_identity;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use tailweir_otlp::{
    AttributeSet, Attributes, DataPoint, EncodedValue, MetricData, MetricView, RequestView,
    ResourceFields, ScopeFields, Temporality,
};

/// A data point on its way to its series.
struct Arrival<'a> {
    now: Now,
    point: DataPoint<'a>,
    /// Whether it is the sum of another owner, and not a change.
    is_total: bool,
    value: Value,
}

impl Totals {
    /// Adds a request: changes to what is to be written, and cumulative points, which only an owner before hands over, to the
    /// sums so far. What cannot be added up is left out, and what finds no room although it is of a new resource or metric.
    pub fn add(&mut self, now: Now, request: &[u8]) {
        for fields in RequestView(request).resources() {
            let slot = (self.slot_of)(fields);
            let attributes = fields.resource().attributes();
            let key = self.options.resource_keys.identity(attributes);
            let sums = self.slots.entry(slot).or_default();
            let has_room = self.memory < self.options.memory_max;
            let resource = match sums.resources.entry(key) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(_) if !has_room => {
                    self.figures.overflowed += points_of(fields);
                    continue;
                }
                Entry::Vacant(new) => {
                    let key = new.key().len();
                    let resource = Resource::new(attributes);
                    self.memory += key + resource.memory();
                    new.insert(resource)
                }
            };
            resource.last_seen = now.moment;
            for scope in fields.scopes() {
                for metric in scope.items().map(MetricView) {
                    let Some((head, is_total)) = head_of(scope, metric) else {
                        continue;
                    };
                    if !has_room && !resource.metrics.contains_key(&head) {
                        self.figures.overflowed += metric.data().points().count() as u64;
                        continue;
                    }
                    let series = resource.metrics.entry(head).or_default();
                    for point in metric.data().points() {
                        let Some(value) = Value::of(point, self.options.size_max) else {
                            continue;
                        };
                        let arrival = Arrival {
                            now,
                            point,
                            is_total,
                            value,
                        };
                        let has_room = self.memory < self.options.memory_max;
                        let (grown, is_overflow) = arrival.enter(series, &self.options, has_room);
                        self.memory += grown;
                        self.figures.overflowed += u64::from(is_overflow);
                    }
                }
            }
        }
    }
}

fn points_of(resource: ResourceFields<'_>) -> u64 {
    let metrics = resource.scopes().flat_map(ScopeFields::items);
    let points = metrics.map(|metric| MetricView(metric).data().points().count() as u64);
    points.sum()
}

/// Bytes that tell a series of a metric apart.
fn identity(attributes: Attributes<'_>) -> Vec<u8> {
    let mut key = Vec::new();
    put_identity(attributes, |_| true, &mut key);
    key
}

/// What a metric is, and whether it is of sums; nothing for what is neither changes nor sums.
fn head_of(scope: ScopeFields<'_>, metric: MetricView<'_>) -> Option<(Head, bool)> {
    let (kind, temporality) = match metric.data() {
        MetricData::Sum(points) => (Kind::Sum, points.temporality()),
        MetricData::Histogram(points) => (Kind::Histogram, points.temporality()),
        MetricData::ExponentialHistogram(points) => (Kind::Exponential, points.temporality()),
        MetricData::Empty | MetricData::Gauge(_) | MetricData::Summary(_) => return None,
    };
    let is_total = match temporality {
        Temporality::Delta => false,
        Temporality::Cumulative => true,
        Temporality::Unspecified => return None,
    };
    let head = Head {
        scope: scope.scope().name().to_vec(),
        name: metric.name().to_vec(),
        unit: metric.unit().to_vec(),
        description: metric.description().to_vec(),
        kind,
    };
    Some((head, is_total))
}

impl Arrival<'_> {
    /// Adds it to its series, or to that of the rest. Answers how many bytes that took, and whether it was the rest.
    fn enter(
        self,
        all: &mut HashMap<Vec<u8>, Series>,
        options: &Options,
        has_room: bool,
    ) -> (usize, bool) {
        let key = identity(self.point.attributes());
        if let Some(series) = all.get_mut(&key) {
            self.join(series, options);
            return (0, false);
        }
        let is_full = !has_room || (options.limit > 0 && all.len() >= options.limit);
        let (key, attributes) = match is_full {
            true => rest(),
            false => (key, AttributeSet::of(self.point.attributes())),
        };
        if let Some(series) = all.get_mut(&key) {
            self.join(series, options);
            return (0, is_full);
        }
        let mut series = Series {
            attributes,
            start: self.point.start(),
            total: None,
            pending: None,
            exemplars: Vec::new(),
            is_written: false,
            last_seen: self.now.moment,
        };
        self.join(&mut series, options);
        let grown = series.memory(key.len());
        all.insert(key, series);
        (grown, is_full)
    }

    fn join(self, series: &mut Series, options: &Options) {
        let exemplars = exemplars_of(self.point);
        let room = options.exemplars_max.saturating_sub(series.exemplars.len());
        series.exemplars.extend(exemplars.into_iter().take(room));
        series.last_seen = self.now.moment;
        if !series.is_written {
            series.start = series.start.min(self.point.start());
        }
        let place = match self.is_total {
            true => &mut series.total,
            false => &mut series.pending,
        };
        match place {
            Some(value) => value.add(self.value),
            None => *place = Some(self.value),
        }
    }
}

/// The series of all that find no room.
fn rest() -> (Vec<u8>, AttributeSet) {
    let mut attributes = AttributeSet::default();
    attributes.put(OVERFLOW, &EncodedValue::bool(true));
    (identity(attributes.view()), attributes)
}
