//! What operators, and samplers that stop, ask of the controllers.

use crate::follow::Follower;
use std::time::Duration;
use tailweir_link::Link;
use tailweir_placement::{Epoch, Incarnation, MemberName, TenureId};
use tailweir_proto::control as wire;
use tonic::{Code, Status};

/// How long one controller may take for one answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why the controllers did not do what they were asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ControlError {
    /// They refuse it.
    #[error("the controllers refuse: {0}")]
    Refused(String),
    /// None of them answers, or they have no leader.
    #[error("no controller can do it now: {0}")]
    Unavailable(String),
}

impl From<Status> for ControlError {
    fn from(status: Status) -> Self {
        let text = status.message().to_owned();
        match status.code() {
            Code::InvalidArgument
            | Code::NotFound
            | Code::Aborted
            | Code::PermissionDenied
            | Code::Unauthenticated => Self::Refused(text),
            _ => Self::Unavailable(text),
        }
    }
}

/// What a wish to drain came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drain {
    /// The member drains: its slots have moved, and it stays until it has decided what it holds.
    Granted,
    /// It waits for this; ask again within a second or so.
    Waits(String),
}

/// What one controller says about all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterInfo {
    /// The controllers, by id.
    pub controllers: Vec<ControllerInfo>,
    /// The id of the leader; 0 when there is none.
    pub leader: u64,
    /// The term of Raft.
    pub term: u64,
    /// Number of the last change that was carried out.
    pub last_applied: u64,
    /// The epoch of the routing table.
    pub epoch: Epoch,
}

/// A controller as the others know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControllerInfo {
    /// Its id.
    pub id: u64,
    /// What it is called; empty until it has said so.
    pub name: String,
    /// Where it is reached.
    pub address: String,
    /// Whether it votes; otherwise it is still catching up.
    pub votes: bool,
}

/// Asks the controllers, and follows them to their leader.
#[derive(Debug)]
pub struct Operator(Follower);

impl Operator {
    /// Asks these controllers, `host:port` each.
    #[must_use]
    pub fn new(link: Link, controllers: Vec<String>) -> Self {
        Self(Follower::new(link, controllers))
    }

    /// How the controllers stand, as one of them sees it.
    ///
    /// # Errors
    /// When none answers.
    pub async fn info(&mut self) -> Result<ClusterInfo, ControlError> {
        let answer = self
            .0
            .call(
                wire::ClusterInfoRequest {},
                PATIENCE,
                |mut caller, request| async move { caller.cluster_info(request).await },
            )
            .await?;
        let controller = |it: wire::Controller| ControllerInfo {
            id: it.id,
            name: it.name,
            address: it.address,
            votes: it.votes,
        };
        Ok(ClusterInfo {
            controllers: answer.controllers.into_iter().map(controller).collect(),
            leader: answer.leader,
            term: answer.term,
            last_applied: answer.last_applied,
            epoch: Epoch(answer.epoch),
        })
    }

    /// Asks once that a member leaves: this life of it, or whichever there is.
    ///
    /// # Errors
    /// When there is no such member, or no controller can do it.
    pub async fn drain(
        &mut self,
        name: &MemberName,
        life: Option<Incarnation>,
    ) -> Result<Drain, ControlError> {
        let request = wire::DrainRequest {
            name: name.to_string(),
            incarnation: life.map(|life| life.0),
        };
        let answer = self
            .0
            .call(request, PATIENCE, |mut caller, request| async move {
                caller.drain(request).await
            })
            .await?;
        Ok(match answer.granted {
            true => Drain::Granted,
            false => Drain::Waits(answer.waits_for),
        })
    }

    /// A draining member is out of time: it is replaced while it still runs.
    ///
    /// # Errors
    /// When it does not drain, or no controller can do it.
    pub async fn evacuate(&mut self, member: Incarnation) -> Result<Epoch, ControlError> {
        let request = wire::EvacuateRequest {
            incarnation: member.0,
        };
        let changed = self
            .0
            .call(request, PATIENCE, |mut caller, request| async move {
                caller.evacuate(request).await
            })
            .await?;
        Ok(Epoch(changed.epoch))
    }

    /// A member is not to come back.
    ///
    /// # Errors
    /// When there is no such member, or no controller can do it.
    pub async fn remove(&mut self, name: &MemberName) -> Result<Epoch, ControlError> {
        let changed = self
            .0
            .call(member(name), PATIENCE, |mut caller, request| async move {
                caller.remove(request).await
            })
            .await?;
        Ok(Epoch(changed.epoch))
    }

    /// A controller is not to come back.
    ///
    /// # Errors
    /// When there is none of that name, it leads, or no controller can do it.
    pub async fn remove_controller(&mut self, name: &MemberName) -> Result<Epoch, ControlError> {
        let changed = self
            .0
            .call(member(name), PATIENCE, |mut caller, request| async move {
                caller.remove_controller(request).await
            })
            .await?;
        Ok(Epoch(changed.epoch))
    }

    /// Gives tenures up, with all that they hold.
    ///
    /// # Errors
    /// When no controller can do it.
    pub async fn forget(&mut self, tenures: &[TenureId]) -> Result<Epoch, ControlError> {
        let tenures = tenures
            .iter()
            .map(|tenure| wire::TenureName {
                slot: tenure.slot.index() as u32,
                created: tenure.created.0,
            })
            .collect();
        let request = wire::ForgetRequest { tenures };
        let changed = self
            .0
            .call(request, PATIENCE, |mut caller, request| async move {
                caller.forget(request).await
            })
            .await?;
        Ok(Epoch(changed.epoch))
    }

    /// Puts policies into force everywhere, and says which revision they are.
    ///
    /// # Errors
    /// When they are too large, or no controller can do it.
    pub async fn apply_policies(&mut self, text: &str) -> Result<u64, ControlError> {
        let request = wire::ApplyPoliciesRequest {
            text: text.to_owned(),
        };
        let applied = self
            .0
            .call(request, PATIENCE, |mut caller, request| async move {
                caller.apply_policies(request).await
            })
            .await?;
        Ok(applied.revision)
    }

    /// The process that lives as this member has gone.
    ///
    /// # Errors
    /// When no controller can do it.
    pub(crate) async fn leave(&mut self, member: Incarnation) -> Result<(), ControlError> {
        let request = wire::LeaveRequest {
            incarnation: member.0,
        };
        self.0
            .call(request, PATIENCE, |mut caller, request| async move {
                caller.leave(request).await
            })
            .await?;
        Ok(())
    }
}

fn member(name: &MemberName) -> wire::MemberRequest {
    wire::MemberRequest {
        name: name.to_string(),
    }
}
