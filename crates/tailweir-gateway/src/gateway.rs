//! Start, reload, status, shutdown.

use crate::actors::Node;
use crate::admission::{Admission, MemoryLimit};
use crate::buffer::BufferPool;
use crate::clock::Clock;
use crate::error::StartError;
use crate::graph::{Graph, Ground, Plan, Retired};
use crate::inbound::Inbound;
use crate::ledger::{Ledger, LedgerSnapshot};
use crate::membership::{Members, Membership};
use crate::metrics::Publisher;
use crate::options::{Options, SHARDS_MAX};
use crate::spools::Spools;
use crate::status::{BoundAddress, Status};
use crate::surroundings::World;
use ring::rand::{SecureRandom, SystemRandom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tailweir_config::Settings;
use tailweir_core::ByteSize;
use tailweir_export::WrittenFiles;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Bytes of requests in flight before the first plan sets its own.
const IN_FLIGHT_AT_START: ByteSize = ByteSize::mib(64);
/// Memory that is assumed where the system does not say.
const MEMORY_UNKNOWN: ByteSize = ByteSize::mib(1024);
/// How long the last entries into the books may take.
const LAST_ENTRIES: Duration = Duration::from_millis(500);
/// How long what a reload takes out of service may go on sending. Samplers that other members of a cluster still reach, and what is
/// behind them, get this when their stay is over.
const RETIRE_TIME: Duration = Duration::from_secs(30);

/// The data plane.
#[derive(Debug)]
pub struct Gateway;

/// A gateway that runs. Dropping it without [`Running::shutdown`] aborts it.
pub struct Running {
    inner: Arc<Inner>,
}

struct Inner {
    ground: Ground,
    /// Nothing after the shutdown. Also what keeps two reloads apart.
    graph: Mutex<Option<Graph>>,
    started: Instant,
    publisher: Publisher,
    /// Bytes in batches and queues when they were last counted.
    waiting: AtomicU64,
    /// What a reload took out of service and still sends, or stays for other members.
    retiring: TaskTracker,
    /// By when nothing may stay for other members any more: this one is going too. Nothing while it goes on.
    going: watch::Sender<Option<Instant>>,
    /// Whether the end has begun; from then on it is not ready.
    stopping: AtomicBool,
    abort: CancellationToken,
}

/// What a shutdown achieved.
#[derive(Debug, Clone)]
#[must_use]
pub struct Shutdown {
    /// Whether everything was answered, decided and sent before the deadline.
    pub in_time: bool,
    /// The books at the end. Nothing is held any more.
    pub ledger: LedgerSnapshot,
}

impl Gateway {
    /// Compiles the settings, binds the receivers, and starts to work.
    ///
    /// Must be called within a Tokio runtime. When it returns, every receiver listens.
    ///
    /// # Errors
    ///
    /// What is wrong with the settings, or which receiver cannot listen. Nothing runs then.
    pub async fn start(settings: Settings, options: Options) -> Result<Running, StartError> {
        let nursery = Node::start()
            .await
            .map_err(|error| StartError::Supervisor(error.to_string()))?;
        let abort = CancellationToken::new();
        let ground = ground(nursery, options, &abort);
        let settings = Arc::new(settings);
        let mut graph = Graph::empty(Arc::clone(&settings));
        let plan = match Plan::compile(settings, &graph, &ground) {
            Ok(plan) => plan.settle().await.map(|()| plan),
            Err(error) => Err(error),
        };
        let plan = match plan {
            Ok(plan) => plan,
            Err(error) => {
                ground.nursery.stop().await;
                return Err(error);
            }
        };
        let (_, outcome) = graph.change(&ground, plan).await;
        if let Err(error) = outcome {
            graph.stop(&ground, Instant::now()).await;
            ground.nursery.stop().await;
            return Err(error);
        }
        let inner = Arc::new(Inner {
            ground,
            graph: Mutex::new(Some(graph)),
            started: Instant::now(),
            publisher: Publisher::default(),
            waiting: AtomicU64::new(0),
            retiring: TaskTracker::new(),
            going: watch::Sender::new(None),
            stopping: AtomicBool::new(false),
            abort,
        });
        tokio::spawn(publish_every_second(Arc::clone(&inner)));
        Ok(Running { inner })
    }
}

impl Running {
    /// Where the receivers listen; ports that were 0 are the ones that the system chose.
    pub async fn addresses(&self) -> Vec<BoundAddress> {
        let graph = self.inner.graph.lock().await;
        graph
            .as_ref()
            .map(crate::status::addresses)
            .unwrap_or_default()
    }

    /// Everything that it knows about itself.
    pub async fn status(&self) -> Status {
        self.inner.status().await
    }

    /// The settings in force; nothing after the shutdown.
    pub async fn settings(&self) -> Option<Arc<Settings>> {
        let graph = self.inner.graph.lock().await;
        graph.as_ref().map(|graph| Arc::clone(&graph.settings))
    }

    /// The books, at once.
    #[must_use]
    pub fn ledger(&self) -> LedgerSnapshot {
        self.inner.ground.ledger.snapshot()
    }

    /// What other members of the cluster reach; nothing when the process is alone.
    #[must_use]
    pub fn members(&self) -> Option<Arc<dyn Members>> {
        let ground = &self.inner.ground;
        let membership = Arc::clone(ground.membership.as_ref()?);
        let admission = Arc::clone(&ground.admission);
        let inbound = Inbound::new(membership, admission, Arc::clone(&ground.scans));
        Some(Arc::new(inbound))
    }

    /// Whether requests are taken: everything runs, and it is not stopping.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.inner.stopping.load(Ordering::Relaxed) && self.inner.ground.nursery.is_alive()
    }

    /// Puts other settings into force. Held traces stay and are decided by the new policies; what the
    /// new settings leave as it is keeps running. What they take out of service sends what it has
    /// in the background.
    ///
    /// # Errors
    ///
    /// What is wrong with the new settings; the old ones are then still in force. Only when a changed
    /// receiver cannot listen ([`StartError::Bind`]) is everything but that receiver in force.
    pub async fn reload(&self, settings: Settings) -> Result<(), StartError> {
        let inner = &self.inner;
        let mut slot = inner.graph.lock().await;
        let Some(graph) = slot.as_mut() else {
            return Err(StartError::Stopped);
        };
        let plan = Plan::compile(Arc::new(settings), graph, &inner.ground)?;
        plan.settle().await?;
        let (retired, outcome) = graph.change(&inner.ground, plan).await;
        inner.retire(retired);
        outcome
    }

    /// Stops: takes in nothing more, lets open requests finish, decides what is held, sends what is
    /// kept, at most until the deadline. What is left then is counted as lost.
    ///
    /// [`Running::abort`] makes it return at once.
    pub async fn shutdown(&self, deadline: Duration) -> Shutdown {
        let inner = &self.inner;
        inner.stopping.store(true, Ordering::Relaxed);
        let deadline = Instant::now() + deadline;
        let in_time = tokio::select! {
            in_time = inner.stop(deadline) => in_time,
            () = inner.abort.cancelled() => false,
        };
        inner.abort.cancel();
        inner.ground.nursery.stop().await;
        Shutdown {
            in_time,
            ledger: inner.last_ledger().await,
        }
    }

    /// Ends everything at once. What is held is lost.
    pub fn abort(&self) {
        self.inner.stopping.store(true, Ordering::Relaxed);
        self.inner.abort.cancel();
    }

    /// Publishes all metrics now. They are published every second by themselves.
    pub async fn publish_metrics(&self) {
        self.inner.publish().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.inner.abort.cancel();
        self.inner.ground.nursery.abandon();
    }
}

