//! Puts a whole configuration together: sections, components, pipelines.

mod advice;
mod counting;
mod graph;
mod references;
mod service;
mod trace_aware;

use crate::catalogue::{self, Known, Part, Role, Written};
use crate::cluster::Cluster;
use crate::node::{Node, Value};
use crate::report::{Cause, Report};
use crate::setting::Setting;
use crate::settings::Settings;
use crate::tail_sampling::Overrides;
use crate::telemetry::Telemetry;
use crate::{ComponentId, Location};
use serde_json::{Map, Value as Json};
use service::Service;
pub(crate) use service::ServiceDocument;
use std::collections::{BTreeMap, BTreeSet};

/// The section that is Tailweir's own.
pub(crate) const CLUSTER: &str = "cluster";

/// What is configured, under its role and id.
pub(crate) struct Parts {
    /// The components that are here.
    pub(crate) here: BTreeMap<(Role, ComponentId), Written>,
    /// Those that are not, of which enough was said.
    pub(crate) absent: BTreeSet<(Role, ComponentId)>,
}

/// The settings of a whole configuration. When errors were reported they are not to be used.
pub(crate) fn settings(root: &Node, overrides: Overrides, report: &mut Report) -> Settings {
    sections(root, report);
    let service = Service::read(root, report);
    let mut settings = Settings {
        receivers: BTreeMap::new(),
        processors: BTreeMap::new(),
        exporters: BTreeMap::new(),
        connectors: BTreeMap::new(),
        extensions: BTreeMap::new(),
        pipelines: Vec::new(),
        service_extensions: Vec::new(),
        telemetry: Telemetry::default(),
        cluster: cluster(root, report),
        lambdas: overrides.lambdas,
        locations: BTreeMap::new(),
        effective: Json::Null,
    };
    let mut parts = Parts {
        here: BTreeMap::new(),
        absent: BTreeSet::new(),
    };
    let mut effective = Map::new();
    for role in Role::ALL {
        let written = section(
            role,
            root,
            &service,
            overrides,
            &mut settings,
            &mut parts,
            report,
        );
        effective.insert(role.section().to_owned(), written);
    }
    effective.insert("service".to_owned(), service.write());
    effective.insert(CLUSTER.to_owned(), settings.cluster.write());
    settings.effective = Json::Object(effective);
    settings.telemetry = service.telemetry.clone();
    settings.service_extensions = service
        .extensions
        .iter()
        .map(|(id, _)| id.clone())
        .collect();
    references::check(&service, &parts, report);
    settings.pipelines = service.pipelines();
    graph::check(&settings.pipelines, &settings.connectors, report);
    advice::check(&settings, &service, root, report);
    counting::connect(&mut settings, &service, &parts, root, report);
    locate(root, String::new(), &mut settings.locations);
    trace_aware::check(&settings, &service, report);
    settings
}

/// The sections at the top: all known, and those there that must be.
fn sections(root: &Node, report: &mut Report) {
    let known: Vec<&str> = Role::ALL
        .iter()
        .map(|role| role.section())
        .chain(["service", CLUSTER])
        .collect();
    if root.entries().is_empty() {
        let help = "start with `receivers:`, `exporters:` and `service:`";
        report.error_at(
            root.place.clone(),
            Cause::Missing,
            "the configuration is empty",
            help,
        );
        return;
    }
    for entry in root.entries() {
        if !known.contains(&entry.key.as_str()) {
            report.unknown_name(
                entry.node.head(),
                Cause::UnknownKey,
                "section",
                &entry.key,
                &known,
            );
        }
    }
    for role in [Role::Receiver, Role::Exporter] {
        let section = root.get(role.section());
        if section.is_none_or(|node| matches!(node.value, Value::Null) || is_empty_map(node)) {
            let place = section.map_or_else(|| root.place.clone(), Node::head);
            let text = format!("no {role} is configured");
            report.error_at(
                place,
                Cause::Missing,
                text,
                format!("add `{}:`", role.section()),
            );
        }
    }
}

/// The cluster that the process belongs to, if it belongs to one.
fn cluster(root: &Node, report: &mut Report) -> Option<Cluster> {
    let mut cluster = None::<Cluster>;
    if let Some(node) = root.get(CLUSTER) {
        report.within(CLUSTER, |report| cluster.read(node, report));
    }
    cluster
}

fn is_empty_map(node: &Node) -> bool {
    matches!(&node.value, Value::Map(entries) if entries.is_empty())
}

/// Reads the components of one section and returns them as `print-config` shows them.
fn section(
    role: Role,
    root: &Node,
    service: &Service,
    overrides: Overrides,
    settings: &mut Settings,
    parts: &mut Parts,
    report: &mut Report,
) -> Json {
    let mut written = Map::new();
    let Some(node) = root.get(role.section()) else {
        return Json::Null;
    };
    report.enter(role.section());
    if !matches!(node.value, Value::Map(_) | Value::Null) {
        report.wrong_type(node, "a map of components");
    }
    for entry in node.entries() {
        let id = match ComponentId::parse(&entry.key) {
            Ok(id) => id,
            Err(problem) => {
                report.error_at(
                    entry.node.head(),
                    Cause::BadId,
                    problem,
                    "write `type` or `type/name`",
                );
                continue;
            }
        };
        report.enter(&entry.key);
        let shown = component(
            role,
            &id,
            &entry.node,
            service,
            overrides,
            settings,
            parts,
            report,
        );
        report.leave();
        written.extend(shown.map(|shown| (id.to_string(), shown)));
    }
    report.leave();
    if written.is_empty() {
        Json::Null
    } else {
        Json::Object(written)
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "one component, and all that it is put into"
)]
fn component(
    role: Role,
    id: &ComponentId,
    node: &Node,
    service: &Service,
    overrides: Overrides,
    settings: &mut Settings,
    parts: &mut Parts,
    report: &mut Report,
) -> Option<Json> {
    let kind = match catalogue::find(role, id.kind()) {
        Known::Here(kind) => kind,
        known => {
            let sentence = match known {
                Known::Elsewhere(sentence) => Some(sentence),
                _ => None,
            };
            let used = service.uses(role, id);
            catalogue::report_missing(role, id, node, used, sentence, report);
            parts.absent.insert((role, id.clone()));
            return None;
        }
    };
    catalogue::old_forms(role, id.kind(), node, report);
    let (part, written) = (kind.read)(node, overrides, report);
    let here = Written {
        component: kind.component,
        at: node.head().location,
    };
    parts.here.insert((role, id.clone()), here);
    let id = id.clone();
    match part {
        Part::Receiver(part) => drop(settings.receivers.insert(id, part)),
        Part::Processor(part) => drop(settings.processors.insert(id, part)),
        Part::Exporter(part) => drop(settings.exporters.insert(id, part)),
        Part::Connector(part) => drop(settings.connectors.insert(id, part)),
        Part::Extension(part) => drop(settings.extensions.insert(id, part)),
    }
    Some(written)
}

/// Remembers where everything stands.
fn locate(node: &Node, path: String, locations: &mut BTreeMap<String, Location>) {
    let join = |step: &str| match path.as_str() {
        "" => step.to_owned(),
        path => format!("{path}::{step}"),
    };
    match &node.value {
        Value::Map(entries) => {
            for entry in entries {
                locate(&entry.node, join(&entry.key), locations);
            }
        }
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                locate(item, join(&index.to_string()), locations);
            }
        }
        _ => {}
    }
    if !path.is_empty() {
        locations.insert(path, node.head().location);
    }
}
