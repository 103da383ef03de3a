//! What runs: receivers, pipelines, exporters, built from settings and changed by a reload.
//!
//! A change has two halves. [`Plan::compile`] does everything that can fail for a reason in the
//! settings and touches nothing that runs; [`Graph::change`] then puts it into force. What is the same
//! as before keeps running: exporters with their queues, batches with what waits in them, connectors
//! with what they counted, receivers with their connections, and in any case the shards with the traces they hold.

mod clients;
mod connectors;
mod exporters;
mod exposing;
mod inquiring;
mod leaving;
mod limits;
mod page;
mod pairing;
mod passing;
mod plan;
mod receivers;
mod retired;
mod server;
mod site;
mod sums;
mod trace_aware;
mod wiring;

pub(crate) use exporters::{Blueprint, RunningExporter};
pub(crate) use inquiring::RunningInquiry;
pub(crate) use pairing::RunningPairing;
pub(crate) use plan::Plan;
pub(crate) use receivers::{RunningReceiver, patterns};
pub(crate) use retired::Retired;
pub use site::Site;
pub(crate) use sums::RunningSums;

use crate::actors::{Child, Nursery};
use crate::admission::Admission;
use crate::buffer::BufferPool;
use crate::clock::Clock;
use crate::console::Console;
use crate::error::StartError;
use crate::kubernetes::Watching;
use crate::ledger::Ledger;
use crate::membership::Membership;
use crate::pipeline::{
    Batcher, Connecting, Exposing, NotExported, RouteFigures, Sampler, ScanPool, Seat, TraceAware,
    TransformFigures,
};
use crate::spools::Spools;
use parking_lot::Mutex;
use passing::Passing;
use retired::Gone;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tailweir_config::{Batch, ComponentId, Connector, PipelineId, Settings};
use tailweir_core::{ByteSize, Signal};
use tailweir_export::WrittenFiles;
use tailweir_transform::{Dialect, Surroundings};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// What every part of a gateway stands on, whatever the settings.
pub(crate) struct Ground {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) nursery: Nursery,
    pub(crate) clock: Clock,
    pub(crate) scans: Arc<ScanPool>,
    pub(crate) buffers: Arc<BufferPool>,
    /// Shards of each sampler.
    pub(crate) shards: usize,
    /// Memory that the process may use.
    pub(crate) memory: ByteSize,
    /// Bytes of requests in flight; nothing: a share of the memory.
    pub(crate) in_flight_max: Option<ByteSize>,
    /// Seeds the tables of the shards.
    pub(crate) seed: u64,
    /// Names this process in what it makes itself.
    pub(crate) instance: String,
    /// The time and the randomness that expressions may ask for.
    pub(crate) surroundings: Arc<dyn Surroundings>,
    /// Where `debug` exporters write.
    pub(crate) console: Console,
    /// The queues on disk.
    pub(crate) spools: Spools,
    /// Where `file` exporters write.
    pub(crate) written_files: WrittenFiles,
    /// The cluster that the process is a member of.
    pub(crate) membership: Option<Arc<Membership>>,
}

impl Ground {
    /// What conditions and statements of these settings are written in.
    pub(crate) fn dialect(&self, settings: &Settings) -> Dialect {
        Dialect {
            lambdas: settings.lambdas,
            surroundings: Arc::clone(&self.surroundings),
        }
    }

    /// Whether this process opens its receivers.
    pub(crate) fn receives(&self) -> bool {
        let membership = self.membership.as_ref();
        membership.is_none_or(|membership| membership.receives)
    }

    /// The place of a sampler, of traces or of logs, in the cluster, if there is one.
    fn seat_of(&self, place: &Place) -> Option<Arc<Seat>> {
        self.seat(&inquiring::place_name(place))
    }

    /// The place of what members call so, in the cluster, if there is one.
    fn seat(&self, name: &str) -> Option<Arc<Seat>> {
        let membership = Arc::clone(self.membership.as_ref()?);
        let ledger = Arc::clone(&self.ledger);
        Some(Arc::new(Seat::new(membership, name.into(), ledger)))
    }

    /// Shards of each sampler of this process: none where another member has them all.
    pub(crate) fn shards_of_sampler(&self) -> usize {
        match &self.membership {
            Some(membership) if membership.incarnation.is_none() => 0,
            _ => self.shards,
        }
    }

    /// Whether telemetry passes a processor in this process.
    pub(crate) fn runs(&self, id: &ComponentId, settings: &Settings) -> bool {
        let passing = Passing::of(id, settings);
        let owns = self.shards_of_sampler() > 0;
        (passing.at_receivers && self.receives()) || (passing.at_owners && owns)
    }
}