impl Inner {
    async fn stop(&self, deadline: Instant) -> bool {
        let Some(graph) = self.graph.lock().await.take() else {
            return true;
        };
        if let Some(membership) = &self.ground.membership {
            membership.catch_up();
        }
        let in_time = graph.stop(&self.ground, deadline).await;
        // Until here, what was taken out of service before confirms what other members decide.
        self.going.send_replace(Some(deadline));
        self.retiring.close();
        let retired = tokio::time::timeout_at(deadline, self.retiring.wait()).await;
        in_time && retired.is_ok()
    }

    /// The books once nothing moves any more: what was aborted is let go of by other threads, and a book that is read
    /// between two of their entries has the same span twice.
    async fn last_ledger(&self) -> LedgerSnapshot {
        let deadline = Instant::now() + LAST_ENTRIES;
        loop {
            let ledger = self.ground.ledger.snapshot();
            if ledger.imbalance() == 0 || Instant::now() >= deadline {
                return ledger;
            }
            tokio::time::sleep(LAST_ENTRIES / 100).await;
        }
    }

    fn retire(&self, retired: Retired) {
        if retired.is_empty() {
            return;
        }
        let (abort, end) = (self.abort.clone(), self.going.subscribe());
        self.retiring.spawn(async move {
            tokio::select! {
                () = retired.leave(RETIRE_TIME, end) => {}
                () = abort.cancelled() => {}
            }
        });
    }

