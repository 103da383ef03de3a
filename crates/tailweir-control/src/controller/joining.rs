//! How a controller with an id becomes, and stays, a voting member under its present address.

use super::Shared;
use super::formation::{ask_others, give_ids};
use crate::follow::Follower;
use crate::raft::Peer;
use crate::running::{Metrics, Running, of_write};
use openraft::ChangeMembers;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tailweir_proto::control::{Controller, JoinRequest};
use tokio::time::MissedTickBehavior;
use tonic::Status;

/// How long the leader may take to agree with the others on one more.
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

/// Says to the leader who this is and where. Says whether that is done: the leader knows it, this process does, and no change is half
/// done, after which this controller might not vote any more.
async fn join(shared: &Shared, running: &Running) -> Result<bool, Status> {
    let own = Controller {
        id: running.id,
        name: shared.settings.name.clone(),
        address: shared.settings.address.clone(),
        votes: true,
    };
    let is_settled = is_in_place(&controllers(running), &own) && !is_joint(&running.metrics());
    if running.leads() && is_settled {
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
    if is_settled && is_in_place(&info.controllers, &own) {
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

/// Whether a controller is among the others as what it is, and none whose place it takes.
fn is_in_place(all: &[Controller], own: &Controller) -> bool {
    let mut others = all.iter().filter(|it| it.id != own.id);
    all.contains(own) && !others.any(|it| is_predecessor(it, own))
}

/// Whether a change of the controllers has made the first of its two steps only. Until the second, each decision needs a majority of those
/// before it, too.
pub(super) fn is_joint(metrics: &Metrics) -> bool {
    let membership = metrics.membership_config.membership();
    membership.get_joint_config().len() > 1
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
    finish(running).await?;
    let peer = Peer {
        name: wanted.name.clone(),
        address: wanted.address.clone(),
    };
    let known = controllers(running);
    let same = known.iter().find(|it| it.id == wanted.id);
    match same {
        Some(same) if (&same.name, &same.address) == (&wanted.name, &wanted.address) => {}
        Some(same) if is_another(same, wanted) => return Err(another(same, wanted)),
        Some(_) => {
            let nodes = ChangeMembers::SetNodes(BTreeMap::from([(wanted.id, peer)]));
            change(running, nodes, true).await?;
        }
        None => {
            let nodes = ChangeMembers::AddNodes(BTreeMap::from([(wanted.id, peer)]));
            change(running, nodes, true).await?;
        }
    }
    let predecessors: BTreeSet<u64> = known
        .iter()
        .filter(|it| it.id != wanted.id && is_predecessor(it, wanted))
        .map(|it| it.id)
        .collect();
    if same.is_none_or(|same| !same.votes) {
        let stays = |it: &&Controller| it.votes && !predecessors.contains(&it.id);
        let voters = known.iter().filter(stays).count();
        if voters >= shared.settings.seeds.len() {
            return Err(Status::failed_precondition(format!(
                "the cluster has {voters} controllers already; remove one first"
            )));
        }
        promote(running, wanted).await?;
    }
    for id in predecessors {
        remove(running, id).await?;
    }
    Ok(())
}

/// On the leader: lets a controller vote.
async fn promote(running: &Running, wanted: &Controller) -> Result<(), Status> {
    if !has_caught_up(&running.metrics(), wanted.id) {
        let text = "the controller has not caught up; it joins once it has";
        return Err(Status::unavailable(text));
    }
    let voter = ChangeMembers::AddVoterIds(BTreeSet::from([wanted.id]));
    change(running, voter, true).await?;
    tracing::info!(id = wanted.id, name = wanted.name, "a controller joined");
    Ok(())
}

/// Whether the leader knows that a controller has its log up to the change that made it one. One that nobody reaches would only be missing
/// from every majority.
fn has_caught_up(metrics: &Metrics, id: u64) -> bool {
    let replication = metrics.replication.as_ref();
    let matching = replication.and_then(|all| all.get(&id).copied().flatten());
    let wanted = metrics.membership_config.log_id().map(|id| id.index);
    matching.is_some_and(|matching| Some(matching.index) >= wanted)
}

/// Whether an id is that of somebody else, who has another name and another address. A seed that has not said its name yet is known by its
/// id alone, wherever it comes from.
fn is_another(same: &Controller, wanted: &Controller) -> bool {
    !same.name.is_empty() && same.name != wanted.name && same.address != wanted.address
}

/// An id is that of one data directory, and whoever has this one now comes under another name and at another address.
fn another(same: &Controller, wanted: &Controller) -> Status {
    Status::failed_precondition(format!(
        "the id {} is that of the controller `{}` at {}, and not of `{}` at {}; start it under one of both, or empty its data directory, \
         and it joins as a new one",
        same.id, same.name, same.address, wanted.name, wanted.address
    ))
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
    let removal = match votes {
        true => ChangeMembers::RemoveVoters(gone),
        false => ChangeMembers::RemoveNodes(gone),
    };
    change(running, removal, false).await?;
    tracing::info!(id, "a controller was removed");
    Ok(())
}

/// While this controller leads: sees to the second step of each change of which only the first was made, as by a leader before it. Never
/// done.
pub(crate) async fn finish_what_broke_off(shared: &Shared, running: &Running) {
    let mut interval = tokio::time::interval(shared.settings.pace.search);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        // Whoever changes the controllers just now sees to it.
        let Ok(_alone) = shared.membership.try_lock() else {
            continue;
        };
        if let Err(error) = finish(running).await {
            tracing::info!(%error, "a change of the controllers is still half done");
        }
    }
}

/// On the leader: makes the second step of a change, if only its first was made.
async fn finish(running: &Running) -> Result<(), Status> {
    if !is_joint(&running.metrics()) {
        return Ok(());
    }
    // Nobody is added, so it is the second step of whatever was changed.
    change(running, ChangeMembers::AddVoterIds(BTreeSet::new()), false).await?;
    tracing::info!("a change of the controllers that was half done is finished");
    Ok(())
}

/// On the leader: changes the controllers, and waits until that is seen in what Raft says about itself. Whoever waits may go away, or hear
/// that this controller does not lead just now: as long as Raft itself leads, it makes both steps all the same.
async fn change(
    running: &Running,
    change: ChangeMembers<u64, Peer>,
    retain: bool,
) -> Result<(), Status> {
    let raft = running.raft.clone();
    // openraft makes the second step in the future of the first, which must not be dropped between the two. It ends with Raft at the latest.
    let changing = tokio::spawn(async move { raft.change_membership(change, retain).await });
    let changed = running.while_leading(changing).await?;
    let changed = changed.map_err(|error| Status::internal(error.to_string()))?;
    let last = Some(changed.map_err(of_write)?.log_id);
    let mut metrics = running.raft.metrics();
    let is_seen = |metrics: &Metrics| *metrics.membership_config.log_id() >= last;
    let seen = metrics.wait_for(is_seen).await.is_ok();
    seen.then_some(())
        .ok_or_else(|| Status::unavailable("Raft has ended"))
}

#[cfg(test)]
mod tests;
