//! The way of one processor: takes items out of its queue, puts them into requests, sends these.

use crate::destination;
use crate::outlet::{Item, Outlet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tailweir_config::TelemetryProcessor;
use tailweir_core::Signal;
use tailweir_export::{Amount, BuildError, Exporter, Parcel, Receipt, Settle, Settlement};
use tailweir_otlp::{AttributeSet, TracesBuilder};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a request is filled where nothing else is configured.
const FILL_LOGS: Duration = Duration::from_secs(1);
const FILL_TRACES: Duration = Duration::from_secs(5);

/// How much there is in a request, and how much waits.
#[derive(Debug, Clone, Copy)]
struct Pace {
    queue_size: usize,
    batch_size: usize,
    fill_time: Duration,
    export_time: Duration,
}

impl Pace {
    fn of(signal: Signal, processor: &TelemetryProcessor) -> Self {
        let millis = |number: i64| Duration::from_millis(u64::try_from(number).unwrap_or(0));
        let size = |number: i64| usize::try_from(number).unwrap_or(1).max(1);
        let usual = match signal {
            Signal::Logs => FILL_LOGS,
            Signal::Traces | Signal::Metrics => FILL_TRACES,
        };
        let is_simple = processor.batch.is_none();
        // The queue of `simple` and the time that its requests have are those of `batch`.
        let batch = processor.batch.clone().unwrap_or_default();
        Self {
            queue_size: size(batch.max_queue_size),
            batch_size: if is_simple {
                1
            } else {
                size(batch.max_export_batch_size.min(batch.max_queue_size))
            },
            fill_time: match batch.schedule_delay {
                _ if is_simple => Duration::ZERO,
                Some(delay) => millis(delay),
                None => usual,
            },
            export_time: millis(batch.export_timeout),
        }
    }
}

/// See the module.
pub(crate) struct Dispatch {
    signal: Signal,
    pace: Pace,
    resource: Arc<AttributeSet>,
    version: &'static str,
    items: mpsc::Receiver<Item>,
    dropped: Arc<AtomicU64>,
    exporter: Exporter,
}

impl Dispatch {
    /// The way of a processor called `name`, and the way in. Connects at the first request.
    pub(crate) fn new(
        name: &str,
        signal: Signal,
        processor: &TelemetryProcessor,
        resource: &Arc<AttributeSet>,
        version: &'static str,
    ) -> Result<(Outlet, Self), BuildError> {
        let pace = Pace::of(signal, processor);
        let otlp = processor.otlp().cloned().unwrap_or_default();
        let exporter = destination::exporter(name, signal, &otlp, pace.export_time)?;
        let (outlet, items, dropped) = Outlet::new(pace.queue_size);
        let dispatch = Self {
            signal,
            pace,
            resource: Arc::clone(resource),
            version,
            items,
            dropped,
            exporter,
        };
        Ok((outlet, dispatch))
    }

    pub(crate) fn signal(&self) -> Signal {
        self.signal
    }

    pub(crate) fn exporter(&self) -> &Exporter {
        &self.exporter
    }

    /// The count of what found no room.
    pub(crate) fn dropped(&self) -> &Arc<AtomicU64> {
        &self.dropped
    }

    /// Sends until `stop`, then what still waits, for `end_time` at most.
    pub(crate) async fn run(mut self, stop: CancellationToken, end_time: Duration) {
        let exporter = self.exporter.clone();
        let late = async {
            stop.cancelled().await;
            tokio::time::sleep(end_time).await;
        };
        tokio::select! {
            () = self.send_all(&stop) => {}
            () = exporter.run() => {}
            () = late => {}
        }
        self.items.close();
        let lost = self.items.len();
        if lost > 0 {
            self.dropped.fetch_add(lost as u64, Relaxed);
            tracing::warn!(
                exporter = exporter.name(),
                items = lost,
                "own telemetry could not be sent in time"
            );
        }
    }

    async fn send_all(&mut self, stop: &CancellationToken) {
        let mut batch = Vec::new();
        while self.fill(&mut batch, stop).await {
            let parcel = self.parcel(&batch);
            batch.clear();
            // The exporter counts what was lost, and has said why.
            let _ = self.exporter.accept(parcel).await;
        }
    }

    /// Waits until there is enough for a request, or it has waited long enough. False: there is no more.
    async fn fill(&mut self, batch: &mut Vec<Item>, stop: &CancellationToken) -> bool {
        let size = self.pace.batch_size;
        let mut full_at = None;
        while batch.len() < size {
            let room = size - batch.len();
            let patience = full_at.unwrap_or_else(|| Instant::now() + self.pace.fill_time);
            tokio::select! {
                biased;
                () = stop.cancelled(), if !self.items.is_closed() => self.items.close(),
                // Nothing waits before the first; at the end, nothing waits at all.
                () = tokio::time::sleep_until(patience), if full_at.is_some() && !self.items.is_closed() => break,
                taken = self.items.recv_many(batch, room) => {
                    if taken == 0 {
                        break;
                    }
                    full_at.get_or_insert(Instant::now() + self.pace.fill_time);
                }
            }
        }
        !batch.is_empty()
    }

    fn parcel(&self, batch: &[Item]) -> Parcel {
        let mut request = TracesBuilder::default();
        for item in batch {
            let (scope, version) = (item.scope.as_bytes(), self.version.as_bytes());
            request.add_encoded(&self.resource, scope, version, &item.message);
        }
        let mut body = Vec::with_capacity(request.length() + 64);
        request.finish(&mut body);
        let amount = Amount {
            items: batch.len() as u64,
            bytes: body.len() as u64,
        };
        Parcel::new(
            self.signal,
            body.into(),
            Receipt::new(Arc::new(NoBooks), amount),
        )
    }
}

/// Own telemetry is in nobody's books: it came in by no receiver.
pub(crate) struct NoBooks;

impl Settle for NoBooks {
    fn settle(&self, _: Settlement) {}
}
