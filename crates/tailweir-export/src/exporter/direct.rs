//! The way to one destination: queue, workers, outcome.

mod hand_over;

use super::ExporterSettings;
use crate::delivery::{Delivery, Outcome};
use crate::destination::Destination;
use crate::queue::{Batch, Batching, Loan, Queue, Refusal, when_free};
use crate::retry::{Jitter, Throttle};
use crate::stats::{Snapshot, Stats};
use crate::{LossReason, Parcel, portion};
use bytes::{Bytes, BytesMut};
use hand_over::Heir;
use std::sync::Arc;
use std::time::Duration;
use tailweir_core::{ClientContext, ClientKeys, Signal};
use tailweir_spool::Spool;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Time until a disk that refused to be read is asked again.
const DISK_INTERVAL: Duration = Duration::from_secs(1);
/// Who sent what nobody asks about, or what is of several clients.
static NOBODY: ClientContext = ClientContext::NOBODY;

/// What [`super::Exporter`] says of its methods holds for those of the same name.
pub(crate) struct Direct {
    queue: Arc<Queue>,
    delivery: Delivery,
    client_keys: ClientKeys,
    consumers: usize,
    batching: Option<Batching>,
    block_on_overflow: bool,
    pub(super) wait_for_result: bool,
    heir: Heir,
}

