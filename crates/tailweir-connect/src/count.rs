//! The `count` connector: how many items of a request there are, by conditions and attributes.
//!
//! It keeps nothing from one request to the next: what it writes are deltas, one data point for each
//! combination of attributes in each resource of the request.

mod definition;
mod tally;

use crate::error::ConnectError;
use definition::{Definition, compile};
use tailweir_config::CountConnector;
use tailweir_core::Signal;
use tailweir_otlp::{
    AttributeSet, Attributes, LogRecordView, MetricData, MetricView, MetricsWriter, RequestView,
    ResourceFields, ScopeFields, SpanView,
};
use tailweir_ottl::{Dialect, EvaluationError};
use tailweir_paths::{
    DataPointSubject, LogSubject, MetricSubject, Scene, SpanEventSubject, SpanSubject,
};
use tally::Tally;

/// The scope of its metrics.
const SCOPE: &[u8] =
    b"github.com/open-telemetry/opentelemetry-collector-contrib/connector/countconnector";

/// Counts items.
#[derive(Debug)]
pub struct Count {
    spans: Vec<Definition>,
    events: Vec<Definition>,
    metrics: Vec<Definition>,
    points: Vec<Definition>,
    logs: Vec<Definition>,
}

/// Why a request was not counted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CountError {
    /// A condition has no result for an item.
    #[error("a condition failed: {0}")]
    Condition(EvaluationError),
    /// A metric has no data.
    #[error("a metric has no data")]
    EmptyMetric,
}

impl Count {
    /// Counts as these settings say. Conditions are in this dialect.
    ///
    /// # Errors
    ///
    /// When a condition does not compile.
    pub fn new(settings: &CountConnector, dialect: &Dialect) -> Result<Self, ConnectError> {
        let options = dialect.options();
        let compile = |section, metrics, scene| compile(section, metrics, scene, &options);
        Ok(Self {
            spans: compile("spans", &settings.spans, Scene::Span)?,
            events: compile("spanevents", &settings.spanevents, Scene::SpanEvent)?,
            metrics: compile("metrics", &settings.metrics, Scene::Metric)?,
            points: compile("datapoints", &settings.datapoints, Scene::DataPoint)?,
            logs: compile("logs", &settings.logs, Scene::Log)?,
        })
    }

    /// Counts the items of a request, appends a request of data points to `out`, and answers how many.
    /// `now`, in nanoseconds of the Unix epoch, is the time of points whose items have none.
    ///
    /// # Errors
    ///
    /// [`CountError`]; nothing is appended then, as nothing is counted by the Collector.
    pub fn consume(
        &self,
        signal: Signal,
        request: &[u8],
        now: u64,
        out: &mut Vec<u8>,
    ) -> Result<u64, CountError> {
        let (start, mut points) = (out.len(), 0);
        for resource in RequestView(request).resources() {
            let counted = match signal {
                Signal::Traces => self.traces(resource),
                Signal::Metrics => self.metrics(resource),
                Signal::Logs => self.logs(resource),
            };
            let tallies = counted.inspect_err(|_| out.truncate(start))?;
            if tallies.iter().all(Tally::is_empty) {
                continue;
            }
            let attributes = AttributeSet::of(resource.resource().attributes());
            MetricsWriter::new(out).resource(&attributes, |mut resource| {
                resource.scope(SCOPE, |mut scope| {
                    points += tallies
                        .iter()
                        .map(|tally| tally.write(now, &mut scope))
                        .sum::<u64>();
                });
            });
        }
        Ok(points)
    }

    fn traces(&self, resource: ResourceFields<'_>) -> Result<Vec<Tally<'_>>, CountError> {
        let mut spans = Tally::new(&self.spans);
        let mut events = Tally::new(&self.events);
        for scope in resource.scopes() {
            for span in scope.items().map(SpanView) {
                spans.extend_time(span.start());
                spans.extend_time(span.end());
                let subject = SpanSubject {
                    resource,
                    scope,
                    span,
                };
                spans.add(&sources(span.attributes(), scope, resource), &subject)?;
                for (index, event) in span.events().enumerate() {
                    events.extend_time(event.time());
                    let subject = SpanEventSubject {
                        resource,
                        scope,
                        span,
                        event,
                        index: Some(index),
                    };
                    events.add(&sources(event.attributes(), scope, resource), &subject)?;
                }
            }
        }
        Ok(vec![spans, events])
    }

    fn metrics(&self, resource: ResourceFields<'_>) -> Result<Vec<Tally<'_>>, CountError> {
        let mut metrics = Tally::new(&self.metrics);
        let mut points = Tally::new(&self.points);
        for scope in resource.scopes() {
            for metric in scope.items().map(MetricView) {
                let subject = MetricSubject {
                    resource,
                    scope,
                    metric,
                };
                metrics.add(&sources(Attributes::EMPTY, scope, resource), &subject)?;
                let data = metric.data();
                if matches!(data, MetricData::Empty) {
                    return Err(CountError::EmptyMetric);
                }
                for point in data.points() {
                    points.extend_time(point.time());
                    let subject = DataPointSubject {
                        resource,
                        scope,
                        metric,
                        point,
                    };
                    points.add(&sources(point.attributes(), scope, resource), &subject)?;
                }
            }
        }
        Ok(vec![metrics, points])
    }

    fn logs(&self, resource: ResourceFields<'_>) -> Result<Vec<Tally<'_>>, CountError> {
        let mut logs = Tally::new(&self.logs);
        for scope in resource.scopes() {
            for record in scope.items().map(LogRecordView) {
                logs.extend_time(record.time());
                let subject = LogSubject {
                    resource,
                    scope,
                    record,
                };
                logs.add(&sources(record.attributes(), scope, resource), &subject)?;
            }
        }
        Ok(vec![logs])
    }
}

/// Where attributes are looked for, in this order.
fn sources<'a>(
    item: Attributes<'a>,
    scope: ScopeFields<'a>,
    resource: ResourceFields<'a>,
) -> [Attributes<'a>; 3] {
    [
        item,
        scope.scope().attributes(),
        resource.resource().attributes(),
    ]
}
