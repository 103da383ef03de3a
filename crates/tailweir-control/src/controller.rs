//! A controller: from an empty data directory to a member of the cluster, and to its end.
//!
//! ```text
//! another process has the directory --------------------------> wait
//! identity there --------------------------------------------> start Raft
//! none, a seed, all seeds empty --> the first seed gives ids --> start Raft --> initialise (the first seed)
//! none, somebody is a member -----> the leader gives an id ----> start Raft --> join
//! none, somebody silent ----------> wait
//! ```

pub(crate) mod formation;
pub(crate) mod joining;

use crate::disk::{self, Claim};
use crate::identity::Identity;
use crate::leader;
use crate::log::LogError;
use crate::running::Running;
use crate::service::ControlService;
use crate::settings::ControllerSettings;
use crate::store::Store;
use formation::Asked;
use parking_lot::Mutex;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tailweir_link::{Link, Server};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Why a controller ended.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ControllerError {
    /// The data directory cannot be used.
    #[error("the data directory {folder} cannot be used: {error}")]
    DataDir {
        /// The directory.
        folder: PathBuf,
        /// Why.
        #[source]
        error: Arc<io::Error>,
    },
    /// The log cannot be used.
    #[error(transparent)]
    Log(Arc<LogError>),
    /// Raft has ended: a disk that failed, or a mistake in this program.
    #[error("Raft has ended; the process has to start again")]
    RaftEnded,
}

/// Where a controller stands.
#[derive(Debug, Clone)]
pub(crate) enum Stage {
    /// It has not read its directory yet: another process may still have it.
    Starting,
    /// It has no id yet.
    Empty,
    /// It runs Raft.
    Running(Arc<Running>),
    /// It has ended.
    Failed(ControllerError),
}

/// What the tasks and the service of a controller share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: ControllerSettings,
    pub(crate) link: Link,
    pub(crate) stage: watch::Sender<Stage>,
    /// Requests of the first seed, as long as there is no id.
    pub(crate) asked: mpsc::Sender<Asked>,
    /// Requests to the leader's task.
    pub(crate) leader: mpsc::Sender<leader::Ask>,
    /// Changes of controllers are made one after the other.
    pub(crate) membership: tokio::sync::Mutex<()>,
    /// The disk is this controller's, once it has it and until it stops.
    claim: Mutex<Option<Box<dyn Claim>>>,
}

/// A controller. It works in the background until [`Controller::stop`].
#[derive(Debug)]
pub struct Controller {
    shared: Arc<Shared>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Controller {
    /// Starts a controller, and serves it. The others have to reach the server at the address of the settings.
    ///
    /// Must be called within a tokio runtime.
    #[must_use]
    pub fn start(settings: ControllerSettings, link: Link, server: &Server) -> Self {
        let (asked, requests) = mpsc::channel(16);
        let (leader, asks) = mpsc::channel(1024);
        let shared = Arc::new(Shared {
            settings,
            link,
            stage: watch::Sender::new(Stage::Starting),
            asked,
            leader,
            membership: tokio::sync::Mutex::default(),
            claim: Mutex::default(),
        });
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        tasks.spawn(stop.clone().run_until_cancelled_owned(live(
            Arc::clone(&shared),
            requests,
            asks,
        )));
        ControlService::new(Arc::clone(&shared), stop.clone()).serve(server);
        Self {
            shared,
            tasks,
            stop,
        }
    }

    /// Waits until the controller has ended by itself, which the process should not survive: its part in the cluster
    /// is gone, and a restart brings it back.
    pub async fn failed(&self) -> ControllerError {
        let mut stage = self.shared.stage.subscribe();
        let failed = stage.wait_for(|stage| matches!(stage, Stage::Failed(_)));
        match failed.await.as_deref() {
            Ok(Stage::Failed(error)) => error.clone(),
            // The sender lives as long as `self`.
            _ => std::future::pending().await,
        }
    }

    /// Whether it has ended by itself.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        matches!(*self.shared.stage.borrow(), Stage::Failed(_))
    }

