//! Data points out of series.

use super::SpanMetrics;
use super::plan::Plan;
use super::resources::{Resource, TableKind};
use crate::histogram::Point;
use crate::now::Now;
use crate::series::{Series, Table};
use std::collections::BTreeMap;
use std::sync::Arc;
use tailweir_otlp::{
    MetricHead, MetricsWriter, NewNumberPoint, Number, ScopeMetricsWriter, Temporality,
};
use xxhash_rust::xxh3::Xxh3;

impl SpanMetrics {
    /// Appends a request of data points to `out`, one for each series, and answers how many. `is_last`
    /// says that no other flush follows: series that were never written then begin with what they
    /// counted, and not with zero.
    pub fn flush(&mut self, now: Now, is_last: bool, out: &mut Vec<u8>) -> u64 {
        self.next_flush = Some(now.moment + self.flush_every);
        let mut points = 0;
        let scope = self.plan.form.scope;
        let mut request = MetricsWriter::new(out);
        for (resource, has_left) in self.resources.each() {
            let attributes = resource.attributes.clone();
            let mut writing = Writing {
                plan: &self.plan,
                starts: &mut self.starts,
                now,
                // What was never written of a resource that left would be forgotten behind its zero.
                is_last: is_last || has_left,
                is_one_of_many: self.is_one_of_many,
                points: &mut points,
            };
            request.resource(&attributes, |mut request| {
                request.scope(scope, |scope| writing.metrics(resource, scope));
            });
            writing.remember(resource);
        }
        self.settle(now);
        points
    }

    /// What a flush leaves behind.
    fn settle(&mut self, now: Now) {
        if self.is_one_of_many {
            let freed = self.resources.begin_anew(now);
            self.memory = self.memory.saturating_sub(freed);
            return;
        }
        if self.plan.is_delta() {
            self.resources.clear();
            self.memory = 0;
            return;
        }
        let mut freed = self.resources.forget_evicted();
        let series_expiration = self.plan.series_expiration;
        for resource in self.resources.each_live() {
            for table in resource.tables() {
                if self.plan.exemplars {
                    table
                        .each()
                        .for_each(|(_, series)| series.exemplars.clear());
                }
                if !series_expiration.is_zero() {
                    freed += table.expire(now.moment, series_expiration);
                }
            }
        }
        if !self.plan.metrics_expiration.is_zero() {
            self.resources
                .expire(now.moment, self.plan.metrics_expiration);
        }
        self.memory = self.memory.saturating_sub(freed);
    }
}

struct Writing<'w> {
    plan: &'w Plan,
    starts: &'w mut DeltaStarts,
    now: Now,
    is_last: bool,
    is_one_of_many: bool,
    points: &'w mut u64,
}

