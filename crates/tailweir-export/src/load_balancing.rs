//! The `load_balancing` exporter: a key of each request decides to which endpoint it goes.
//!
//! ```text
//! parcel -> routing (split by key) -> ring (key -> endpoint) -> a queue and workers for each endpoint
//!                                       ^                            |
//!                     resolver ---------+        homeless  <---------+  when an endpoint leaves
//! ```
//!
//! A parcel is taken when all of its shares are held by queues, and refused as a whole otherwise: nobody
//! has to send again what was taken. Its receipt is divided among the shares. When an endpoint leaves, what
//! waits for it becomes homeless and is placed once more, by the new ring.

mod identity;
mod members;
mod resolver;
mod ring;
mod routing;
#[cfg(test)]
mod tests;

use crate::exporter::Direct;
use crate::queue::{Refusal, when_free};
use crate::stats::{BalancerSnapshot, Snapshot};
use crate::{Authorization, BuildError, ExporterSettings, LossReason, Parcel};
use members::{Members, Template};
use parking_lot::Mutex;
use resolver::Resolver;
use ring::Ring;
use routing::Routing;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tailweir_config::LoadBalancingExporter;
use tailweir_core::{ClientKeys, Signal};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often the homeless are tried again where no queue has made room.
const HOMELESS_INTERVAL: Duration = Duration::from_millis(500);

/// What [`crate::Exporter`] says of its methods holds for those of the same name.
pub(crate) struct LoadBalancer {
    name: Arc<str>,
    signal: Signal,
    routing: Routing,
    settings: ExporterSettings,
    resolver: Resolver,
    members: Mutex<Members>,
    /// What waited for endpoints that have left. As large as their queues were, at most.
    homeless: Mutex<VecDeque<Parcel>>,
    /// Rings when a queue has made room, or there are other endpoints.
    room: Arc<Notify>,
    /// Rings when there is something to do for [`Self::run`].
    work: Notify,
    /// Tells requests without keys apart.
    turn: AtomicU64,
    /// Parcels are taken no more.
    closed: CancellationToken,
    /// Who has what waited here.
    heir: OnceLock<Arc<Self>>,
}

