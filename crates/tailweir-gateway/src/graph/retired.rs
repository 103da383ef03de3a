//! What is taken out of service: in which order it is emptied, so that what is held flows out.

use super::leaving::Leaving;
use super::trace_aware::{RunningTraceAware, followers};
use super::{Graph, Place, RunningBatcher, RunningConnector, RunningExporter};
use crate::actors::Shard;
use crate::pipeline::Sampler;
use futures_util::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::{ComponentId, Pipeline, Settings};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What a change has taken out of the graph, to be emptied in this order.
#[derive(Default)]
pub(crate) struct Retired {
    stages: Vec<Stage>,
    exporters: Vec<RunningExporter>,
    leaving: Leaving,
}

/// Something that holds telemetry on its way to exporters.
enum Stage {
    Sampler(Arc<Sampler>),
    Batcher(RunningBatcher),
    TraceAware(RunningTraceAware),
    Connector(RunningConnector),
}

/// What was taken out of the graph, in no order.
#[derive(Default)]
pub(super) struct Gone {
    pub(super) samplers: BTreeMap<Place, Arc<Sampler>>,
    pub(super) batchers: BTreeMap<Place, RunningBatcher>,
    pub(super) trace_aware: BTreeMap<Place, RunningTraceAware>,
    pub(super) connectors: BTreeMap<ComponentId, RunningConnector>,
    pub(super) exporters: Vec<RunningExporter>,
    /// Of these, what other members of the cluster still reach.
    pub(super) leaving: Leaving,
}

impl Gone {
    /// Everything that a graph has.
    pub(super) fn all(graph: Graph) -> Self {
        Self {
            samplers: graph.samplers,
            batchers: graph.batchers,
            trace_aware: graph.trace_aware,
            connectors: graph.connectors,
            exporters: graph.exporters.into_values().collect(),
            leaving: Leaving::default(),
        }
    }

    /// In order of the settings by which it ran: from the receivers to the exporters. A connector comes
    /// behind all pipelines that feed it, and before those that it feeds; logs that wait for the decisions of a
    /// sampler come behind it.
    pub(super) fn in_order(mut self, settings: &Settings) -> Retired {
        let mut stages = Vec::new();
        for part in front_to_back(settings) {
            match part {
                Part::Connector(id) => {
                    stages.extend(self.connectors.remove(id).map(Stage::Connector));
                }
                Part::Pipeline(pipeline) => {
                    for id in &pipeline.processors {
                        let place = (pipeline.id.clone(), id.clone());
                        stages.extend(self.samplers.remove(&place).map(Stage::Sampler));
                        stages.extend(self.batchers.remove(&place).map(Stage::Batcher));
                        let trace_aware = self.trace_aware.remove(&place);
                        stages.extend(trace_aware.map(Stage::TraceAware));
                    }
                }
            }
        }
        Retired {
            stages,
            exporters: self.exporters,
            leaving: self.leaving,
        }
    }
}

/// A part of a configuration through which telemetry flows.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Part<'s> {
    Pipeline(&'s Pipeline),
    Connector(&'s ComponentId),
}

/// Every pipeline and every connector that is used, each before those that it feeds.
fn front_to_back(settings: &Settings) -> Vec<Part<'_>> {
    let mut order = Order {
        settings,
        seen: BTreeSet::new(),
        back_to_front: Vec::new(),
    };
    for pipeline in &settings.pipelines {
        order.pipeline(pipeline);
    }
    order.back_to_front.reverse();
    order.back_to_front
}

/// A walk from each part to what it feeds; a part is listed behind all of that.
struct Order<'s> {
    settings: &'s Settings,
    seen: BTreeSet<String>,
    back_to_front: Vec<Part<'s>>,
}

impl<'s> Order<'s> {
    fn pipeline(&mut self, pipeline: &'s Pipeline) {
        if !self.seen.insert(format!("pipeline {}", pipeline.id)) {
            return;
        }
        let settings = self.settings;
        for id in settings.fed_connectors(pipeline) {
            self.connector(&id);
        }
        for (_, (follower, _)) in
            followers(settings).filter(|((followed, _), _)| *followed == pipeline.id)
        {
            let mut pipelines = settings.pipelines.iter();
            if let Some(logs) = pipelines.find(|it| it.id == follower) {
                self.pipeline(logs);
            }
        }
        self.back_to_front.push(Part::Pipeline(pipeline));
    }

    fn connector(&mut self, id: &ComponentId) {
        let Some((id, _)) = self.settings.connectors.get_key_value(id) else {
            return;
        };
        if !self.seen.insert(format!("connector {id}")) {
            return;
        }
        let fed = self.settings.pipelines.iter();
        for pipeline in fed.filter(|pipeline| pipeline.receivers.contains(id)) {
            self.pipeline(pipeline);
        }
        self.back_to_front.push(Part::Connector(id));
    }
}

