//! One exporter for one signal: queue, workers, outcome.

use crate::delivery::{Delivery, Outcome};
use crate::destination::Destination;
use crate::queue::{Batch, Batching, Capacity, Loan, Queue, Refusal, Unit};
use crate::retry::{Jitter, Retry, Throttle};
use crate::stats::{Snapshot, Stats};
use crate::{Awaited, LossReason, Parcel, portion};
use bytes::{Bytes, BytesMut};
use std::sync::Arc;
use std::time::Duration;
use tailweir_core::{ByteSize, Signal};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How an exporter queues, sends and retries.
#[derive(Debug, Clone, PartialEq)]
pub struct ExporterSettings {
    /// Bounds of the queue. Default 1,000 requests and 256 MiB.
    pub capacity: Capacity,
    /// Absent: each parcel is a request (default).
    pub batching: Option<Batching>,
    /// Requests under way at once, from 1. Default 10.
    pub consumers: usize,
    /// [`Exporter::accept`] waits for room instead of refusing. Default false.
    pub block_on_overflow: bool,
    /// [`Exporter::accept`] waits for the outcome. Default false.
    pub wait_for_result: bool,
    /// Absent: one attempt.
    pub retry: Option<Retry>,
    /// Longest time of one attempt; zero: no bound. Default 5 s.
    pub timeout: Duration,
    /// Seeds the spread of retry intervals.
    pub seed: u64,
}

impl ExporterSettings {
    /// Bound of a queue in bytes, whatever else it counts, where nothing else is said.
    pub const QUEUE_BYTES_MAX: ByteSize = ByteSize::mib(256);
    /// Requests under way at once where `sending_queue` is disabled, and each caller waits for its own.
    pub const CONSUMERS_WITHOUT_QUEUE: usize = 64;
}

impl Default for ExporterSettings {
    fn default() -> Self {
        Self {
            capacity: Capacity {
                size: 1000,
                unit: Unit::Requests,
                bytes: Self::QUEUE_BYTES_MAX.bytes(),
            },
            batching: None,
            consumers: 10,
            block_on_overflow: false,
            wait_for_result: false,
            retry: Some(Retry::default()),
            timeout: Duration::from_secs(5),
            seed: 0,
        }
    }
}

/// Sends parcels of one signal to one destination. A handle: clones share everything.
///
/// Somebody must keep [`Exporter::run`] going; an actor, as a rule. Parcels wait meanwhile.
#[derive(Clone)]
pub struct Exporter(Arc<Inner>);

struct Inner {
    queue: Arc<Queue>,
    delivery: Delivery,
    consumers: usize,
    batching: Option<Batching>,
    block_on_overflow: bool,
    wait_for_result: bool,
}

impl Exporter {
    /// An exporter called `name` (its component id, as configured) that sends to `destination`.
    #[must_use]
    pub fn new(
        name: &str,
        signal: Signal,
        destination: Arc<dyn Destination>,
        settings: &ExporterSettings,
    ) -> Self {
        Self(Arc::new(Inner {
            queue: Queue::new(settings.capacity, settings.batching),
            delivery: Delivery {
                exporter: name.into(),
                signal,
                destination,
                retry: settings.retry,
                timeout: settings.timeout,
                jitter: Jitter::new(settings.seed),
                throttle: Throttle::default(),
                stats: Stats::default(),
                drain: CancellationToken::new(),
                end: CancellationToken::new(),
            },
            consumers: settings.consumers.max(1),
            batching: settings.batching,
            block_on_overflow: settings.block_on_overflow,
            wait_for_result: settings.wait_for_result,
        }))
    }

