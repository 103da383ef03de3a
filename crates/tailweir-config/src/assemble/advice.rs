//! What no component can see by itself: order in pipelines, authenticators, matching by signal.

use super::service::{Service, WrittenPipeline};
use crate::ComponentId;
use crate::components::{MatchProperties, SendingQueue};
use crate::node::{Node, Place};
use crate::report::{Cause, Report};
use crate::settings::{Exporter, Extension, Processor, Settings};
use tailweir_core::Signal;

/// Checks what needs the whole configuration.
pub(super) fn check(settings: &Settings, service: &Service, root: &Node, report: &mut Report) {
    report.enter("service");
    report.enter("pipelines");
    for pipeline in &service.pipelines {
        report.enter(&pipeline.id.to_string());
        batch_before_sampler(pipeline, settings, report);
        grouping(pipeline, settings, report);
        matching(pipeline, settings, report);
        routing(pipeline, settings, report);
        report.leave();
    }
    report.leave();
    report.leave();
    authenticators(settings, service, root, report);
    storages(settings, service, root, report);
}

fn batch_before_sampler(pipeline: &WrittenPipeline, settings: &Settings, report: &mut Report) {
    let is = |id: &ComponentId, wanted: fn(&Processor) -> bool| {
        settings.processors.get(id).is_some_and(wanted)
    };
    let samples = |processor: &Processor| {
        matches!(
            processor,
            Processor::TailSampling(_) | Processor::TraceAware(_)
        )
    };
    let batches = |processor: &Processor| matches!(processor, Processor::Batch(_));
    let Some(sampler) = pipeline
        .processors
        .iter()
        .position(|(id, _)| is(id, samples))
    else {
        return;
    };
    for (id, place) in &pipeline.processors[..sampler] {
        if is(id, batches) {
            let text =
                format!("`{id}` before the sampler does nothing: requests go to it as they come");
            report.warn_at(
                place.clone(),
                Cause::Advisable,
                text,
                "put it behind the sampler",
            );
        }
    }
}

/// `group_by_trace` has nothing to do where something behind it puts traces together, and cannot do it where nothing does.
fn grouping(pipeline: &WrittenPipeline, settings: &Settings, report: &mut Report) {
    let samples = |(id, _): &(ComponentId, Place)| {
        matches!(
            settings.processors.get(id),
            Some(Processor::TailSampling(_))
        )
    };
    let balances = |(id, _): &(ComponentId, Place)| {
        matches!(settings.exporters.get(id), Some(Exporter::LoadBalancing(_)))
    };
    for (position, (id, place)) in pipeline.processors.iter().enumerate() {
        if !matches!(
            settings.processors.get(id),
            Some(Processor::GroupByTrace(_))
        ) {
            continue;
        }
        let mut behind = pipeline.processors[position..].iter();
        if behind.any(samples) {
            let text =
                format!("`{id}` does nothing here: the sampler behind it holds traces together");
            report.warn_at(place.clone(), Cause::Advisable, text, "remove it");
        } else if pipeline.exporters.iter().any(balances) {
            let text = format!(
                "`{id}` does nothing here: `load_balancing` brings the spans of a trace to one place"
            );
            report.warn_at(place.clone(), Cause::Advisable, text, "remove it");
        } else {
            let text = format!(
                "nothing behind `{id}` puts traces together, and it does not do so by itself"
            );
            let help = "remove it, or put a `tail_sampling` processor behind it";
            report.error_at(place.clone(), Cause::NotAllowed, text, help);
        }
    }
}

/// `include` and `exclude` of attributes processors: what does not exist for a signal is refused, as
/// in the Collector.
fn matching(pipeline: &WrittenPipeline, settings: &Settings, report: &mut Report) {
    for (id, place) in &pipeline.processors {
        let Some(Processor::Attributes(processor)) = settings.processors.get(id) else {
            continue;
        };
        for (name, block) in [
            ("include", &processor.include),
            ("exclude", &processor.exclude),
        ] {
            let Some(block) = block else {
                continue;
            };
            for key in foreign(block, pipeline.id.signal) {
                let signal = pipeline.id.signal;
                let text = format!("`{name}.{key}` of `{id}` cannot be used with {signal}");
                report.error_at(
                    place.clone(),
                    Cause::WrongSignal,
                    text,
                    "use another processor for it",
                );
            }
        }
    }
}

/// A `load_balancing` exporter may route by what the signal does not have.
fn routing(pipeline: &WrittenPipeline, settings: &Settings, report: &mut Report) {
    for (id, place) in &pipeline.exporters {
        let Some(Exporter::LoadBalancing(exporter)) = settings.exporters.get(id) else {
            continue;
        };
        let (key, signal) = (exporter.routing_key, pipeline.id.signal);
        if key.of(signal).is_none() {
            let text = format!(
                "`routing_key: {}` of `{id}` cannot be used with {signal}",
                key.word()
            );
            let help = "use another exporter for it";
            report.error_at(place.clone(), Cause::WrongSignal, text, help);
        }
    }
}

