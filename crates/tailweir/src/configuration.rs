//! Reads the configuration that the command line names, and notices when a file of it changes.

mod check;
mod environment;
mod policies;

pub(crate) use environment::FilesRead;
pub(crate) use policies::tail_sampling;

use crate::cli::{Compat, ConfigArguments};
use environment::{EMBEDDED, ProcessEnvironment};
use std::fmt;
use tailweir_config::{Diagnostics, FeatureGate, LoadOptions, Settings, Sources};
use tailweir_control::PolicyRevision;

/// What policies of the cluster are called in diagnostics.
const OF_CLUSTER: &str = "policies of the cluster";
/// What Tailweir runs when it is given no `--config`.
pub(crate) const EMBEDDED_TEXT: &str = include_str!("default.yaml");

/// A configuration that was refused. Prints every mistake with its place, and what is odd: a misspelt
/// block of a policy is no more than that.
#[derive(Debug)]
pub(crate) struct Refused {
    /// What is wrong, and what is odd.
    pub(crate) diagnostics: Diagnostics,
}

impl Refused {
    /// How many mistakes there are.
    pub(crate) fn mistakes(&self) -> usize {
        self.diagnostics.errors().count()
    }

    /// The first mistake on one line.
    pub(crate) fn first(&self) -> String {
        let first = self.diagnostics.errors().next();
        first.map(ToString::to_string).unwrap_or_default()
    }

    /// Each mistake on one line.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        self.diagnostics.errors().map(ToString::to_string)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mistakes = self.mistakes();
        let noun = if mistakes == 1 { "mistake" } else { "mistakes" };
        write!(
            f,
            "{}the configuration has {mistakes} {noun}",
            self.diagnostics
        )
    }
}

impl std::error::Error for Refused {}

/// A configuration that can be run.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) settings: Settings,
    /// Its policies, as a cluster shares them.
    pub(crate) policies: String,
    /// Warnings and advice.
    pub(crate) diagnostics: Diagnostics,
}

/// Where a configuration comes from. Can be read again and again.
#[derive(Debug, Clone)]
pub(crate) struct Configuration {
    sources: Sources,
    options: LoadOptions,
    names: Vec<String>,
}

impl Configuration {
    /// What the command line names; the embedded one if it names none.
    pub(crate) fn of(arguments: &ConfigArguments) -> Self {
        let mut names = arguments.sources.clone();
        if names.is_empty() {
            names.push(EMBEDDED.to_owned());
        }
        let sources = names
            .iter()
            .fold(Sources::new(), |all, name| all.config(name));
        let sources = arguments
            .overrides
            .iter()
            .fold(sources, |all, it| all.set(it));
        let sources = arguments.cluster.over(sources);
        let gates = arguments.feature_gates.join(",");
        let options = LoadOptions {
            strict: arguments.strict,
            compat: arguments.compat.map(Compat::rule),
        };
        Self {
            sources: sources.feature_gates(&gates),
            options,
            names,
        }
    }

    /// The same, with policies that an operator gives over what it says.
    pub(crate) fn with_policies(&self, text: &str) -> Self {
        Self {
            sources: self.sources.clone().text(OF_CLUSTER, text),
            ..self.clone()
        }
    }

    /// The same with the policies of the cluster in place of its own.
    pub(crate) fn with_revision(&self, policies: &PolicyRevision) -> Self {
        let sources = self.sources.clone();
        Self {
            sources: sources.replacing_processors(OF_CLUSTER, &policies.file),
            ..self.clone()
        }
        .with_policies(&policies.text)
    }

    /// Whether it is the embedded one.
    pub(crate) fn is_embedded(&self) -> bool {
        self.names == [EMBEDDED]
    }

    /// What the sources are called. Text given on the command line is not repeated, as it may hold
    /// secrets.
    pub(crate) fn names(&self) -> Vec<String> {
        let public = |name: &String| match name.strip_prefix("yaml:") {
            Some(_) => "yaml:...".to_owned(),
            None => name.clone(),
        };
        self.names.iter().map(public).collect()
    }

    /// The feature gates that are known, as the command line has them.
    pub(crate) fn known_gates(&self) -> Vec<FeatureGate> {
        self.sources.known_gates().collect()
    }

    /// Reads, checks and compiles everything. Also returns which files were read, so that a refused
    /// configuration is looked at again only when it changes.
    pub(crate) fn load(&self) -> (Result<Accepted, Refused>, FilesRead) {
        let environment = ProcessEnvironment::default();
        let mut loaded = tailweir_config::load(&self.sources, self.options, &environment);
        let files = environment.into_files();
        if let Some(settings) = loaded.settings.as_ref().or(loaded.attempt.as_ref()) {
            check::compile(settings, &mut loaded.diagnostics);
        }
        let outcome = match loaded.settings {
            Some(settings) if !loaded.diagnostics.has_errors() => Ok(Accepted {
                settings,
                policies: tailweir_config::print_policies(&loaded.resolved),
                diagnostics: loaded.diagnostics,
            }),
            _ => Err(Refused {
                diagnostics: loaded.diagnostics.without_advice_to_add(),
            }),
        };
        (outcome, files)
    }
}

impl Compat {
    /// Whose rule that is.
    pub(crate) const fn rule(self) -> tailweir_config::Compat {
        match self {
            Self::Tailweir => tailweir_config::Compat::Tailweir,
            Self::Collector => tailweir_config::Compat::Collector,
        }
    }
}
