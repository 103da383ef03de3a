//! Starts the samplers and workers, and starts them again when they fail.
//!
//! Parent: none; the gateway stops it. Speaks to: its children. Mailbox: a message per start, stop and
//! restart. If it dies: the whole gateway stops working, which the gateway reports as not ready; it
//! does nothing that could fail but spawning.

use super::sampler::{SamplerActor, Shard};
use super::worker::{Work, WorkerActor};
use ractor::{
    Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent,
};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Pause before a child is started again, after its first failure; doubled by each further one.
const PAUSE_FIRST: Duration = Duration::from_millis(10);
/// Longest such pause.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// Failures are forgotten when a child has lived for so long.
const PARDON_AFTER: Duration = Duration::from_secs(60);

/// The way to start and stop children. A clone is the same nursery.
#[derive(Clone)]
pub(crate) struct Nursery {
    node: ActorRef<NodeMsg>,
    restarts: Arc<AtomicU64>,
}

impl Nursery {
    /// Starts a shard's actor.
    pub(crate) async fn start_shard(&self, shard: Shard) -> bool {
        self.start(Kind::Sampler(shard)).await.is_some()
    }

    /// Starts a worker. What it returns ends the worker.
    pub(crate) async fn start_worker(&self, work: Arc<dyn Work>) -> Option<Child> {
        let child = self.start(Kind::Worker(work)).await?;
        Some(Child {
            child,
            node: self.node.clone(),
        })
    }

    async fn start(&self, kind: Kind) -> Option<ChildId> {
        let (sender, answer) = tokio::sync::oneshot::channel();
        let message = NodeMsg::Start {
            kind,
            reply: sender.into(),
        };
        self.node.cast(message).ok()?;
        answer.await.ok()
    }

    /// How often children were started again.
    pub(crate) fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// Whether the node lives.
    pub(crate) fn is_alive(&self) -> bool {
        self.node.get_status() == ractor::ActorStatus::Running
    }

    /// As [`Self::stop`], without waiting for the end.
    pub(crate) fn abandon(&self) {
        self.node.stop(None);
    }

    /// Ends all children and the node.
    pub(crate) async fn stop(&self) {
        self.node.stop(None);
        let _ = self.node.wait(None).await;
    }
}

/// A worker that was started.
pub(crate) struct Child {
    child: ChildId,
    node: ActorRef<NodeMsg>,
}

impl Child {
    /// Ends it; what it works on stays as it is.
    pub(crate) fn stop(self) {
        // A node that has gone has taken its children along.
        let _ = self.node.cast(NodeMsg::Stop { child: self.child });
    }
}

/// Number of a child, the same through all its lives.
type ChildId = u64;

/// What the node is told.
#[derive(Debug)]
pub(crate) enum NodeMsg {
    /// Starts a child.
    Start {
        /// What it is.
        kind: Kind,
        /// Answered with its number.
        reply: RpcReplyPort<ChildId>,
    },
    /// Starts a child again.
    Restart {
        /// Which.
        child: ChildId,
    },
    /// Ends a child for good.
    Stop {
        /// Which.
        child: ChildId,
    },
}

/// What children there are.
pub(crate) enum Kind {
    /// The actor of a shard.
    Sampler(Shard),
    /// A worker.
    Worker(Arc<dyn Work>),
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sampler(_) => f.write_str("Sampler"),
            Self::Worker(work) => write!(f, "Worker({})", work.name()),
        }
    }
}

/// The actor.
pub(crate) struct Node;

/// What the actor works with between messages.
pub(crate) struct NodeState {
    restarts: Arc<AtomicU64>,
    next: ChildId,
    children: HashMap<ChildId, Record>,
    by_actor: HashMap<ActorId, ChildId>,
}

struct Record {
    kind: Kind,
    actor: Option<ActorCell>,
    started: tokio::time::Instant,
    failures: u32,
}

