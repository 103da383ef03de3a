//! The way from sources to settings.

use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::environment::Environment;
use crate::feature_gate::{ENABLE_LAMBDA, RECORD_POLICY, USE_TRACE_STATE};
use crate::node::Node;
use crate::report::{Cause, Report};
use crate::setting::Setting;
use crate::sources::{Sources, nowhere};
use crate::tail_sampling::{Overrides, TailSamplingDocument, resolve};
use crate::{Compat, Settings, TailSampling, assemble, substitution, yaml};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How a configuration is to be taken.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoadOptions {
    /// Refuse old forms (advice) that run otherwise. Default false.
    pub strict: bool,
    /// Whose rule holds where a policy of the Collector errs, over what the configuration says.
    pub compat: Option<Compat>,
}

/// A configuration that was read.
#[derive(Debug)]
pub struct Loaded {
    /// The settings; nothing when there is an error.
    pub settings: Option<Settings>,
    /// The settings as far as they could be read, when there are errors: for further checks alone, so
    /// that all mistakes are reported at once. Nothing when there is no error.
    pub attempt: Option<Settings>,
    /// Everything that is to be said: errors, warnings, advice.
    pub diagnostics: Diagnostics,
    /// The configuration after substitution and merge, as a tree. **Holds secrets in clear.**
    pub resolved: Json,
}

/// Reads a configuration: sources, merge, substitution, then every component and pipeline. All
/// mistakes are reported at once, except that nothing behind a source that cannot be read, or behind
/// a substitution that cannot be made, is looked at.
pub fn load(sources: &Sources, options: LoadOptions, environment: &dyn Environment) -> Loaded {
    let mut texts = BTreeMap::new();
    let mut report = Report::default();
    sources.check_gates(&mut report);
    let mut root = sources.read(environment, &mut texts, &mut report);
    if report.errors() == 0 {
        substitution::apply(&mut root, environment, &mut texts, &mut report);
    }
    let readable = report.errors() == 0;
    let overrides = overrides(sources, options);
    let settings = readable.then(|| assemble::settings(&root, overrides, &mut report));
    let diagnostics = finish(report, options.strict, texts);
    let (settings, attempt) = match diagnostics.has_errors() {
        true => (None, settings),
        false => (settings, None),
    };
    Loaded {
        settings,
        attempt,
        diagnostics,
        resolved: root.to_json(),
    }
}

/// Reads any YAML text as a tree, without substitution: for documents of other programs.
///
/// # Errors
/// Where it is no YAML, with line and column.
pub fn read_yaml(name: &str, text: &str) -> Result<serde_json::Value, Diagnostics> {
    let source: Arc<str> = Arc::from(name);
    let parsed = yaml::parse(&source, text);
    parsed.node.map(|node| node.to_json()).map_err(|error| {
        let mut report = Report::default();
        error.report(&mut report);
        finish(
            report,
            false,
            BTreeMap::from([(source, Arc::from(parsed.blotted))]),
        )
    })
}

/// What is said beside the configuration.
fn overrides(sources: &Sources, options: LoadOptions) -> Overrides {
    Overrides {
        compat: options.compat,
        record_policy: sources.has_gate(RECORD_POLICY),
        consistent_probability: sources.has_gate(USE_TRACE_STATE),
        lambdas: sources.has_gate(ENABLE_LAMBDA),
    }
}

/// Reads a text that holds nothing but a `tail_sampling:` block, with no feature gate switched; see
/// [`Sources::load_tail_sampling_block`].
pub fn load_tail_sampling_block(
    name: &str,
    text: &str,
    options: LoadOptions,
    environment: &dyn Environment,
) -> (Option<TailSampling>, Diagnostics) {
    Sources::new().load_tail_sampling_block(name, text, options, environment)
}

impl Sources {
    /// Reads a text that holds nothing but a `tail_sampling:` block, as `policy simulate` takes it, in place of these sources, of
    /// which only the feature gates count.
    ///
    /// `name` is what the text is called in diagnostics.
    #[must_use]
    pub fn load_tail_sampling_block(
        &self,
        name: &str,
        text: &str,
        options: LoadOptions,
        environment: &dyn Environment,
    ) -> (Option<TailSampling>, Diagnostics) {
        let mut report = Report::default();
        self.check_gates(&mut report);
        let mut texts = BTreeMap::new();
        let source: Arc<str> = Arc::from(name);
        let parsed = yaml::parse(&source, text);
        texts.insert(source, Arc::from(parsed.blotted));
        let settings = match parsed.node {
            Err(error) => {
                error.report(&mut report);
                None
            }
            Ok(mut root) => {
                substitution::apply(&mut root, environment, &mut texts, &mut report);
                block(&root, overrides(self, options), &mut report)
            }
        };
        let diagnostics = finish(report, options.strict, texts);
        (settings.filter(|_| !diagnostics.has_errors()), diagnostics)
    }
}

fn block(root: &Node, overrides: Overrides, report: &mut Report) -> Option<TailSampling> {
    const KEY: &str = "tail_sampling";
    for entry in root.entries().iter().filter(|entry| entry.key != KEY) {
        report.unknown_name(
            entry.node.head(),
            Cause::UnknownKey,
            "section",
            &entry.key,
            &[KEY],
        );
    }
    let Some(node) = root.get(KEY) else {
        let text = "there is no `tail_sampling:` block";
        let name = root.place.location.source.to_string();
        report.error_at(nowhere(&name), Cause::Missing, text, "");
        return None;
    };
    let mut document = TailSamplingDocument::default();
    Some(report.within(KEY, |report| {
        document.read(node, report);
        resolve(&document, node, overrides, report)
    }))
}

fn finish(report: Report, strict: bool, texts: BTreeMap<Arc<str>, Arc<str>>) -> Diagnostics {
    let severity = |found: Diagnostic| Diagnostic {
        severity: match found.severity {
            Severity::Advice if strict => Severity::Error,
            severity => severity,
        },
        ..found
    };
    Diagnostics::new(
        report.into_found().into_iter().map(severity).collect(),
        texts,
    )
}
