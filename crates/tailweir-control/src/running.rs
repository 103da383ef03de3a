//! A controller that has an id: its Raft, its store, and how it writes.

use crate::change::{Answer, Change};
use crate::log::FileLog;
use crate::machine::Machine;
use crate::network::Network;
use crate::raft::{Peer, Raft};
use crate::settings::ControllerSettings;
use crate::state::{self, State};
use bytes::Bytes;
use openraft::error::{ClientWriteError, ForwardToLeader, RaftError};
use openraft::{Config, RaftMetrics, SnapshotPolicy};
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tailweir_link::Link;
use tokio::sync::watch;
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

/// A snapshot is made after so many entries, and so many before it are kept for those who are a little behind.
const SNAPSHOT_EVERY: u64 = 500;
const KEPT_BEHIND_SNAPSHOT: u64 = 100;
/// In the metadata of a refusal: where the leader is.
pub(crate) const LEADER: &str = "tailweir-leader";

/// A controller with an id.
pub(crate) struct Running {
    pub(crate) id: u64,
    pub(crate) raft: Raft,
    pub(crate) state: watch::Receiver<State>,
    pub(crate) log: FileLog,
    /// A leader that its quorum did not answer for so long may have a successor.
    quorum_patience: Duration,
    /// The last table as it is sent, and its epoch.
    encoded: Mutex<Option<(u64, Bytes)>>,
}

/// What Raft says about itself.
pub(crate) type Metrics = RaftMetrics<u64, Peer>;

impl Running {
    /// Opens the store and starts Raft.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub(crate) async fn start(
        id: u64,
        log: FileLog,
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
        let machine = Machine::open(Arc::clone(&settings.disk))?;
        let state = machine.watch();
        let raft = Raft::new(id, config, Network(link.clone()), log.clone(), machine);
        Ok(Self {
            id,
            raft: raft.await.map_err(io::Error::other)?,
            state,
            log,
            quorum_patience: 2 * pace.election.end,
            encoded: Mutex::new(None),
        })
    }

    pub(crate) fn metrics(&self) -> Metrics {
        self.raft.metrics().borrow().clone()
    }

    /// Whether this controller leads, as far as it can know: its quorum answers.
    pub(crate) fn leads(&self) -> bool {
        let metrics = self.metrics();
        let silence = metrics.millis_since_quorum_ack;
        let patience = self.quorum_patience.as_millis() as u64;
        metrics.current_leader == Some(self.id)
            && metrics.state.is_leader()
            && silence.is_none_or(|silence| silence <= patience)
    }

    /// Whether what this controller knows is likely to be the newest: it leads, or hears a leader.
    pub(crate) fn is_current(&self) -> bool {
        self.leader().is_some()
    }

    /// The leader that this controller hears; itself only as long as it leads.
    pub(crate) fn leader(&self) -> Option<u64> {
        let leader = self.metrics().current_leader;
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
    /// A status for whoever asked: not the leader, no quorum, or refused.
    pub(crate) async fn write(&self, change: Change) -> Result<Answer, Status> {
        let written = self.raft.client_write(change).await;
        match written.map_err(of_write)?.data {
            Answer::Refused(reason) => Err(Status::invalid_argument(reason)),
            answer => Ok(answer),
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

    /// Whether the core of Raft runs. Its own metrics can go on saying so after it has ended, so it is asked.
    pub(crate) async fn is_alive(&self) -> bool {
        self.raft.with_raft_state(|_| ()).await.is_ok()
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
