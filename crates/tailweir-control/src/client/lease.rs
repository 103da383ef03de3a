//! A sampler's place in the cluster: registered at each start, and held by saying so.

use super::{SamplerSettings, Shared};
use crate::follow::Follower;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tailweir_placement::{Duties, Incarnation};
use tailweir_proto::control::{RegisterAnswer, RegisterRequest, RenewRequest};
use tokio::time::Instant;
use tonic::Status;

/// How long one controller may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// Pause after a registration that nobody took.
const PAUSE: Duration = Duration::from_millis(250);
/// How long the own address may be unknown before a sampler registers all the same.
const NAME_MAX: Duration = Duration::from_secs(30);

/// Registers, if this process is a sampler, and holds the lease as long as the controllers let it.
pub(super) async fn hold(shared: Arc<Shared>) {
    let Some(sampler) = &shared.settings.sampler else {
        return;
    };
    let controllers = shared.settings.controllers.clone();
    let mut follower = Follower::new(shared.link.clone(), controllers);
    let address = sampler.address.clone();
    wait_for_name(&sampler.address, move || {
        let address = address.clone();
        async move { tokio::net::lookup_host(address).await.map(drop) }
    })
    .await;
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
    renew(&shared, &mut follower, member, registered.lease).await;
    tracing::warn!(incarnation = %member, "the controllers no longer know this sampler");
    shared.is_dismissed.send_replace(true);
}

/// Waits until the own address can be looked up. Others are sent there as soon as this sampler is registered, and the name
/// of a new machine or pod may take seconds to be known: slots would wait for it.
async fn wait_for_name<Looking>(address: &str, look_up: impl Fn() -> Looking)
where
    Looking: Future<Output = io::Result<()>>,
{
    let end = Instant::now() + NAME_MAX;
    while let Err(error) = look_up().await {
        if Instant::now() >= end {
            tracing::warn!(
                address,
                %error,
                "the own address is not known after {NAME_MAX:?}; registering all the same"
            );
            return;
        }
        tracing::debug!(address, %error, "the own address is not known yet");
        tokio::time::sleep(PAUSE).await;
    }
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

/// Renews until the controllers know this member no more. They take it for lost when it goes on without newer tables.
async fn renew(shared: &Shared, follower: &mut Follower, member: Incarnation, lease: u64) {
    let mut lease = lease;
    loop {
        // Nobody has a reason to say so; a lease of nothing would spin.
        let period = Duration::from_millis(lease.max(100)) / Duties::RENEWALS;
        tokio::time::sleep(period).await;
        let request = RenewRequest {
            incarnation: member.0,
            epoch: Some(shared.table.borrow().epoch().0),
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

#[cfg(test)]
mod tests {
    use super::{NAME_MAX, PAUSE, wait_for_name};
    use std::io;
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio::time::Instant;

    /// Scenario: the own name is known at the fourth look; another never is.
    /// Guarantees: a sampler registers as soon as others can find it, and in the end all the same.
    #[tokio::test(start_paused = true)]
    async fn a_sampler_waits_for_its_name() {
        let (began, looks) = (Instant::now(), AtomicU32::new(0));
        wait_for_name("sampler:4319", || {
            std::future::ready(match looks.fetch_add(1, Ordering::Relaxed) {
                0..3 => Err(io::Error::other("no such name")),
                _ => Ok(()),
            })
        })
        .await;
        assert_eq!(began.elapsed(), 3 * PAUSE);
        let began = Instant::now();
        let never = || std::future::ready(Err(io::Error::other("no such name")));
        wait_for_name("nowhere:4319", never).await;
        assert_eq!(began.elapsed(), NAME_MAX);
    }
}
