//! A sampler's place in the cluster: registered at each start, and held by saying so.

use super::{SamplerSettings, Shared};
use crate::follow::Follower;
use std::sync::Arc;
use std::time::Duration;
use tailweir_placement::Incarnation;
use tailweir_proto::control::{RegisterAnswer, RegisterRequest, RenewRequest};
use tonic::Status;

/// How long one controller may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// Pause after a registration that nobody took.
const PAUSE: Duration = Duration::from_millis(250);
/// A lease is renewed so often while it lasts.
const RENEWALS: u32 = 3;

/// Registers, if this process is a sampler, and holds the lease as long as the controllers let it.
pub(super) async fn hold(shared: Arc<Shared>) {
    let Some(sampler) = &shared.settings.sampler else {
        return;
    };
    let controllers = shared.settings.controllers.clone();
    let mut follower = Follower::new(shared.link.clone(), controllers);
    let registered = loop {
        match register(&mut follower, sampler).await {
            Ok(registered) => break registered,
            Err(status) => {
                tracing::debug!(error = status.message(), "not registered yet");
                tokio::time::sleep(PAUSE).await;
            }
        }
    };
    let member = Incarnation(registered.incarnation);
    tracing::info!(incarnation = %member, "registered with the controllers");
    shared.link.set_incarnation(member.0);
    shared.incarnation.send_replace(Some(member));
    renew(&mut follower, member, registered.lease).await;
    tracing::warn!(incarnation = %member, "the controllers no longer know this sampler");
    shared.is_dismissed.send_replace(true);
}

async fn register(
    follower: &mut Follower,
    sampler: &SamplerSettings,
) -> Result<RegisterAnswer, Status> {
    let request = RegisterRequest {
        name: sampler.name.to_string(),
        address: sampler.address.clone(),
        zone: sampler.zone.clone(),
        weight: sampler.weight.get().into(),
    };
    // An answer that comes too late leaves an incarnation behind, which the next registration replaces.
    let patience = 3 * PATIENCE;
    follower
        .call(request, patience, |mut caller, request| async move {
            caller.register(request).await
        })
        .await
}

/// Renews until the controllers know this member no more.
async fn renew(follower: &mut Follower, member: Incarnation, lease: u64) {
    let mut lease = lease;
    loop {
        // Nobody has a reason to say so; a lease of nothing would spin.
        let period = Duration::from_millis(lease.max(100)) / RENEWALS;
        tokio::time::sleep(period).await;
        let request = RenewRequest {
            incarnation: member.0,
        };
        let renewed = follower
            .call(request, PATIENCE, |mut caller, request| async move {
                caller.renew(request).await
            })
            .await;
        match renewed {
            Ok(answer) if answer.unknown => return,
            Ok(answer) => lease = answer.lease,
            Err(status) => tracing::warn!(error = status.message(), "the lease is not renewed"),
        }
    }
}
