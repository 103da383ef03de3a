//! `/debug/pipelinez`: each pipeline, its components in order, and what they have done so far.

use super::{PAGES, Shown};
use crate::pages::Page;
use tailweir_config::{ComponentId, Pipeline, Processor, Settings};
use tailweir_gateway::{DecisionRow, Status};

const COLUMNS: [&str; 4] = ["role", "component", "changes items", "so far"];

pub(super) fn page(shown: &Shown<'_>) -> Page {
    let mut page = Page::new("pipelinez", &PAGES);
    let Some(settings) = shown.settings.as_deref() else {
        page.fact("state", "the process ends");
        return page;
    };
    page.fact("pipelines", settings.pipelines.len());
    for pipeline in &settings.pipelines {
        let place = Place {
            pipeline,
            id: pipeline.id.to_string(),
            signal: pipeline.id.signal.name(),
            settings,
            status: &shown.status,
        };
        page.table(&place.id, &COLUMNS, place.rows());
    }
    page
}

/// A pipeline and what is known of it.
struct Place<'a> {
    pipeline: &'a Pipeline,
    id: String,
    signal: &'static str,
    settings: &'a Settings,
    status: &'a Status,
}

impl Place<'_> {
    fn rows(&self) -> Vec<[String; 4]> {
        let row = |role: &str, id: &ComponentId, changes: bool, figures: Vec<String>| {
            let changes = if changes { "yes" } else { "no" };
            let figures = figures.join("; ");
            [role.to_owned(), id.to_string(), changes.to_owned(), figures]
        };
        let mut rows = Vec::new();
        for id in &self.pipeline.receivers {
            let figures = match self.settings.connectors.contains_key(id) {
                true => self.made_by(id),
                false => self.received_by(id),
            };
            rows.push(row(self.end_role(id, "receiver"), id, false, figures));
        }
        for id in &self.pipeline.processors {
            let changes = self.settings.processors.get(id).is_some_and(changes_items);
            rows.push(row("processor", id, changes, self.processed_by(id)));
        }
        for id in &self.pipeline.exporters {
            let figures = match self.settings.connectors.contains_key(id) {
                true => self.brought_to(id),
                false => self.exported_by(id),
            };
            rows.push(row(self.end_role(id, "exporter"), id, false, figures));
        }
        rows
    }

    fn end_role(&self, id: &ComponentId, otherwise: &'static str) -> &'static str {
        match self.settings.connectors.contains_key(id) {
            true => "connector",
            false => otherwise,
        }
    }

    fn received_by(&self, id: &ComponentId) -> Vec<String> {
        let id = id.to_string();
        let rows = self.status.receivers.iter();
        rows.filter(|row| row.receiver == id && row.signal == self.signal)
            .map(|row| {
                format!(
                    "{}: {} accepted, {} refused in {} requests",
                    row.transport, row.accepted, row.refused, row.requests
                )
            })
            .collect()
    }

    fn made_by(&self, id: &ComponentId) -> Vec<String> {
        let id = id.to_string();
        let mut rows = self.status.connectors.iter();
        let made = rows
            .find(|row| row.connector == id)
            .and_then(|row| row.made.get(self.signal));
        made.map(|made| format!("{made} made"))
            .into_iter()
            .collect()
    }

    fn brought_to(&self, id: &ComponentId) -> Vec<String> {
        let id = id.to_string();
        let connectors = self.status.connectors.iter();
        let connectors = connectors.filter(|row| row.connector == id).map(|row| {
            let received = row.received.get(self.signal).copied().unwrap_or(0);
            format!("{received} received, {} series", row.series)
        });
        let routes = self.status.routes.iter();
        let routes = routes.filter(|row| row.connector == id).map(|row| {
            format!(
                "{} received, {} unrouted, {} failed",
                row.received, row.unrouted, row.failed
            )
        });
        connectors.chain(routes).collect()
    }

    fn exported_by(&self, id: &ComponentId) -> Vec<String> {
        let id = id.to_string();
        let rows = self.status.exporters.iter();
        rows.filter(|row| row.exporter == id && row.signal == self.signal)
            .map(|row| match row.exports {
                false => format!("{} went nowhere, as it exports nothing", row.not_exported),
                true => format!(
                    "{} sent, {} failed, {} found no room, {} retries, queue {} of {}",
                    row.sent,
                    row.send_failed,
                    row.enqueue_failed,
                    row.retries,
                    row.queue_size,
                    row.queue_capacity
                ),
            })
            .collect()
    }

    fn processed_by(&self, id: &ComponentId) -> Vec<String> {
        let figures = match self.settings.processors.get(id) {
            Some(Processor::MemoryLimiter(_)) => vec![super::in_flight(self.status)],
            Some(Processor::Batch(_)) => self.batched_by(id),
            Some(Processor::TailSampling(_)) => self.sampled_by(id),
            Some(Processor::TraceAware(_)) => self.followed_by(id),
            _ => self.transformed_by(id),
        };
        let connector = self.settings.connector_of(id);
        let brought = connector.map(|connector| self.brought_to(&connector));
        figures
            .into_iter()
            .chain(brought.into_iter().flatten())
            .collect()
    }

    fn is_at(&self, id: &ComponentId, pipeline: &str, processor: &str) -> bool {
        pipeline == self.id && processor == id.to_string()
    }

    fn transformed_by(&self, id: &ComponentId) -> Vec<String> {
        let rows = self.status.transforms.iter();
        rows.filter(|row| self.is_at(id, &row.pipeline, &row.processor))
            .map(|row| {
                format!(
                    "{} in, {} out, {} dropped, {} failed",
                    row.incoming, row.outgoing, row.dropped, row.failed
                )
            })
            .collect()
    }

    fn batched_by(&self, id: &ComponentId) -> Vec<String> {
        let rows = self.status.batches.iter();
        rows.filter(|row| self.is_at(id, &row.pipeline, &row.processor))
            .map(|row| {
                let batches = row.by_size + row.by_timeout;
                format!(
                    "{} items left in {batches} batches, {} wait",
                    row.items, row.waiting_items
                )
            })
            .collect()
    }

    fn sampled_by(&self, id: &ComponentId) -> Vec<String> {
        let rows = self.status.samplers.iter();
        rows.filter(|row| self.is_at(id, &row.pipeline, &row.processor))
            .map(|row| {
                format!(
                    "held {}; sampled {}; not sampled {}; dropped {}",
                    amount(row.held),
                    amount(row.sampled),
                    amount(row.not_sampled),
                    amount(row.dropped)
                )
            })
            .collect()
    }

    fn followed_by(&self, id: &ComponentId) -> Vec<String> {
        let rows = self.status.trace_aware.iter();
        rows.filter(|row| self.is_at(id, &row.pipeline, &row.processor))
            .map(|row| {
                format!(
                    "{} kept, {} dropped, {} passed for their severity, {} without a trace",
                    row.kept, row.dropped, row.severe, row.untraced
                )
            })
            .collect()
    }
}

fn amount(row: DecisionRow) -> String {
    let DecisionRow { traces, spans, .. } = row;
    format!("{traces} traces ({spans} spans)")
}

/// Whether what comes out may be something else than what went in.
fn changes_items(processor: &Processor) -> bool {
    match processor {
        Processor::Resource(_)
        | Processor::Attributes(_)
        | Processor::Transform(_)
        | Processor::Span(_)
        | Processor::Redaction(_)
        | Processor::GroupByAttrs(_)
        | Processor::MetricsTransform(_)
        | Processor::ResourceDetection(_)
        | Processor::KubernetesAttributes(_)
        | Processor::ProbabilisticSampler(_) => true,
        Processor::TailSampling(sampling) => sampling.write_threshold || sampling.record_policy,
        Processor::Batch(_)
        | Processor::MemoryLimiter(_)
        | Processor::Filter(_)
        | Processor::GroupByTrace(_)
        | Processor::SpanMetrics(_)
        | Processor::TraceAware(_) => false,
    }
}
