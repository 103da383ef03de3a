//! Processors that are connectors: each gets the connector, and a pipeline from it to its exporter.

use super::Parts;
use super::service::Service;
use crate::catalogue::Role;
use crate::node::{Node, Place};
use crate::report::{Cause, Report};
use crate::settings::{Connector, Pipeline, Processor, Settings};
use crate::{ComponentId, PipelineId};
use tailweir_core::Signal;

/// Adds a connector and a pipeline for each `spanmetrics` processor that pipelines use.
pub(super) fn connect(
    settings: &mut Settings,
    service: &Service,
    parts: &Parts,
    root: &Node,
    report: &mut Report,
) {
    let used = |(id, processor): (&ComponentId, &Processor)| match processor {
        Processor::SpanMetrics(processor) if service.uses(Role::Processor, id) => {
            Some((id.clone(), processor.clone()))
        }
        _ => None,
    };
    let used: Vec<_> = settings.processors.iter().filter_map(used).collect();
    for (id, processor) in used {
        let path = ["processors", &id.to_string(), "metrics_exporter"];
        let node = path.iter().try_fold(root, |node, step| node.get(step));
        let place = node.map_or_else(|| root.place.clone(), |node| node.place.clone());
        report.enter(&path.join("::"));
        check_exporter(&processor.metrics_exporter, &place, parts, report);
        let connector = ComponentId::of_processor(&id);
        let pipeline = Pipeline {
            id: PipelineId {
                signal: Signal::Metrics,
                name: connector.to_string(),
            },
            at: place.location.clone(),
            receivers: vec![connector.clone()],
            processors: Vec::new(),
            exporters: vec![processor.metrics_exporter.clone()],
        };
        if settings.pipelines.iter().any(|it| it.id == pipeline.id) {
            let text = format!("the pipeline `{}` is that of this processor", pipeline.id);
            report.error_at(place, Cause::Duplicate, text, "give yours another name");
        }
        report.leave();
        let of_processor = Connector::SpanMetricsProcessor(processor);
        settings.connectors.insert(connector, of_processor);
        settings.pipelines.push(pipeline);
    }
}

/// The exporter must be there and take metrics; that a pipeline has it too is of no importance.
fn check_exporter(exporter: &ComponentId, place: &Place, parts: &Parts, report: &mut Report) {
    if *exporter == ComponentId::default() {
        // Said already.
        return;
    }
    let help = "write the id of an exporter that takes metrics";
    let key = (Role::Exporter, exporter.clone());
    let (cause, text) = match parts.here.get(&key) {
        Some(written) if written.component.signals.contains(&Signal::Metrics) => return,
        Some(_) => (
            Cause::WrongSignal,
            format!("the exporter `{exporter}` does not take metrics"),
        ),
        None if parts.absent.contains(&key) => (
            Cause::AbsentComponent,
            format!("the exporter `{exporter}` is not available"),
        ),
        None => (
            Cause::Dangling,
            format!("the exporter `{exporter}` is not configured"),
        ),
    };
    report.error_at(place.clone(), cause, text, help);
}