fn foreign(block: &MatchProperties, signal: Signal) -> impl Iterator<Item = &'static str> {
    let spans = [
        ("services", !block.services.is_empty()),
        ("span_names", !block.span_names.is_empty()),
        ("span_kinds", !block.span_kinds.is_empty()),
    ];
    let logs = [
        ("log_bodies", !block.log_bodies.is_empty()),
        ("log_severity_texts", !block.log_severity_texts.is_empty()),
        ("log_severity_number", block.log_severity_number.is_some()),
    ];
    let metrics = [("metric_names", !block.metric_names.is_empty())];
    let mut foreign: Vec<(&str, bool)> = Vec::new();
    if signal == Signal::Logs {
        foreign.extend(spans);
        foreign.extend(metrics);
    }
    if signal == Signal::Traces {
        foreign.extend(logs);
        foreign.extend(metrics);
    }
    foreign
        .into_iter()
        .filter(|(_, written)| *written)
        .map(|(key, _)| key)
}

/// Authenticators must be configured, run, and be of the right sort; the Collector notices at start.
fn authenticators(settings: &Settings, service: &Service, root: &Node, report: &mut Report) {
    let mut wanted: Vec<(String, &str, ComponentId, Use)> = Vec::new();
    for (id, receiver) in &settings.receivers {
        for (place, name) in receiver.authenticators() {
            let path = format!("receivers::{id}::{place}");
            wanted.push((path, "authenticator", name, Use::Check));
        }
    }
    for (id, exporter) in &settings.exporters {
        let Some((path, auth)) = exporter.authenticator() else {
            continue;
        };
        if let Some(name) = auth.authenticator.clone() {
            let path = format!("exporters::{id}::{}", path.join("::"));
            wanted.push((path, "authenticator", name, Use::Sign));
        }
    }
    for (id, extension) in &settings.extensions {
        if let Extension::HeadersSetter(setter) = extension
            && let Some(name) = setter.additional_auth.clone()
        {
            let path = format!("extensions::{id}");
            wanted.push((path, "additional_auth", name, Use::SignBeside));
        }
        if let Extension::ZPages(pages) = extension
            && let Some(name) = pages
                .server
                .auth
                .as_ref()
                .and_then(|auth| auth.authenticator.clone())
        {
            let path = format!("extensions::{id}::auth");
            wanted.push((path, "authenticator", name, Use::Check));
        }
    }
    for (path, key, name, wanted) in wanted {
        authenticator((&path, key), &name, wanted, settings, service, root, report);
    }
}

/// What an authenticator is there for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// It checks the callers of a server.
    Check,
    /// It signs the calls of an exporter.
    Sign,
    /// It does so beside a `headers_setter`.
    SignBeside,
}

fn authenticator(
    (path, key): (&str, &str),
    name: &ComponentId,
    wanted: Use,
    settings: &Settings,
    service: &Service,
    root: &Node,
    report: &mut Report,
) {
    let problem = match settings.extensions.get(name) {
        None => (
            format!("the authenticator `{name}` is not configured"),
            "add it under `extensions:`",
        ),
        Some(_) if !service.extensions.iter().any(|(id, _)| id == name) => (
            format!("the authenticator `{name}` does not run"),
            "add it to `service.extensions`",
        ),
        Some(Extension::BasicAuth(auth)) if wanted == Use::Check && auth.htpasswd.is_none() => (
            format!("`{name}` cannot check callers"),
            "give it `htpasswd`",
        ),
        Some(Extension::BasicAuth(auth)) if wanted != Use::Check && auth.client_auth.is_none() => (
            format!("`{name}` cannot sign calls"),
            "give it `client_auth`",
        ),
        Some(Extension::BasicAuth(_) | Extension::BearerTokenAuth(_)) => return,
        Some(Extension::HeadersSetter(_)) => match wanted {
            Use::Sign => return,
            Use::Check => (
                format!("`{name}` cannot check callers"),
                "use basicauth or bearertokenauth",
            ),
            Use::SignBeside => (
                format!("`{name}` is a headers_setter too"),
                "write all headers into one of them",
            ),
        },
        Some(_) => (
            format!("`{name}` is not an authenticator"),
            "use basicauth or bearertokenauth",
        ),
    };
    dangling((path, key), problem, root, report);
}

/// Queues are kept by a `file_storage` that is configured and runs; the Collector notices at start.
fn storages(settings: &Settings, service: &Service, root: &Node, report: &mut Report) {
    for (id, exporter) in &settings.exporters {
        let Some(name) = exporter.sending_queue().and_then(SendingQueue::kept_by) else {
            continue;
        };
        let problem = match settings.extensions.get(name) {
            None => (
                format!("the storage `{name}` is not configured"),
                "add it under `extensions:`",
            ),
            Some(_) if !service.extensions.iter().any(|(id, _)| id == name) => (
                format!("the storage `{name}` does not run"),
                "add it to `service.extensions`",
            ),
            Some(Extension::FileStorage(_)) => continue,
            Some(_) => (format!("`{name}` keeps no queues"), "use `file_storage`"),
        };
        let path = format!("exporters::{id}::sending_queue");
        dangling((&path, "storage"), problem, root, report);
    }
}

/// What an option names is not there, or is something else. Defaults name nothing.
fn dangling(
    (path, key): (&str, &str),
    (text, help): (String, &str),
    root: &Node,
    report: &mut Report,
) {
    let mut steps = path.split("::").chain([key]);
    let Some(node) = steps.try_fold(root, |node, step| node.get(step)) else {
        return;
    };
    for step in path.split("::") {
        report.enter(step);
    }
    report.error_at(node.place.clone(), Cause::Dangling, text, help);
    for _ in path.split("::") {
        report.leave();
    }
}
