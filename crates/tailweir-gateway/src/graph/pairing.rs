//! Graphs of services in a cluster: the halves of a request are paired where the slot of their trace is.

use super::Ground;
use crate::actors::Child;
use crate::gateway::random_number;
use crate::pipeline::{Connecting, Pairing};
use std::sync::Arc;
use tailweir_config::{ComponentId, Connector};
use tailweir_connect::Halves;
use tokio::time::Instant;

/// What brings halves to those who pair them, and its worker.
pub(crate) struct RunningPairing {
    pub(crate) pairing: Arc<Pairing>,
    worker: Child,
}

impl RunningPairing {
    /// Starts it for a `service_graph` of a cluster; nothing for a process that is alone, or for another connector.
    pub(super) async fn start(
        id: &ComponentId,
        connector: &Connector,
        graph: &Arc<Connecting>,
        ground: &Ground,
    ) -> Option<Self> {
        let halves = Halves::of(connector)?;
        let seat = ground.seat(&format!("connectors/{id}/halves"))?;
        let (name, membership) = (Arc::clone(&seat.name), Arc::clone(&seat.membership));
        let graph = Arc::clone(graph);
        let pairing = Pairing::new(seat, halves, graph, ground.clock, random_number());
        let (work, writer) = (Arc::clone(&pairing), Arc::clone(&pairing));
        let worker = ground.nursery.start_worker(work).await?;
        membership.enter_writer(name, writer);
        Some(Self { pairing, worker })
    }

    /// Takes it out of the cluster: no other member finds it any more.
    pub(super) fn leave(&self) {
        let seat = self.pairing.seat();
        seat.membership.leave(&seat.name);
    }

    /// Brings what is left to those who pair it.
    pub(super) async fn close(self, deadline: Instant) {
        self.pairing.close(deadline).await;
        self.worker.stop();
    }
}
