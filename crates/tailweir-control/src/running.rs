//! A controller that has an id: its Raft, its store, and how it writes.

#[cfg(test)]
pub(crate) mod alone;
mod pulse;

use crate::change::{Answer, Change};
use crate::log::FileLog;
use crate::network::Network;
use crate::raft::{Peer, Raft};
use crate::settings::ControllerSettings;
use crate::state::{self, State};
use crate::store::Store;
use bytes::Bytes;
use openraft::error::{ClientWriteError, ForwardToLeader, RaftError};
use openraft::{Config, RaftMetrics, SnapshotPolicy};
use parking_lot::Mutex;
use pulse::Pulse;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tailweir_link::Link;
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

/// A snapshot is made after so many entries, and so many before it are kept for those who are a little behind.
const SNAPSHOT_EVERY: u64 = 500;
const KEPT_BEHIND_SNAPSHOT: u64 = 100;
/// How often it is looked whether this controller still leads, while a write waits to be agreed on.
const LOOK: Duration = Duration::from_millis(50);
/// The core of Raft is asked so often whether it runs, in the time in which it has to answer once.
const PROBES: u32 = 8;
/// In the metadata of a refusal: where the leader is.
pub(crate) const LEADER: &str = "tailweir-leader";

/// A controller with an id.
pub(crate) struct Running {
    pub(crate) id: u64,
    pub(crate) raft: Raft,
    pub(crate) state: watch::Receiver<State>,
    pub(crate) log: FileLog,
    pulse: Pulse,
    /// The last table as it is sent, and its epoch.
    encoded: Mutex<Option<(u64, Bytes)>>,
}

/// What Raft says about itself.
pub(crate) type Metrics = RaftMetrics<u64, Peer>;

