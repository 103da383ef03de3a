//! Data points out of series.

use super::ServiceGraph;
use crate::histogram::{Histogram, Point, Shape};
use crate::now::Now;
use crate::series::{Series, Table};
use tailweir_otlp::{
    AttributeSet, MetricHead, MetricsWriter, NewNumberPoint, Number, ScopeMetricsWriter,
    Temporality,
};

/// The scope of its metrics.
const SCOPE: &[u8] = b"traces_service_graph";

/// When points begin and end.
#[derive(Clone, Copy)]
struct Times {
    start: u64,
    time: u64,
    temporality: Temporality,
}

impl ServiceGraph {
    /// Appends a request of data points to `out`, and answers how many. Nothing where there is nothing
    /// to say.
    pub fn flush(&mut self, now: Now, out: &mut Vec<u8>) -> u64 {
        if self.series.len() == 0 {
            return 0;
        }
        let offset = u64::try_from(self.plan.offset.as_nanos()).unwrap_or(u64::MAX);
        let times = Times {
            start: self.started,
            time: now.unix_nanos.saturating_sub(offset),
            temporality: match self.is_one_of_many {
                true => Temporality::Delta,
                false => Temporality::Cumulative,
            },
        };
        let (series, shape) = (&mut self.series, &self.plan.shape);
        let mut points = 0;
        MetricsWriter::new(out).resource(&AttributeSet::default(), |mut resource| {
            resource.scope(SCOPE, |mut scope| {
                points += totals(series, times, &mut scope);
                points += failures(series, times, &mut scope);
                for (name, of) in [
                    ("traces_service_graph_request_server", server as Of),
                    ("traces_service_graph_request_client", client as Of),
                ] {
                    points += durations(series, shape, name, of, times, &mut scope);
                }
            });
        });
        if self.is_one_of_many {
            self.series.clear();
            (self.started, self.memory) = (times.time, 0);
        }
        points
    }
}

/// A histogram of a series.
type Of = fn(&Series) -> Option<&Histogram>;

fn server(series: &Series) -> Option<&Histogram> {
    series.histogram.as_ref()
}

fn client(series: &Series) -> Option<&Histogram> {
    Some(&series.second.as_ref()?.histogram)
}

fn totals(series: &mut Table, times: Times, scope: &mut ScopeMetricsWriter<'_>) -> u64 {
    sum(
        series,
        "traces_service_graph_request_total",
        |series| series.count,
        times,
        scope,
    )
}

fn failures(series: &mut Table, times: Times, scope: &mut ScopeMetricsWriter<'_>) -> u64 {
    let failed = |series: &Series| series.second.as_ref().map_or(0, |second| second.failed);
    if series.each().all(|(_, series)| failed(series) == 0) {
        return 0;
    }
    sum(
        series,
        "traces_service_graph_request_failed_total",
        failed,
        times,
        scope,
    )
}

/// Writes a sum. A series that counts nothing has no point.
fn sum(
    series: &mut Table,
    name: &str,
    of: impl Fn(&Series) -> u64,
    times: Times,
    scope: &mut ScopeMetricsWriter<'_>,
) -> u64 {
    let mut written = 0;
    let head = MetricHead {
        name: name.as_bytes(),
        ..MetricHead::default()
    };
    scope.sum(head, times.temporality, true, |mut points| {
        for (_, series) in series.each() {
            let count = of(series);
            if count == 0 {
                continue;
            }
            points.number(&NewNumberPoint {
                attributes: &series.attributes,
                start: times.start,
                time: times.time,
                value: Number::Int(count as i64),
                exemplars: &[],
            });
            written += 1;
        }
    });
    written
}

fn durations(
    series: &mut Table,
    shape: &Shape,
    name: &str,
    of: Of,
    times: Times,
    scope: &mut ScopeMetricsWriter<'_>,
) -> u64 {
    let mut written = 0;
    let head = MetricHead {
        name: name.as_bytes(),
        unit: b"s",
        ..MetricHead::default()
    };
    shape.write(scope, head, times.temporality, |mut points| {
        for (_, series) in series.each() {
            let Some(histogram) = of(series) else {
                continue;
            };
            let point = Point {
                attributes: &series.attributes,
                start: times.start,
                time: times.time,
                exemplars: &[],
            };
            histogram.write(&mut points, point);
            written += 1;
        }
    });
    written
}
