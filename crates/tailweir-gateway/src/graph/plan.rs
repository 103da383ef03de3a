//! Everything of a change that can fail for a reason in the settings, done before anything is touched.

use super::exporters::{Blueprint, Built};
use super::limits::{Budgets, used_limiters};
use super::receivers::{ReceiverBlueprint, ReceiverParts};
use super::{Graph, Ground};
use crate::detection::{Machine, detect};
use crate::error::StartError;
use crate::kubernetes::Watching;
use crate::pipeline::WAYS_MAX;
use crate::spools;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tailweir_config::{ComponentId, KubernetesAttributes, Processor, Settings};
use tailweir_connect::{Maker, Routing};
use tailweir_core::Signal;
use tailweir_policy::PolicySet;
use tailweir_transform::{Detected, Transform};

/// Settings that are ready to be put into force.
pub(crate) struct Plan {
    pub(super) settings: Arc<Settings>,
    pub(super) budgets: Budgets,
    /// By processor. Pipelines that share a processor share its policies, not what they remember.
    pub(super) policies: BTreeMap<ComponentId, Arc<PolicySet>>,
    /// By processor; pipelines share them.
    pub(super) transforms: BTreeMap<ComponentId, Arc<dyn Transform>>,
    /// What processors know of Kubernetes: the new and changed ones, and those that stay.
    pub(super) watching: BTreeMap<ComponentId, Arc<Watching>>,
    /// New and changed connectors that make telemetry.
    pub(super) connectors: BTreeMap<ComponentId, Maker>,
    /// By `routing` connector.
    pub(super) routings: BTreeMap<ComponentId, Arc<Routing>>,
    /// New and changed exporters.
    pub(super) exporters: BTreeMap<ComponentId, Built>,
    /// New and changed receivers.
    pub(super) receivers: BTreeMap<ComponentId, ReceiverParts>,
}