/// A processor of a pipeline. The same processor in two pipelines is two things.
pub(crate) type Place = (PipelineId, ComponentId);

/// What runs.
pub(crate) struct Graph {
    pub(crate) settings: Arc<Settings>,
    pub(crate) exporters: BTreeMap<(ComponentId, Signal), RunningExporter>,
    pub(crate) not_exported: BTreeMap<(ComponentId, Signal), Arc<NotExported>>,
    /// Exporters whose streams are shown by one member of the cluster each.
    pub(crate) exposing: BTreeMap<ComponentId, Arc<Exposing>>,
    pub(crate) samplers: BTreeMap<Place, Arc<Sampler>>,
    pub(crate) batchers: BTreeMap<Place, RunningBatcher>,
    pub(crate) trace_aware: BTreeMap<Place, Arc<TraceAware>>,
    pub(crate) connectors: BTreeMap<ComponentId, RunningConnector>,
    pub(crate) routes: BTreeMap<ComponentId, Arc<RouteFigures>>,
    pub(crate) transforms: BTreeMap<Place, Arc<Mutex<TransformFigures>>>,
    /// What processors know of Kubernetes.
    pub(crate) watching: BTreeMap<ComponentId, Arc<Watching>>,
    /// Samplers that hold, or have held, telemetry in which its senders are noted.
    noted: BTreeSet<Place>,
    pub(crate) receivers: BTreeMap<ComponentId, RunningReceiver>,
}

/// A batch processor and the worker that empties it.
pub(crate) struct RunningBatcher {
    pub(crate) settings: Batch,
    pub(crate) batcher: Arc<Batcher>,
    pub(crate) worker: Child,
}

/// A connector that makes telemetry, and the worker that hands it on.
pub(crate) struct RunningConnector {
    pub(crate) settings: Connector,
    pub(crate) connector: Arc<Connecting>,
    pub(crate) worker: Child,
    /// In a cluster, what has the halves of a graph of services paired.
    pub(crate) pairing: Option<RunningPairing>,
    /// In a cluster, what asks the owners of traces whose exemplars wait.
    pub(crate) inquiry: Option<RunningInquiry>,
    /// In a cluster, what adds up what it and others count.
    pub(crate) sums: Option<RunningSums>,
}

impl Graph {
    /// A graph of nothing, to be changed into something.
    pub(crate) fn empty(settings: Arc<Settings>) -> Self {
        Self {
            settings,
            exporters: BTreeMap::new(),
            not_exported: BTreeMap::new(),
            exposing: BTreeMap::new(),
            samplers: BTreeMap::new(),
            batchers: BTreeMap::new(),
            trace_aware: BTreeMap::new(),
            connectors: BTreeMap::new(),
            routes: BTreeMap::new(),
            transforms: BTreeMap::new(),
            watching: BTreeMap::new(),
            noted: BTreeSet::new(),
            receivers: BTreeMap::new(),
        }
    }

    /// Puts a plan into force. Receivers come last: nothing is taken in that has nowhere to go.
    ///
    /// # Errors
    ///
    /// [`StartError::Bind`] when a receiver, or an exporter that is scraped, cannot listen; everything else
    /// is in force then.
    pub(crate) async fn change(
        &mut self,
        ground: &Ground,
        mut plan: Plan,
    ) -> (Retired, Result<(), StartError>) {
        ground
            .admission
            .set_limits(plan.budgets.in_flight, plan.budgets.held);
        let (stages, gone, exported) = self.rewire(ground, &mut plan).await;
        let received = self.change_receivers(ground, &plan, stages).await;
        let retired = gone.in_order(&self.settings);
        self.watching = plan.watching;
        self.settings = plan.settings;
        (retired, exported.and(received))
    }

    /// Stops everything, from the front to the back, so that what is held flows out. Returns whether
    /// all of it was done in time.
    pub(crate) async fn stop(mut self, ground: &Ground, deadline: Instant) -> bool {
        // Open requests get half of the time, all of them the same half; what they bring must flow out in the other.
        let half = deadline.saturating_duration_since(Instant::now()) / 2;
        let mut stopping = JoinSet::new();
        for receiver in std::mem::take(&mut self.receivers).into_values() {
            stopping.spawn(receiver.stop(half));
        }
        let mut in_time = true;
        while let Some(stopped) = stopping.join_next().await {
            in_time &= stopped.unwrap_or(false);
        }
        ground.admission.stop();
        let settings = Arc::clone(&self.settings);
        let retired = Gone::all(self).in_order(&settings);
        in_time & retired.empty(deadline).await
    }
}
