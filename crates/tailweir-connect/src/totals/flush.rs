//! Sums into data points.

use super::Totals;
use super::options::Options;
use super::series::{Head, Kind, Resource, Series, Sums};
use super::value::Value;
use crate::histogram::Point;
use crate::now::Now;
use std::collections::BTreeMap;
use tailweir_otlp::{
    MetricHead, MetricsWriter, NewExemplar, NewNumberPoint, Number, PointsWriter,
    ScopeMetricsWriter, Temporality,
};

impl Totals {
    /// Appends a request of data points to `out`, and answers how many. `is_last` says that no other flush follows: series
    /// that were never written then begin with what was counted, and not with zero.
    pub fn flush(&mut self, now: Now, is_last: bool, out: &mut Vec<u8>) -> u64 {
        self.next_flush = Some(now.moment + self.options.flush_every);
        let flush = Flush {
            options: &self.options,
            now,
            is_last,
        };
        let mut written = 0;
        let mut request = MetricsWriter::new(out);
        for sums in self.slots.values_mut().filter(|sums| !sums.is_closed) {
            for resource in sums.resources.values_mut() {
                written += resource.write(&mut request, |series| flush.next(series));
            }
        }
        self.expire(now);
        written
    }
}

/// What of a series is written.
struct Line {
    start: u64,
    time: u64,
    value: Value,
    exemplars: Vec<NewExemplar>,
    temporality: Temporality,
}

/// One flush.
struct Flush<'f> {
    options: &'f Options,
    now: Now,
    is_last: bool,
}

impl Flush<'_> {
    /// What a series says now, if anything.
    fn next(&self, series: &mut Series) -> Option<Line> {
        let is_new = !std::mem::replace(&mut series.is_written, true);
        let mut exemplars = std::mem::take(&mut series.exemplars);
        for exemplar in &mut exemplars {
            exemplar.time = self.now.unix_nanos;
        }
        let time = self.now.unix_nanos;
        if self.options.is_delta {
            let value = series.pending.take()?;
            let start = std::mem::replace(&mut series.start, time);
            return Some(Line {
                start: start.min(time),
                time,
                value,
                exemplars,
                temporality: Temporality::Delta,
            });
        }
        let waits = is_new && self.options.begins_at_zero && !self.is_last;
        match (&series.pending, waits) {
            (Some(zero @ Value::Count(_)), true) => series.total = Some(zero.zero()),
            _ => settle(series),
        }
        Some(Line {
            start: series.start,
            time,
            value: series.total.clone()?,
            exemplars,
            temporality: Temporality::Cumulative,
        })
    }
}

/// What is to be written becomes part of the sum.
fn settle(series: &mut Series) {
    let Some(pending) = series.pending.take() else {
        return;
    };
    match &mut series.total {
        Some(total) => total.add(pending),
        None => series.total = Some(pending),
    }
}

impl Sums {
    /// What is known of these sums, for their next owner.
    pub(super) fn hand_over(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut request = MetricsWriter::new(&mut out);
        for resource in self.resources.values_mut() {
            resource.write(&mut request, |series| {
                Some(Line {
                    start: series.start,
                    time: series.start,
                    value: series.total.clone()?,
                    exemplars: Vec::new(),
                    temporality: Temporality::Cumulative,
                })
            });
            resource.write(&mut request, |series| {
                Some(Line {
                    start: series.start,
                    time: series.start,
                    value: series.pending.take()?,
                    exemplars: std::mem::take(&mut series.exemplars),
                    temporality: Temporality::Delta,
                })
            });
        }
        out
    }
}

impl Resource {
    /// Writes what `line` says of each series. Answers how many data points that are.
    fn write(
        &mut self,
        request: &mut MetricsWriter<'_>,
        mut line: impl FnMut(&mut Series) -> Option<Line>,
    ) -> u64 {
        let mut lines: BTreeMap<&Head, Vec<(&Series, Line)>> = BTreeMap::new();
        for (head, all) in &mut self.metrics {
            let written = all.values_mut().filter_map(|series| {
                let line = line(series)?;
                Some((&*series, line))
            });
            lines.insert(head, written.collect());
        }
        lines.retain(|_, written| !written.is_empty());
        if lines.is_empty() {
            return 0;
        }
        request.resource(&self.attributes, |mut resource| {
            for (head, written) in &lines {
                resource.scope(&head.scope, |mut scope| head.write(&mut scope, written));
            }
        });
        lines.values().map(|written| written.len() as u64).sum()
    }
}

impl Head {
    fn write(&self, scope: &mut ScopeMetricsWriter<'_>, written: &[(&Series, Line)]) {
        let head = MetricHead {
            name: &self.name,
            description: &self.description,
            unit: &self.unit,
        };
        let temporality = written
            .first()
            .map_or(Temporality::Unspecified, |(_, line)| line.temporality);
        let points = |mut points: PointsWriter<'_>| {
            for (series, line) in written {
                line.write(series, &mut points);
            }
        };
        match self.kind {
            Kind::Sum => scope.sum(head, temporality, true, points),
            Kind::Histogram => scope.histogram(head, temporality, points),
            Kind::Exponential => scope.exponential_histogram(head, temporality, points),
        }
    }
}

impl Line {
    fn write(&self, series: &Series, points: &mut PointsWriter<'_>) {
        match &self.value {
            Value::Count(count) => points.number(&NewNumberPoint {
                attributes: &series.attributes,
                start: self.start,
                time: self.time,
                value: Number::Int(*count),
                exemplars: &self.exemplars,
            }),
            Value::Histogram(histogram) => histogram.write(
                points,
                Point {
                    attributes: &series.attributes,
                    start: self.start,
                    time: self.time,
                    exemplars: &self.exemplars,
                },
            ),
        }
    }
}
