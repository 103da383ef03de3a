//! Samplers of logs pipelines: each follows one of a traces pipeline.

use super::service::{Service, WrittenPipeline};
use crate::node::Place;
use crate::report::{Cause, Report};
use crate::settings::{Processor, Settings};
use crate::tail_sampling::TraceAware;
use crate::{ComponentId, PipelineId};
use tailweir_core::Signal;

/// Checks what stands where, and that each `trace_aware` finds its sampler.
pub(super) fn check(settings: &Settings, service: &Service, report: &mut Report) {
    for pipeline in &service.pipelines {
        for (id, place) in &pipeline.processors {
            check_processor(settings, pipeline, id, place, report);
        }
    }
}

fn check_processor(
    settings: &Settings,
    pipeline: &WrittenPipeline,
    id: &ComponentId,
    place: &Place,
    report: &mut Report,
) {
    let signal = pipeline.id.signal;
    let mut wrong = |text: String, help: &str| {
        report.error_at(place.clone(), Cause::WrongSignal, text, help);
    };
    match (settings.processors.get(id), signal) {
        (Some(Processor::TailSampling(_)), Signal::Logs) => wrong(
            format!("the processor `{id}` does not take logs by itself"),
            "it takes traces; for logs give a processor of its own a `trace_aware` block",
        ),
        (Some(Processor::TraceAware(_)), Signal::Traces) => wrong(
            format!("the processor `{id}` is `trace_aware` and takes logs"),
            "remove `trace_aware`, or use it in a logs pipeline",
        ),
        (Some(Processor::TraceAware(aware)), Signal::Logs) => {
            if let Err((text, help)) = find(settings, aware) {
                let path = format!("processors::{id}::trace_aware::sampler");
                let place = settings.location(&path).map_or_else(
                    || place.clone(),
                    |location| Place {
                        location: location.clone(),
                        length: 1,
                    },
                );
                report.error_at(place, Cause::Dangling, text, help);
            }
        }
        _ => {}
    }
}

fn find(settings: &Settings, aware: &TraceAware) -> Result<(), (String, String)> {
    let sampler = &aware.sampler;
    if *sampler == ComponentId::default() {
        // Said already.
        return Ok(());
    }
    if !matches!(
        settings.processors.get(sampler),
        Some(Processor::TailSampling(_))
    ) {
        let text = format!("`{sampler}` is no tail_sampling processor that samples traces");
        return Err((text, "name one that stands in a traces pipeline".to_owned()));
    }
    if settings.followed_sampler(aware).is_some() {
        return Ok(());
    }
    let pipelines: Vec<_> = settings.pipelines_with(sampler).collect();
    Err(match (&aware.pipeline, pipelines.as_slice()) {
        (_, []) => (
            format!("no traces pipeline has the sampler `{sampler}`"),
            "add it to the processors of one".to_owned(),
        ),
        (Some(named), all) => (
            format!("the pipeline `{named}` does not have the sampler `{sampler}`"),
            format!("write one of {}", names(all)),
        ),
        (None, all) => (
            format!("several pipelines have the sampler `{sampler}`, each with its own decisions"),
            format!("add `pipeline:` with one of {}", names(all)),
        ),
    })
}

fn names(pipelines: &[&PipelineId]) -> String {
    let names: Vec<_> = pipelines.iter().map(ToString::to_string).collect();
    names.join(", ")
}
