//! Builds the stages of the pipelines, from the back to the front, using again what stays.

use super::limits::engine_settings;
use super::plan::used_exporters;
use super::{Graph, Ground, Place, Plan, Retired, RunningBatcher};
use crate::actors::{Shard, ShardChange, ShardSettings};
use crate::error::StartError;
use crate::pipeline::{Batcher, ExportWay, NotExported, Sampler, Stage, Transforming, Way, Ways};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tailweir_config::{Batch, ComponentId, Pipeline, PipelineId, Processor, TailSampling};

/// The first stage of a pipeline.
#[derive(Clone)]
pub(super) struct Head {
    pub(super) stage: Arc<dyn Stage>,
    /// Whether it is a sampler, or edits before one.
    pub(super) is_sampler: bool,
}

impl Graph {
    /// Brings exporters, batches, samplers and stages in line with the plan.
    pub(super) async fn rewire(
        &mut self,
        ground: &Ground,
        plan: &Plan,
        retired: &mut Retired,
    ) -> (BTreeMap<PipelineId, Head>, Result<(), StartError>) {
        let exported = self.change_exporters(ground, plan, retired).await;
        let mut wiring = Wiring {
            graph: self,
            ground,
            plan,
            heads: BTreeMap::new(),
            places: BTreeSet::new(),
            replaced: Vec::new(),
        };
        let pipelines: Vec<_> = plan.settings.pipelines.iter().collect();
        // A pipeline is built after those that it feeds; connectors form no circles.
        for pipeline in &pipelines {
            wiring.pipeline(pipeline).await;
        }
        let Wiring {
            heads,
            places,
            replaced,
            ..
        } = wiring;
        retired.batchers.extend(replaced);
        self.retire(&places, retired);
        (heads, exported)
    }

    async fn change_exporters(
        &mut self,
        ground: &Ground,
        plan: &Plan,
        retired: &mut Retired,
    ) -> Result<(), StartError> {
        let mut outcome = Ok(());
        let used: BTreeSet<_> = used_exporters(&plan.settings)
            .map(|(id, signal)| (id.clone(), signal))
            .collect();
        for (key, mut running) in std::mem::take(&mut self.exporters) {
            let built = plan.exporters.get(&key.0);
            let is_same = built.is_none_or(|built| built.blueprint == running.blueprint);
            if used.contains(&key) && is_same {
                self.exporters.insert(key, running);
            } else {
                // Its port may be wanted again at once.
                running.hide().await;
                retired.exporters.push(running);
            }
        }
        self.not_exported.retain(|key, _| used.contains(key));
        for key in used {
            if self.exporters.contains_key(&key) {
                continue;
            }
            let started = match plan.exporters.get(&key.0) {
                Some(built) => built.start(&key.0, key.1, ground).await,
                None => None,
            };
            if let Some(mut running) = started {
                if let Some(built) = plan.exporters.get(&key.0) {
                    outcome = outcome.and(running.show(&key.0, built).await);
                }
                self.exporters.insert(key, running);
            } else if plan.settings.exporters.contains_key(&key.0)
                && !self.not_exported.contains_key(&key)
            {
                tracing::warn!(
                    exporter = %key.0,
                    signal = key.1.name(),
                    "this exporter exports nothing, what reaches it is counted as dropped"
                );
                self.not_exported
                    .insert(key, Arc::new(NotExported::default()));
            }
        }
        outcome
    }

    fn retire(&mut self, places: &BTreeSet<Place>, retired: &mut Retired) {
        self.transforms.retain(|place, _| places.contains(place));
        let gone: Vec<_> = self
            .samplers
            .keys()
            .filter(|place| !places.contains(*place))
            .cloned()
            .collect();
        retired
            .samplers
            .extend(gone.iter().filter_map(|place| self.samplers.remove(place)));
        let gone: Vec<_> = self
            .batchers
            .keys()
            .filter(|place| !places.contains(*place))
            .cloned()
            .collect();
        retired
            .batchers
            .extend(gone.iter().filter_map(|place| self.batchers.remove(place)));
    }
}

struct Wiring<'a> {
    graph: &'a mut Graph,
    ground: &'a Ground,
    plan: &'a Plan,
    heads: BTreeMap<PipelineId, Head>,
    places: BTreeSet<Place>,
    replaced: Vec<RunningBatcher>,
}

