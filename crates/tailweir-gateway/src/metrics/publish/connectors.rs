//! Pages of connectors: what they count, what a cluster adds up, what is routed.

use super::{Labels, Page};
use crate::metrics::Metric;
use crate::status::{ConnectorRow, RouteRow, TotalsRow};

impl Page<'_> {
    pub(super) fn connectors(&self, rows: &[ConnectorRow]) {
        for row in rows {
            let labels: Labels<'_> = &[("connector", &row.connector)];
            for (metric, counts) in [
                (Metric::ConnectorReceived, &row.received),
                (Metric::ConnectorMade, &row.made),
            ] {
                for (signal, count) in counts {
                    self.counter(metric, &[labels[0], ("signal", *signal)], *count);
                }
            }
            self.gauge(Metric::ConnectorWaiting, labels, row.waiting_bytes);
            self.gauge(Metric::ConnectorSeries, labels, row.series);
            self.gauge(Metric::ConnectorSeriesBytes, labels, row.series_bytes);
            if let Some(totals) = &row.totals {
                self.totals(labels, totals);
            }
            let figures = &row.figures;
            for (metric, value) in [
                (Metric::ConnectorResources, figures.resources),
                (Metric::ConnectorExemplarsWaiting, figures.exemplars_waiting),
                (Metric::ConnectorEdges, figures.edges),
            ] {
                self.gauge(metric, labels, value);
            }
            for (metric, value) in [
                (Metric::ConnectorOverflowed, figures.overflowed),
                (Metric::ConnectorEvicted, figures.resources_evicted),
                (Metric::ConnectorWithoutService, figures.without_service),
                (
                    Metric::ConnectorExemplarsLetGo,
                    figures.exemplars_without_room,
                ),
                (
                    Metric::ConnectorExemplarsGivenUp,
                    figures.exemplars_given_up,
                ),
                (Metric::ConnectorFailed, figures.failed_requests),
                (Metric::EdgesTotal, figures.edges_total),
                (Metric::EdgesExpired, figures.edges_expired),
                (Metric::EdgesDropped, figures.edges_without_room),
            ] {
                self.counter(metric, labels, value);
            }
        }
    }

    fn totals(&self, labels: Labels<'_>, row: &TotalsRow) {
        for (metric, value) in [
            (Metric::TotalsWaiting, row.waiting_bytes),
            (Metric::TotalsSeries, row.series),
            (Metric::TotalsBytes, row.series_bytes),
            (Metric::TotalsLeaving, row.leaving),
        ] {
            self.gauge(metric, labels, value);
        }
        for (metric, value) in [
            (Metric::TotalsWritten, row.written),
            (Metric::TotalsOverflowed, row.overflowed),
            (Metric::TotalsRepeated, row.repeated),
            (Metric::TotalsTakenOver, row.taken_over),
            (Metric::TotalsBegunAnew, row.begun_anew),
        ] {
            self.counter(metric, labels, value);
        }
    }

    pub(super) fn routes(&self, rows: &[RouteRow]) {
        for row in rows {
            let labels: Labels<'_> = &[("connector", &row.connector)];
            self.counter(Metric::RouteReceived, labels, row.received);
            self.counter(Metric::RouteUnrouted, labels, row.unrouted);
            self.counter(Metric::RouteFailed, labels, row.failed);
        }
    }
}
