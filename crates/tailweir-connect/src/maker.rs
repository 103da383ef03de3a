//! A connector that makes telemetry, whatever its kind.

use crate::count::Count;
use crate::error::ConnectError;
use crate::exceptions::{self, ExceptionLogs, ExceptionMetrics};
use crate::figures::SeriesFigures;
use crate::now::Now;
use crate::service_graph::ServiceGraph;
use crate::span_metrics::{Exemplars, Patience, SpanMetrics};
use crate::totals::Totals;
use tailweir_config::Connector;
use tailweir_core::{Moment, Signal, TraceId};
use tailweir_ottl::Dialect;

/// What a connector starts with beside its settings.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The present.
    pub now: Now,
    /// Names this process in data points.
    pub instance: String,
    /// Spreads keys in tables, so that clients cannot choose where theirs land.
    pub seed: u64,
    /// What conditions are written in.
    pub dialect: Dialect,
    /// Whether others count beside it. What it writes are changes then, for [`Totals`] to add up.
    pub is_one_of_many: bool,
}

/// A request of telemetry that a connector made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// What it carries.
    pub signal: Signal,
    /// The bytes of an `Export*ServiceRequest`.
    pub body: Vec<u8>,
    /// Data points or log records in it, one at least.
    pub items: u64,
}

/// A connector that makes telemetry.
#[derive(Debug)]
pub struct Maker(Kind);

#[derive(Debug)]
enum Kind {
    SpanMetrics(Box<SpanMetrics>),
    ServiceGraph(Box<ServiceGraph>),
    Count(Box<Count>, SeriesFigures),
    Exceptions(Box<ExceptionMetrics>, ExceptionLogs),
    Totals(Box<Totals>),
}

impl Maker {
    /// The connector of these settings; nothing for those that only pass telemetry on.
    ///
    /// # Errors
    ///
    /// What is wrong with the settings.
    pub fn new(settings: &Connector, origin: &Origin) -> Result<Option<Self>, ConnectError> {
        let (now, seed, is_one_of_many) = (origin.now, origin.seed, origin.is_one_of_many);
        Ok(Some(Self(match settings {
            Connector::Forward | Connector::Routing(_) => return Ok(None),
            Connector::SpanMetrics(settings) => {
                let metrics = SpanMetrics::new(settings, &origin.instance, seed)?;
                Kind::SpanMetrics(Box::new(metrics.as_one_of_many(is_one_of_many)))
            }
            Connector::SpanMetricsProcessor(settings) => {
                let metrics = SpanMetrics::of_processor(settings, seed)?;
                Kind::SpanMetrics(Box::new(metrics.as_one_of_many(is_one_of_many)))
            }
            Connector::ServiceGraph(settings) => {
                let graph = ServiceGraph::new(settings, now, seed);
                Kind::ServiceGraph(Box::new(graph.as_one_of_many(is_one_of_many)))
            }
            Connector::Count(settings) => {
                let count = Count::new(settings, &origin.dialect)?;
                Kind::Count(Box::new(count), SeriesFigures::default())
            }
            Connector::Exceptions(settings) => Kind::Exceptions(
                Box::new(ExceptionMetrics::new(settings, now, seed).as_one_of_many(is_one_of_many)),
                ExceptionLogs::new(settings),
            ),
        })))
    }

    /// What adds up the changes of many.
    #[must_use]
    pub fn of_totals(totals: Totals) -> Self {
        Self(Kind::Totals(Box::new(totals)))
    }

    /// The totals, when it is what adds up.
    pub fn totals(&mut self) -> Option<&mut Totals> {
        match &mut self.0 {
            Kind::Totals(totals) => Some(totals),
            _ => None,
        }
    }

    /// The graph of services, when it is one.
    pub fn graph(&mut self) -> Option<&mut ServiceGraph> {
        match &mut self.0 {
            Kind::ServiceGraph(graph) => Some(graph),
            _ => None,
        }
    }

    /// Takes a request in. What it makes of it at once is added to `made`; of that only signals that
    /// are `wanted`.
    ///
    /// # Errors
    ///
    /// Why nothing was made of the request, for people.
    pub fn consume(
        &mut self,
        now: Now,
        signal: Signal,
        request: &[u8],
        exemplars: Exemplars,
        wanted: impl Fn(Signal) -> bool,
        made: &mut Vec<Made>,
    ) -> Result<(), String> {
        match &mut self.0 {
            Kind::Totals(totals) => totals.add(now, request),
            Kind::SpanMetrics(metrics) => metrics.consume(now, request, exemplars),
            Kind::ServiceGraph(graph) => {
                graph.consume(now, request);
                if graph.flushes_at_once() {
                    put(Signal::Metrics, made, |out| graph.flush(now, out));
                }
            }
            Kind::Count(count, figures) => {
                let mut failed = None;
                put(Signal::Metrics, made, |out| {
                    let counted = count.consume(signal, request, now.unix_nanos, out);
                    counted.unwrap_or_else(|error| {
                        failed = Some(error.to_string());
                        0
                    })
                });
                if let Some(reason) = failed {
                    figures.failed_requests += 1;
                    return Err(reason);
                }
            }
            Kind::Exceptions(counts, records) => {
                // Without a new exception there is nothing new to say.
                if wanted(Signal::Metrics) && counts.consume(now, request) > 0 {
                    put(Signal::Metrics, made, |out| counts.write(now, out));
                }
                if wanted(Signal::Logs) {
                    put(Signal::Logs, made, |out| records.consume(request, out));
                }
            }
        }
        Ok(())
    }

