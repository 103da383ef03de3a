//! From a status to the recorder.

mod samplers;

use super::{Metric, Metric as M, MetricKind};
use crate::buckets::Buckets;
use crate::ledger::AmountRow;
use crate::status::{
    BalancerRow, ConnectorRow, ExporterRow, KubernetesRow, RouteRow, Status, TotalsRow,
    TraceAwareRow, TransformRow,
};
use metrics::{Key, KeyName, Label, Level, Metadata, Recorder, SharedString, Unit};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use tailweir_transform::Count;

/// Publishes statuses, and remembers what it has put into histograms.
#[derive(Debug, Default)]
pub(crate) struct Publisher {
    published: Mutex<BTreeMap<(Metric, String), Buckets>>,
}

impl Publisher {
    /// Brings the recorder of this process up to date.
    pub(crate) fn publish(&self, status: &Status) {
        metrics::with_recorder(|recorder| {
            let page = Page { recorder };
            page.describe();
            page.process(status);
            page.ledger(status);
            page.receivers(status);
            page.files(status);
            page.scraping(status);
            page.exporters(status);
            page.transforms(&status.transforms);
            page.kubernetes(&status.kubernetes);
            page.trace_aware(&status.trace_aware);
            page.pages(status);
            page.connectors(&status.connectors);
            page.routes(&status.routes);
            page.batches(status);
            page.samplers(&status.samplers);
            page.peers(&status.peers);
            self.histograms(&page, status);
        });
    }

    fn histograms(&self, page: &Page<'_>, status: &Status) {
        for row in &status.samplers {
            let place = format!("{}/{}", row.pipeline, row.processor);
            for (metric, buckets) in [
                (Metric::DecisionTime, &row.decision_time),
                (Metric::LateSpanAge, &row.late_age),
                (Metric::RemovalAge, &row.decision_age),
            ] {
                self.histogram(page, metric, &[], &place, buckets.as_ref());
            }
        }
        for row in &status.batches {
            let place = format!("{}/{}", row.pipeline, row.processor);
            let labels = [("processor", row.processor.as_str())];
            self.histogram(page, Metric::BatchSize, &labels, &place, row.sizes.as_ref());
        }
        for row in &status.peers {
            let (metric, labels) = (Metric::PeerRoundTrip, [("member", row.member.as_str())]);
            self.histogram(page, metric, &labels, &row.member, row.buckets().as_ref());
        }
    }

    /// Adds what is new since the last time.
    fn histogram(
        &self,
        page: &Page<'_>,
        metric: Metric,
        labels: Labels<'_>,
        place: &str,
        now: Option<&Buckets>,
    ) {
        let Some(now) = now else {
            return;
        };
        let mut published = self.published.lock();
        let key = (metric, place.to_owned());
        let before = published.entry(key).or_insert_with(|| now.emptied());
        for (value, count) in now.since(before) {
            page.histogram(metric, labels, value as f64, count as usize);
        }
        before.clone_from(now);
    }
}

struct Page<'a> {
    recorder: &'a dyn Recorder,
}

type Labels<'a> = &'a [(&'static str, &'a str)];
/// A metric with its labels.
type Series<'a> = (Metric, Vec<(&'static str, &'a str)>);

