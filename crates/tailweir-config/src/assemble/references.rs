//! Whether what pipelines and extensions refer to is there, and takes their signal.

use super::Parts;
use super::service::{Reference, Service, WrittenPipeline};
use crate::ComponentId;
use crate::catalogue::Role;
use crate::report::{Cause, Report};
use std::collections::BTreeSet;

/// Checks every reference of the `service` section.
pub(super) fn check(service: &Service, parts: &Parts, report: &mut Report) {
    ambiguous(parts, report);
    report.enter("service");
    report.within("extensions", |report| {
        let mut seen = BTreeSet::new();
        for reference in &service.extensions {
            exists(&[Role::Extension], reference, parts, report);
            if !seen.insert(&reference.0) {
                twice(Role::Extension, reference, report);
            }
        }
    });
    report.enter("pipelines");
    for pipeline in &service.pipelines {
        report.within(&pipeline.id.to_string(), |report| {
            check_pipeline(pipeline, parts, report);
        });
    }
    report.leave();
    report.leave();
}

fn check_pipeline(pipeline: &WrittenPipeline, parts: &Parts, report: &mut Report) {
    let lists: [(&[Role], &[Reference]); 3] = [
        (&[Role::Receiver, Role::Connector], &pipeline.receivers),
        (&[Role::Processor], &pipeline.processors),
        (&[Role::Exporter, Role::Connector], &pipeline.exporters),
    ];
    for (roles, references) in lists {
        for reference in references {
            exists(roles, reference, parts, report);
            takes_signal(roles, reference, pipeline, parts, report);
        }
    }
    let mut seen = BTreeSet::new();
    for reference in &pipeline.processors {
        if !seen.insert(&reference.0) {
            twice(Role::Processor, reference, report);
        }
    }
}

fn exists(roles: &[Role], (id, place): &Reference, parts: &Parts, report: &mut Report) {
    let known = |role: &Role| {
        let key = (*role, id.clone());
        parts.here.contains_key(&key) || parts.absent.contains(&key)
    };
    if roles.iter().any(known) {
        return;
    }
    let role = roles[0];
    let names: Vec<String> = parts
        .here
        .keys()
        .filter(|(known, _)| roles.contains(known))
        .map(|(_, id)| id.to_string())
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let text = format!("the {role} `{id}` is not configured");
    let help = match crate::nearest::nearest(&id.to_string(), &names) {
        Some(near) => format!(
            "did you mean `{near}`? Or add it under `{}:`",
            role.section()
        ),
        None => format!("add it under `{}:`", role.section()),
    };
    report.error_at(place.clone(), Cause::Dangling, text, help);
}

fn takes_signal(
    roles: &[Role],
    (id, place): &Reference,
    pipeline: &WrittenPipeline,
    parts: &Parts,
    report: &mut Report,
) {
    let signal = pipeline.id.signal;
    let find = |role: &Role| parts.here.get(&(*role, id.clone()));
    let Some(written) = roles.iter().find_map(find) else {
        return;
    };
    let component = &written.component;
    if !component.signals.contains(&signal) {
        let text = format!("the {} `{id}` does not take {signal}", component.role);
        let names: Vec<&str> = component
            .signals
            .iter()
            .map(|signal| signal.name())
            .collect();
        report.error_at(
            place.clone(),
            Cause::WrongSignal,
            text,
            format!("it takes {}", names.join(", ")),
        );
    }
}

fn twice(role: Role, (id, place): &Reference, report: &mut Report) {
    let text = format!("the {role} `{id}` is listed twice");
    let help = format!("remove one, or configure `{}/second`", id.kind());
    report.error_at(place.clone(), Cause::Duplicate, text, help);
}

/// A connector must not bear the id of a receiver or exporter: a pipeline could mean either.
fn ambiguous(parts: &Parts, report: &mut Report) {
    let of_role = |role: Role| {
        parts
            .here
            .iter()
            .filter(move |((known, _), _)| *known == role)
    };
    for ((_, id), written) in of_role(Role::Connector) {
        for role in [Role::Receiver, Role::Exporter] {
            let key: (Role, ComponentId) = (role, id.clone());
            if parts.here.contains_key(&key) {
                let text = format!("`{id}` is the id of a connector and of a {role}");
                let place = crate::node::Place {
                    location: written.at.clone(),
                    length: 1,
                };
                report.error_at(place, Cause::Duplicate, text, "give one of them a name");
            }
        }
    }
}
