//! What connectors make of the pipelines: every one used on both sides, and no cycle.

use crate::node::Place;
use crate::report::{Cause, Report};
use crate::settings::{Connector, Pipeline};
use crate::{ComponentId, Location};
use std::collections::BTreeMap;
use tailweir_core::Signal;

/// Checks the connectors.
pub(super) fn check(
    pipelines: &[Pipeline],
    connectors: &BTreeMap<ComponentId, Connector>,
    report: &mut Report,
) {
    report.enter("service");
    report.enter("pipelines");
    for pipeline in pipelines {
        let path = pipeline.id.to_string();
        report.within(&path, |report| {
            both_sides(pipeline, pipelines, connectors, report);
        });
    }
    routes(pipelines, connectors, report);
    cycles(pipelines, connectors, report);
    report.leave();
    report.leave();
}

fn place(location: &Location) -> Place {
    Place {
        location: location.clone(),
        length: 1,
    }
}

/// A connector that a pipeline feeds must feed a pipeline of a signal that it can make, and the other
/// way.
fn both_sides(
    pipeline: &Pipeline,
    pipelines: &[Pipeline],
    connectors: &BTreeMap<ComponentId, Connector>,
    report: &mut Report,
) {
    let signal = pipeline.id.signal;
    for (id, connector) in used(&pipeline.exporters, connectors) {
        let fed = |other: &&Pipeline| other.receivers.contains(id);
        let joins = |other: &Pipeline| connector.joins(signal, other.id.signal);
        if !pipelines.iter().filter(fed).any(joins) {
            let made = signals(|other| connector.joins(signal, other));
            let text = format!("the connector `{id}` feeds no pipeline of {made}");
            let help = format!("add it to the receivers of a pipeline of {made}");
            report.error_at(place(&pipeline.at), Cause::Dangling, text, help);
        }
    }
    for (id, connector) in used(&pipeline.receivers, connectors) {
        let feeding = |other: &&Pipeline| other.exporters.contains(id);
        let joins = |other: &Pipeline| connector.joins(other.id.signal, signal);
        if !pipelines.iter().filter(feeding).any(joins) {
            let taken = signals(|other| connector.joins(other, signal));
            let text = format!("the connector `{id}` is fed by no pipeline of {taken}");
            let help = format!("add it to the exporters of a pipeline of {taken}");
            report.error_at(place(&pipeline.at), Cause::Dangling, text, help);
        }
    }
}

/// The connectors among the ends of a pipeline.
fn used<'a>(
    ids: &'a [ComponentId],
    connectors: &'a BTreeMap<ComponentId, Connector>,
) -> impl Iterator<Item = (&'a ComponentId, &'a Connector)> {
    ids.iter()
        .filter_map(|id| connectors.get(id).map(|connector| (id, connector)))
}

/// The names of these signals.
fn signals(which: impl Fn(Signal) -> bool) -> String {
    let names = Signal::ALL.into_iter().filter(|signal| which(*signal));
    let names: Vec<&str> = names.map(Signal::name).collect();
    match names.as_slice() {
        [] => "any signal that it takes".to_owned(),
        names => names.join(" or "),
    }
}

/// Each pipeline that a `routing` connector names must have it as a receiver, and be of the signal
/// that flows through it.
fn routes(
    pipelines: &[Pipeline],
    connectors: &BTreeMap<ComponentId, Connector>,
    report: &mut Report,
) {
    for pipeline in pipelines {
        for (id, connector) in used(&pipeline.exporters, connectors) {
            let Connector::Routing(routing) = connector else {
                continue;
            };
            let in_routes = routing.table.iter().flat_map(|route| &route.pipelines);
            for target in in_routes.chain(&routing.default_pipelines) {
                let is_fed = |other: &Pipeline| other.id == *target && other.receivers.contains(id);
                let same_signal = target.signal == pipeline.id.signal;
                if !(same_signal && pipelines.iter().any(is_fed)) {
                    let text = format!(
                        "the connector `{id}` routes to `{target}`, which is no pipeline of {} \
                         that it feeds",
                        pipeline.id.signal
                    );
                    let help = format!("add `{id}` to the receivers of `{target}`");
                    report.error_at(place(&pipeline.at), Cause::Dangling, text, help);
                }
            }
        }
    }
}

/// Refuses pipelines that feed themselves, each cycle once.
fn cycles(
    pipelines: &[Pipeline],
    connectors: &BTreeMap<ComponentId, Connector>,
    report: &mut Report,
) {
    let feeds = |from: usize| {
        let from = &pipelines[from];
        let joined = move |to: &Pipeline| {
            used(&from.exporters, connectors).any(|(id, connector)| {
                to.receivers.contains(id) && connector.joins(from.id.signal, to.id.signal)
            })
        };
        (0..pipelines.len()).filter(move |to| joined(&pipelines[*to]))
    };
    let next: Vec<Vec<usize>> = (0..pipelines.len())
        .map(|from| feeds(from).collect())
        .collect();
    let mut done = vec![false; pipelines.len()];
    for start in 0..pipelines.len() {
        if done[start] {
            continue;
        }
        let Some(cycle) = walk(start, &next, &mut done) else {
            continue;
        };
        let names: Vec<String> = cycle
            .iter()
            .map(|index| pipelines[*index].id.to_string())
            .collect();
        let text = format!("the pipelines feed themselves: {}", names.join(" -> "));
        report.error_at(place(&pipelines[cycle[0]].at), Cause::Cycle, text, "");
    }
}

/// A cycle that can be reached from here, ends included; marks everything that was seen.
fn walk(start: usize, next: &[Vec<usize>], done: &mut [bool]) -> Option<Vec<usize>> {
    let mut path: Vec<(usize, usize)> = vec![(start, 0)];
    done[start] = true;
    while let Some((node, step)) = path.last_mut() {
        let Some(&to) = next[*node].get(*step) else {
            path.pop();
            continue;
        };
        *step += 1;
        if let Some(from) = path.iter().position(|(node, _)| *node == to) {
            let mut cycle: Vec<usize> = path[from..].iter().map(|(node, _)| *node).collect();
            cycle.push(to);
            return Some(cycle);
        }
        if !done[to] {
            done[to] = true;
            path.push((to, 0));
        }
    }
    None
}
