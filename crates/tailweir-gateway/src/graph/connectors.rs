//! Connectors that run: how they are wired, and which samplers decide about what they see.

use super::inquiring::has_exemplars;
use super::wiring::{Head, Wiring};
use super::{
    Graph, Ground, Place, Plan, RunningConnector, RunningInquiry, RunningPairing, RunningSums,
};
use crate::actors::Witness;
use crate::error::StartError;
use crate::pipeline::{Connecting, ConnectorWay, NamedWay, Outlets, Routes, Stage, Way, Ways};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tailweir_config::{ComponentId, Connector, Pipeline, Processor, Settings};
use tailweir_connect::{Exemplars, Maker, Now, Origin, Routing};
use tailweir_core::Signal;

impl Plan {
    /// Makes connectors of the settings: those that are new or changed.
    pub(super) fn build_connectors(
        &mut self,
        running: &Graph,
        ground: &Ground,
    ) -> Result<(), StartError> {
        let settings = Arc::clone(&self.settings);
        for id in used_connectors(&settings) {
            let Some(connector) = settings.connectors.get(&id) else {
                continue;
            };
            let wrong = |source| StartError::Connector {
                connector: id.clone(),
                source: Box::new(source),
            };
            if let Connector::Routing(routing) = connector {
                let routing = Routing::new(routing, &ground.dialect(&settings)).map_err(wrong)?;
                self.routings.insert(id, Arc::new(routing));
                continue;
            }
            let same = |known: &RunningConnector| known.settings == *connector;
            if running.connectors.get(&id).is_some_and(same) {
                continue;
            }
            let origin = origin(&settings, ground);
            let maker = Maker::new(connector, &origin);
            let maker = maker.map_err(wrong)?;
            if let Some(maker) = maker {
                self.connectors.insert(id, maker);
            }
        }
        Ok(())
    }
}

/// The connectors that pipelines use.
fn used_connectors(settings: &Settings) -> BTreeSet<ComponentId> {
    let pipelines = settings.pipelines.iter();
    pipelines
        .flat_map(|it| settings.fed_connectors(it))
        .collect()
}

fn origin(settings: &Settings, ground: &Ground) -> Origin {
    let configured = settings.telemetry.resource.get("service.instance.id");
    let instance = match (&settings.cluster, configured) {
        // What all members count is one series.
        (Some(cluster), _) if ground.membership.is_some() => cluster.id.clone(),
        (_, Some(tailweir_config::Literal::Text(text))) => text.clone(),
        _ => ground.instance.clone(),
    };
    let unix_nanos = ground.surroundings.now().unix_units(1);
    Origin {
        now: Now {
            moment: ground.clock.now(),
            unix_nanos: u64::try_from(unix_nanos).unwrap_or_default(),
        },
        instance,
        seed: ground.seed,
        dialect: ground.dialect(settings),
        is_one_of_many: ground.membership.is_some(),
    }
}

