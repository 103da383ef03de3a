//! How many exceptions there were, by service, span and dimensions.
//!
//! ```text
//! request -> exceptions -> series    few series: all of them are written
//!                                    many:       those in which something was counted
//! repeat  -> a part of many series   written, all parts once a minute; what is stale is forgotten
//! ```

use super::parts::{MEMORY_MAX, PARTS, Parts};
use super::{dimensions, exceptions, sources};
use crate::dimensions::Dimensions;
use crate::figures::SeriesFigures;
use crate::now::Now;
use crate::series::Series;
use crate::text::{kind_name, put_measured, put_text, status_name};
use std::collections::BTreeSet;
use std::time::Duration;
use tailweir_config::ExceptionsConnector;
use tailweir_core::Moment;
use tailweir_otlp::{
    AttributeSet, Attributes, EncodedValue, MetricHead, MetricsWriter, NewExemplar, NewNumberPoint,
    Number, RequestView, SpanHead, SpanView, Temporality,
};

/// The scope of its metric.
const SCOPE: &[u8] = b"exceptionsconnector";
/// Most series that are all written for each request, as by the Collector.
const FEW: usize = 1_000;
/// Most bytes that these take.
const FEW_BYTES: usize = 2 << 20;
/// In this time each of many series is written once too, as those are that are flushed: who shows them takes them for stale
/// otherwise.
const REPEAT_EVERY: Duration = Duration::from_secs(60);
/// Time between two parts.
const PART_EVERY: Duration = Duration::from_millis(REPEAT_EVERY.as_millis() as u64 / PARTS as u64);
/// Of many series one without exceptions for so long is forgotten.
const STALE_AFTER: Duration = Duration::from_secs(60 * 60);
/// Exemplars of one data point.
pub(crate) const EXEMPLARS_MAX: usize = 1024;

/// Counts exceptions. Bounded in memory; what a request makes it write is bounded too, by what is in the request once there
/// are more than a few series.
#[derive(Debug)]
pub struct ExceptionMetrics {
    dimensions: Dimensions,
    writes_exemplars: bool,
    series: Parts,
    /// When a series begins that is new, in nanoseconds of the Unix epoch.
    start: u64,
    /// Keys of series in which something was counted since the last request was written; that of the rest has none.
    touched: BTreeSet<Option<Vec<u8>>>,
    /// The part that is repeated next, and when.
    next_part: usize,
    next_repeat: Option<Moment>,
    figures: SeriesFigures,
    is_one_of_many: bool,
}

impl ExceptionMetrics {
    /// Counts as these settings say, from `now` on.
    #[must_use]
    pub fn new(settings: &ExceptionsConnector, now: Now, seed: u64) -> Self {
        Self {
            dimensions: dimensions(settings),
            writes_exemplars: settings.exemplars.enabled,
            series: Parts::new(seed),
            start: now.unix_nanos,
            touched: BTreeSet::new(),
            next_part: 0,
            next_repeat: None,
            figures: SeriesFigures::default(),
            is_one_of_many: false,
        }
    }

    /// Whether others count beside it: what it writes are changes then, and it keeps nothing.
    #[must_use]
    pub fn as_one_of_many(self, is_one_of_many: bool) -> Self {
        Self {
            is_one_of_many,
            ..self
        }
    }

    /// Counts the exceptions in a request, and answers how many there are.
    pub fn consume(&mut self, now: Now, request: &[u8]) -> u64 {
        let mut found = 0;
        for resource in RequestView(request).resources() {
            let attributes = resource.resource().attributes();
            let Some(service) = attributes.get(b"service.name") else {
                let spans = resource.scopes().map(|scope| scope.items().count() as u64);
                self.figures.without_service += spans.sum::<u64>();
                continue;
            };
            let service = service.as_string().unwrap_or_default();
            for span in resource.scopes().flat_map(|scope| scope.items()) {
                found += self.span(now, service, SpanView(span), attributes);
            }
        }
        found
    }

    fn span(
        &mut self,
        now: Now,
        service: &[u8],
        span: SpanView<'_>,
        resource: Attributes<'_>,
    ) -> u64 {
        let mut found = 0;
        for event in exceptions(span) {
            let head = SpanHead::of(span);
            let sources = sources(span, event, resource);
            let key = self.key(service, span, &head, &sources);
            let dimensions = &self.dimensions;
            let attributes = || attributes(dimensions, service, span, &head, &sources);
            let counted = self
                .series
                .get_or_insert(&key, now.moment, self.start, attributes);
            self.figures.overflowed += u64::from(counted.is_overflow);
            self.touched.insert((!counted.is_overflow).then_some(key));
            let series = counted.series;
            series.count += 1;
            let has_room = series.exemplars.len() < EXEMPLARS_MAX;
            if self.writes_exemplars && has_room && !head.trace_id.is_zero() {
                series.exemplars.push(NewExemplar {
                    trace_id: head.trace_id,
                    span_id: head.span_id,
                    time: now.unix_nanos,
                    value: series.count as f64,
                });
            }
            found += 1;
        }
        found
    }

