//! Exemplars in a cluster: connectors ask the owners of traces what became of them.

use super::connectors::deciding;
use super::{Ground, Place};
use crate::actors::Child;
use crate::pipeline::{Connecting, Inquired, Inquiring};
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::{ComponentId, Connector, Processor, Settings};

/// What asks for a connector, and its worker.
pub(crate) struct RunningInquiry {
    inquiring: Arc<Inquiring>,
    worker: Child,
}

impl RunningInquiry {
    /// Starts it for a connector of a cluster that has exemplars; nothing for a process that is alone, where samplers tell by
    /// themselves, or for another connector.
    pub(super) async fn start(
        settings: &Connector,
        connector: &Arc<Connecting>,
        ground: &Ground,
    ) -> Option<Self> {
        let membership = Arc::clone(ground.membership.as_ref()?);
        if !has_exemplars(settings) {
            return None;
        }
        let inquiring = Inquiring::new(membership, Arc::clone(connector));
        let work = Arc::clone(&inquiring);
        let worker = ground.nursery.start_worker(work).await?;
        Some(Self { inquiring, worker })
    }

    /// Asks the samplers that decide about what the connector sees by these settings.
    pub(super) fn set(&self, id: &ComponentId, settings: &Settings) {
        let places = deciding(settings, id);
        let windows = places.iter().map(|place| window(settings, place));
        self.inquiring.set(Inquired {
            window: windows.max().unwrap_or_default(),
            samplers: places
                .iter()
                .map(|place| place_name(place).into())
                .collect(),
        });
    }

    /// Asks nobody any more.
    pub(super) fn stop(self) {
        self.worker.stop();
    }
}

/// Whether exemplars of a connector wait for decisions.
pub(super) fn has_exemplars(settings: &Connector) -> bool {
    match settings {
        Connector::SpanMetrics(settings) => settings.exemplars.enabled,
        Connector::SpanMetricsProcessor(_) => true,
        _ => false,
    }
}

fn window(settings: &Settings, (_, sampler): &Place) -> Duration {
    match settings.processors.get(sampler) {
        Some(Processor::TailSampling(settings)) => settings.decision_wait,
        _ => Duration::ZERO,
    }
}

/// What members call the sampler at a place.
pub(super) fn place_name((pipeline, sampler): &Place) -> String {
    format!("{pipeline}/{sampler}")
}
