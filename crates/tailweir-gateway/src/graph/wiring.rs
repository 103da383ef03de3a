//! Builds the stages of the pipelines, from the back to the front, using again what stays.

use super::limits::engine_settings;
use super::plan::used_exporters;
use super::retired::Gone;
use super::{Graph, Ground, Place, Plan, RunningBatcher, RunningExporter};
use crate::actors::{Place as SeatPlace, Shard, ShardChange, ShardSettings, Witnesses};
use crate::error::StartError;
use crate::pipeline::{
    Batcher, ConnectorWay, ExportWay, NamedWay, NotExported, Sampler, Seat, Stage, Transforming,
    Way, Ways,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tailweir_config::{Batch, ComponentId, Pipeline, PipelineId, Processor, TailSampling};
use tailweir_connect::Maker;
use tailweir_core::ByteSize;
use tailweir_sampler::EngineSettings;
use xxhash_rust::xxh3::xxh3_64;

/// The first stage of a pipeline.
#[derive(Clone)]
pub(super) struct Head {
    pub(super) stage: Arc<dyn Stage>,
    /// Whether it is a sampler, of traces or of their logs, or edits before one.
    pub(super) is_sampler: bool,
}

impl Graph {
    /// Brings exporters, connectors, batches, samplers and stages in line with the plan. Answers what
    /// that takes out of service too.
    pub(super) async fn rewire(
        &mut self,
        ground: &Ground,
        plan: &mut Plan,
    ) -> (BTreeMap<PipelineId, Head>, Gone, Result<(), StartError>) {
        let makers = std::mem::take(&mut plan.connectors);
        let plan: &Plan = plan;
        let mut gone = Gone::default();
        let exported = self.change_exporters(ground, plan, &mut gone).await;
        let mut wiring = Wiring {
            graph: self,
            ground,
            plan,
            heads: BTreeMap::new(),
            places: BTreeSet::new(),
            makers,
            connected: BTreeSet::new(),
            exposed: BTreeSet::new(),
            gone,
        };
        let pipelines: Vec<_> = plan.settings.pipelines.iter().collect();
        // A pipeline is built after those that it feeds; connectors form no circles.
        for pipeline in &pipelines {
            wiring.pipeline(pipeline).await;
        }
        wiring.set_witnesses();
        let Wiring {
            heads,
            places,
            connected,
            exposed,
            mut gone,
            ..
        } = wiring;
        let hidden = self.exposing.extract_if(.., |id, _| !exposed.contains(id));
        for (_, exposing) in hidden {
            let seat = exposing.seat();
            seat.membership.leave(&seat.name);
        }
        self.retire(&places, &connected, &mut gone);
        (heads, gone, exported)
    }

    async fn change_exporters(
        &mut self,
        ground: &Ground,
        plan: &Plan,
        gone: &mut Gone,
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
                gone.exporters.push(running);
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
                let same_place = |old: &&mut RunningExporter| {
                    (old.exporter.name(), old.exporter.signal())
                        == (running.exporter.name(), running.exporter.signal())
                };
                if let Some(old) = gone.exporters.iter_mut().find(same_place) {
                    old.successor = Some(running.exporter.clone());
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

    /// Takes out what no pipeline uses any more.
    fn retire(
        &mut self,
        places: &BTreeSet<Place>,
        connected: &BTreeSet<ComponentId>,
        gone: &mut Gone,
    ) {
        self.transforms.retain(|place, _| places.contains(place));
        self.noted.retain(|place| places.contains(place));
        self.routes.retain(|id, _| connected.contains(id));
        let samplers = self
            .samplers
            .extract_if(.., |place, _| !places.contains(place));
        for (place, sampler) in samplers {
            gone.depart(&place, sampler.seat());
            gone.samplers.insert(place, sampler);
        }
        let batchers = self
            .batchers
            .extract_if(.., |place, _| !places.contains(place));
        gone.batchers.extend(batchers);
        let trace_aware = self
            .trace_aware
            .extract_if(.., |place, _| !places.contains(place));
        for (place, stage) in trace_aware {
            gone.depart(&place, stage.seat());
            gone.trace_aware.insert(place, stage);
        }
        let connectors = self
            .connectors
            .extract_if(.., |id, _| !connected.contains(id));
        gone.connectors.extend(connectors.inspect(|(_, running)| {
            if let Some(pairing) = &running.pairing {
                pairing.leave();
            }
            if let Some(sums) = &running.sums {
                sums.leave();
            }
        }));
    }
}

/// What is under construction.
pub(super) struct Wiring<'a> {
    pub(super) graph: &'a mut Graph,
    pub(super) ground: &'a Ground,
    pub(super) plan: &'a Plan,
    heads: BTreeMap<PipelineId, Head>,
    pub(super) places: BTreeSet<Place>,
    /// Connectors that are new or changed, and not started yet.
    pub(super) makers: BTreeMap<ComponentId, Maker>,
    /// Connectors that are wired.
    pub(super) connected: BTreeSet<ComponentId>,
    /// Exporters whose streams are shown by one member each.
    pub(super) exposed: BTreeSet<ComponentId>,
    pub(super) gone: Gone,
}

impl Wiring<'_> {
    /// Builds a pipeline and, before it, those behind its connectors.
    pub(super) async fn pipeline(&mut self, pipeline: &Pipeline) -> Head {
        if let Some(head) = self.heads.get(&pipeline.id) {
            return head.clone();
        }
        let (mut ways, mut connectors) = (Vec::new(), Vec::new());
        for id in &pipeline.exporters {
            self.end(pipeline, id, &mut ways, &mut connectors).await;
        }
        let mut head = Head {
            stage: Arc::new(Ways::new(ways).with_connectors(connectors)),
            is_sampler: false,
        };
        for id in pipeline.processors.iter().rev() {
            head = self.processor(pipeline, id, head).await;
        }
        self.heads.insert(pipeline.id.clone(), head.clone());
        head
    }

    async fn end(
        &mut self,
        pipeline: &Pipeline,
        id: &ComponentId,
        ways: &mut Vec<NamedWay>,
        connectors: &mut Vec<ConnectorWay>,
    ) {
        let key = (id.clone(), pipeline.id.signal);
        if let Some(running) = self.graph.exporters.get(&key) {
            let (exporter, waits) = (running.exporter.clone(), running.waits);
            let scraped = running.page.as_ref().map(|page| Arc::clone(&page.scraped));
            let way = self.export(id, ExportWay { exporter, waits }, scraped);
            ways.push((id.to_string(), way));
        } else if let Some(counter) = self.graph.not_exported.get(&key) {
            ways.push((id.to_string(), Way::Nowhere(Arc::clone(counter))));
        } else {
            self.connector(pipeline, id, ways, connectors).await;
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
            Some(Processor::TailSampling(settings)) => {
                let (next, asked) = self.divided(pipeline, id, next);
                let head = Head {
                    stage: self.sampler(place.clone(), settings, next.stage).await,
                    is_sampler: true,
                };
                self.noted(place, head, asked)
            }
            Some(Processor::TraceAware(settings)) => {
                let (next, asked) = self.divided(pipeline, id, next);
                let head = self.trace_aware(place.clone(), settings, next).await;
                self.noted(place, head, asked)
            }
            Some(Processor::SpanMetrics(_)) => self.looking_on(pipeline, id, next).await,
            // Neither has a stage: the memory limiter is the admission of the whole process, and what is behind a grouping groups.
            Some(Processor::MemoryLimiter(_) | Processor::GroupByTrace(_)) | None => next,
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
        let before = self.graph.batchers.insert(place.clone(), running);
        if let Some(before) = before {
            self.gone.batchers.insert(place, before);
        }
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
        // Members of a cluster have the same policies when they have the same settings.
        let revision = xxh3_64(format!("{settings:?}").as_bytes());
        self.places.insert(place.clone());
        let seat = ground.seat_of(&place);
        let known = self.graph.samplers.get(&place).cloned();
        // One that is on its way out has what the members of the cluster know of it; a new one would speak by its name with nothing.
        let known = known.or_else(|| {
            let seat = seat.as_ref()?;
            seat.membership.take_back(&seat.name)
        });
        if let Some(sampler) = known {
            let change = ShardChange {
                policies: Arc::clone(policies),
                engine: own_share(&seat, engine).0,
                write_threshold: settings.write_threshold,
                record_policy: settings.record_policy,
                revision,
            };
            for shard in sampler.shards() {
                shard.set_next(Arc::clone(&next));
                shard.change(change.clone()).await;
            }
            self.graph.samplers.insert(place, Arc::clone(&sampler));
            return sampler;
        }
        let witnesses = Arc::new(Witnesses::default());
        let shards = ground.shards_of_sampler();
        let mut running = Vec::with_capacity(shards);
        for index in 0..shards {
            let (engine, place) = self.place(&seat, engine.clone(), (index, shards), revision);
            let settings = ShardSettings {
                engine,
                policies: Arc::clone(policies),
                place,
                seed: ground.seed.wrapping_add(index as u64),
                write_threshold: settings.write_threshold,
                record_policy: settings.record_policy,
                ledger: Arc::clone(&ground.ledger),
                admission: Arc::clone(&ground.admission),
                witnesses: Arc::clone(&witnesses),
            };
            let shard = Shard::new(settings, ground.clock, Arc::clone(&next));
            ground.nursery.start_shard(shard.clone()).await;
            running.push(shard);
        }
        let scans = Arc::clone(&ground.scans);
        let admission = Arc::clone(&ground.admission);
        let sampler = Arc::new(Sampler::new(running, scans, witnesses, admission, seat));
        if let Some(seat) = sampler.seat() {
            let name = Arc::clone(&seat.name);
            seat.membership.enter(name, Arc::clone(&sampler));
        }
        self.graph.samplers.insert(place, Arc::clone(&sampler));
        sampler
    }

    /// Where a shard is in the cluster, if there is one.
    fn place(
        &self,
        seat: &Option<Arc<Seat>>,
        engine: EngineSettings,
        of: (usize, usize),
        revision: u64,
    ) -> (EngineSettings, Option<SeatPlace>) {
        let (engine, copies) = own_share(seat, engine);
        let Some(seat) = seat else {
            return (engine, None);
        };
        let Some(incarnation) = seat.membership.incarnation else {
            return (engine, None);
        };
        let place = SeatPlace::new(Arc::clone(seat), incarnation, of, copies, revision);
        (engine, Some(place))
    }
}

/// What a shard may hold of its own, and of what others own: half each where spans are held twice.
fn own_share(seat: &Option<Arc<Seat>>, mut engine: EngineSettings) -> (EngineSettings, ByteSize) {
    let membership = seat.as_ref().map(|seat| &seat.membership);
    let copies = membership.is_some_and(|it| it.incarnation.is_some() && !it.one_copy);
    if !copies {
        return (engine, ByteSize(0));
    }
    let half = ByteSize(engine.memory_budget.bytes() / 2);
    engine.memory_budget = half;
    (engine, half)
}
