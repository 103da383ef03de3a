//! Everything that the Collector has and that is not here, gone through whole.

use crate::workbench::load_text;
use tailweir_config::{Cause, Component, IdleOption, Role, absent_components, idle_options};

/// A configuration of this one block, in the section of its role. Extensions run; others stand alone.
fn around(role: Role, name: &str, block: &str) -> String {
    let service = match role {
        Role::Extension => format!("{{extensions: [{name}], pipelines: {{}}}}"),
        _ => "{pipelines: {}}".to_owned(),
    };
    format!(
        "{}: {{{name}: {block}}}\nservice: {service}",
        role.section()
    )
}

/// A block with an option, written at the end of a path.
fn block(path: &[&str], value: &str) -> String {
    path.iter()
        .rev()
        .fold(value.to_owned(), |inner, key| match *key {
            "[]" => format!("[{inner}]"),
            "*" => format!("{{any: {inner}}}"),
            key => format!("{{{key}: {inner}}}"),
        })
}

/// A configuration of nothing but this option.
fn written(option: &IdleOption, value: &str) -> String {
    let Component { role, name, .. } = option.component;
    around(role, name, &block(&option.path, value))
}

/// Scenario: each option of the catalogue that is refused is written, wherever it may stand.
/// Guarantees: it is an error that says why.
///
/// Conforms: catalogue | refused options
#[test]
fn every_option_that_is_refused_says_why() {
    let refused = idle_options()
        .into_iter()
        .filter(|option| option.is_refused);
    let mut tried = 0;
    for option in refused {
        let text = written(&option, "x");
        let loaded = load_text(&text);
        let key = option.path.last().expect("a key");
        let said = format!("`{key}` is not available");
        let is_told = loaded.diagnostics.errors().any(|error| {
            error.cause == Cause::AbsentOption
                && error.message == said
                && error.help.as_deref() == Some(option.reason)
        });
        assert!(is_told, "{text}\n{}", loaded.diagnostics);
        tried += 1;
    }
    assert!(tried > 0);
}

/// Scenario: each option of the catalogue that has no effect is written, wherever it may stand.
/// Guarantees: it is a warning that says why.
///
/// Conforms: catalogue | options without effect
#[test]
fn every_option_without_effect_says_why() {
    let idle = idle_options()
        .into_iter()
        .filter(|option| !option.is_refused);
    let mut tried = 0;
    for option in idle {
        let text = written(&option, "");
        let loaded = load_text(&text);
        let key = option.path.last().expect("a key");
        let said = format!("`{key}` has no effect here: {}", option.reason);
        let is_told = loaded
            .diagnostics
            .warnings()
            .any(|warning| warning.cause == Cause::NoEffect && warning.message == said);
        assert!(is_told, "{text}\n{}", loaded.diagnostics);
        tried += 1;
    }
    assert!(tried > 0);
}

/// Scenario: each component of the Collector that is not here stands in a pipeline, or runs as an extension.
/// Guarantees: it is an error that says what to use instead.
///
/// Conforms: catalogue | absent components
#[test]
fn every_component_that_is_not_here_has_something_instead() {
    for group in absent_components() {
        for name in group.names {
            let text = used(group.role, name);
            let loaded = load_text(&text);
            let is_told = loaded.diagnostics.errors().any(|error| {
                error.cause == Cause::AbsentComponent
                    && error.message == format!("Tailweir has no `{name}` {}", group.role)
                    && error.help.as_deref() == Some(group.instead)
            });
            assert!(is_told, "{text}\n{}", loaded.diagnostics);
        }
    }
}

/// A configuration that uses this component, with no option.
fn used(role: Role, name: &str) -> String {
    if role == Role::Extension {
        return around(role, name, "");
    }
    let is_in = |roles: &[Role]| if roles.contains(&role) { name } else { "nop" };
    let receiver = is_in(&[Role::Receiver, Role::Connector]);
    let exporter = is_in(&[Role::Exporter, Role::Connector]);
    let processor = if role == Role::Processor { name } else { "" };
    let section = |of: Role| {
        if role == of {
            format!("{name}: , ")
        } else {
            String::new()
        }
    };
    format!(
        "receivers: {{{}nop: }}\nprocessors: {{{}}}\nexporters: {{{}nop: }}\nconnectors: {{{}}}\nservice: \
         {{pipelines: {{traces: {{receivers: [{receiver}], processors: [{processor}], exporters: [{exporter}]}}}}}}",
        section(Role::Receiver),
        section(Role::Processor),
        section(Role::Exporter),
        section(Role::Connector),
    )
}
