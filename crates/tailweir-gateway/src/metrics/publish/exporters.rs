//! Pages of exporters: queues, balancers, what is shown to scrapers.

use super::{Labels, Page};
use crate::metrics::Metric;
use crate::status::{BalancerRow, ExporterRow, Status};

impl Page<'_> {
    pub(super) fn exporters(&self, status: &Status) {
        for row in status.exporters.iter().filter(|row| row.exports) {
            self.exporter(row);
        }
    }

    fn exporter(&self, row: &ExporterRow) {
        let labels: Labels<'_> = &[("exporter", &row.exporter)];
        let (sent, failed, enqueue_failed) = match row.signal {
            "traces" => (
                Metric::SentSpans,
                Metric::SendFailedSpans,
                Metric::EnqueueFailedSpans,
            ),
            "metrics" => (
                Metric::SentPoints,
                Metric::SendFailedPoints,
                Metric::EnqueueFailedPoints,
            ),
            _ => (
                Metric::SentRecords,
                Metric::SendFailedRecords,
                Metric::EnqueueFailedRecords,
            ),
        };
        self.counter(sent, labels, row.sent);
        self.counter(failed, labels, row.send_failed);
        self.counter(enqueue_failed, labels, row.enqueue_failed);
        let labels: Labels<'_> = &[("exporter", &row.exporter), ("data_type", row.signal)];
        self.gauge(Metric::QueueSize, labels, row.queue_size);
        self.gauge(Metric::QueueCapacity, labels, row.queue_capacity);
        self.gauge(Metric::QueueBytes, labels, row.queue_bytes);
        self.counter(Metric::ExporterRetries, labels, row.retries);
        if let Some(balancer) = &row.balancer {
            self.balancer(labels, balancer);
        }
        if let Some(spool) = &row.spool {
            self.gauge(Metric::SpoolEntries, labels, spool.entries);
            self.gauge(Metric::SpoolBytes, labels, spool.bytes);
            self.gauge(Metric::SpoolCapacity, labels, spool.bytes_max);
            self.counter(Metric::SpoolFailures, labels, spool.failures);
            self.counter(Metric::SpoolIgnored, labels, spool.ignored_bytes);
        }
    }

    fn balancer(&self, labels: Labels<'_>, row: &BalancerRow) {
        let with = |more: &[(&'static str, &'static str)]| [labels, more].concat();
        let resolver = ("resolver", row.resolver);
        let (one, backends) = (with(&[resolver]), row.endpoints.len() as u64);
        self.gauge(Metric::Backends, &one, backends);
        self.counter(Metric::BackendUpdates, &one, row.updates);
        for (success, count) in [("true", row.resolutions), ("false", row.failed_resolutions)] {
            let labels = with(&[resolver, ("success", success)]);
            self.counter(Metric::Resolutions, &labels, count);
        }
        for endpoint in &row.endpoints {
            for (success, count) in [
                ("true", endpoint.sent_requests),
                ("false", endpoint.failed_requests),
            ] {
                let own = [
                    ("endpoint", endpoint.endpoint.as_str()),
                    ("success", success),
                ];
                self.counter(Metric::BackendOutcome, &[labels, &own].concat(), count);
            }
        }
    }

    pub(super) fn pages(&self, status: &Status) {
        for row in &status.pages {
            let exporter = ("exporter", row.exporter.as_str());
            self.gauge(Metric::PageSeries, &[exporter], row.series);
            self.gauge(Metric::PageMemory, &[exporter], row.memory_bytes);
            for (trouble, points) in &row.troubles {
                let labels = [exporter, ("trouble", *trouble)];
                self.counter(Metric::PageTroubles, &labels, *points);
            }
        }
    }
}