impl Wiring<'_> {
    /// Adds the end of a pipeline that is a connector.
    pub(super) async fn connector(
        &mut self,
        pipeline: &Pipeline,
        id: &ComponentId,
        ways: &mut Vec<NamedWay>,
        connectors: &mut Vec<ConnectorWay>,
    ) {
        let plan = self.plan;
        match plan.settings.connectors.get(id) {
            Some(Connector::Forward) => {
                let fed = self.fed(id, pipeline.id.signal, pipeline.id.signal).await;
                // Two connectors may feed the same pipeline.
                let named = |(name, way): NamedWay| (format!("{id} {name}"), way);
                ways.extend(fed.into_iter().map(named));
            }
            Some(Connector::Routing(_)) => {
                let routes = self.routes(id).await;
                ways.extend(routes.map(|routes| (id.to_string(), Way::Pipeline(routes))));
            }
            Some(settings) => {
                if let Some(running) = self.making(id, settings).await {
                    let pairing = running.pairing.as_ref();
                    connectors.push(ConnectorWay {
                        connector: Arc::clone(&running.connector),
                        exemplars: exemplars(&plan.settings, pipeline, pipeline.processors.len()),
                        pairing: pairing.map(|running| Arc::clone(&running.pairing)),
                    });
                }
            }
            None => {}
        }
    }

    /// A processor that is a connector: it looks at what goes on to the next stage.
    pub(super) async fn looking_on(
        &mut self,
        pipeline: &Pipeline,
        processor: &ComponentId,
        next: Head,
    ) -> Head {
        let plan = self.plan;
        let id = plan.settings.connector_of(processor);
        let found = id.and_then(|id| Some((plan.settings.connectors.get(&id)?, id)));
        let Some((settings, id)) = found else {
            return next;
        };
        let Some(running) = self.making(&id, settings).await else {
            return next;
        };
        let position = pipeline.processors.iter().position(|it| it == processor);
        let way = ConnectorWay {
            connector: Arc::clone(&running.connector),
            exemplars: exemplars(&plan.settings, pipeline, position.unwrap_or_default()),
            pairing: None,
        };
        let onward = (processor.to_string(), Way::Pipeline(next.stage));
        let ways = Ways::new(vec![onward]).with_connectors(vec![way]);
        Head {
            stage: Arc::new(ways),
            is_sampler: next.is_sampler,
        }
    }

    /// A stage that routes, with a way to the pipelines of each of its targets.
    async fn routes(&mut self, id: &ComponentId) -> Option<Arc<dyn Stage>> {
        let plan = self.plan;
        let routing = plan.routings.get(id)?;
        let mut targets: Vec<Arc<dyn Stage>> = Vec::new();
        for target in routing.targets() {
            let mut ways = Vec::new();
            for pipeline in plan
                .settings
                .pipelines
                .iter()
                .filter(|it| target.contains(&it.id))
            {
                let head = Box::pin(self.pipeline(pipeline)).await;
                ways.push((pipeline.id.to_string(), Way::Pipeline(head.stage)));
            }
            targets.push(Arc::new(Ways::new(ways)));
        }
        let figures = self.graph.routes.entry(id.clone()).or_default();
        let routes = Routes::new(Arc::clone(routing), targets, Arc::clone(figures));
        self.connected.insert(id.clone());
        Some(Arc::new(routes))
    }

    /// The ways to the pipelines that a connector feeds with one signal, out of another.
    async fn fed(&mut self, id: &ComponentId, from: Signal, to: Signal) -> Vec<NamedWay> {
        let plan = self.plan;
        let Some(connector) = plan.settings.connectors.get(id) else {
            return Vec::new();
        };
        let mut ways = Vec::new();
        for pipeline in &plan.settings.pipelines {
            let takes = pipeline.id.signal == to && pipeline.receivers.contains(id);
            if takes && connector.joins(from, to) {
                let head = Box::pin(self.pipeline(pipeline)).await;
                ways.push((pipeline.id.to_string(), Way::Pipeline(head.stage)));
            }
        }
        ways
    }

    /// A connector that makes telemetry: the one that runs, when its settings are as before.
    async fn making(
        &mut self,
        id: &ComponentId,
        settings: &Connector,
    ) -> Option<&RunningConnector> {
        if self.connected.insert(id.clone()) {
            let outlets = self.outlets(id, settings).await;
            if let Some(maker) = self.makers.remove(id) {
                self.start(id, settings, maker).await;
            }
            if let Some(running) = self.graph.connectors.get(id) {
                let outlets = match &running.sums {
                    Some(sums) => sums.wire(outlets),
                    None => outlets,
                };
                running.connector.set_outlets(outlets);
            }
        }
        self.graph.connectors.get(id)
    }

    async fn outlets(&mut self, id: &ComponentId, settings: &Connector) -> Outlets {
        let mut outlets = Outlets::default();
        for to in Signal::ALL {
            let from = Signal::ALL
                .into_iter()
                .find(|from| settings.joins(*from, to));
            let Some(from) = from else {
                continue;
            };
            let ways = self.fed(id, from, to).await;
            if !ways.is_empty() {
                outlets[to as usize] = Some(Arc::new(Ways::new(ways)));
            }
        }
        outlets
    }

    async fn start(&mut self, id: &ComponentId, settings: &Connector, maker: Maker) {
        let ground = self.ground;
        let connector = Arc::new(Connecting::new(
            id.to_string(),
            maker,
            Arc::clone(&ground.ledger),
            ground.clock,
            Arc::clone(&ground.surroundings),
        ));
        let work: Arc<Connecting> = Arc::clone(&connector);
        let Some(worker) = ground.nursery.start_worker(work).await else {
            // Only a node that is going down starts nothing.
            return;
        };
        let running = RunningConnector {
            settings: settings.clone(),
            pairing: RunningPairing::start(id, settings, &connector, ground).await,
            inquiry: RunningInquiry::start(settings, &connector, ground).await,
            connector,
            worker,
            sums: RunningSums::start(id, settings, ground).await,
        };
        let before = self.graph.connectors.insert(id.clone(), running);
        if let Some(before) = before {
            self.gone.connectors.insert(id.clone(), before);
        }
    }

    /// Tells samplers which connectors want to know what they decide.
    pub(super) fn set_witnesses(&self) {
        let settings = &self.plan.settings;
        let mut witnesses: BTreeMap<Place, Vec<Arc<dyn Witness>>> = BTreeMap::new();
        for (id, running) in &self.graph.connectors {
            if !has_exemplars(&running.settings) {
                continue;
            }
            if let Some(inquiry) = &running.inquiry {
                inquiry.set(id, settings);
            }
            for place in deciding(settings, id) {
                let connector: Arc<Connecting> = Arc::clone(&running.connector);
                witnesses.entry(place).or_default().push(connector);
            }
        }
        self.add_followers(&mut witnesses);
        // One that is taken out of service tells what it still decides to those whom it told before.
        let samplers = self.graph.samplers.iter();
        for (place, sampler) in samplers.filter(|(place, _)| self.places.contains(*place)) {
            sampler.set_witnesses(witnesses.remove(place).unwrap_or_default());
        }
    }
}