    fn key(
        &self,
        service: &[u8],
        span: SpanView<'_>,
        head: &SpanHead,
        sources: &[Attributes<'_>],
    ) -> Vec<u8> {
        let mut key = Vec::new();
        put_measured(service, &mut key);
        put_measured(span.name(), &mut key);
        put_measured(kind_name(head.kind), &mut key);
        put_measured(status_name(head.status), &mut key);
        let mut text = Vec::new();
        self.dimensions.each(sources, |name, value| {
            text.clear();
            put_text(value, &mut text);
            put_measured(name, &mut key);
            put_measured(&text, &mut key);
        });
        key
    }

    /// Appends a request of data points to `out`, and answers how many: of all series as long as they are few, else of those
    /// in which something was counted since the last time. Exemplars are written once.
    pub fn write(&mut self, now: Now, out: &mut Vec<u8>) -> u64 {
        let touched = std::mem::take(&mut self.touched);
        let (are_all, temporality) = (self.are_all_written(), self.temporality());
        let series = &mut self.series;
        let written = write(now, temporality, out, |put| {
            if are_all {
                series.each().for_each(put);
                return;
            }
            for key in &touched {
                if let Some(series) = series.get_mut(key.as_deref()) {
                    put(series);
                }
            }
        });
        if self.is_one_of_many {
            self.series.clear();
            self.start = now.unix_nanos;
        }
        written
    }

    /// When [`Self::repeat`] is due next; nothing as long as series are few, all of which every request writes.
    pub fn next_repeat(&mut self, now: Moment) -> Option<Moment> {
        if self.are_all_written() {
            self.next_repeat = None;
            return None;
        }
        Some(*self.next_repeat.get_or_insert(now + PART_EVERY))
    }

    /// Forgets what is stale of the next part of the series, appends a request of the others to `out`, and answers how many
    /// these are.
    pub fn repeat(&mut self, now: Now, out: &mut Vec<u8>) -> u64 {
        let part = self.next_part;
        self.next_part = (part + 1) % PARTS;
        self.next_repeat = Some(now.moment + PART_EVERY);
        if self.series.expire(part, now.moment, STALE_AFTER) {
            // A series that comes again begins anew, behind all that was written of it.
            self.start = now.unix_nanos;
        }
        let temporality = self.temporality();
        let series = &mut self.series;
        write(now, temporality, out, |put| {
            series.each_of(part).for_each(put);
        })
    }

    /// Whether a request writes all series. One of many keeps none that are not of this request.
    fn are_all_written(&self) -> bool {
        let are_few = self.series.len() <= FEW && self.series.memory() <= FEW_BYTES;
        self.is_one_of_many || are_few
    }

    fn temporality(&self) -> Temporality {
        match self.is_one_of_many {
            true => Temporality::Delta,
            false => Temporality::Cumulative,
        }
    }

    /// What it has counted of itself.
    #[must_use]
    pub fn figures(&self) -> SeriesFigures {
        SeriesFigures {
            series: self.series.len() as u64,
            memory: self.series.memory() as u64,
            memory_max: MEMORY_MAX as u64,
            ..self.figures
        }
    }
}

/// Appends a request of those series that `each` puts, and answers how many.
fn write(
    now: Now,
    temporality: Temporality,
    out: &mut Vec<u8>,
    each: impl FnOnce(&mut dyn FnMut(&mut Series)),
) -> u64 {
    let mut written = 0;
    let head = MetricHead {
        name: b"exceptions",
        ..MetricHead::default()
    };
    MetricsWriter::new(out).resource(&AttributeSet::default(), |mut resource| {
        resource.scope(SCOPE, |mut scope| {
            scope.sum(head, temporality, true, |mut points| {
                each(&mut |series: &mut Series| {
                    let mut exemplars = std::mem::take(&mut series.exemplars);
                    for exemplar in &mut exemplars {
                        exemplar.time = now.unix_nanos;
                    }
                    points.number(&NewNumberPoint {
                        attributes: &series.attributes,
                        start: series.start,
                        time: now.unix_nanos,
                        value: Number::Int(series.count as i64),
                        exemplars: &exemplars,
                    });
                    written += 1;
                });
            });
        });
    });
    written
}

fn attributes(
    dimensions: &Dimensions,
    service: &[u8],
    span: SpanView<'_>,
    head: &SpanHead,
    sources: &[Attributes<'_>],
) -> AttributeSet {
    let mut attributes = AttributeSet::default();
    for (name, text) in [
        (&b"service.name"[..], service),
        (b"span.name", span.name()),
        (b"span.kind", kind_name(head.kind)),
        (b"status.code", status_name(head.status)),
    ] {
        attributes.put(name, &EncodedValue::string(text));
    }
    dimensions.each(sources, |name, value| {
        attributes.put(name, &value.encoded());
    });
    attributes
}
