//! What is taken out of service: in which order it is emptied, so that what is held flows out.

use super::leaving::{End, Leaving, STAY_MAX, Stay, drain_shard};
use super::trace_aware::followers;
use super::{Graph, Place, RunningBatcher, RunningConnector, RunningExporter};
use crate::pipeline::{Sampler, Seat, TraceAware};
use futures_util::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::{ComponentId, Pipeline, Settings};
use tailweir_export::Exporter;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What a change has taken out of the graph, to be emptied in this order.
#[derive(Default)]
pub(crate) struct Retired {
    front: Chain,
    /// Samplers that other members of the cluster still reach.
    leaving: Leaving,
    /// What those send into, as long as they are there.
    behind: Chain,
}

/// Stages in their order, and the exporters behind them.
#[derive(Default)]
struct Chain {
    stages: Vec<Stage>,
    exporters: Vec<RunningExporter>,
}

/// Something that holds telemetry on its way to exporters.
enum Stage {
    Sampler(Arc<Sampler>),
    Batcher(RunningBatcher),
    TraceAware(Arc<TraceAware>),
    Connector(RunningConnector),
}

/// What was taken out of the graph, in no order.
#[derive(Default)]
pub(super) struct Gone {
    pub(super) samplers: BTreeMap<Place, Arc<Sampler>>,
    pub(super) batchers: BTreeMap<Place, RunningBatcher>,
    pub(super) trace_aware: BTreeMap<Place, Arc<TraceAware>>,
    pub(super) connectors: BTreeMap<ComponentId, RunningConnector>,
    pub(super) exporters: Vec<RunningExporter>,
    /// Of the samplers, what other members of the cluster still reach.
    stays: BTreeMap<Place, Stay>,
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
            stays: BTreeMap::new(),
        }
    }

    /// What is at this place, with this seat in a cluster, if there is one, is out of service.
    pub(super) fn depart(&mut self, place: &Place, seat: Option<&Arc<Seat>>) {
        if let Some(stay) = seat.and_then(Stay::begin) {
            self.stays.insert(place.clone(), stay);
        }
    }

    /// In order of the settings by which it ran: from the receivers to the exporters. A connector comes
    /// behind all pipelines that feed it, and before those that it feeds; logs that wait for the decisions of a
    /// sampler come behind it.
    pub(super) fn in_order(mut self, settings: &Settings) -> Retired {
        let mut retired = Retired::default();
        let pipelines = settings.pipelines.iter();
        let staying = pipelines.filter(|it| self.stays.keys().any(|place| place.0 == it.id));
        let fed = front_to_back(settings, staying);
        for part in front_to_back(settings, settings.pipelines.iter()) {
            // Nothing that stands before what stays is behind it: each chain is in order.
            let chain = match fed.contains(&part) {
                true => &mut retired.behind.stages,
                false => &mut retired.front.stages,
            };
            match part {
                Part::Connector(id) => {
                    chain.extend(self.connectors.remove(id).map(Stage::Connector));
                }
                Part::Pipeline(pipeline) => {
                    for id in &pipeline.processors {
                        let place = (pipeline.id.clone(), id.clone());
                        let sampler = self.samplers.remove(&place);
                        let trace_aware = self.trace_aware.remove(&place);
                        match (sampler, trace_aware, self.stays.remove(&place)) {
                            (Some(sampler), _, Some(stay)) => retired.leaving.add(sampler, stay),
                            (_, Some(sampler), Some(stay)) => {
                                retired.leaving.add_trace_aware(sampler, stay);
                            }
                            (sampler, trace_aware, _) => {
                                chain.extend(sampler.map(Stage::Sampler));
                                chain.extend(trace_aware.map(Stage::TraceAware));
                            }
                        }
                        chain.extend(self.batchers.remove(&place).map(Stage::Batcher));
                    }
                }
            }
        }
        let is_behind = |it: &RunningExporter| fed.iter().any(|part| part.ends_at(&it.exporter));
        let (behind, front): (Vec<_>, Vec<_>) = self.exporters.into_iter().partition(is_behind);
        (retired.front.exporters, retired.behind.exporters) = (front, behind);
        retired
    }
}

/// A part of a configuration through which telemetry flows.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Part<'s> {
    Pipeline(&'s Pipeline),
    Connector(&'s ComponentId),
}

impl Part<'_> {
    /// Whether it is a pipeline with this exporter.
    fn ends_at(self, exporter: &Exporter) -> bool {
        let Part::Pipeline(pipeline) = self else {
            return false;
        };
        let mut exporters = pipeline.exporters.iter();
        pipeline.id.signal == exporter.signal()
            && exporters.any(|id| id.to_string() == exporter.name())
    }
}

