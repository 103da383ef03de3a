//! One exporter for one signal: how it is built, filled, kept going and ended.

mod direct;

pub(crate) use direct::{Direct, Request};

use crate::destination::Destination;
use crate::load_balancing::LoadBalancer;
use crate::queue::{Batching, Capacity, Refusal, Unit};
use crate::retry::Retry;
use crate::stats::Snapshot;
use crate::{Amount, Authorization, Awaited, BuildError, LossReason, Parcel, Receipt, Store};
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::LoadBalancingExporter;
use tailweir_core::{ByteSize, ClientKeys, Signal};
use tokio::sync::Notify;
use tokio::time::Instant;

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
    /// What the destination asks of the client that sent a parcel. Parcels are put into one request only
    /// where that is the same. Default: nothing.
    pub client_keys: ClientKeys,
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
            client_keys: ClientKeys::default(),
            seed: 0,
        }
    }
}

/// Sends parcels of one signal to one destination, or to several that share the load. A handle: clones
/// share everything.
///
/// Somebody must keep [`Exporter::run`] going; an actor, as a rule. Parcels wait meanwhile.
#[derive(Clone)]
pub struct Exporter(Kind);

#[derive(Clone)]
enum Kind {
    Direct(Arc<Direct>),
    Balanced(Arc<LoadBalancer>),
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
        let freed = Arc::new(Notify::new());
        let direct = Direct::new(name, signal, destination, settings, freed, None);
        Self(Kind::Direct(Arc::new(direct)))
    }

    /// As [`Exporter::new`], with a queue on disk: a parcel counts as taken when it is there, and what is not sent when the
    /// exporter ends is sent first by the next. `receipt` makes the receipts of what is found.
    #[must_use]
    pub fn stored(
        name: &str,
        signal: Signal,
        destination: Arc<dyn Destination>,
        settings: &ExporterSettings,
        store: Store,
        receipt: impl FnMut(Amount) -> Receipt,
    ) -> Self {
        let (spool, found) = store.unpack(signal, receipt);
        let freed = Arc::new(Notify::new());
        let direct = Direct::new(name, signal, destination, settings, freed, Some(spool));
        direct.restore(found);
        Self(Kind::Direct(Arc::new(direct)))
    }

    /// A `load_balancing` exporter called `name`: each endpoint has a queue of its own. `authorization` is
    /// what the `auth` of its protocol names, `seed` spreads retry intervals.
    ///
    /// # Errors
    ///
    /// The option that cannot be used.
    pub fn balanced(
        name: &str,
        signal: Signal,
        settings: &LoadBalancingExporter,
        authorization: Option<Arc<Authorization>>,
        seed: u64,
    ) -> Result<Self, BuildError> {
        let balancer = LoadBalancer::new(name, signal, settings, authorization, seed)?;
        Ok(Self(Kind::Balanced(Arc::new(balancer))))
    }

    /// The component id.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.0 {
            Kind::Direct(direct) => direct.name(),
            Kind::Balanced(balancer) => balancer.name(),
        }
    }

    /// What it sends.
    #[must_use]
    pub fn signal(&self) -> Signal {
        match &self.0 {
            Kind::Direct(direct) => direct.signal(),
            Kind::Balanced(balancer) => balancer.signal(),
        }
    }

    /// Queues the parcel or hands it back: at once, or as soon as a disk has answered. For callers that cannot wait.
    ///
    /// Cancelled, it is queued all the same.
    ///
    /// # Errors
    ///
    /// The parcel, unsettled, when the queue is full ([`LossReason::QueueFull`]), smaller than the
    /// parcel, or closed; where endpoints share the load, also when a single one has no room for its
    /// part, or when there is none ([`LossReason::NoEndpoint`]).
    pub async fn offer(&self, parcel: Parcel) -> Result<(), Box<Refusal>> {
        let parcel = parcel.narrowed(self.client_keys());
        match &self.0 {
            Kind::Direct(direct) => direct.put(parcel).await,
            Kind::Balanced(balancer) => balancer.offer(parcel),
        }
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
        let parcel = parcel.narrowed(self.client_keys());
        if !self.waits_for_result() {
            return self.enqueue(parcel).await;
        }
        let (parcel, awaited) = Awaited::attach(parcel);
        if let Err(refusal) = self.enqueue(parcel).await {
            refusal.parcel.receipt.lost(refusal.reason);
        }
        awaited.outcome().await
    }

    fn client_keys(&self) -> &ClientKeys {
        match &self.0 {
            Kind::Direct(direct) => direct.client_keys(),
            Kind::Balanced(balancer) => balancer.client_keys(),
        }
    }

    fn waits_for_result(&self) -> bool {
        match &self.0 {
            Kind::Direct(direct) => direct.wait_for_result,
            Kind::Balanced(balancer) => balancer.waits_for_result(),
        }
    }

    async fn enqueue(&self, parcel: Parcel) -> Result<(), Box<Refusal>> {
        match &self.0 {
            Kind::Direct(direct) => direct.enqueue(parcel).await,
            Kind::Balanced(balancer) => balancer.enqueue(parcel).await,
        }
    }

    /// Sends what is queued, until [`Exporter::shutdown`] has emptied the queue.
    ///
    /// Panics when a worker does; dropped or panicking, it loses nothing: what was under way is back in
    /// the queue, and another `run` goes on. (A parcel that has killed three workers is lost.)
    pub async fn run(&self) {
        match &self.0 {
            Kind::Direct(direct) => direct.run().await,
            Kind::Balanced(balancer) => balancer.run().await,
        }
    }

    /// Takes in no more, sends what is queued without waiting for batches to fill or for long retry
    /// intervals, and gives up what is left at `deadline` ([`LossReason::AbandonedAtShutdown`]). When it returns, every
    /// receipt is settled. Returns how many items were given up while they waited in the queue.
    ///
    /// A queue on disk gives nothing up: what is left there at the deadline, or when an attempt fails, stays.
    ///
    /// Cancel safe, but what is left is then lost only when the exporter is dropped.
    pub async fn shutdown(&self, deadline: Instant) -> u64 {
        let given_up = match &self.0 {
            Kind::Direct(direct) => direct.shutdown(deadline).await,
            Kind::Balanced(balancer) => balancer.shutdown(deadline).await,
        };
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

    /// Takes in no more, and gives what waits to `successor`, which sends it where it sends, also beyond the bounds of its queue.
    /// Does nothing where one of them shares the load over endpoints and the other does not, where only this one keeps its
    /// queue on disk, and where `successor` is shut down. Call it before [`Exporter::shutdown`].
    pub async fn hand_over(&self, successor: &Self, deadline: Instant) {
        match (&self.0, &successor.0) {
            (Kind::Balanced(balancer), Kind::Balanced(successor)) => {
                balancer.hand_over(successor, deadline).await;
            }
            (Kind::Direct(direct), Kind::Direct(successor)) => {
                direct.hand_over(successor, deadline).await;
            }
            _ => {}
        }
    }

    /// Its counters at this moment.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        match &self.0 {
            Kind::Direct(direct) => direct.snapshot(),
            Kind::Balanced(balancer) => balancer.snapshot(),
        }
    }
}

impl std::fmt::Debug for Exporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exporter")
            .field("name", &self.name())
            .field("signal", &self.signal())
            .finish_non_exhaustive()
    }
}
