//! How a controller with an id becomes, and stays, a voting member under its present address.

use super::Shared;
use super::formation::{ask_others, give_ids};
use crate::follow::Follower;
use crate::raft::Peer;
use crate::running::Running;
use openraft::ChangeMembers;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tailweir_proto::control::{Controller, JoinRequest};
use tonic::Status;

/// How long the leader may take to bring a new controller up to date.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sees to it that this controller is a member, and returns once it is.
pub(super) async fn attend(shared: &Shared, running: &Running) {
    let mut interval = tokio::time::interval(shared.settings.pace.search);
    loop {
        interval.tick().await;
        let step = match running.raft.is_initialized().await {
            Ok(false) if running.id == 1 && shared.place() == Some(0) => {
                initialise(shared, running).await
            }
            Ok(_) => join(shared, running).await,
            // The probe tells of the end of Raft.
            Err(_) => return,
        };
        match step {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => tracing::info!(%error, "not yet a member of the controllers"),
        }
    }
}

/// The first seed founds the cluster. Says whether that is done.
async fn initialise(shared: &Shared, running: &Running) -> Result<bool, Status> {
    if !give_ids(shared).await {
        return Ok(false);
    }
    let peer = |address: &String| Peer {
        name: String::new(),
        address: address.clone(),
    };
    let seeds = &shared.settings.seeds;
    let members: BTreeMap<u64, Peer> = (1..).zip(seeds.iter().map(peer)).collect();
    let founded = running.raft.initialize(members).await;
    founded.map_err(|error| Status::unavailable(error.to_string()))?;
    tracing::info!(controllers = seeds.len(), "a new cluster");
    Ok(false)
}

/// Says to the leader who this is and where. Says whether the leader knows it as that.
async fn join(shared: &Shared, running: &Running) -> Result<bool, Status> {
    let own = Controller {
        id: running.id,
        name: shared.settings.name.clone(),
        address: shared.settings.address.clone(),
        votes: true,
    };
    if running.leads() && controllers(running).contains(&own) {
        return Ok(true);
    }
    let infos = ask_others(shared).await;
    let mut led = infos.iter().flatten().filter(|info| info.leader > 0);
    let Some(info) = led.next() else {
        return match running.leads() {
            true => put(shared, running, &own).await.map(|()| false),
            // Without a leader there is nobody to join.
            false => Ok(false),
        };
    };
    if info.controllers.contains(&own) {
        return Ok(true);
    }
    let mut follower = Follower::new(shared.link.clone(), shared.settings.seeds.clone());
    let request = JoinRequest {
        controller: Some(own),
    };
    let joined = follower.call(request, PATIENCE, |mut caller, request| async move {
        caller.join(request).await
    });
    joined.await.map(|_| false)
}

/// The controllers as this one knows them.
pub(crate) fn controllers(running: &Running) -> Vec<Controller> {
    let metrics = running.metrics();
    let membership = &metrics.membership_config;
    let voters: BTreeSet<u64> = membership.voter_ids().collect();
    let controller = |(id, peer): (&u64, &Peer)| Controller {
        id: *id,
        name: peer.name.clone(),
        address: peer.address.clone(),
        votes: voters.contains(id),
    };
    membership.nodes().map(controller).collect()
}

/// On the leader: makes a controller a voting member under its name and address, in the place of one of the same name.
///
/// # Errors
/// A status for the controller, which tries again.
pub(crate) async fn put(
    shared: &Shared,
    running: &Running,
    wanted: &Controller,
) -> Result<(), Status> {
    let _alone = shared.membership.lock().await;
    let failed = crate::running::of_write;
    let peer = Peer {
        name: wanted.name.clone(),
        address: wanted.address.clone(),
    };
    let known = controllers(running);
    let same = known.iter().find(|it| it.id == wanted.id);
    match same {
        Some(same) if (&same.name, &same.address) == (&wanted.name, &wanted.address) => {}
        Some(_) => {
            let nodes = ChangeMembers::SetNodes(BTreeMap::from([(wanted.id, peer)]));
            let changed = running.raft.change_membership(nodes, true).await;
            changed.map_err(failed)?;
        }
        None => {
            // Waits until it has caught up.
            let added = running.raft.add_learner(wanted.id, peer, true).await;
            added.map_err(failed)?;
        }
    }
    let predecessors: BTreeSet<u64> = known
        .iter()
        .filter(|it| it.id != wanted.id && is_predecessor(it, wanted))
        .map(|it| it.id)
        .collect();
    if same.is_none_or(|same| !same.votes) {
        let voters = known.iter().filter(|it| it.votes).count();
        if voters >= shared.settings.seeds.len() && predecessors.is_empty() {
            return Err(Status::failed_precondition(format!(
                "the cluster has {voters} controllers already; remove one first"
            )));
        }
        let voter = ChangeMembers::AddVoterIds(BTreeSet::from([wanted.id]));
        let changed = running.raft.change_membership(voter, true).await;
        changed.map_err(failed)?;
        tracing::info!(id = wanted.id, name = wanted.name, "a controller joined");
    }
    for id in predecessors {
        remove(running, id).await?;
    }
    Ok(())
}

/// Whether one controller takes the place of another: a process has one name and one address, so the other is no more.
fn is_predecessor(other: &Controller, wanted: &Controller) -> bool {
    other.address == wanted.address || (!other.name.is_empty() && other.name == wanted.name)
}

/// On the leader: takes a controller out.
///
/// # Errors
/// A status, when it is the last or the others are no quorum.
pub(crate) async fn remove(running: &Running, id: u64) -> Result<(), Status> {
    let known = controllers(running);
    let votes = known.iter().any(|it| it.id == id && it.votes);
    let gone = BTreeSet::from([id]);
    let change = match votes {
        true => ChangeMembers::RemoveVoters(gone),
        false => ChangeMembers::RemoveNodes(gone),
    };
    let changed = running.raft.change_membership(change, false).await;
    changed.map_err(crate::running::of_write)?;
    tracing::info!(id, "a controller was removed");
    Ok(())
}
