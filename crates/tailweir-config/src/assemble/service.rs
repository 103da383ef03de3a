//! The `service` section as it is written.

use crate::catalogue::Role;
use crate::node::{Node, Place, Value};
use crate::report::{Cause, Report};
use crate::setting::{Setting, settings};
use crate::settings::Pipeline;
use crate::telemetry::Telemetry;
use crate::{ComponentId, PipelineId};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

settings! {
    /// What runs: the pipelines, the extensions, and what this process says about itself.
    pub(crate) struct ServiceDocument {
        /// The extensions that run, in the order in which they start.
        extensions: Vec<ComponentId> = Vec::new(),
        /// The pipelines: `traces`, `metrics` or `logs`, each with or without `/name`.
        pipelines: BTreeMap<String, PipelineDocument> = BTreeMap::new(),
        /// What this process says about itself.
        telemetry: Telemetry = Telemetry::default(),
    }
}

settings! {
    /// Where one signal comes from, what happens to it, where it goes.
    pub(crate) struct PipelineDocument {
        /// Receivers, and connectors that feed it. One at least.
        receivers: Vec<ComponentId> = Vec::new(),
        /// Processors, in order.
        processors: Vec<ComponentId> = Vec::new(),
        /// Exporters, and connectors that it feeds. One at least.
        exporters: Vec<ComponentId> = Vec::new(),
    }
}

/// An id and where it stands.
pub(crate) type Reference = (ComponentId, Place);

/// A pipeline as it is written.
pub(crate) struct WrittenPipeline {
    pub(crate) id: PipelineId,
    pub(crate) place: Place,
    pub(crate) receivers: Vec<Reference>,
    pub(crate) processors: Vec<Reference>,
    pub(crate) exporters: Vec<Reference>,
}

/// The `service` section.
pub(crate) struct Service {
    pub(crate) extensions: Vec<Reference>,
    pub(crate) pipelines: Vec<WrittenPipeline>,
    pub(crate) telemetry: Telemetry,
}

impl Service {
    /// Reads the section. Ids that are none are reported and left out.
    pub(crate) fn read(root: &Node, report: &mut Report) -> Self {
        let mut document = ServiceDocument::default();
        let node = root.get("service");
        report.enter("service");
        if let Some(node) = node {
            document.read(node, report);
        }
        let list = node.and_then(|node| node.get("pipelines"));
        report.enter("pipelines");
        if list.is_none_or(|list| list.entries().is_empty()) && !root.entries().is_empty() {
            let place = list.or(node).map_or_else(|| root.place.clone(), Node::head);
            let help = "add `service: {pipelines: {traces: {receivers: [...], exporters: [...]}}}`";
            report.error_at(place, Cause::Missing, "there is no pipeline", help);
        }
        let entries = list.map_or(&[][..], Node::entries);
        let pipelines = entries
            .iter()
            .filter_map(|entry| pipeline(&entry.key, &entry.node, &document, report))
            .collect();
        report.leave();
        report.leave();
        Self {
            extensions: references(&document.extensions, node, "extensions"),
            pipelines,
            telemetry: document.telemetry,
        }
    }

    /// Whether something runs that refers to this component.
    pub(crate) fn uses(&self, role: Role, id: &ComponentId) -> bool {
        let has = |references: &[Reference]| references.iter().any(|(known, _)| known == id);
        match role {
            Role::Extension => has(&self.extensions),
            Role::Receiver => self
                .pipelines
                .iter()
                .any(|pipeline| has(&pipeline.receivers)),
            Role::Processor => self
                .pipelines
                .iter()
                .any(|pipeline| has(&pipeline.processors)),
            Role::Exporter => self
                .pipelines
                .iter()
                .any(|pipeline| has(&pipeline.exporters)),
            Role::Connector => self
                .pipelines
                .iter()
                .any(|pipeline| has(&pipeline.receivers) || has(&pipeline.exporters)),
        }
    }

    /// The pipelines without duplicates in their lists.
    pub(crate) fn pipelines(&self) -> Vec<Pipeline> {
        let once = |references: &[Reference]| {
            let mut ids: Vec<ComponentId> = Vec::new();
            for (id, _) in references {
                if !ids.contains(id) {
                    ids.push(id.clone());
                }
            }
            ids
        };
        let pipeline = |written: &WrittenPipeline| Pipeline {
            id: written.id.clone(),
            at: written.place.location.clone(),
            receivers: once(&written.receivers),
            processors: once(&written.processors),
            exporters: once(&written.exporters),
        };
        self.pipelines.iter().map(pipeline).collect()
    }

    /// The section as `print-config` shows it.
    pub(crate) fn write(&self) -> Json {
        let ids = |references: &[Reference]| match references {
            [] => Json::Null,
            references => references.iter().map(|(id, _)| id.write()).collect(),
        };
        let mut pipelines = Map::new();
        for written in &self.pipelines {
            let lists = [
                ("receivers", &written.receivers),
                ("processors", &written.processors),
                ("exporters", &written.exporters),
            ];
            let lists = lists.map(|(key, list)| (key.to_owned(), ids(list)));
            pipelines.insert(
                written.id.to_string(),
                Json::Object(lists.into_iter().collect()),
            );
        }
        let mut service = Map::new();
        service.insert("extensions".to_owned(), ids(&self.extensions));
        service.insert("pipelines".to_owned(), Json::Object(pipelines));
        service.insert("telemetry".to_owned(), self.telemetry.write());
        Json::Object(service)
    }
}

fn pipeline(
    key: &str,
    node: &Node,
    document: &ServiceDocument,
    report: &mut Report,
) -> Option<WrittenPipeline> {
    let id = match PipelineId::parse(key) {
        Ok(id) => id,
        Err(problem) => {
            let help = "pipelines are `traces`, `metrics` or `logs`, with or without `/name`";
            report.error_at(node.head(), Cause::BadId, problem, help);
            return None;
        }
    };
    let lists = document.pipelines.get(key)?;
    let written = WrittenPipeline {
        id,
        place: node.head(),
        receivers: references(&lists.receivers, Some(node), "receivers"),
        processors: references(&lists.processors, Some(node), "processors"),
        exporters: references(&lists.exporters, Some(node), "exporters"),
    };
    report.enter(key);
    for (list, what) in [
        (&lists.receivers, "receiver"),
        (&lists.exporters, "exporter"),
    ] {
        if list.is_empty() {
            let text = format!("the pipeline has no {what}");
            let help = format!("add `{what}s: [...]`");
            report.error_at(node.head(), Cause::Missing, text, help);
        }
    }
    report.leave();
    Some(written)
}

/// Ids with their places; what was no id is left out.
fn references(ids: &[ComponentId], node: Option<&Node>, key: &str) -> Vec<Reference> {
    let Some(Value::List(items)) = node.and_then(|node| node.get(key)).map(|node| &node.value)
    else {
        return Vec::new();
    };
    let sound = |(id, item): (&ComponentId, &Node)| {
        (!id.kind().is_empty()).then(|| (id.clone(), item.place.clone()))
    };
    ids.iter().zip(items).filter_map(sound).collect()
}