impl Page<'_> {
    fn describe(&self) {
        for metric in Metric::ALL {
            let reference = metric.reference();
            let name = KeyName::from_const_str(reference.name);
            let unit = match reference.unit {
                "By" => Some(Unit::Bytes),
                "s" => Some(Unit::Seconds),
                _ => Some(Unit::Count),
            };
            let about = SharedString::const_str(reference.description);
            match reference.kind {
                MetricKind::Counter => self.recorder.describe_counter(name, unit, about),
                MetricKind::Gauge => self.recorder.describe_gauge(name, unit, about),
                MetricKind::Histogram => self.recorder.describe_histogram(name, unit, about),
            }
        }
    }

    fn process(&self, status: &Status) {
        self.gauge(Metric::Ready, &[], u64::from(status.ready));
        self.gauge(Metric::Uptime, &[], status.uptime_seconds);
        self.counter(Metric::Restarts, &[], status.restarts);
        let admission = &status.admission;
        self.gauge(Metric::InFlight, &[], admission.in_flight_bytes);
        self.gauge(Metric::InFlightMax, &[], admission.in_flight_bytes_max);
        self.counter(Metric::AdmissionRefused, &[], admission.refused_requests);
        self.gauge(Metric::Imbalance, &[], status.imbalance);
    }

    fn ledger(&self, status: &Status) {
        for (signal, row) in &status.ledger.signals {
            let labels: Labels<'_> = &[("signal", signal)];
            let both = |items: Metric, bytes: Metric, amount: AmountRow| {
                self.counter(items, labels, amount.items);
                self.counter(bytes, labels, amount.bytes);
            };
            both(
                Metric::Acknowledged,
                Metric::AcknowledgedBytes,
                row.acknowledged,
            );
            both(Metric::Delivered, Metric::DeliveredBytes, row.delivered);
            self.counter(Metric::Refused, labels, row.refused.items);
            self.counter(Metric::Taken, labels, row.taken.items);
            self.counter(Metric::Copied, labels, row.copied.items);
            self.counter(Metric::HandedOver, labels, row.handed_over.items);
            self.gauge(Metric::Held, labels, row.held.items);
            self.gauge(Metric::HeldBytes, labels, row.held.bytes);
            for (metric, rows) in [(Metric::Dropped, &row.dropped), (Metric::Lost, &row.lost)] {
                for (reason, amount) in rows {
                    let labels = [("signal", *signal), ("reason", *reason)];
                    self.counter(metric, &labels, amount.items);
                }
            }
        }
    }

    fn receivers(&self, status: &Status) {
        for row in &status.receivers {
            let labels: Labels<'_> = &[("receiver", &row.receiver), ("transport", row.transport)];
            let (accepted, refused) = match row.signal {
                "traces" => (Metric::AcceptedSpans, Metric::RefusedSpans),
                "metrics" => (Metric::AcceptedPoints, Metric::RefusedPoints),
                _ => (Metric::AcceptedRecords, Metric::RefusedRecords),
            };
            self.counter(accepted, labels, row.accepted);
            self.counter(refused, labels, row.refused);
            self.gauge(Metric::Connections, labels, row.connections);
            self.counter(Metric::FailedHandshakes, labels, row.failed_handshakes);
            if let Some(dropped) = row.dropped_datagrams {
                self.counter(Metric::DroppedDatagrams, labels, dropped);
            }
        }
    }

    fn files(&self, status: &Status) {
        for row in &status.files {
            let labels: Labels<'_> = &[("receiver", &row.receiver)];
            self.gauge(Metric::FileReceiverFiles, labels, row.files);
            self.counter(Metric::FileReceiverUnreadable, labels, row.unreadable);
        }
    }

    fn scraping(&self, status: &Status) {
        for row in &status.scraping {
            let labels: Labels<'_> = &[("receiver", &row.receiver)];
            self.gauge(Metric::ScrapeTargets, labels, row.targets);
            self.gauge(Metric::ScrapeRefusedTargets, labels, row.refused_targets);
            self.gauge(Metric::ScrapeUnreadableFiles, labels, row.unreadable_files);
            for (outcome, count) in row.scrapes {
                let labels: Labels<'_> = &[("receiver", &row.receiver), ("outcome", outcome)];
                self.counter(Metric::Scrapes, labels, count);
            }
            self.counter(Metric::ScrapeLeftOut, labels, row.left_out_samples);
            self.counter(Metric::ScrapesLost, labels, row.lost);
        }
    }

    fn exporters(&self, status: &Status) {
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

    fn pages(&self, status: &Status) {
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

    fn transforms(&self, rows: &[TransformRow]) {
        for row in rows {
            let labels: Labels<'_> = &[("pipeline", &row.pipeline), ("processor", &row.processor)];
            self.counter(Metric::ProcessorFailed, labels, row.failed);
            self.counter(Metric::ProcessorDropped, labels, row.dropped);
        }
        self.transform_counts(rows);
        // The Collector's metrics tell signals apart, not pipelines.
        let mut sums: BTreeMap<(&str, &str), [u64; 2]> = BTreeMap::new();
        for row in rows {
            let [incoming, outgoing] = sums.entry((&row.processor, row.signal)).or_default();
            *incoming += row.incoming;
            *outgoing += row.outgoing;
        }
        for ((processor, signal), [incoming, outgoing]) in sums {
            let labels: Labels<'_> = &[("processor", processor), ("otel_signal", signal)];
            self.counter(Metric::ProcessorIncoming, labels, incoming);
            self.counter(Metric::ProcessorOutgoing, labels, outgoing);
        }
    }

    fn kubernetes(&self, rows: &[KubernetesRow]) {
        for row in rows {
            let processor = ("processor", row.processor.as_str());
            for (outcome, resources) in &row.resources {
                let labels = [processor, ("outcome", *outcome)];
                self.counter(Metric::KubernetesResources, &labels, *resources);
            }
            for kind in &row.kinds {
                let labels = [processor, ("kind", kind.kind)];
                self.gauge(Metric::KubernetesObjects, &labels, kind.held);
                self.counter(Metric::KubernetesAttributesCut, &labels, kind.cut);
                self.counter(Metric::KubernetesFailures, &labels, kind.failures);
                for (event, count) in [
                    ("set", kind.set),
                    ("gone", kind.gone),
                    ("refused", kind.refused),
                ] {
                    let labels = [processor, ("kind", kind.kind), ("event", event)];
                    self.counter(Metric::KubernetesEvents, &labels, count);
                }
            }
        }
    }

    fn trace_aware(&self, rows: &[TraceAwareRow]) {
        for row in rows {
            let (pipeline, processor) = (row.pipeline.as_str(), row.processor.as_str());
            for (outcome, records) in row.outcomes() {
                let labels: Labels<'_> = &[
                    ("pipeline", pipeline),
                    ("processor", processor),
                    ("outcome", outcome),
                ];
                self.counter(Metric::TraceAwareRecords, labels, records);
            }
            let labels: Labels<'_> = &[("pipeline", pipeline), ("processor", processor)];
            self.gauge(Metric::TraceAwareTraces, labels, row.waiting_traces);
            self.gauge(Metric::TraceAwareWaiting, labels, row.waiting_bytes);
            self.gauge(Metric::TraceAwareLeaving, labels, row.leaving_bytes);
            self.gauge(Metric::TraceAwareCopied, labels, row.copied_bytes);
            self.counter(Metric::TraceAwareCopiesRefused, labels, row.copies_refused);
        }
    }

    fn routes(&self, rows: &[RouteRow]) {
        for row in rows {
            let labels: Labels<'_> = &[("connector", &row.connector)];
            self.counter(Metric::RouteReceived, labels, row.received);
            self.counter(Metric::RouteUnrouted, labels, row.unrouted);
            self.counter(Metric::RouteFailed, labels, row.failed);
        }
    }

    fn connectors(&self, rows: &[ConnectorRow]) {
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

    /// What the Collector counts under names of its own, without the pipeline.
    fn transform_counts(&self, rows: &[TransformRow]) {
        let mut sums: BTreeMap<Series<'_>, u64> = BTreeMap::new();
        for row in rows {
            let is_filter = row.processor.split('/').next() == Some("filter");
            if is_filter && let Some(metric) = filtered(row.signal) {
                let labels = vec![("filter", row.processor.as_str())];
                *sums.entry((metric, labels)).or_default() += row.dropped;
            }
            for (count, amount) in &row.counts {
                let (metric, labels) = counted(count, row);
                *sums.entry((metric, labels)).or_default() += amount;
            }
        }
        for ((metric, labels), sum) in sums {
            self.counter(metric, &labels, sum);
        }
    }

    fn batches(&self, status: &Status) {
        let mut sums: BTreeMap<&str, [u64; 3]> = BTreeMap::new();
        for row in &status.batches {
            let sum = sums.entry(&row.processor).or_default();
            for (into, more) in sum
                .iter_mut()
                .zip([row.by_size, row.by_timeout, row.combinations])
            {
                *into += more;
            }
        }
        for (processor, [by_size, by_timeout, combinations]) in sums {
            let labels: Labels<'_> = &[("processor", processor)];
            self.counter(Metric::BatchBySize, labels, by_size);
            self.counter(Metric::BatchByTimeout, labels, by_timeout);
            self.gauge(Metric::BatchCombinations, labels, combinations);
        }
    }

    fn counter(&self, metric: Metric, labels: Labels<'_>, value: u64) {
        let counter = self
            .recorder
            .register_counter(&key(metric, labels), &METADATA);
        counter.absolute(value);
    }

    fn gauge(&self, metric: Metric, labels: Labels<'_>, value: u64) {
        let gauge = self
            .recorder
            .register_gauge(&key(metric, labels), &METADATA);
        gauge.set(value as f64);
    }

    fn histogram(&self, metric: Metric, labels: Labels<'_>, value: f64, count: usize) {
        let histogram = self
            .recorder
            .register_histogram(&key(metric, labels), &METADATA);
        histogram.record_many(value, count);
    }
}

/// The metric of a filter's dropped items.
fn filtered(signal: &str) -> Option<Metric> {
    match signal {
        "traces" => Some(Metric::FilteredSpans),
        "metrics" => Some(Metric::FilteredPoints),
        "logs" => Some(Metric::FilteredRecords),
        _ => None,
    }
}

/// Under which name and labels a transform's count is published.
fn counted<'a>(count: &'a Count, row: &'a TransformRow) -> Series<'a> {
    let by_signal = |spans, points, records| match row.signal {
        "traces" => spans,
        "metrics" => points,
        _ => records,
    };
    match count {
        Count::EvaluationErrors => {
            let labels = vec![
                ("pipeline", row.pipeline.as_str()),
                ("processor", row.processor.as_str()),
            ];
            (Metric::ProcessorEvaluationErrors, labels)
        }
        Count::Grouped => {
            let metric = by_signal(M::GroupedSpans, M::GroupedPoints, M::GroupedRecords);
            (metric, Vec::new())
        }
        Count::NotGrouped => {
            let metric = by_signal(
                M::NotGroupedSpans,
                M::NotGroupedPoints,
                M::NotGroupedRecords,
            );
            (metric, Vec::new())
        }
        Count::Sampled { policy, sampled } => {
            let metric = by_signal(M::ChanceTraces, M::ChanceTraces, M::ChanceRecords);
            let sampled = if *sampled { "true" } else { "false" };
            (
                metric,
                vec![("policy", policy.as_ref()), ("sampled", sampled)],
            )
        }
    }
}

const METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

fn key(metric: Metric, labels: Labels<'_>) -> Key {
    let labels = labels.iter();
    let labels = labels.map(|&(name, value)| Label::new(name, value.to_owned()));
    Key::from_parts(metric.reference().name, labels.collect::<Vec<_>>())
}