    async fn status(&self) -> Status {
        let graph = self.graph.lock().await;
        let mut status = Status::gather(graph.as_ref(), &self.ground, self.started.elapsed()).await;
        status.ready &= !self.stopping.load(Ordering::Relaxed);
        status
    }

    async fn publish(&self) {
        let status = self.status().await;
        // Stores report by themselves; what is behind them is counted here, once a second.
        let waiting = status.waiting_bytes();
        let before = self.waiting.swap(waiting, Ordering::Relaxed);
        self.ground.admission.report_held(before, waiting);
        self.publisher.publish(&status);
    }
}

async fn publish_every_second(inner: Arc<Inner>) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = seconds.tick() => inner.publish().await,
            () = inner.abort.cancelled() => return,
        }
    }
}

fn ground(nursery: crate::actors::Nursery, options: Options, end: &CancellationToken) -> Ground {
    let workers = tokio::runtime::Handle::current().metrics().num_workers();
    let memory = options
        .memory
        .or_else(|| MemoryLimit::detect().map(|detected| detected.limit));
    Ground {
        ledger: Arc::new(Ledger::default()),
        admission: Admission::new(options.in_flight_max.unwrap_or(IN_FLIGHT_AT_START)),
        nursery,
        clock: Clock::start(),
        scans: Arc::default(),
        buffers: Arc::new(BufferPool::default()),
        shards: options.shards.unwrap_or(workers).clamp(1, SHARDS_MAX),
        memory: memory.unwrap_or(MEMORY_UNKNOWN),
        in_flight_max: options.in_flight_max,
        seed: options.seed.unwrap_or_else(random_number),
        instance: random_instance(),
        surroundings: World::shared(),
        console: options.console,
        spools: Spools::default(),
        written_files: WrittenFiles::default(),
        membership: options
            .cluster
            .map(|cluster| Membership::join(cluster, end.clone())),
    }
}

/// A random UUID.
fn random_instance() -> String {
    let [a, b, c, d] = [(); 4].map(|()| random_number() as u32);
    let (version, variant) = (0x4000 | b & 0xfff, 0x8000 | c & 0x3fff);
    format!(
        "{a:08x}-{:04x}-{version:04x}-{variant:04x}-{:04x}{d:08x}",
        b >> 16,
        c >> 16
    )
}

/// For what others must not foresee, as where trace ids that clients choose land in a table, or must not have too.
pub(crate) fn random_number() -> u64 {
    let mut seed = [0; 8];
    // Without random numbers the tables are as good, only foreseeable.
    let _ = SystemRandom::new().fill(&mut seed);
    u64::from_le_bytes(seed)
}
