//! Processors of logs pipelines that follow a sampler of traces.

use super::Place;
use super::wiring::{Head, Wiring};
use crate::actors::Witness;
use crate::pipeline::{TraceAware, TraceAwareRules};
use std::collections::BTreeMap;
use std::sync::Arc;
use tailweir_config::{Processor, Settings, TraceAware as TraceAwareSettings, Undecided};
use tailweir_core::Threshold;
use tailweir_sampler::{LogRule, TraceHoldSettings};

/// Decisions that each remembers: as many as take about 32 MiB.
const DECISIONS_MAX: usize = 400_000;

/// Digits of the threshold for records without a trace id: all.
const THRESHOLD_DIGITS: u32 = 14;

/// The samplers that are followed, each with where it is followed.
pub(super) fn followers(settings: &Settings) -> impl Iterator<Item = (Place, Place)> {
    settings.pipelines.iter().flat_map(move |pipeline| {
        pipeline.processors.iter().filter_map(move |id| {
            let Some(Processor::TraceAware(aware)) = settings.processors.get(id) else {
                return None;
            };
            let (sampled, sampler) = settings.followed_sampler(aware)?;
            let followed = (sampled.clone(), sampler.clone());
            Some((followed, (pipeline.id.clone(), id.clone())))
        })
    })
}

impl Wiring<'_> {
    /// The stage of a trace-aware processor: the one that runs, or is on its way out, by its new rules, or a new one.
    pub(super) async fn trace_aware(
        &mut self,
        place: Place,
        settings: &TraceAwareSettings,
        next: Head,
    ) -> Head {
        self.places.insert(place.clone());
        let rules = rules(settings, &self.plan.settings);
        let ground = self.ground;
        let seat = ground.seat_of(&place);
        let known = self.graph.trace_aware.get(&place).cloned();
        let known = known.or_else(|| {
            let seat = seat.as_ref()?;
            seat.membership.take_back_trace_aware(&seat.name)
        });
        if let Some(stage) = known {
            stage.change(rules, next.stage);
            let head = head(&stage);
            self.graph.trace_aware.insert(place, stage);
            return head;
        }
        let stage = TraceAware::new(
            place.1.to_string(),
            rules,
            Arc::clone(&next.stage),
            (Arc::clone(&ground.admission), ground.clock),
            seat,
        );
        // Its worker ends by itself, when it is closed.
        let work: Arc<TraceAware> = Arc::clone(&stage);
        if ground.nursery.start_worker(work).await.is_none() {
            // Only a node that is going down starts nothing.
            return next;
        }
        if let Some(seat) = stage.seat() {
            let name = Arc::clone(&seat.name);
            seat.membership.enter_trace_aware(name, Arc::clone(&stage));
        }
        let head = head(&stage);
        self.graph.trace_aware.insert(place, stage);
        head
    }

    /// Who is told what each sampler decides, for the logs of its traces.
    pub(super) fn add_followers(&self, witnesses: &mut BTreeMap<Place, Vec<Arc<dyn Witness>>>) {
        for (followed, follower) in followers(&self.plan.settings) {
            if let Some(stage) = self.graph.trace_aware.get(&follower) {
                let stage: Arc<TraceAware> = Arc::clone(stage);
                witnesses.entry(followed).or_default().push(stage);
            }
        }
    }
}

/// It gathers by itself, as a sampler does: a batch in front of it would only delay.
fn head(stage: &Arc<TraceAware>) -> Head {
    Head {
        stage: Arc::clone(stage) as Arc<_>,
        is_sampler: true,
    }
}

fn rules(settings: &TraceAwareSettings, all: &Settings) -> TraceAwareRules {
    let sampler = all.processors.get(&settings.sampler);
    let wait = settings.wait.unwrap_or_else(|| match sampler {
        Some(Processor::TailSampling(sampling)) => 2 * sampling.decision_wait,
        _ => 2 * tailweir_config::TailSampling::default().decision_wait,
    });
    let share = settings.untraced_percentage / 100.0;
    TraceAwareRules {
        rule: LogRule {
            keep_severity: settings.keep_severity.0,
            untraced: Threshold::of_probability(share, THRESHOLD_DIGITS),
        },
        hold: TraceHoldSettings {
            wait,
            memory_budget: settings.memory_budget,
            decisions_max: DECISIONS_MAX,
        },
        keeps_undecided: settings.undecided == Undecided::Keep,
    }
}