    /// Waits until this controller belongs to a cluster and hears its leader.
    pub async fn ready(&self) {
        let mut stage = self.shared.stage.subscribe();
        let running = stage.wait_for(|stage| matches!(stage, Stage::Running(_)));
        let Ok(Stage::Running(running)) = running.await.as_deref().cloned() else {
            return;
        };
        let mut metrics = running.raft.metrics();
        // An error says that Raft has ended, which `failed` tells.
        let _ = metrics
            .wait_for(|metrics| metrics.current_leader.is_some())
            .await;
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> ControllerStatus {
        match &*self.shared.stage.borrow() {
            Stage::Running(running) => ControllerStatus::of(running),
            Stage::Starting | Stage::Empty | Stage::Failed(_) => ControllerStatus::default(),
        }
    }

    /// Ends. It stays a member: the others go on, and wait for it.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        let stage = self.shared.stage.borrow().clone();
        if let Stage::Running(running) = stage {
            // It has ended in any case.
            let _ = running.raft.shutdown().await;
        }
        drop(self.shared.claim.lock().take());
    }
}

/// How a controller stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ControllerStatus {
    /// Its id; 0 when it has none yet.
    pub id: u64,
    /// The id of the leader; 0 when it knows none.
    pub leader: u64,
    /// The term of Raft.
    pub term: u64,
    /// Number of the last entry of the log.
    pub last_log: u64,
    /// Number of the last entry that was applied.
    pub last_applied: u64,
    /// Bytes of the log's file.
    pub log_bytes: u64,
}

impl ControllerStatus {
    fn of(running: &Running) -> Self {
        let metrics = running.metrics();
        Self {
            id: running.id,
            leader: running.leader().unwrap_or(0),
            term: metrics.current_term,
            last_log: metrics.last_log_index.unwrap_or(0),
            last_applied: metrics.last_applied.map_or(0, |id| id.index),
            log_bytes: running.log.bytes(),
        }
    }
}

/// The life of a controller.
async fn live(
    shared: Arc<Shared>,
    requests: mpsc::Receiver<Asked>,
    asks: mpsc::Receiver<leader::Ask>,
) {
    let running = match start(&shared, requests).await {
        Ok(running) => Arc::new(running),
        Err(error) => {
            tracing::error!(%error, "the controller cannot start");
            shared.stage.send_replace(Stage::Failed(error));
            return;
        }
    };
    tracing::info!(id = running.id, "controller runs");
    shared
        .stage
        .send_replace(Stage::Running(Arc::clone(&running)));
    tokio::join!(
        joining::attend(&shared, &running),
        leader::attend(&shared, &running, asks),
        probe(&shared, &running),
    );
}

/// Gets an id, unless there is one, and starts Raft.
async fn start(
    shared: &Shared,
    requests: mpsc::Receiver<Asked>,
) -> Result<Running, ControllerError> {
    let settings = &shared.settings;
    let disk = &settings.disk;
    let failed = |error: io::Error| ControllerError::DataDir {
        folder: disk.place(),
        error: Arc::new(error),
    };
    let claim = disk::claimed(&**disk).await.map_err(failed)?;
    *shared.claim.lock() = Some(claim);
    let known = Identity::read(&**disk, &settings.cluster).map_err(failed)?;
    let store = Store::open(disk, known.is_some())?;
    let id = match known {
        Some(identity) => identity.id,
        None => {
            shared.stage.send_replace(Stage::Empty);
            let found = formation::find_id(shared, requests).await;
            let identity = Identity {
                cluster: settings.cluster.clone(),
                id: found.id,
            };
            identity.write(&**disk).map_err(failed)?;
            found.tell();
            identity.id
        }
    };
    Running::start(id, store, settings, &shared.link)
        .await
        .map_err(failed)
}

/// Ends the controller when the core of Raft has ended; and asks it often enough to know when it is held up.
async fn probe(shared: &Shared, running: &Running) {
    let mut interval = tokio::time::interval(running.probe_period());
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        if !running.is_alive().await {
            let error = ControllerError::RaftEnded;
            tracing::error!(%error, "controller failed");
            shared.stage.send_replace(Stage::Failed(error));
            return;
        }
    }
}

/// What this process is asked by the first seed, with the way to answer.
pub(crate) type Accept = oneshot::Sender<bool>;

impl Shared {
    /// The controller with an id.
    pub(crate) fn running(&self) -> Option<Arc<Running>> {
        match &*self.stage.borrow() {
            Stage::Running(running) => Some(Arc::clone(running)),
            Stage::Starting | Stage::Empty | Stage::Failed(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