impl Retired {
    /// Whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.stages.is_empty() && self.exporters.is_empty()
    }

    /// Empties what a process that goes on needs no more; as [`Self::empty`], but what other members still reach stays until the
    /// deadline, or until `end`.
    pub(crate) async fn leave(self, deadline: Instant, end: CancellationToken) {
        let Self {
            stages,
            exporters,
            leaving,
        } = self;
        empty_stages(stages, &leaving, deadline).await;
        close_exporters(exporters, deadline).await;
        leaving.stay(deadline, &end).await;
    }

    /// Decides, flushes, sends; gives up at the deadline what has not left by then. Returns whether
    /// all has left.
    pub(crate) async fn empty(self, deadline: Instant) -> bool {
        let in_time = empty_stages(self.stages, &Leaving::default(), deadline).await;
        close_exporters(self.exporters, deadline).await && in_time
    }
}

async fn empty_stages(stages: Vec<Stage>, leaving: &Leaving, deadline: Instant) -> bool {
    let mut in_time = true;
    for stage in stages {
        in_time &= stage.empty(leaving, part_of(deadline)).await;
    }
    in_time
}

async fn close_exporters(exporters: Vec<RunningExporter>, deadline: Instant) -> bool {
    let mut in_time = true;
    let mut closing = tokio::task::JoinSet::new();
    for running in exporters {
        closing.spawn(running.close(deadline));
    }
    while let Some(closed) = closing.join_next().await {
        in_time &= closed.unwrap_or(false);
    }
    in_time
}

impl Stage {
    async fn empty(self, leaving: &Leaving, deadline: Instant) -> bool {
        match self {
            Self::Sampler(sampler) => {
                let drained = drain(&sampler, deadline).await;
                if !leaving.has(&sampler) {
                    close(&sampler).await;
                }
                drained
            }
            Self::Batcher(running) => {
                running.batcher.close(deadline).await;
                running.worker.stop();
                true
            }
            Self::TraceAware(running) => {
                running.stage.close(deadline).await;
                running.worker.stop();
                true
            }
            Self::Connector(running) => {
                if let Some(pairing) = running.pairing {
                    pairing.close(deadline).await;
                }
                if let Some(inquiry) = running.inquiry {
                    inquiry.stop();
                }
                running.connector.close(deadline).await;
                running.worker.stop();
                if let Some(sums) = running.sums {
                    sums.close(part_of(deadline)).await;
                }
                true
            }
        }
    }
}

/// Earlier stages may not use up all the time: what leaves them must still be sent.
fn part_of(deadline: Instant) -> Instant {
    let now = Instant::now();
    now + deadline.saturating_duration_since(now) * 2 / 3
}

/// Decides what a sampler holds. Returns whether all of it has left.
async fn drain(sampler: &Sampler, deadline: Instant) -> bool {
    let shards = sampler.shards().iter();
    let drained = shards.map(|shard| tokio::time::timeout_at(deadline, drain_shard(shard)));
    join_all(drained).await.iter().all(Result::is_ok)
}

/// Decides what a shard holds; tried again when it fails meanwhile.
async fn drain_shard(shard: &Shard) {
    const PAUSE: Duration = Duration::from_millis(20);
    while shard.drain().await.is_err() {
        tokio::time::sleep(PAUSE).await;
    }
}

async fn close(sampler: &Sampler) {
    for shard in sampler.shards() {
        shard.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::{Part, front_to_back};
    use tailweir_config::{EmptyEnvironment, LoadOptions, Settings, Sources, load};

    fn settings(yaml: &str) -> Settings {
        let sources = Sources::new().config(format!("yaml:{yaml}"));
        let loaded = load(&sources, LoadOptions::default(), &EmptyEnvironment);
        loaded.settings.expect("a valid configuration")
    }

    /// Scenario: logs that follow the sampler of a pipeline which stands behind theirs.
    /// Guarantees: the sampler decides before its logs are let go.
    #[test]
    fn logs_come_behind_the_sampler_that_they_follow() {
        let settings = settings(
            "
receivers: {nop: }
exporters: {nop: }
processors:
  tail_sampling: {policies: [{name: all, type: always_sample}]}
  tail_sampling/logs: {trace_aware: {sampler: tail_sampling}}
service:
  pipelines:
    logs: {receivers: [nop], processors: [tail_sampling/logs], exporters: [nop]}
    traces: {receivers: [nop], processors: [tail_sampling], exporters: [nop]}
",
        );
        let order: Vec<_> = names(&settings);
        assert_eq!(order, ["traces", "logs"]);
    }

    fn names(settings: &Settings) -> Vec<String> {
        let names = front_to_back(settings).into_iter().map(|part| match part {
            Part::Pipeline(pipeline) => pipeline.id.to_string(),
            Part::Connector(id) => id.to_string(),
        });
        names.collect()
    }

    /// Scenario: pipelines that feed each other, listed from the back to the front.
    /// Guarantees: each part comes before those that it feeds.
    #[test]
    fn what_feeds_comes_first() {
        let settings = settings(
            "
receivers: {nop: }
exporters: {nop: }
connectors: {forward: , spanmetrics: }
service:
  pipelines:
    metrics: {receivers: [spanmetrics], exporters: [nop]}
    traces/out: {receivers: [forward], exporters: [spanmetrics, nop]}
    traces/in: {receivers: [nop], exporters: [forward, spanmetrics]}
",
        );
        assert_eq!(
            names(&settings),
            [
                "traces/in",
                "forward",
                "traces/out",
                "spanmetrics",
                "metrics"
            ]
        );
    }
}