impl Plan {
    /// Compiles policies and transforms, builds exporters, reads credentials and certificates.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub(crate) fn compile(
        settings: Arc<Settings>,
        running: &Graph,
        ground: &Ground,
    ) -> Result<Self, StartError> {
        for pipeline in &settings.pipelines {
            if pipeline.exporters.len() > WAYS_MAX {
                return Err(StartError::TooManyWays {
                    pipeline: pipeline.id.clone(),
                    limit: WAYS_MAX,
                });
            }
        }
        let samplers = places(&settings)
            .filter(|(_, processor)| matches!(processor, Processor::TailSampling(_)))
            .count();
        let mut plan = Self {
            budgets: Budgets::of(ground, used_limiters(&settings), samplers),
            policies: BTreeMap::new(),
            transforms: BTreeMap::new(),
            watching: BTreeMap::new(),
            connectors: BTreeMap::new(),
            routings: BTreeMap::new(),
            exporters: BTreeMap::new(),
            receivers: BTreeMap::new(),
            settings,
        };
        plan.compile_processors(running, ground)?;
        plan.build_connectors(running, ground)?;
        spools::prepare(&plan.settings)?;
        plan.build_exporters(running, ground)?;
        plan.prepare_receivers(running, ground)?;
        Ok(plan)
    }

    fn compile_processors(&mut self, running: &Graph, ground: &Ground) -> Result<(), StartError> {
        let settings = Arc::clone(&self.settings);
        let dialect = ground.dialect(&settings);
        for (id, processor) in places(&settings) {
            match processor {
                Processor::TailSampling(sampling) if !self.policies.contains_key(id) => {
                    let set =
                        PolicySet::compile(sampling).map_err(|errors| StartError::Policies {
                            processor: id.clone(),
                            errors,
                        })?;
                    self.policies.insert(id.clone(), Arc::new(set));
                }
                Processor::ResourceDetection(settings) if !self.transforms.contains_key(id) => {
                    let found = detect(settings, &Machine::this());
                    let found = found.map_err(|error| StartError::Processor {
                        processor: id.clone(),
                        message: error.to_string(),
                    })?;
                    let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
                    tracing::info!(processor = %id, attributes = names.join(","), "resource detected");
                    let transform = Detected::new(found, settings.r#override);
                    self.transforms.insert(id.clone(), Arc::new(transform));
                }
                Processor::KubernetesAttributes(settings) if !self.transforms.contains_key(id) => {
                    self.watch(id, settings, running, ground)?;
                }
                _ if !self.transforms.contains_key(id) => {
                    let compiled = tailweir_transform::compile(processor, &dialect);
                    let compiled = compiled.map_err(|error| StartError::Processor {
                        processor: id.clone(),
                        message: error.to_string(),
                    })?;
                    if let Some(transform) = compiled {
                        self.transforms.insert(id.clone(), transform);
                    }
                }
                _ => {}
            }
        }
        self.check_transforms()
    }

    /// A processor whose settings are as before goes on with what it knows.
    fn watch(
        &mut self,
        id: &ComponentId,
        settings: &KubernetesAttributes,
        running: &Graph,
        ground: &Ground,
    ) -> Result<(), StartError> {
        let is_used = ground.runs(id, &self.settings);
        let known = running.watching.get(id);
        let watching = match known.filter(|known| known.suits(settings, is_used)) {
            Some(known) => Arc::clone(known),
            None => Arc::new(Watching::start(id, settings, ground.clock, is_used)?),
        };
        self.transforms.insert(id.clone(), watching.transform());
        self.watching.insert(id.clone(), watching);
        Ok(())
    }

    /// Waits for what processors have to know before they start.
    ///
    /// # Errors
    ///
    /// The first that will not know it.
    pub(crate) async fn settle(&self) -> Result<(), StartError> {
        for (id, watching) in &self.watching {
            let settled = watching.settle().await;
            settled.map_err(|message| StartError::Processor {
                processor: id.clone(),
                message,
            })?;
        }
        Ok(())
    }

    /// An `attributes` processor may ask for what only spans have, and stand in a pipeline of logs.
    fn check_transforms(&self) -> Result<(), StartError> {
        for pipeline in &self.settings.pipelines {
            for id in &pipeline.processors {
                let Some(transform) = self.transforms.get(id) else {
                    continue;
                };
                let checked = transform.check(pipeline.id.signal);
                checked.map_err(|error| StartError::Processor {
                    processor: id.clone(),
                    message: error.to_string(),
                })?;
            }
        }
        Ok(())
    }

    fn build_exporters(&mut self, running: &Graph, ground: &Ground) -> Result<(), StartError> {
        let used: BTreeSet<_> = used_exporters(&self.settings).map(|(id, _)| id).collect();
        for id in used {
            let Some(blueprint) = Blueprint::of(id, &self.settings)? else {
                continue;
            };
            let unchanged = running
                .exporters
                .iter()
                .any(|((known, _), running)| known == id && running.blueprint == blueprint);
            // An unchanged exporter may still be new for one of its signals, so it is built in any
            // case; that connects to nothing, and shares the files that are written to already.
            let all_run = used_exporters(&self.settings)
                .filter(|(used, _)| used == &id)
                .all(|(id, signal)| running.exporters.contains_key(&(id.clone(), signal)));
            if !(unchanged && all_run) {
                let (console, files) = (&ground.console, &ground.written_files);
                let built = blueprint.build(id, console, files, ground.seed)?;
                let signals = used_exporters(&self.settings).filter(|(used, _)| *used == id);
                built.open_queues(id, signals.map(|(_, signal)| signal), &ground.spools)?;
                self.exporters.insert(id.clone(), built);
            }
        }
        Ok(())
    }

    fn prepare_receivers(&mut self, running: &Graph, ground: &Ground) -> Result<(), StartError> {
        if !ground.receives() {
            return Ok(());
        }
        let settings = Arc::clone(&self.settings);
        let used: BTreeSet<_> = settings
            .pipelines
            .iter()
            .flat_map(|pipeline| &pipeline.receivers)
            .collect();
        for id in used {
            let Some(blueprint) = ReceiverBlueprint::of(id, &settings)? else {
                continue;
            };
            let same = running
                .receivers
                .get(id)
                .is_some_and(|running| running.blueprint == blueprint);
            if !same {
                let parts = blueprint.prepare(id, ground)?;
                self.receivers.insert(id.clone(), parts);
            }
        }
        Ok(())
    }
}

/// The processors that pipelines use, once for each use.
fn places(settings: &Settings) -> impl Iterator<Item = (&ComponentId, &Processor)> {
    let used = settings
        .pipelines
        .iter()
        .flat_map(|pipeline| &pipeline.processors);
    used.filter_map(|id| Some((id, settings.processors.get(id)?)))
}

/// The exporters that pipelines use, with the signal, once for each use.
pub(super) fn used_exporters(settings: &Settings) -> impl Iterator<Item = (&ComponentId, Signal)> {
    settings.pipelines.iter().flat_map(|pipeline| {
        let signal = pipeline.id.signal;
        pipeline.exporters.iter().map(move |id| (id, signal))
    })
}