    /// The component id.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.delivery.exporter
    }

    /// What it sends.
    #[must_use]
    pub fn signal(&self) -> Signal {
        self.0.delivery.signal
    }

    /// Queues the parcel or hands it back, at once: for callers that cannot wait.
    ///
    /// # Errors
    ///
    /// The parcel, unsettled, when the queue is full ([`LossReason::QueueFull`]), smaller than the
    /// parcel, or closed.
    pub fn offer(&self, parcel: Parcel) -> Result<(), Box<Refusal>> {
        let answer = self.0.queue.offer(parcel);
        self.note(&answer);
        answer
    }

    /// Queues the parcel as configured: waits for room under `block_on_overflow`, and for the outcome
    /// under `wait_for_result` or without a sending queue. `Ok` means settled or certain to be.
    ///
    /// Cancelled while it waits for room, the parcel is lost; while it waits for the outcome, it is
    /// delivered all the same.
    ///
    /// # Errors
    ///
    /// As [`Exporter::offer`]; and where it waits for the outcome, the parcel, unsettled, when all of
    /// it was lost.
    pub async fn accept(&self, parcel: Parcel) -> Result<(), Box<Refusal>> {
        if !self.0.wait_for_result {
            return self.enqueue(parcel).await;
        }
        let (parcel, awaited) = Awaited::attach(parcel);
        if let Err(refusal) = self.enqueue(parcel).await {
            refusal.parcel.receipt.lost(refusal.reason);
        }
        awaited.outcome().await
    }

    async fn enqueue(&self, parcel: Parcel) -> Result<(), Box<Refusal>> {
        if !self.0.block_on_overflow {
            return self.offer(parcel);
        }
        let answer = self.0.queue.offer_when_free(parcel).await;
        self.note(&answer);
        answer
    }

    fn note(&self, answer: &Result<(), Box<Refusal>>) {
        if let Err(refusal) = answer {
            self.0
                .delivery
                .stats
                .enqueue_failed_items
                .add(refusal.parcel.items);
        }
    }

    /// Sends what is queued, until [`Exporter::shutdown`] has emptied the queue.
    ///
    /// Panics when a worker does; dropped or panicking, it loses nothing: what was under way is back in
    /// the queue, and another `run` goes on. (A parcel that has killed three workers is lost.)
    pub async fn run(&self) {
        let mut workers = JoinSet::new();
        for _ in 0..self.0.consumers {
            let inner = self.0.clone();
            workers.spawn(async move { inner.work().await });
        }
        while let Some(ended) = workers.join_next().await {
            if let Err(error) = ended
                && let Ok(panic) = error.try_into_panic()
            {
                std::panic::resume_unwind(panic);
            }
        }
    }

    /// Takes in no more, sends what is queued without waiting for batches to fill or for long retry
    /// intervals, and gives up what is left at `deadline` ([`LossReason::AbandonedAtShutdown`]). When it returns, every
    /// receipt is settled. Returns how many items were given up while they waited in the queue.
    ///
    /// Cancel safe, but what is left is then lost only when the exporter is dropped.
    pub async fn shutdown(&self, deadline: Instant) -> u64 {
        let Inner {
            queue, delivery, ..
        } = &*self.0;
        queue.close();
        delivery.drain.cancel();
        let emptied = tokio::time::timeout_at(deadline, queue.emptied()).await;
        let mut given_up = 0;
        if emptied.is_err() {
            given_up = queue.abandon();
            delivery.stats.failed_items.add(given_up);
            delivery.end.cancel();
            queue.emptied().await;
        }
        delivery.destination.flush().await;
        if given_up > 0 {
            tracing::error!(
                exporter = self.name(),
                signal = self.signal().name(),
                items = given_up,
                reason = LossReason::AbandonedAtShutdown.name(),
                "the deadline of the shutdown passed, data is lost"
            );
        }
        given_up
    }

    /// Its counters at this moment.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let (queue_size, queue_bytes) = self.0.queue.size();
        Snapshot {
            queue_size,
            queue_bytes,
            queue_capacity: self.0.queue.capacity().size,
            ..self.0.delivery.stats.snapshot()
        }
    }
}

impl std::fmt::Debug for Exporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exporter")
            .field("name", &self.name())
            .field("signal", &self.signal())
            .field("queue", &self.0.queue)
            .finish_non_exhaustive()
    }
}

impl Inner {
    async fn work(&self) {
        while let Some(batch) = self.queue.take().await {
            self.ship(batch).await;
        }
    }

    /// Sends one batch, as one request or, where it is a single parcel above `max_size`, as several.
    async fn ship(&self, batch: Batch) {
        let mut requests = self.requests(&batch);
        let Some(request) = (if requests.len() == 1 {
            requests.pop()
        } else {
            None
        }) else {
            return self.ship_pieces(batch, requests).await;
        };
        let outcome = self.delivery.deliver(request.body, request.items).await;
        settle(batch, outcome);
    }

    /// The parcel was cut: what its pieces lost, it lost.
    async fn ship_pieces(&self, batch: Batch, requests: Vec<Request>) {
        let (mut lost, mut reason) = (0, None);
        for Request { body, items } in requests {
            let (piece_lost, why) = match self.delivery.deliver(body, items).await {
                Outcome::Taken { rejected: 0 } => continue,
                Outcome::Taken { rejected } => (rejected, LossReason::RejectedByBackend),
                Outcome::Lost(why) => (items, why),
            };
            lost += piece_lost;
            reason.get_or_insert(why);
        }
        let reason = reason.unwrap_or(LossReason::RejectedByBackend);
        settle_in_part(batch, lost, reason);
    }

    fn requests(&self, batch: &Batch) -> Vec<Request> {
        let parcels = || batch.loans.iter().filter_map(Loan::parcel);
        let request = Request {
            body: joined(parcels().map(|parcel| &parcel.body)),
            items: parcels().map(|parcel| parcel.items).sum(),
        };
        match self.batching {
            Some(Batching { max_size, unit, .. }) if max_size > 0 => {
                portion::split(self.delivery.signal, request, unit, max_size)
            }
            _ => vec![request],
        }
    }
}

/// What one attempt carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) body: Bytes,
    pub(crate) items: u64,
}

/// Requests laid end to end are one request: protobuf merges repeated fields.
fn joined<'a>(mut bodies: impl Iterator<Item = &'a Bytes> + Clone) -> Bytes {
    let length = bodies.clone().map(Bytes::len).sum();
    let Some(first) = bodies.next() else {
        return Bytes::new();
    };
    if first.len() == length {
        return first.clone();
    }
    let mut whole = BytesMut::with_capacity(length);
    whole.extend_from_slice(first);
    for body in bodies {
        whole.extend_from_slice(body);
    }
    whole.freeze()
}

fn settle(mut batch: Batch, outcome: Outcome) {
    match outcome {
        Outcome::Taken { rejected: 0 } => {
            for loan in batch.loans.drain(..) {
                loan.finish(crate::Receipt::delivered);
            }
        }
        Outcome::Taken { rejected } => {
            settle_in_part(batch, rejected, LossReason::RejectedByBackend);
        }
        Outcome::Lost(reason) => {
            for loan in batch.loans.drain(..) {
                loan.finish(|receipt| receipt.lost(reason));
            }
        }
    }
}

/// Which parcels the lost items were in is not known: they are charged from the first on.
fn settle_in_part(mut batch: Batch, mut lost: u64, reason: LossReason) {
    for loan in batch.loans.drain(..) {
        loan.finish(|receipt| {
            let items = receipt.amount().items.min(lost);
            lost -= items;
            receipt.lost_in_part(items, reason);
        });
    }
}
