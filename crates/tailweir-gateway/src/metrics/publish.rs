//! From a status to the recorder.

mod connectors;
mod exporters;
mod samplers;
mod transforms;

use super::{Metric, MetricKind};
use crate::buckets::Buckets;
use crate::ledger::AmountRow;
use crate::status::{Status, TraceAwareRow};
use metrics::{Key, KeyName, Label, Level, Metadata, Recorder, SharedString, Unit};
use parking_lot::Mutex;
use std::collections::BTreeMap;

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
        self.gauge(Metric::Sampling, &[], admission.sampling_bytes);
        self.gauge(Metric::SamplingMax, &[], admission.sampling_bytes_max);
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
            self.gauge(Metric::Spooled, labels, row.spooled.items);
            self.gauge(Metric::SpooledBytes, labels, row.spooled.bytes);
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
            self.gauge(
                Metric::ScrapeTargetsElsewhere,
                labels,
                row.targets_elsewhere,
            );
            self.gauge(Metric::ScrapeSharers, labels, row.sharers);
            self.counter(Metric::ScrapeUnansweredCalls, labels, row.unanswered_calls);
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

const METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

fn key(metric: Metric, labels: Labels<'_>) -> Key {
    let labels = labels.iter();
    let labels = labels.map(|&(name, value)| Label::new(name, value.to_owned()));
    Key::from_parts(metric.reference().name, labels.collect::<Vec<_>>())
}