/// These pipelines, and every pipeline and connector that they feed, each before those that it feeds.
fn front_to_back<'s>(
    settings: &'s Settings,
    pipelines: impl Iterator<Item = &'s Pipeline>,
) -> Vec<Part<'s>> {
    let mut order = Order {
        settings,
        seen: BTreeSet::new(),
        back_to_front: Vec::new(),
    };
    for pipeline in pipelines {
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
        self.front.is_empty() && self.leaving.is_empty() && self.behind.is_empty()
    }

    /// Empties what a process that goes on needs no more, and gives it so much time for that; as [`Self::empty`], but what other
    /// members still reach stays for a while, and with it what it may send into. A stop of the process ends that.
    pub(crate) async fn leave(self, time: Duration, end: End) {
        let Self {
            front,
            leaving,
            behind,
        } = self;
        let deadline = Instant::now() + time;
        empty_stages(front.stages, deadline).await;
        tokio::join!(
            close_exporters(front.exporters, deadline),
            leave_behind(leaving, behind, time, end),
        );
    }

    /// Decides, flushes, sends; gives up at the deadline what has not left by then. Returns whether
    /// all has left.
    pub(crate) async fn empty(self, deadline: Instant) -> bool {
        let mut in_time = true;
        for chain in [self.front, self.behind] {
            in_time &= empty_stages(chain.stages, deadline).await;
            in_time &= close_exporters(chain.exporters, deadline).await;
        }
        in_time
    }
}

impl Chain {
    fn is_empty(&self) -> bool {
        self.stages.is_empty() && self.exporters.is_empty()
    }
}

/// Lets go of samplers that other members still reach, and of what is behind them.
async fn leave_behind(leaving: Leaving, behind: Chain, time: Duration, end: End) {
    let stay_until = Instant::now() + STAY_MAX;
    leaving.drain(stay_until, &end).await;
    let is_stopping = end.borrow().is_some();
    // What a lost member owned may have to leave this way yet. Batches go by themselves, and exporters send what they have; but a
    // connector would go on to write what it has counted, beside the one that counts now.
    let stages = behind.stages.into_iter();
    let (open, closing): (Vec<_>, Vec<_>) =
        stages.partition(|stage| matches!(stage, Stage::Batcher(_)));
    empty_stages(closing, Instant::now() + time).await;
    leaving.stay(stay_until, &end).await;
    if !is_stopping {
        leaving.drain(Instant::now() + time, &end).await;
    }
    leaving.go().await;
    let stop = *end.borrow();
    let deadline = stop.unwrap_or_else(|| Instant::now() + time);
    empty_stages(open, deadline).await;
    close_exporters(behind.exporters, deadline).await;
}

async fn empty_stages(stages: Vec<Stage>, deadline: Instant) -> bool {
    let mut in_time = true;
    for stage in stages {
        in_time &= stage.empty(part_of(deadline)).await;
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
    async fn empty(self, deadline: Instant) -> bool {
        match self {
            Self::Sampler(sampler) => {
                let drained = drain(&sampler, deadline).await;
                for shard in sampler.shards() {
                    shard.close().await;
                }
                drained
            }
            Self::Batcher(running) => {
                running.batcher.close(deadline).await;
                running.worker.stop();
                true
            }
            Self::TraceAware(sampler) => {
                sampler.close(deadline).await;
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
pub(super) fn part_of(deadline: Instant) -> Instant {
    let now = Instant::now();
    now + deadline.saturating_duration_since(now) * 2 / 3
}

/// Decides what a sampler holds. Returns whether all of it has left.
async fn drain(sampler: &Sampler, deadline: Instant) -> bool {
    let never = CancellationToken::new();
    let shards = sampler.shards().iter();
    let drained = shards.map(|shard| tokio::time::timeout_at(deadline, drain_shard(shard, &never)));
    join_all(drained).await.iter().all(Result::is_ok)
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
        names_from(settings, "")
    }

    /// What is fed by pipelines whose ids begin so, they included.
    fn names_from(settings: &Settings, start: &str) -> Vec<String> {
        let pipelines = settings.pipelines.iter();
        let pipelines = pipelines.filter(|it| it.id.to_string().starts_with(start));
        let parts = front_to_back(settings, pipelines).into_iter();
        let names = parts.map(|part| match part {
            Part::Pipeline(pipeline) => pipeline.id.to_string(),
            Part::Connector(id) => id.to_string(),
        });
        names.collect()
    }

    /// Scenario: pipelines that feed each other, listed from the back to the front.
    /// Guarantees: each part comes before those that it feeds; what a pipeline feeds is told from what feeds it.
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
        let behind = names_from(&settings, "traces/out");
        assert_eq!(behind, ["traces/out", "spanmetrics", "metrics"]);
    }
}
