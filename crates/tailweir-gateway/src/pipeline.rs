//! What a pipeline is made of: stages, each of which takes a load and hands it on.
//!
//! ```text
//! receiver -> [transform | batch | sample | divide]* -> ways -> exporters, connectors, other pipelines
//! ```
//!
//! A load that cannot be taken comes back to whoever offered it, with the reason: to a receiver, which
//! refuses the request, or to a batch or a sampler, which hold it and try again. So nothing is dropped
//! on the way without being counted, and pressure reaches the client.

mod batch;
mod by_sender;
mod clustered;
mod connecting;
mod inquiring;
mod load;
mod portion;
mod routing;
mod sampling;
mod scans;
mod streams;
mod trace_aware;
mod transforming;
mod ways;
mod ways_taken;

pub(crate) use batch::Batcher;
pub(crate) use by_sender::BySender;
pub(crate) use clustered::{PART_TIME, Portion, REQUEST_TIME, Seat};
pub(crate) use connecting::{Connecting, ConnectorFigures, Outlets};
pub(crate) use inquiring::{Inquired, Inquiring, Question};
pub(crate) use load::{Load, Returned};
pub(crate) use routing::{RouteFigures, Routes};
pub use sampling::SLOT_SEED;
pub(crate) use sampling::{Routed, Sampler, scan};
pub(crate) use scans::{ScanPool, Scanned};
pub(crate) use streams::SlotOfResource;
pub(crate) use streams::{Exposing, Pairing, Summing, ToSums, Writer, slot_of};
pub(crate) use trace_aware::{TraceAware, TraceAwareCounts, TraceAwareRules};
pub(crate) use transforming::{TransformFigures, Transforming};
pub(crate) use ways::{ConnectorWay, ExportWay, NamedWay, NotExported, WAYS_MAX, Way, Ways};
pub(crate) use ways_taken::WaysTaken;

use futures_core::future::BoxFuture;
use parking_lot::RwLock;
use std::sync::Arc;

/// The outcome of offering a load.
pub(crate) type Taken<'a> = BoxFuture<'a, Result<(), Box<Returned>>>;

/// A part of a pipeline.
pub(crate) trait Stage: Send + Sync + 'static {
    /// Takes the load, or gives it back whole. When it is taken, its charge is somebody else's.
    fn take(&self, load: Load) -> Taken<'_>;
}

/// A stage that can be exchanged while loads flow: what a reload puts behind something that stays.
pub(crate) struct Exchangeable {
    stage: RwLock<Arc<dyn Stage>>,
}

impl Exchangeable {
    /// This stage, for the time being.
    pub(crate) fn new(stage: Arc<dyn Stage>) -> Self {
        Self {
            stage: RwLock::new(stage),
        }
    }

    /// The stage that holds now.
    pub(crate) fn current(&self) -> Arc<dyn Stage> {
        Arc::clone(&self.stage.read())
    }

    /// Loads go to this one from here on; what was offered to the old one stays there.
    pub(crate) fn exchange(&self, stage: Arc<dyn Stage>) {
        *self.stage.write() = stage;
    }
}
