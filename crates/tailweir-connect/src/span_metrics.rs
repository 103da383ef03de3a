//! The `span_metrics` connector: calls, durations and events of spans, by service and dimensions.
//!
//! ```text
//! request -> resource -> resource's tables -> span -> key -> series      counted
//! flush   -> resource -> tables -> series  -> data points                written, exemplars cleared
//! ```
//!
//! A span costs one look-up of its key in each table: one for calls and durations, unless these have
//! dimensions of their own.

mod candidates;
mod flush;
mod form;
mod plan;
mod resources;

pub use candidates::{Exemplars, Patience};

use crate::adjusted_count::{AdjustedCount, Thresholds};
use crate::error::ConnectError;
use crate::figures::SeriesFigures;
use crate::now::Now;
use crate::series::Arrival;
use candidates::{Candidate, Candidates};
use flush::DeltaStarts;
use form::Form;
use plan::{Plan, SpanParts};
use resources::{Resource, Resources, TableKind};
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::{AggregationTemporality, SpanMetricsConnector, SpanMetricsProcessor};
use tailweir_core::{Moment, TraceId};
use tailweir_otlp::{
    Attributes, NewExemplar, RequestView, ResourceFields, ScopeView, SpanHead, SpanView,
};

/// Bytes that all resources and series may take together, those included that left and are written once more. Past it, new
/// combinations of dimensions are counted in the series of the rest, and new resources as one without attributes.
const MEMORY_MAX: usize = 256 << 20;

/// Counts spans. Bounded in resources by `resource_metrics_cache_size`, in series by
/// `aggregation_cardinality_limit` and by memory.
#[derive(Debug)]
pub struct SpanMetrics {
    plan: Plan,
    resources: Resources,
    candidates: Candidates,
    starts: DeltaStarts,
    flush_every: Duration,
    next_flush: Option<Moment>,
    memory: usize,
    figures: SeriesFigures,
    /// Whether others count beside it.
    is_one_of_many: bool,
    /// Kept for its capacity.
    key: Vec<u8>,
}

impl SpanMetrics {
    /// Counts as these settings say. `instance` names this process in its data points; `seed` spreads
    /// keys in tables, so that clients cannot choose where theirs land.
    ///
    /// # Errors
    ///
    /// When a pattern is malformed.
    pub fn new(
        settings: &SpanMetricsConnector,
        instance: &str,
        seed: u64,
    ) -> Result<Self, ConnectError> {
        Self::of_form(settings, &Form::CONNECTOR, instance, seed)
    }

    /// Counts as the `spanmetrics` processor of old did, with the names that its series had.
    ///
    /// # Errors
    ///
    /// When a pattern is malformed.
    pub fn of_processor(settings: &SpanMetricsProcessor, seed: u64) -> Result<Self, ConnectError> {
        Self::of_form(&settings.as_connector(), &Form::PROCESSOR, "", seed)
    }

    fn of_form(
        settings: &SpanMetricsConnector,
        form: &'static Form,
        instance: &str,
        seed: u64,
    ) -> Result<Self, ConnectError> {
        let plan = Plan::new(settings, form, instance)?;
        let size = |number: i64| usize::try_from(number).unwrap_or_default();
        Ok(Self {
            resources: Resources::new(settings, seed),
            candidates: Candidates::new(size(settings.exemplars.max_per_data_point), seed),
            starts: DeltaStarts::new(size(settings.metric_timestamp_cache_size.unwrap_or(1000))),
            flush_every: settings.metrics_flush_interval,
            next_flush: None,
            memory: 0,
            figures: SeriesFigures::default(),
            is_one_of_many: false,
            key: Vec::new(),
            plan,
        })
    }

    /// Whether others count beside it: what it writes are changes then, and it keeps only series whose exemplars wait.
    #[must_use]
    pub fn as_one_of_many(mut self, is_one_of_many: bool) -> Self {
        if is_one_of_many {
            self.is_one_of_many = true;
            self.plan.temporality = AggregationTemporality::Delta;
        }
        self
    }

    /// Counts the spans of a request. What is malformed in it is left out.
    pub fn consume(&mut self, now: Now, request: &[u8], exemplars: Exemplars) {
        let mut thresholds = Thresholds::default();
        for resource in RequestView(request).resources() {
            self.resource(now, resource, exemplars, &mut thresholds);
        }
        for candidate in self.candidates.take_let_go() {
            if let Some(series) = self.resources.series(&candidate) {
                series.waiting = series.waiting.saturating_sub(1);
            }
        }
    }

