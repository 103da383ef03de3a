//! What an exporter counts: plain numbers, published by whoever owns the metrics.

use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Longest text of an error that is kept, in bytes.
const ERROR_TEXT_MAX: usize = 1024;

/// Counters of one exporter for one signal. Cheap to read at any time.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) sent_items: Counter,
    pub(crate) sent_requests: Counter,
    pub(crate) sent_bytes: Counter,
    pub(crate) failed_items: Counter,
    pub(crate) failed_requests: Counter,
    pub(crate) rejected_items: Counter,
    pub(crate) enqueue_failed_items: Counter,
    pub(crate) retries: Counter,
    pub(crate) in_flight: Counter,
    last_error: Mutex<Option<String>>,
}

/// The counters of an exporter and the sizes of its queue at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// Items the backend took. Metric `otelcol_exporter_sent_{spans,metric_points,log_records}`.
    pub sent_items: u64,
    /// Requests the backend took.
    pub sent_requests: u64,
    /// Bytes of those requests, before compression.
    pub sent_bytes: u64,
    /// Items given up after they left the queue, rejected ones among them. Metric
    /// `otelcol_exporter_send_failed_*`.
    pub failed_items: u64,
    /// Requests given up.
    pub failed_requests: u64,
    /// Items the backend rejected of requests it took.
    pub rejected_items: u64,
    /// Items that found no room in the queue. Metric `otelcol_exporter_enqueue_failed_*`.
    pub enqueue_failed_items: u64,
    /// Attempts beyond the first of their request.
    pub retries: u64,
    /// Requests being sent or waiting for their next attempt.
    pub in_flight: u64,
    /// What the queue holds, in the unit of its sizer, requests in flight included. Metric
    /// `otelcol_exporter_queue_size`.
    pub queue_size: u64,
    /// Most it may hold. Metric `otelcol_exporter_queue_capacity`.
    pub queue_capacity: u64,
    /// Bytes the queue holds in memory, whatever its sizer.
    pub queue_bytes: u64,
    /// The last failure, at most 1 KiB, without credentials; empty: none since the start.
    pub last_error: String,
    /// Where endpoints share the load.
    pub balancer: Option<BalancerSnapshot>,
    /// Where the queue is on disk.
    pub spool: Option<tailweir_spool::Figures>,
}

/// The endpoints of a `load_balancing` exporter at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BalancerSnapshot {
    /// `static` or `dns`.
    pub resolver: &'static str,
    /// How many endpoints there are. Metric `otelcol_loadbalancer_num_backends`.
    pub backends: u64,
    /// How often they changed. Metric `otelcol_loadbalancer_num_backend_updates`.
    pub updates: u64,
    /// How often they were looked up with success. Metric `otelcol_loadbalancer_num_resolutions`.
    pub resolutions: u64,
    /// How often without.
    pub failed_resolutions: u64,
    /// What became of the requests to each. Metric `otelcol_loadbalancer_backend_outcome`.
    pub outcomes: Vec<EndpointOutcome>,
}

/// What became of the requests to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EndpointOutcome {
    /// As configured or looked up.
    pub endpoint: String,
    /// Requests that it took.
    pub sent_requests: u64,
    /// Requests that were given up.
    pub failed_requests: u64,
}

impl Snapshot {
    /// Adds the counters of another exporter, and the sizes of its queue; not its capacity.
    pub(crate) fn add(&mut self, other: &Self) {
        self.sent_items += other.sent_items;
        self.sent_requests += other.sent_requests;
        self.sent_bytes += other.sent_bytes;
        self.failed_items += other.failed_items;
        self.failed_requests += other.failed_requests;
        self.rejected_items += other.rejected_items;
        self.enqueue_failed_items += other.enqueue_failed_items;
        self.retries += other.retries;
        self.in_flight += other.in_flight;
        self.queue_size += other.queue_size;
        self.queue_bytes += other.queue_bytes;
        if !other.last_error.is_empty() {
            self.last_error.clone_from(&other.last_error);
        }
    }
}

impl Stats {
    pub(crate) fn note_error(&self, text: &str) {
        let mut end = text.len().min(ERROR_TEXT_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        *self.last_error.lock() = Some(text[..end].to_owned());
    }

    /// The counters; the queue's sizes are zero, [`crate::Exporter::snapshot`] fills them in.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            sent_items: self.sent_items.get(),
            sent_requests: self.sent_requests.get(),
            sent_bytes: self.sent_bytes.get(),
            failed_items: self.failed_items.get(),
            failed_requests: self.failed_requests.get(),
            rejected_items: self.rejected_items.get(),
            enqueue_failed_items: self.enqueue_failed_items.get(),
            retries: self.retries.get(),
            in_flight: self.in_flight.get(),
            last_error: self.last_error.lock().clone().unwrap_or_default(),
            ..Snapshot::default()
        }
    }
}

/// A number that many tasks change.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// Counts one up for as long as the guard lives.
    pub(crate) fn hold(&self) -> Held<'_> {
        self.add(1);
        Held(self)
    }
}

/// See [`Counter::hold`].
#[derive(Debug)]
pub(crate) struct Held<'a>(&'a Counter);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Relaxed);
    }
}