    /// Whether it would make telemetry of a request at once. What it only counts needs no room behind it.
    #[must_use]
    pub fn makes_at_once(&self, request: &[u8]) -> bool {
        match &self.0 {
            Kind::SpanMetrics(_) | Kind::Totals(_) => false,
            Kind::ServiceGraph(graph) => graph.flushes_at_once(),
            // Its conditions cost as much as counting.
            Kind::Count(..) => true,
            Kind::Exceptions(..) => exceptions::are_in(request),
        }
    }

    /// Does what is due, and answers when something is due next.
    pub fn advance(&mut self, now: Now, made: &mut Vec<Made>) -> Option<Moment> {
        match &mut self.0 {
            Kind::SpanMetrics(metrics) => {
                if metrics.next_flush(now.moment) <= now.moment {
                    put(Signal::Metrics, made, |out| metrics.flush(now, false, out));
                }
                Some(metrics.next_flush(now.moment))
            }
            Kind::Totals(totals) => {
                if totals.next_flush(now.moment) <= now.moment {
                    put(Signal::Metrics, made, |out| totals.flush(now, false, out));
                }
                Some(totals.next_flush(now.moment))
            }
            Kind::ServiceGraph(graph) => {
                let mut next = now.moment;
                put(Signal::Metrics, made, |out| {
                    let mut points = 0;
                    next = graph.advance(now, out, &mut points);
                    points
                });
                Some(next)
            }
            Kind::Exceptions(counts, _) => {
                if counts.next_repeat(now.moment)? <= now.moment {
                    put(Signal::Metrics, made, |out| counts.repeat(now, out));
                }
                counts.next_repeat(now.moment)
            }
            Kind::Count(..) => None,
        }
    }

    /// Writes what was counted since the last flush; no other follows.
    pub fn finish(&mut self, now: Now, made: &mut Vec<Made>) {
        match &mut self.0 {
            Kind::SpanMetrics(metrics) => {
                put(Signal::Metrics, made, |out| metrics.flush(now, true, out));
            }
            Kind::Totals(totals) => {
                put(Signal::Metrics, made, |out| totals.flush(now, true, out));
            }
            Kind::ServiceGraph(graph) if !graph.flushes_at_once() => {
                put(Signal::Metrics, made, |out| graph.flush(now, out));
            }
            Kind::ServiceGraph(_) | Kind::Count(..) | Kind::Exceptions(..) => {}
        }
    }

    /// Whether it wants to know what samplers decide.
    #[must_use]
    pub fn awaits_decisions(&self) -> bool {
        match &self.0 {
            Kind::SpanMetrics(metrics) => metrics.awaits_decisions(),
            _ => false,
        }
    }

    /// Traces whose owners are to be asked now what became of them; see [`SpanMetrics::inquire`].
    pub fn inquire(&mut self, now: Moment, patience: &Patience, max: usize) -> Vec<TraceId> {
        match &mut self.0 {
            Kind::SpanMetrics(metrics) => metrics.inquire(now, patience, max),
            _ => Vec::new(),
        }
    }

    /// A trace was decided.
    pub fn decided(&mut self, trace: TraceId, is_kept: bool) {
        if let Kind::SpanMetrics(metrics) = &mut self.0 {
            metrics.decided(trace, is_kept);
        }
    }

    /// What it has counted of itself.
    #[must_use]
    pub fn figures(&self) -> SeriesFigures {
        match &self.0 {
            Kind::SpanMetrics(metrics) => metrics.figures(),
            Kind::ServiceGraph(graph) => graph.figures(),
            Kind::Count(_, figures) => *figures,
            Kind::Exceptions(counts, records) => {
                let figures = counts.figures();
                SeriesFigures {
                    overflowed: figures.overflowed + records.left_out(),
                    ..figures
                }
            }
            Kind::Totals(totals) => totals.figures(),
        }
    }
}

/// Adds what `write` writes, if it is any item.
fn put(signal: Signal, made: &mut Vec<Made>, write: impl FnOnce(&mut Vec<u8>) -> u64) {
    let mut body = Vec::new();
    let items = write(&mut body);
    if items > 0 {
        made.push(Made {
            signal,
            body,
            items,
        });
    }
}