/// Whether a sampler will still decide about what comes to this place in a pipeline.
fn exemplars(settings: &Settings, pipeline: &Pipeline, position: usize) -> Exemplars {
    if samplers_beside(settings, pipeline, position).is_empty() {
        Exemplars::Kept
    } else {
        Exemplars::Undecided
    }
}

/// The samplers that see what a connector sees.
pub(super) fn deciding(settings: &Settings, id: &ComponentId) -> BTreeSet<Place> {
    let mut places = BTreeSet::new();
    for pipeline in &settings.pipelines {
        let is_it = |processor: &ComponentId| settings.connector_of(processor).as_ref() == Some(id);
        let position = match pipeline.processors.iter().position(is_it) {
            None if pipeline.exporters.contains(id) => pipeline.processors.len(),
            None => continue,
            Some(position) => position,
        };
        places.extend(samplers_beside(settings, pipeline, position));
    }
    places
}

/// The samplers that see the spans which come before the processor of this number, or to the end of the pipeline,
/// other than those that have decided about them already.
fn samplers_beside(settings: &Settings, pipeline: &Pipeline, position: usize) -> BTreeSet<Place> {
    let sources = sources(settings, pipeline, position);
    let mut places = BTreeSet::new();
    if pipeline.id.signal != Signal::Traces || sources.is_empty() {
        return places;
    }
    for other in &settings.pipelines {
        let Some((_, sampler)) = sampler_of(settings, other) else {
            continue;
        };
        let theirs = self::sources(settings, other, 0);
        if !theirs.is_disjoint(&sources) {
            places.insert((other.id.clone(), sampler.clone()));
        }
    }
    places
}

/// The sampler of a pipeline and how many processors stand before it.
fn sampler_of<'s>(
    settings: &'s Settings,
    pipeline: &'s Pipeline,
) -> Option<(usize, &'s ComponentId)> {
    let mut processors = pipeline.processors.iter().enumerate();
    processors.find(|(_, id)| {
        matches!(
            settings.processors.get(*id),
            Some(Processor::TailSampling(_))
        )
    })
}

/// The receivers whose spans come before the processor of this number, or to the end of the pipeline, and about
/// which no sampler has decided on the way.
fn sources<'s>(
    settings: &'s Settings,
    pipeline: &'s Pipeline,
    position: usize,
) -> BTreeSet<&'s ComponentId> {
    let mut found = BTreeSet::new();
    if sampler_of(settings, pipeline).is_some_and(|(before, _)| before < position) {
        return found;
    }
    for id in &pipeline.receivers {
        match settings.connectors.get(id) {
            None => drop(found.insert(id)),
            Some(connector) => {
                let signal = pipeline.id.signal;
                let feeding = settings.pipelines.iter().filter(|other| {
                    other.exporters.contains(id) && connector.joins(other.id.signal, signal)
                });
                // Pipelines form no circles.
                found.extend(
                    feeding.flat_map(|other| sources(settings, other, other.processors.len())),
                );
            }
        }
    }
    found
}