impl LoadBalancer {
    pub(crate) fn new(
        name: &str,
        signal: Signal,
        settings: &LoadBalancingExporter,
        authorization: Option<Arc<Authorization>>,
        seed: u64,
    ) -> Result<Self, BuildError> {
        let otlp = &settings.protocol.otlp;
        let mut queue = ExporterSettings {
            seed,
            ..ExporterSettings::of_otlp_grpc(otlp)
        };
        let keys = Authorization::client_keys(authorization.as_deref());
        queue.client_keys.extend(&keys);
        let room = Arc::new(Notify::new());
        let template = Template {
            name: name.to_owned(),
            signal,
            otlp: otlp.clone(),
            authorization,
            queue: queue.clone(),
            freed: room.clone(),
        };
        let resolver = Resolver::of(&settings.resolver);
        Ok(Self {
            name: name.into(),
            signal,
            routing: Routing::of(settings, signal),
            settings: queue,
            members: Mutex::new(Members::new(template, resolver.known())?),
            resolver,
            homeless: Mutex::default(),
            room,
            work: Notify::new(),
            turn: AtomicU64::new(0),
            closed: CancellationToken::new(),
            heir: OnceLock::new(),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn signal(&self) -> Signal {
        self.signal
    }

    pub(crate) fn client_keys(&self) -> &ClientKeys {
        &self.settings.client_keys
    }

    pub(crate) fn waits_for_result(&self) -> bool {
        self.settings.wait_for_result
    }

    pub(crate) fn offer(&self, parcel: Parcel) -> Result<(), Box<Refusal>> {
        if self.closed.is_cancelled() {
            return Err(Refusal::new(parcel, LossReason::AbandonedAtShutdown));
        }
        self.place(parcel)
    }

    pub(crate) async fn enqueue(&self, parcel: Parcel) -> Result<(), Box<Refusal>> {
        if !self.settings.block_on_overflow {
            return self.offer(parcel);
        }
        when_free(&self.room, parcel, |parcel| {
            std::future::ready(self.offer(parcel))
        })
        .await
    }

    /// Gives each share of a parcel to the queue of its endpoint, or hands the parcel back.
    fn place(&self, parcel: Parcel) -> Result<(), Box<Refusal>> {
        let turn = self.turn.fetch_add(1, Relaxed);
        loop {
            let ring = self.members.lock().ring();
            if ring.endpoints().is_empty() {
                return Err(Refusal::new(parcel, LossReason::NoEndpoint));
            }
            // Without the lock: it takes as long as the parcel is large.
            let owner = |key: &[u8]| ring.owner(key).unwrap_or_default();
            let shares = self.routing.split(&parcel.body, turn, owner);
            let members = self.members.lock();
            if Arc::ptr_eq(&members.ring(), &ring) {
                return members.take(parcel, shares);
            }
        }
    }

    /// Keeps resolver, queues and the homeless going. See [`crate::Exporter::run`].
    pub(crate) async fn run(self: &Arc<Self>) {
        // Whoever attended before has gone with the run before.
        self.members.lock().forget_attendance();
        let mut workers = JoinSet::new();
        let mut working: Vec<Arc<Direct>> = Vec::new();
        let follow = self.follow();
        let house = self.house();
        tokio::pin!(follow, house);
        loop {
            let (present, leaving) = self.members.lock().workforce();
            for member in &present {
                if !working.iter().any(|working| Arc::ptr_eq(working, member)) {
                    let member = member.clone();
                    workers.spawn(async move { member.run().await });
                }
            }
            working = present;
            for member in leaving {
                let balancer = self.clone();
                workers.spawn(async move { balancer.dismiss(&member).await });
            }
            if self.closed.is_cancelled() && workers.is_empty() {
                return;
            }
            tokio::select! {
                () = self.work.notified() => {}
                Some(ended) = workers.join_next() => {
                    if let Err(error) = ended && let Ok(panic) = error.try_into_panic() {
                        std::panic::resume_unwind(panic);
                    }
                }
                () = &mut follow => {}
                () = &mut house => {}
            }
        }
    }

    /// Looks the endpoints up again and again. Never ends.
    async fn follow(&self) {
        loop {
            match self.resolver.next().await {
                Ok(endpoints) => self.change(endpoints),
                Err(error) => {
                    tracing::warn!(
                        exporter = &*self.name,
                        error,
                        "the endpoints cannot be looked up"
                    );
                }
            }
        }
    }

    /// From here on these are the endpoints; none, once another has taken this one's place.
    fn change(&self, endpoints: Vec<String>) {
        let ring = Ring::new(endpoints);
        let mut members = self.members.lock();
        // Asked under the lock: whoever hands over has an heir first, and takes the endpoints away under it.
        let has_heir = self.heir.get().is_some();
        let changed = members.change(if has_heir { Ring::default() } else { ring });
        drop(members);
        if changed {
            self.work.notify_one();
            self.room.notify_waiters();
        }
    }

    /// Makes what waits for an endpoint that has left homeless.
    async fn dismiss(&self, member: &Arc<Direct>) {
        let parcels = member.withdraw().await;
        let mut members = self.members.lock();
        self.stand_in_line(parcels.into());
        members.dismissed(member);
        drop(members);
        self.room.notify_waiters();
    }

    /// Places the homeless as soon as there is room for them. Never ends.
    async fn house(&self) {
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            self.place_homeless();
            let _ = tokio::time::timeout(HOMELESS_INTERVAL, room).await;
        }
    }

    fn place_homeless(&self) {
        // Each once: what finds no room stands in line again.
        let count = self.homeless.lock().len();
        for _ in 0..count {
            let next = self.homeless.lock().pop_front();
            let Some(parcel) = next else {
                return;
            };
            match self.place(parcel) {
                Ok(()) => {}
                // It may be that a single queue was made larger than those that are left.
                Err(refusal) if refusal.reason == LossReason::LargerThanQueue => {
                    refusal.parcel.receipt.lost(refusal.reason);
                }
                Err(refusal) => self.stand_in_line(VecDeque::from([refusal.parcel])),
            }
        }
    }

    pub(crate) async fn shutdown(&self, deadline: Instant) -> u64 {
        self.close();
        let _ = tokio::time::timeout_at(deadline, self.all_housed()).await;
        let present = self.members.lock().all();
        let mut closing = JoinSet::new();
        for member in present {
            closing.spawn(async move { member.shutdown(deadline).await });
        }
        let mut given_up = 0;
        while let Some(closed) = closing.join_next().await {
            given_up += closed.unwrap_or_default();
        }
        let homeless = std::mem::take(&mut *self.homeless.lock());
        for parcel in homeless {
            given_up += parcel.items;
            self.members.lock().gone.failed_items += parcel.items;
            parcel.receipt.lost(LossReason::AbandonedAtShutdown);
        }
        given_up
    }

    fn close(&self) {
        self.closed.cancel();
        self.work.notify_one();
        self.room.notify_waiters();
    }

    /// Waits until nothing waits for endpoints that have left.
    async fn all_housed(&self) {
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            let is_leaving = self.members.lock().is_anybody_leaving();
            if !is_leaving && self.homeless.lock().is_empty() {
                return;
            }
            let _ = tokio::time::timeout(HOMELESS_INTERVAL, room).await;
        }
    }

    pub(crate) async fn hand_over(&self, successor: &Arc<Self>, deadline: Instant) {
        if !successor.goes_on() {
            return;
        }
        let _ = self.heir.set(Arc::clone(successor));
        self.close();
        self.change(Vec::new());
        let all_left = async {
            loop {
                let room = self.room.notified();
                tokio::pin!(room);
                room.as_mut().enable();
                if !self.members.lock().is_anybody_leaving() {
                    return;
                }
                room.await;
            }
        };
        let _ = tokio::time::timeout_at(deadline, all_left).await;
        let homeless = std::mem::take(&mut *self.homeless.lock());
        successor.adopt(homeless);
    }

    /// Takes what waited for the endpoints of another.
    fn adopt(&self, parcels: VecDeque<Parcel>) {
        self.stand_in_line(parcels);
        self.room.notify_waiters();
    }

    /// Makes these the last of the homeless: here, or, where somebody has taken this one's place by now, there.
    fn stand_in_line(&self, parcels: VecDeque<Parcel>) {
        let mut homeless = self.homeless.lock();
        // Asked under the lock: whoever hands over closes first, and looks under it what is there.
        if self.closed.is_cancelled()
            && let Some(heir) = self.heir.get()
        {
            drop(homeless);
            return heir.adopt(parcels);
        }
        homeless.extend(parcels);
    }

    /// Whether it, or who took its place, takes in more.
    fn goes_on(&self) -> bool {
        !self.closed.is_cancelled() || self.heir.get().is_some_and(|heir| heir.goes_on())
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut sum = self.members.lock().snapshot();
        let homeless = self.homeless.lock();
        let unit = self.settings.capacity.unit;
        sum.queue_size += homeless.iter().map(|parcel| unit.of(parcel)).sum::<u64>();
        sum.queue_bytes += homeless.iter().map(|parcel| parcel.bytes).sum::<u64>();
        drop(homeless);
        if let Some(balancer) = &mut sum.balancer {
            let BalancerSnapshot {
                resolver,
                resolutions,
                failed_resolutions,
                ..
            } = balancer;
            *resolver = self.resolver.name();
            (*resolutions, *failed_resolutions) = self.resolver.counts();
        }
        sum
    }
}