impl Wiring<'_> {
    /// Builds a pipeline and, before it, those behind its connectors.
    async fn pipeline(&mut self, pipeline: &Pipeline) -> Head {
        if let Some(head) = self.heads.get(&pipeline.id) {
            return head.clone();
        }
        let mut ways = Vec::new();
        for id in &pipeline.exporters {
            self.ways(pipeline, id, &mut ways).await;
        }
        let mut head = Head {
            stage: Arc::new(Ways::new(ways)),
            is_sampler: false,
        };
        for id in pipeline.processors.iter().rev() {
            head = self.processor(pipeline, id, head).await;
        }
        self.heads.insert(pipeline.id.clone(), head.clone());
        head
    }

    async fn ways(&mut self, pipeline: &Pipeline, id: &ComponentId, ways: &mut Vec<Way>) {
        let key = (id.clone(), pipeline.id.signal);
        if let Some(running) = self.graph.exporters.get(&key) {
            ways.push(Way::Exporter(ExportWay {
                exporter: running.exporter.clone(),
                waits: running.waits,
            }));
        } else if let Some(counter) = self.graph.not_exported.get(&key) {
            ways.push(Way::Nowhere(Arc::clone(counter)));
        } else {
            let plan = self.plan;
            for fed in &plan.settings.pipelines {
                if fed.id.signal == pipeline.id.signal && fed.receivers.contains(id) {
                    let head = Box::pin(self.pipeline(fed)).await;
                    ways.push(Way::Pipeline(head.stage));
                }
            }
        }
    }

    async fn processor(&mut self, pipeline: &Pipeline, id: &ComponentId, next: Head) -> Head {
        let plan = self.plan;
        let place = (pipeline.id.clone(), id.clone());
        match plan.settings.processors.get(id) {
            Some(Processor::Batch(settings)) => {
                // A batch in front of a sampler would only delay: a sampler gathers by itself.
                if next.is_sampler {
                    return next;
                }
                Head {
                    stage: self.batch(place, settings, next.stage).await,
                    is_sampler: false,
                }
            }
            Some(Processor::TailSampling(settings)) => Head {
                stage: self.sampler(place, settings, next.stage).await,
                is_sampler: true,
            },
            // Neither has a stage: the memory limiter is the admission of the whole process.
            Some(Processor::MemoryLimiter(_)) | None => next,
            Some(_) => self.transform(place, next),
        }
    }

    fn transform(&mut self, place: Place, next: Head) -> Head {
        let Some(transform) = self.plan.transforms.get(&place.1) else {
            // Compiled for every processor that transforms.
            return next;
        };
        self.places.insert(place.clone());
        let figures = self.graph.transforms.entry(place).or_default();
        let stage = Transforming::new(Arc::clone(transform), Arc::clone(figures), next.stage);
        Head {
            stage: Arc::new(stage),
            is_sampler: next.is_sampler,
        }
    }

    async fn batch(
        &mut self,
        place: Place,
        settings: &Batch,
        next: Arc<dyn Stage>,
    ) -> Arc<dyn Stage> {
        self.places.insert(place.clone());
        if let Some(running) = self.graph.batchers.get(&place)
            && running.settings == *settings
        {
            running.batcher.set_next(next);
            return Arc::clone(&running.batcher) as Arc<dyn Stage>;
        }
        let batcher = Arc::new(Batcher::new(place.0.signal, settings, Arc::clone(&next)));
        let work: Arc<Batcher> = Arc::clone(&batcher);
        let Some(worker) = self.ground.nursery.start_worker(work).await else {
            // Only a node that is going down starts nothing.
            return next;
        };
        let running = RunningBatcher {
            settings: settings.clone(),
            batcher: Arc::clone(&batcher),
            worker,
        };
        self.replaced
            .extend(self.graph.batchers.insert(place, running));
        batcher
    }

    async fn sampler(
        &mut self,
        place: Place,
        settings: &TailSampling,
        next: Arc<dyn Stage>,
    ) -> Arc<dyn Stage> {
        let (ground, plan) = (self.ground, self.plan);
        let engine = engine_settings(settings, plan.budgets.per_sampler, ground.shards);
        let Some(policies) = plan.policies.get(&place.1) else {
            // Compiled for every sampler that is used.
            return next;
        };
        self.places.insert(place.clone());
        if let Some(sampler) = self.graph.samplers.get(&place) {
            let change = ShardChange {
                policies: Arc::clone(policies),
                engine,
                write_threshold: settings.write_threshold,
                record_policy: settings.record_policy,
            };
            for shard in sampler.shards() {
                shard.set_next(Arc::clone(&next));
                shard.change(change.clone()).await;
            }
            return Arc::clone(sampler) as Arc<dyn Stage>;
        }
        let mut shards = Vec::with_capacity(ground.shards);
        for index in 0..ground.shards {
            let settings = ShardSettings {
                engine: engine.clone(),
                policies: Arc::clone(policies),
                seed: ground.seed.wrapping_add(index as u64),
                write_threshold: settings.write_threshold,
                record_policy: settings.record_policy,
                ledger: Arc::clone(&ground.ledger),
                admission: Arc::clone(&ground.admission),
            };
            let shard = Shard::new(settings, ground.clock, Arc::clone(&next));
            ground.nursery.start_shard(shard.clone()).await;
            shards.push(shard);
        }
        let sampler = Arc::new(Sampler::new(shards, Arc::clone(&ground.scans)));
        self.graph.samplers.insert(place, Arc::clone(&sampler));
        sampler
    }
}