impl Writing<'_> {
    fn metrics(&mut self, resource: &mut Resource, mut scope: ScopeMetricsWriter<'_>) {
        let key = Arc::clone(&resource.key);
        if let Some(calls) = resource.table(TableKind::Calls) {
            self.sum(TableKind::Calls, &key, calls, &mut scope);
        }
        if self.plan.durations().is_some() {
            let kind = match self.plan.has_own_durations() {
                true => TableKind::Durations,
                false => TableKind::Calls,
            };
            if let Some(durations) = resource.table(kind) {
                self.durations(&key, durations, &mut scope);
            }
        }
        if let Some(events) = resource.table(TableKind::Events) {
            self.sum(TableKind::Events, &key, events, &mut scope);
        }
    }

    fn sum(
        &mut self,
        kind: TableKind,
        resource: &[u8],
        table: &mut Table,
        scope: &mut ScopeMetricsWriter<'_>,
    ) {
        let head = MetricHead {
            name: &self.plan.names[kind as usize],
            ..MetricHead::default()
        };
        let is_said = self.is_said();
        scope.sum(head, self.temporality(), true, |mut points| {
            for (key, series) in table.each().filter(is_said) {
                let exemplars = match self.plan.form.calls_have_exemplars {
                    true => self.dated(series),
                    false => Vec::new(),
                };
                let value = self.value(series);
                series.is_known = true;
                points.number(&NewNumberPoint {
                    attributes: &series.attributes,
                    start: self.start(resource, key, series),
                    time: self.now.unix_nanos,
                    value: Number::Int(value),
                    exemplars: &exemplars,
                });
                *self.points += 1;
            }
        });
    }

    fn durations(
        &mut self,
        resource: &[u8],
        table: &mut Table,
        scope: &mut ScopeMetricsWriter<'_>,
    ) {
        let Some(shape) = self.plan.durations() else {
            return;
        };
        let head = MetricHead {
            name: &self.plan.names[TableKind::Durations as usize],
            unit: self.plan.unit.as_bytes(),
            ..MetricHead::default()
        };
        let is_said = self.is_said();
        shape.write(scope, head, self.temporality(), |mut points| {
            for (key, series) in table.each().filter(is_said) {
                let exemplars = self.dated(series);
                let point = Point {
                    attributes: &series.attributes,
                    start: self.start(resource, key, series),
                    time: self.now.unix_nanos,
                    exemplars: &exemplars,
                };
                if let Some(histogram) = &series.histogram {
                    histogram.write(&mut points, point);
                    *self.points += 1;
                }
            }
        });
    }

    /// Series begin anew with each delta; their times join those of the delta before.
    fn remember(&mut self, resource: &mut Resource) {
        if !self.plan.is_delta() || self.is_one_of_many {
            return;
        }
        let key = Arc::clone(&resource.key);
        for table in resource.tables() {
            for (series, _) in table.each() {
                self.starts.put(&key, series, self.now.unix_nanos);
            }
        }
    }

    fn start(&self, resource: &[u8], key: Option<&[u8]>, series: &Series) -> u64 {
        if !self.plan.is_delta() || self.is_one_of_many {
            return series.start;
        }
        self.starts.get(resource, key).unwrap_or(series.start)
    }

    fn value(&self, series: &Series) -> i64 {
        let begins_at_zero = self.plan.form.begins_at_zero && !self.plan.is_delta();
        if !begins_at_zero || series.is_known || self.is_last {
            series.count as i64
        } else {
            0
        }
    }

    fn dated(&self, series: &Series) -> Vec<tailweir_otlp::NewExemplar> {
        let mut exemplars = series.exemplars.clone();
        for exemplar in &mut exemplars {
            exemplar.time = self.now.unix_nanos;
        }
        exemplars
    }

    /// Which series are written: one of many says only what is new.
    fn is_said(&self) -> impl Fn(&(Option<&[u8]>, &mut Series)) -> bool + use<> {
        let says_all = !self.is_one_of_many;
        move |(_, series)| says_all || series.has_news()
    }

    fn temporality(&self) -> Temporality {
        if self.plan.is_delta() {
            Temporality::Delta
        } else {
            Temporality::Cumulative
        }
    }
}

/// When series were last written. Bounded; the one that was written the longest time ago is forgotten,
/// and its next delta begins when its first span comes.
#[derive(Debug)]
pub(super) struct DeltaStarts {
    /// Time and age, by a hash of the series' key: two that share it would share their times.
    times: BTreeMap<u128, (u64, u64)>,
    by_age: BTreeMap<u64, u128>,
    puts: u64,
    capacity: usize,
}

impl DeltaStarts {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            times: BTreeMap::new(),
            by_age: BTreeMap::new(),
            puts: 0,
            capacity,
        }
    }

    fn get(&self, resource: &[u8], series: Option<&[u8]>) -> Option<u64> {
        let (time, _) = self.times.get(&hash(resource, series))?;
        Some(*time)
    }

    fn put(&mut self, resource: &[u8], series: Option<&[u8]>, time: u64) {
        self.puts += 1;
        let key = hash(resource, series);
        if let Some((_, age)) = self.times.insert(key, (time, self.puts)) {
            self.by_age.remove(&age);
        }
        self.by_age.insert(self.puts, key);
        while self.times.len() > self.capacity
            && let Some((_, oldest)) = self.by_age.pop_first()
        {
            self.times.remove(&oldest);
        }
    }
}

/// A hash of the key of a series among those of all resources.
fn hash(resource: &[u8], series: Option<&[u8]>) -> u128 {
    let mut hasher = Xxh3::new();
    hasher.update(&(resource.len() as u64).to_le_bytes());
    hasher.update(resource);
    if let Some(series) = series {
        hasher.update(&[1]);
        hasher.update(series);
    }
    hasher.digest128()
}