impl Node {
    /// Starts a node without children.
    ///
    /// # Errors
    ///
    /// When no actor can be spawned.
    pub(crate) async fn start() -> Result<Nursery, ractor::SpawnErr> {
        let restarts = Arc::new(AtomicU64::new(0));
        // No name: the registry is one for the whole process.
        let (node, _) = Self::spawn(None, Self, Arc::clone(&restarts)).await?;
        Ok(Nursery { node, restarts })
    }
}

impl Actor for Node {
    type Msg = NodeMsg;
    type State = NodeState;
    type Arguments = Arc<AtomicU64>;

    async fn pre_start(
        &self,
        _myself: ActorRef<NodeMsg>,
        restarts: Arc<AtomicU64>,
    ) -> Result<NodeState, ActorProcessingErr> {
        Ok(NodeState {
            restarts,
            next: 0,
            children: HashMap::new(),
            by_actor: HashMap::new(),
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<NodeMsg>,
        message: NodeMsg,
        state: &mut NodeState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            NodeMsg::Start { kind, reply } => {
                let child = state.admit(kind);
                state.spawn(child, &myself).await?;
                // Whoever asked may have gone; the child stays.
                let _ = reply.send(child);
            }
            NodeMsg::Restart { child } => {
                state.restarts.fetch_add(1, Ordering::Relaxed);
                state.spawn(child, &myself).await?;
            }
            NodeMsg::Stop { child } => state.remove(child),
        }
        Ok(())
    }

    /// Overridden because the default ends the node when a child ends.
    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<NodeMsg>,
        event: SupervisionEvent,
        state: &mut NodeState,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(actor, error) => {
                if let Some((child, pause)) = state.failed(&actor) {
                    let kind = state.children.get(&child).map(|record| &record.kind);
                    let part = kind.map(|kind| format!("{kind:?}")).unwrap_or_default();
                    let pause_ms = pause.as_millis() as u64;
                    tracing::error!(part, %error, pause_ms, "an actor failed");
                    myself.send_after(pause, move || NodeMsg::Restart { child });
                }
            }
            SupervisionEvent::ActorTerminated(actor, ..) => {
                if let Some(child) = state.by_actor.remove(&actor.get_id()) {
                    state.children.remove(&child);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl NodeState {
    fn admit(&mut self, kind: Kind) -> ChildId {
        let child = self.next;
        self.next += 1;
        let record = Record {
            kind,
            actor: None,
            started: tokio::time::Instant::now(),
            failures: 0,
        };
        self.children.insert(child, record);
        child
    }

    async fn spawn(
        &mut self,
        child: ChildId,
        myself: &ActorRef<NodeMsg>,
    ) -> Result<(), ActorProcessingErr> {
        let Some(record) = self.children.get_mut(&child) else {
            // It was stopped while its restart was due.
            return Ok(());
        };
        let parent = myself.get_cell();
        let actor = match &record.kind {
            Kind::Sampler(shard) => {
                let (actor, _) =
                    SamplerActor::spawn_linked(None, SamplerActor, shard.clone(), parent).await?;
                shard.attach(actor.clone());
                actor.get_cell()
            }
            Kind::Worker(work) => {
                let work = Arc::clone(work);
                let (actor, _) = WorkerActor::spawn_linked(None, WorkerActor, work, parent).await?;
                actor.get_cell()
            }
        };
        record.started = tokio::time::Instant::now();
        self.by_actor.insert(actor.get_id(), child);
        record.actor = Some(actor);
        Ok(())
    }

    /// Notes a failure; says when to start again.
    fn failed(&mut self, actor: &ActorCell) -> Option<(ChildId, Duration)> {
        let child = self.by_actor.remove(&actor.get_id())?;
        let record = self.children.get_mut(&child)?;
        if record.started.elapsed() > PARDON_AFTER {
            record.failures = 0;
        }
        let pause = PAUSE_FIRST * 2_u32.saturating_pow(record.failures.min(16));
        record.failures += 1;
        record.actor = None;
        Some((child, pause.min(PAUSE_MAX)))
    }

    fn remove(&mut self, child: ChildId) {
        if let Some(actor) = self.children.remove(&child).and_then(|record| record.actor) {
            self.by_actor.remove(&actor.get_id());
            actor.stop(None);
        }
    }
}
