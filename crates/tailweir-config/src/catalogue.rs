//! Every type of component: those that this version has, and those of the Collector that it has not,
//! with a sentence on what to use instead.

mod absent;
mod not_offered;
mod old_forms;
mod present;

use crate::node::Node;
use crate::report::{Cause, Report, shorten};
use crate::setting::Shape;
use crate::settings::{Connector, Exporter, Extension, Processor, Receiver};
use crate::tail_sampling::Overrides;
use crate::{ComponentId, Location};
use serde_json::Value as Json;
use std::fmt;
use tailweir_core::Signal;

pub use not_offered::{AbsentComponents, IdleOption, absent_components, idle_options};
pub(crate) use old_forms::old_forms;
pub(crate) use present::PRESENT;

/// What a component does in a pipeline, or beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Where data comes from.
    Receiver,
    /// What happens to it.
    Processor,
    /// Where it goes.
    Exporter,
    /// From pipeline to pipeline.
    Connector,
    /// Beside the pipelines.
    Extension,
}

impl Role {
    /// Each of them, in order of the configuration.
    pub const ALL: [Self; 5] = [
        Self::Receiver,
        Self::Processor,
        Self::Exporter,
        Self::Connector,
        Self::Extension,
    ];

    /// The word, such as `receiver`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Receiver => "receiver",
            Self::Processor => "processor",
            Self::Exporter => "exporter",
            Self::Connector => "connector",
            Self::Extension => "extension",
        }
    }

    /// The section of the configuration, such as `receivers`.
    #[must_use]
    pub const fn section(self) -> &'static str {
        match self {
            Self::Receiver => "receivers",
            Self::Processor => "processors",
            Self::Exporter => "exporters",
            Self::Connector => "connectors",
            Self::Extension => "extensions",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How far a component can be relied upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stability {
    /// Its options stay.
    Stable,
    /// It is complete; its options may change.
    Beta,
    /// It is accepted and does nothing.
    Accepted,
    /// It runs for the sake of old configurations; there is a newer form.
    Old,
}

impl Stability {
    /// The word: `stable`, `beta`, `accepted` or `old`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Beta => "beta",
            Self::Accepted => "accepted",
            Self::Old => "old",
        }
    }
}

/// A type of component that this version has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Component {
    /// What it does.
    pub role: Role,
    /// Its name in configurations.
    pub name: &'static str,
    /// Other names for it.
    pub old_names: &'static [&'static str],
    /// What may flow through it. Empty for extensions.
    pub signals: &'static [Signal],
    /// How far it can be relied upon.
    pub stability: Stability,
}

/// The types of components that this version has.
pub fn components() -> impl Iterator<Item = Component> {
    PRESENT.iter().map(|kind| kind.component)
}

/// A type of component and how its block is read.
pub(crate) struct Kind {
    pub(crate) component: Component,
    pub(crate) shape: fn() -> Shape,
    pub(crate) read: fn(&Node, Overrides, &mut Report) -> (Part, Json),
}

/// A component as it is used.
pub(crate) enum Part {
    Receiver(Receiver),
    Processor(Processor),
    Exporter(Exporter),
    Connector(Connector),
    Extension(Extension),
}

/// What is known about a type.
pub(crate) enum Known {
    /// It is here.
    Here(&'static Kind),
    /// The Collector has it; this is what to use instead.
    Elsewhere(&'static str),
    /// Nobody has it.
    Nowhere,
}

/// Looks a type up, by any of its names.
pub(crate) fn find(role: Role, name: &str) -> Known {
    let same = |kind: &&Kind| {
        let component = &kind.component;
        component.role == role && (component.name == name || component.old_names.contains(&name))
    };
    if let Some(kind) = PRESENT.iter().find(same) {
        return Known::Here(kind);
    }
    match absent::instead(role, name) {
        Some(sentence) => Known::Elsewhere(sentence),
        None => Known::Nowhere,
    }
}

/// Says that a component cannot be had, or does not exist.
pub(crate) fn report_missing(
    role: Role,
    id: &ComponentId,
    node: &Node,
    used: bool,
    sentence: Option<&str>,
    report: &mut Report,
) {
    let place = node.head();
    let Some(sentence) = sentence else {
        let names: Vec<&str> = components()
            .filter(|component| component.role == role)
            .flat_map(|component| {
                [component.name]
                    .into_iter()
                    .chain(component.old_names.iter().copied())
            })
            .chain(absent::names(role))
            .collect();
        let what = format!("{role} type");
        report.unknown_name(place, Cause::UnknownComponent, &what, id.kind(), &names);
        return;
    };
    let kind = shorten(id.kind());
    if used {
        let text = format!("Tailweir has no `{kind}` {role}");
        report.error_at(place, Cause::AbsentComponent, text, sentence);
    } else {
        let text = format!("Tailweir has no `{kind}` {role}; no pipeline uses this one");
        report.warn_at(place, Cause::AbsentComponent, text, sentence);
    }
}

/// Where a component was written, for messages about its use.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) component: Component,
    pub(crate) at: Location,
}
