//! Connectors in a cluster: what processes count is added up by the owners of the series.

use super::Ground;
use crate::actors::Child;
use crate::gateway::random_number;
use crate::pipeline::{
    Connecting, Outlets, SLOT_SEED, SlotOfResource, Stage, Summing, ToSums, slot_of,
};
use std::sync::Arc;
use tailweir_config::{ComponentId, Connector};
use tailweir_connect::{Maker, ResourceKeys, Totals};
use tailweir_core::{Signal, Slot};
use tokio::time::Instant;

/// What adds up, and the workers that hand on what it writes and what others own.
pub(crate) struct RunningSums {
    pub(crate) summing: Arc<Summing>,
    pub(crate) sums: Arc<Connecting>,
    workers: [Child; 2],
}

impl RunningSums {
    /// Starts what adds up for a connector of a cluster; nothing for a process that is alone, or a connector that makes no metrics.
    pub(super) async fn start(
        id: &ComponentId,
        connector: &Connector,
        ground: &Ground,
    ) -> Option<Self> {
        let seat = ground.seat(&format!("connectors/{id}"))?;
        let slots = slots_of(connector);
        let of_totals = Arc::clone(&slots);
        let totals = Totals::new(connector, Box::new(move |resource| of_totals(resource)))?;
        let sums = Arc::new(Connecting::new(
            id.to_string(),
            Maker::of_totals(totals),
            Arc::clone(&ground.ledger),
            ground.clock,
            Arc::clone(&ground.surroundings),
        ));
        let summing = Summing::new(
            seat,
            slots,
            Arc::clone(&sums),
            ground.clock,
            random_number(),
        );
        let (writing, moving) = (Arc::clone(&sums), Arc::clone(&summing));
        let workers = [
            ground.nursery.start_worker(writing).await?,
            ground.nursery.start_worker(moving).await?,
        ];
        let (membership, writer) = (&summing.seat().membership, Arc::clone(&summing));
        membership.enter_writer(summing.seat().name.clone(), writer);
        Some(Self {
            summing,
            sums,
            workers,
        })
    }

    /// The outlets of the connector that counts, when what comes out of the sums goes to these.
    pub(super) fn wire(&self, mut outlets: Outlets) -> Outlets {
        let of_sums = outlets[Signal::Metrics as usize].take();
        if of_sums.is_some() {
            let to_sums = ToSums::new(Arc::clone(&self.summing), random_number());
            let to_sums: Arc<dyn Stage> = Arc::new(to_sums);
            outlets[Signal::Metrics as usize] = Some(to_sums);
        }
        let mut behind = Outlets::default();
        behind[Signal::Metrics as usize] = of_sums;
        self.sums.set_outlets(behind);
        outlets
    }

    /// Takes it out of the cluster: no other member finds it any more.
    pub(super) fn leave(&self) {
        let seat = self.summing.seat();
        seat.membership.leave(&seat.name);
    }

    /// Hands over what others own, and writes the rest for the last time.
    pub(super) async fn close(self, deadline: Instant) {
        self.summing.close(deadline).await;
        self.sums.close(deadline).await;
        for worker in self.workers {
            worker.stop();
        }
    }
}

/// Where the series of a resource are: with its target, or, where only some attributes tell resources apart, by these.
fn slots_of(connector: &Connector) -> SlotOfResource {
    let keys = ResourceKeys::of(connector);
    Arc::new(move |resource| match keys.key(resource) {
        Some(key) => Slot::of_key(&key, SLOT_SEED),
        None => slot_of(resource),
    })
}