impl Direct {
    /// `freed` rings whenever there is more room in the queue, which `spool` keeps.
    pub(crate) fn new(
        name: &str,
        signal: Signal,
        destination: Arc<dyn Destination>,
        settings: &ExporterSettings,
        freed: Arc<Notify>,
        spool: Option<Arc<Spool>>,
    ) -> Self {
        let is_kept = spool.is_some();
        Self {
            queue: Queue::new(settings.capacity, settings.batching, freed, spool),
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
                leave: CancellationToken::new(),
                is_kept,
            },
            client_keys: settings.client_keys.clone(),
            consumers: settings.consumers.max(1),
            batching: settings.batching,
            block_on_overflow: settings.block_on_overflow,
            // What is on disk may outlive whoever waits.
            wait_for_result: settings.wait_for_result && !is_kept,
            heir: Heir::default(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.delivery.exporter
    }

    pub(crate) fn signal(&self) -> Signal {
        self.delivery.signal
    }

    pub(crate) fn client_keys(&self) -> &ClientKeys {
        &self.client_keys
    }

    pub(crate) fn offer(&self, parcel: Parcel) -> Result<(), Box<Refusal>> {
        let answer = self.queue.offer(parcel);
        self.note(&answer);
        answer
    }

    /// Whether a parcel of so many items and bytes would be taken now; what would not is counted.
    pub(crate) fn has_room(&self, items: u64, bytes: u64) -> Result<(), LossReason> {
        let answer = self.queue.has_room(items, bytes);
        if answer.is_err() {
            self.delivery.stats.enqueue_failed_items.add(items);
        }
        answer
    }

    /// As [`Self::offer`], without holding up others while a disk is written to. Cancelled, it goes on.
    pub(crate) async fn put(self: &Arc<Self>, parcel: Parcel) -> Result<(), Box<Refusal>> {
        if !self.is_kept() {
            return self.offer(parcel);
        }
        let direct = Arc::clone(self);
        // Where the runtime has ended, the parcel was dropped, and that settled it.
        beside(move || direct.offer(parcel)).await.unwrap_or(Ok(()))
    }

    pub(crate) async fn enqueue(self: &Arc<Self>, parcel: Parcel) -> Result<(), Box<Refusal>> {
        if !self.block_on_overflow {
            return self.put(parcel).await;
        }
        when_free(self.queue.freed(), parcel, |parcel| self.put(parcel)).await
    }

    /// Whether its queue is on disk.
    fn is_kept(&self) -> bool {
        self.queue.spool().is_some()
    }

    fn note(&self, answer: &Result<(), Box<Refusal>>) {
        if let Err(refusal) = answer {
            self.delivery
                .stats
                .enqueue_failed_items
                .add(refusal.parcel.items);
        }
    }

    pub(crate) async fn run(self: &Arc<Self>) {
        let mut workers = JoinSet::new();
        for _ in 0..self.consumers {
            let worker = self.clone();
            workers.spawn(async move { worker.work().await });
        }
        while let Some(ended) = workers.join_next().await {
            if let Err(error) = ended
                && let Ok(panic) = error.try_into_panic()
            {
                std::panic::resume_unwind(panic);
            }
        }
    }

    pub(crate) async fn shutdown(&self, deadline: Instant) -> u64 {
        let Self {
            queue, delivery, ..
        } = self;
        if self.is_kept() {
            self.keep(deadline).await;
            return 0;
        }
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
        given_up
    }

    /// Sends what it can until the deadline, or until the backend does not answer. The rest stays on disk.
    async fn keep(&self, deadline: Instant) {
        let Self {
            queue, delivery, ..
        } = self;
        queue.close();
        delivery.drain.cancel();
        tokio::select! {
            () = queue.emptied() => {}
            () = delivery.leave.cancelled() => {}
            () = tokio::time::sleep_until(deadline) => {}
        }
        let left = self.withdraw_until(deadline).await;
        if !left.is_empty() {
            tracing::info!(
                exporter = self.name(),
                signal = self.signal().name(),
                requests = left.len(),
                items = left.iter().map(|parcel| parcel.items).sum::<u64>(),
                "what was not sent stays on disk for the next start"
            );
        }
        for parcel in left {
            parcel.receipt.kept();
        }
        delivery.destination.flush().await;
    }

    /// As [`Self::withdraw`]; attempts that are under way end at the deadline.
    async fn withdraw_until(&self, deadline: Instant) -> Vec<Parcel> {
        let withdrawn = tokio::time::timeout_at(deadline, self.withdraw()).await;
        match withdrawn {
            Ok(parcels) => parcels,
            Err(_) => {
                self.delivery.end.cancel();
                self.withdraw().await
            }
        }
    }

    /// Takes in no more, makes no further attempt, and gives back what was not sent. An attempt that is
    /// under way gets a few seconds. Ends [`Self::run`]. Cancel safe: to be called again then.
    pub(crate) async fn withdraw(&self) -> Vec<Parcel> {
        self.queue.withdraw();
        self.delivery.leave.cancel();
        self.queue.returned().await;
        self.queue.take_back()
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let (queue_size, queue_bytes) = self.queue.size();
        Snapshot {
            queue_size,
            queue_bytes,
            queue_capacity: self.queue.capacity().size,
            spool: self.queue.spool().map(|spool| spool.figures()),
            ..self.delivery.stats.snapshot()
        }
    }

    async fn work(&self) {
        while let Some(mut batch) = self.queue.take().await {
            batch.leave_out_unwanted();
            if batch.is_stored() {
                let Some(loaded) = self.loaded(batch).await else {
                    continue;
                };
                batch = loaded;
            }
            if !batch.loans.is_empty() {
                self.ship(batch).await;
            }
        }
    }

    /// The batch with its bodies, but for what is damaged. Nothing where the disk refuses: it is back in the queue then.
    async fn loaded(&self, mut batch: Batch) -> Option<Batch> {
        let loaded = beside(move || {
            let damaged = batch.load();
            damaged.map(|damaged| (batch, damaged))
        });
        let delivery = &self.delivery;
        let (exporter, signal) = (self.name(), self.signal().name());
        match loaded.await? {
            Ok((batch, 0)) => Some(batch),
            Ok((batch, items)) => {
                let reason = LossReason::SpoolDamaged.name();
                tracing::error!(
                    exporter,
                    signal,
                    items,
                    reason,
                    "bytes on disk are damaged, data is lost"
                );
                delivery.stats.failed_items.add(items);
                Some(batch)
            }
            Err(error) => {
                tracing::error!(exporter, signal, %error, "the queue on disk cannot be read, will try again");
                delivery.stats.note_error(&error.to_string());
                tokio::select! {
                    () = tokio::time::sleep(DISK_INTERVAL) => {}
                    () = delivery.leave.cancelled() => {}
                }
                None
            }
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
        let client = client(&batch);
        let client = client.as_deref().unwrap_or(&NOBODY);
        let outcome = self
            .delivery
            .deliver(request.body, request.items, client)
            .await;
        conclude(batch, move |batch| settle(batch, outcome)).await;
    }

    /// The parcel was cut: what its pieces lost, it lost.
    async fn ship_pieces(&self, batch: Batch, requests: Vec<Request>) {
        let client = client(&batch);
        let client = client.as_deref().unwrap_or(&NOBODY);
        let (mut lost, mut reason) = (0, None);
        for Request { body, items } in requests {
            let (piece_lost, why) = match self.delivery.deliver(body, items, client).await {
                Outcome::Taken { rejected: 0 } => continue,
                // The whole parcel goes elsewhere; who has seen some of it will see it again.
                Outcome::Returned => return,
                Outcome::Taken { rejected } => (rejected, LossReason::RejectedByBackend),
                Outcome::Lost(why) => (items, why),
            };
            lost += piece_lost;
            reason.get_or_insert(why);
        }
        let reason = reason.unwrap_or(LossReason::RejectedByBackend);
        conclude(batch, move |batch| settle_in_part(batch, lost, reason)).await;
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

/// Who sent what is in a batch: all of it is of one client.
fn client(batch: &Batch) -> Option<Arc<ClientContext>> {
    batch.loans.first()?.parcel()?.client.clone()
}

/// Does work that waits for a disk without holding up others. Nothing where the runtime has ended.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Some(done),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => None,
        },
    }
}

/// Ends a batch: what is on disk is marked there.
async fn conclude(batch: Batch, end: impl FnOnce(Batch) + Send + 'static) {
    if batch.is_stored() {
        beside(move || end(batch)).await;
    } else {
        end(batch);
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
        Outcome::Returned => {}
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