    fn resource<'a>(
        &mut self,
        now: Now,
        resource: ResourceFields<'a>,
        exemplars: Exemplars,
        thresholds: &mut Thresholds<'a>,
    ) {
        let attributes = resource.resource().attributes();
        let Some(service) = attributes.get(b"service.name") else {
            let spans = resource.scopes().map(|scope| scope.items().count() as u64);
            self.figures.without_service += spans.sum::<u64>();
            return;
        };
        let has_room = self.memory < MEMORY_MAX;
        let told_apart = match self.plan.form.has_resources {
            true => attributes,
            false => Attributes::EMPTY,
        };
        let entered = self
            .resources
            .get_or_insert(now.moment, told_apart, has_room);
        self.memory += entered.grown;
        let mut counting = Counting {
            plan: &self.plan,
            entry: entered.resource,
            is_rest: entered.is_rest,
            candidates: &mut self.candidates,
            figures: &mut self.figures,
            memory: &mut self.memory,
            key: &mut self.key,
            now,
            exemplars,
        };
        let service = service.as_string().unwrap_or_default();
        for fields in resource.scopes() {
            let scope = fields.scope();
            for span in fields.items() {
                counting.span(SpanView(span), service, scope, attributes, thresholds);
            }
        }
    }

    /// When [`Self::flush`] is due next; at first from `now` on.
    pub fn next_flush(&mut self, now: Moment) -> Moment {
        let every = self.flush_every;
        *self.next_flush.get_or_insert_with(|| now + every)
    }

    /// A trace was decided: its exemplars are kept for the next flush, or dropped.
    pub fn decided(&mut self, trace: TraceId, is_kept: bool) {
        for candidate in self.candidates.take(trace) {
            let Some(series) = self.resources.series(&candidate) else {
                continue;
            };
            series.waiting = series.waiting.saturating_sub(1);
            if is_kept && series.exemplars.len() < self.candidates.per_point() {
                series.exemplars.push(candidate.exemplar);
            }
        }
    }

    /// Traces whose owners are to be asked now what became of them, at most so many. Answers come as [`Self::decided`]. Those
    /// about which nobody has known for too long are given up.
    pub fn inquire(&mut self, now: Moment, patience: &Patience, max: usize) -> Vec<TraceId> {
        let due = self.candidates.due(now, patience, max);
        for trace in due.given_up {
            let before = self.candidates.len();
            self.decided(trace, false);
            self.figures.exemplars_given_up += (before - self.candidates.len()) as u64;
        }
        due.asked
    }

    /// Whether it waits for decisions on traces.
    #[must_use]
    pub fn awaits_decisions(&self) -> bool {
        !self.candidates.is_empty()
    }

    /// What it has counted of itself.
    #[must_use]
    pub fn figures(&self) -> SeriesFigures {
        SeriesFigures {
            series: self.resources.series_count() as u64,
            memory: self.memory as u64,
            memory_max: MEMORY_MAX as u64,
            resources: self.resources.len() as u64,
            resources_evicted: self.resources.evictions(),
            exemplars_waiting: self.candidates.len() as u64,
            exemplars_without_room: self.candidates.without_room(),
            ..self.figures
        }
    }
}

/// The tables of a resource while its spans are counted.
struct Counting<'c> {
    plan: &'c Plan,
    entry: &'c mut Resource,
    /// Whether it stands for one that found no room.
    is_rest: bool,
    candidates: &'c mut Candidates,
    figures: &'c mut SeriesFigures,
    memory: &'c mut usize,
    key: &'c mut Vec<u8>,
    now: Now,
    exemplars: Exemplars,
}

impl Counting<'_> {
    fn span<'a>(
        &mut self,
        span: SpanView<'a>,
        service: &'a [u8],
        scope: ScopeView<'a>,
        resource: Attributes<'a>,
        thresholds: &mut Thresholds<'a>,
    ) {
        let head = SpanHead::of(span);
        let stands_for = if head.has_trace_state {
            thresholds.count(span.trace_state(), &head)
        } else {
            thresholds.count(&[], &head)
        };
        let duration = head.end.saturating_sub(head.start) as f64 / self.plan.unit_nanos;
        let parts = SpanParts {
            service,
            name: span.name(),
            head,
            scope,
            is_extrapolated: stands_for.is_extrapolated,
        };
        let own = span.attributes();
        let sources = [own, resource];
        self.count(TableKind::Calls, &parts, &sources, duration, stands_for);
        if self.plan.has_own_durations() {
            self.count(TableKind::Durations, &parts, &sources, duration, stands_for);
        }
        if self.plan.events {
            for event in span.events() {
                let sources = [own, event.attributes(), resource];
                self.count(TableKind::Events, &parts, &sources, duration, stands_for);
            }
        }
    }

    fn count(
        &mut self,
        kind: TableKind,
        parts: &SpanParts<'_>,
        sources: &[Attributes<'_>],
        duration: f64,
        stands_for: AdjustedCount,
    ) {
        let plan = self.plan;
        plan.put_key(kind, parts, sources, self.key);
        let arrival = Arrival {
            moment: self.now.moment,
            unix_nanos: self.now.unix_nanos,
            has_room: *self.memory < MEMORY_MAX,
        };
        let waits = plan.exemplars && self.exemplars == Exemplars::Undecided;
        let resource = waits.then(|| Arc::clone(&self.entry.key));
        let Some(table) = self.entry.table(kind) else {
            return;
        };
        let attributes = || plan.attributes(kind, parts, sources);
        let found = table.get_or_insert(self.key, arrival, plan.shape(kind), attributes);
        *self.memory += found.grown;
        self.figures.overflowed += u64::from(found.is_overflow || self.is_rest);
        found.series.add(duration, stands_for.count);
        if plan.exemplars && !found.is_overflow && !parts.head.trace_id.is_zero() {
            let exemplar = NewExemplar {
                trace_id: parts.head.trace_id,
                span_id: parts.head.span_id,
                time: 0,
                value: duration,
            };
            match resource {
                None => self.candidates.accept(found.series, exemplar),
                Some(resource) => {
                    self.candidates
                        .hold(arrival.moment, found.series, || Candidate {
                            resource,
                            kind,
                            key: self.key.as_slice().into(),
                            exemplar,
                        });
                }
            }
        }
    }
}
