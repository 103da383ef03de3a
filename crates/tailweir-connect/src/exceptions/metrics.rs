//! How many exceptions there were, by service, span and dimensions.

use super::{dimensions, exceptions, sources};
use crate::dimensions::Dimensions;
use crate::figures::SeriesFigures;
use crate::now::Now;
use crate::series::{Arrival, Table};
use crate::text::{kind_name, put_measured, put_text, status_name};
use tailweir_config::ExceptionsConnector;
use tailweir_otlp::{
    AttributeSet, Attributes, EncodedValue, MetricHead, MetricsWriter, NewExemplar, NewNumberPoint,
    Number, RequestView, SpanHead, SpanView, Temporality,
};

/// The scope of its metric.
const SCOPE: &[u8] = b"exceptionsconnector";
/// Bytes that all series may take together. Past it, new combinations of dimensions are counted in the
/// series of the rest.
const MEMORY_MAX: usize = 64 << 20;
/// Exemplars of one data point.
pub(crate) const EXEMPLARS_MAX: usize = 1024;

/// Counts exceptions. Bounded in memory.
#[derive(Debug)]
pub struct ExceptionMetrics {
    dimensions: Dimensions,
    writes_exemplars: bool,
    series: Table,
    started: u64,
    memory: usize,
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
            series: Table::new(0, seed),
            started: now.unix_nanos,
            memory: 0,
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
            let arrival = Arrival {
                moment: now.moment,
                unix_nanos: self.started,
                has_room: self.memory < MEMORY_MAX,
            };
            let dimensions = &self.dimensions;
            let attributes = || attributes(dimensions, service, span, &head, &sources);
            let counted = self.series.get_or_insert(&key, arrival, None, attributes);
            self.memory += counted.grown;
            self.figures.overflowed += u64::from(counted.is_overflow);
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

    /// Appends a request of data points to `out`, and answers how many. Exemplars are written once.
    pub fn write(&mut self, now: Now, out: &mut Vec<u8>) -> u64 {
        let started = self.started;
        let temporality = match self.is_one_of_many {
            true => Temporality::Delta,
            false => Temporality::Cumulative,
        };
        let head = MetricHead {
            name: b"exceptions",
            ..MetricHead::default()
        };
        MetricsWriter::new(out).resource(&AttributeSet::default(), |mut resource| {
            resource.scope(SCOPE, |mut scope| {
                scope.sum(head, temporality, true, |mut points| {
                    for (_, series) in self.series.each() {
                        let mut exemplars = std::mem::take(&mut series.exemplars);
                        for exemplar in &mut exemplars {
                            exemplar.time = now.unix_nanos;
                        }
                        points.number(&NewNumberPoint {
                            attributes: &series.attributes,
                            start: started,
                            time: now.unix_nanos,
                            value: Number::Int(series.count as i64),
                            exemplars: &exemplars,
                        });
                    }
                });
            });
        });
        let written = self.series.len() as u64;
        if self.is_one_of_many {
            self.series.clear();
            (self.started, self.memory) = (now.unix_nanos, 0);
        }
        written
    }

    /// What it has counted of itself.
    #[must_use]
    pub fn figures(&self) -> SeriesFigures {
        SeriesFigures {
            series: self.series.len() as u64,
            memory: self.memory as u64,
            memory_max: MEMORY_MAX as u64,
            ..self.figures
        }
    }
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