impl Running {
    /// Starts Raft on a store.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub(crate) async fn start(
        id: u64,
        store: Store,
        settings: &ControllerSettings,
        link: &Link,
    ) -> io::Result<Self> {
        let millis = |duration: Duration| duration.as_millis() as u64;
        let pace = &settings.pace;
        let config = Config {
            cluster_name: settings.cluster.clone(),
            heartbeat_interval: millis(pace.heartbeat),
            election_timeout_min: millis(pace.election.start),
            election_timeout_max: millis(pace.election.end),
            snapshot_policy: SnapshotPolicy::LogsSinceLast(SNAPSHOT_EVERY),
            max_in_snapshot_log_to_keep: KEPT_BEHIND_SNAPSHOT,
            ..Config::default()
        };
        let config = Arc::new(config.validate().map_err(io::Error::other)?);
        let Store { log, machine } = store;
        let state = machine.watch();
        let raft = Raft::new(id, config, Network(link.clone()), log.clone(), machine);
        Ok(Self {
            id,
            raft: raft.await.map_err(io::Error::other)?,
            state,
            log,
            pulse: Pulse::new(2 * pace.election.end),
            encoded: Mutex::new(None),
        })
    }

    pub(crate) fn metrics(&self) -> Metrics {
        self.raft.metrics().borrow().clone()
    }

    /// Whether this controller leads, as far as it can know: its own core runs along, and its quorum answers.
    pub(crate) fn leads(&self) -> bool {
        self.term_led().is_some()
    }

    /// The term in which it leads, if it does.
    pub(crate) fn term_led(&self) -> Option<u64> {
        let metrics = self.metrics();
        let leads = metrics.current_leader == Some(self.id) && metrics.state.is_leader();
        if !leads || !self.pulse.beats() {
            return None;
        }
        let term = metrics.current_term;
        let silence = metrics.millis_since_quorum_ack.map(Duration::from_millis);
        self.pulse.hears_quorum(term, silence).then_some(term)
    }

    /// Whether what this controller knows is likely to be the newest: it leads, or hears a leader.
    pub(crate) fn is_current(&self) -> bool {
        self.leader().is_some()
    }

    /// The leader that this controller hears; itself only as long as it leads, and none while its core is held up.
    pub(crate) fn leader(&self) -> Option<u64> {
        let leader = self.metrics().current_leader;
        let leader = leader.filter(|_| self.pulse.beats());
        leader.filter(|&leader| leader != self.id || self.leads())
    }

    /// Refuses what only the leader can do, unless this is it.
    ///
    /// # Errors
    /// A status that says where the leader is.
    pub(crate) fn require_leader(&self) -> Result<(), Status> {
        if self.leads() {
            return Ok(());
        }
        let leader = self.leader().filter(|&leader| leader != self.id);
        let metrics = self.metrics();
        let nodes = metrics.membership_config.nodes();
        let peers: Vec<(&u64, &Peer)> = nodes.collect();
        let address = peers.iter().find(|(id, _)| Some(**id) == leader);
        Err(not_leader(address.map(|(_, peer)| peer.address.as_str())))
    }

    /// Writes a change to the log, and waits until it is agreed on and applied.
    ///
    /// # Errors
    /// A status for whoever asked: not the leader or no longer, no quorum, or refused.
    pub(crate) async fn write(&self, change: Change) -> Result<Answer, Status> {
        let written = self.while_leading(self.raft.client_write(change)).await?;
        match written.map_err(of_write)?.data {
            Answer::Refused(reason) => Err(Status::invalid_argument(reason)),
            answer => Ok(answer),
        }
    }

    /// What Raft says to something that only a leader can do. An entry that was not agreed on before another controller led
    /// may never be answered for: where a snapshot takes its place, Raft keeps whoever waits for it, for ever.
    ///
    /// # Errors
    /// When this controller no longer leads, or does so again since. What was asked for may come about all the same.
    pub(crate) async fn while_leading<T>(
        &self,
        asked: impl Future<Output = T>,
    ) -> Result<T, Status> {
        let term = self.term_led();
        let mut look = tokio::time::interval_at(Instant::now() + LOOK, LOOK);
        tokio::pin!(asked);
        loop {
            tokio::select! {
                biased;
                answer = &mut asked => return Ok(answer),
                _ = look.tick() => if term.is_none() || self.term_led() != term {
                    self.require_leader()?;
                    return Err(Status::unavailable("another controller led meanwhile"));
                },
            }
        }
    }

    /// The newest table as it is sent.
    pub(crate) fn encoded_table(&self, state: &State) -> Bytes {
        let epoch = state.table.epoch().0;
        let mut encoded = self.encoded.lock();
        match &*encoded {
            Some((known, bytes)) if *known == epoch => bytes.clone(),
            _ => {
                let bytes = state::encode_table(&state.table);
                *encoded = Some((epoch, bytes.clone()));
                bytes
            }
        }
    }

    /// Whether the core of Raft runs. Its own metrics can go on saying so after it has ended, so it is asked. It answers only
    /// once its disk does, and until then it does not count as one that leads or hears a leader.
    pub(crate) async fn is_alive(&self) -> bool {
        let asked = self.raft.with_raft_state(|_| ());
        tokio::pin!(asked);
        let patience = self.pulse.patience();
        let answer = match tokio::time::timeout(patience, &mut asked).await {
            Ok(answer) => answer,
            Err(_) => {
                tracing::error!(
                    ?patience,
                    "Raft does not answer: its disk hangs, or the process starves; others have to lead"
                );
                let answer = asked.await;
                tracing::info!("Raft answers again");
                answer
            }
        };
        if answer.is_ok() {
            self.pulse.beat();
        }
        answer.is_ok()
    }

    /// How often the core of Raft has to be asked whether it runs.
    pub(crate) fn probe_period(&self) -> Duration {
        self.pulse.patience() / PROBES
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("id", &self.id).finish()
    }
}

/// What a failed write is for whoever asked for it.
pub(crate) fn of_write(error: RaftError<u64, ClientWriteError<u64, Peer>>) -> Status {
    match error {
        RaftError::APIError(ClientWriteError::ForwardToLeader(forward)) => forwarded(&forward),
        RaftError::APIError(ClientWriteError::ChangeMembershipError(error)) => {
            Status::aborted(error.to_string())
        }
        RaftError::Fatal(error) => Status::unavailable(error.to_string()),
    }
}

fn forwarded(forward: &ForwardToLeader<u64, Peer>) -> Status {
    not_leader(
        forward
            .leader_node
            .as_ref()
            .map(|peer| peer.address.as_str()),
    )
}

fn not_leader(address: Option<&str>) -> Status {
    let mut status = Status::new(Code::FailedPrecondition, "another controller leads");
    let address = address.and_then(|address| MetadataValue::try_from(address).ok());
    match address {
        Some(address) => drop(status.metadata_mut().insert(LEADER, address)),
        None => status = Status::unavailable("the controllers have no leader now"),
    }
    status
}

#[cfg(test)]
mod tests;
