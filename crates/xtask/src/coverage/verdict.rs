//! What the product says of a configuration, sorted into what is missing here and what is not.

use super::product::Said;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use tailweir_config::{Cause, Role};

/// Why a configuration does not run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// A type of component that is not here, such as `kafka receiver`.
    Component(String),
    /// An option that is not here: the component's type and its keys, and what is said.
    Option(String),
    /// Something else that is wrong with it, here as in a Collector or only here.
    Mistake(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Component(name) => write!(f, "component: {name}"),
            Self::Option(text) => write!(f, "option: {text}"),
            Self::Mistake(text) => write!(f, "mistake: {text}"),
        }
    }
}

/// The verdict on one configuration.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Why it does not run, and how often. Empty: it runs whole.
    pub(super) reasons: BTreeMap<Reason, usize>,
    /// Warnings and advice, without those of unset variables.
    pub(super) warnings: usize,
    /// Values that are of variables that are not set.
    pub(super) unset: usize,
    /// Files that it names and that are not there.
    pub(super) absent_files: usize,
    /// What is refused only for such a value or file, and so was not judged.
    pub(super) unjudged: usize,
}

/// Sorts what was said; `absent` is how many files were replaced by unset variables before.
pub(super) fn of(said: &[Said], absent: usize) -> Verdict {
    let is = |item: &Said, cause: Cause| item.cause == cause.name();
    let unset: Vec<&Said> = said.iter().filter(|it| is(it, Cause::Unset)).collect();
    let mut verdict = Verdict {
        unset: unset.len().saturating_sub(absent),
        absent_files: absent,
        ..Verdict::default()
    };
    for item in said {
        if is(item, Cause::Unset) {
            continue;
        }
        if !item.is_error {
            verdict.warnings += 1;
            continue;
        }
        let reason = match reason(item) {
            // Without a path it is the configuration itself.
            Reason::Mistake(_) if is(item, Cause::Unreadable) && !item.path.is_empty() => {
                verdict.absent_files += 1;
                verdict.unjudged += 1;
                continue;
            }
            Reason::Mistake(_) if unset.iter().any(|it| follows(item, it)) => {
                verdict.unjudged += 1;
                continue;
            }
            reason => reason,
        };
        *verdict.reasons.entry(reason).or_default() += 1;
    }
    verdict
}

/// Whether a mistake is that of an empty value: it is about that value itself, or says that the option is
/// missing. Where that does not name one (no token, no user), any of its block may be it.
fn follows(mistake: &Said, unset: &Said) -> bool {
    let (block, option) = unset.path.rsplit_once("::").unwrap_or(("", &unset.path));
    let names = mistake.message.contains(&format!("`{option}`"));
    let is_missing = mistake.path == block && (names || !mistake.message.contains('`'));
    mistake.place == unset.place || mistake.path == unset.path || is_missing
}

fn reason(said: &Said) -> Reason {
    let is = |causes: &[Cause]| causes.iter().any(|cause| cause.name() == said.cause);
    if is(&[Cause::AbsentComponent, Cause::UnknownComponent])
        && let Some(name) = component(&said.path)
    {
        return Reason::Component(name);
    }
    let text = match general(&said.path).as_str() {
        "" => said.message.clone(),
        path => format!("{path}: {}", said.message),
    };
    match is(&[Cause::AbsentOption, Cause::UnknownKey]) {
        true => Reason::Option(text),
        false => Reason::Mistake(text),
    }
}

/// `kafka receiver` of `receivers::kafka/2`.
fn component(path: &str) -> Option<String> {
    let (section, id) = path.split_once("::")?;
    let role = Role::ALL
        .into_iter()
        .find(|role| role.section() == section)?;
    let kind = id.split('/').next().unwrap_or(id);
    Some(format!("{kind} {role}"))
}

/// A path without what differs from configuration to configuration: names of components, places in lists.
fn general(path: &str) -> String {
    let sections: BTreeSet<&str> = Role::ALL.iter().map(|role| role.section()).collect();
    let is_component = path
        .split("::")
        .next()
        .is_some_and(|it| sections.contains(it));
    let steps = path
        .split("::")
        .enumerate()
        .map(|(index, step)| match step {
            step if index == 1 && is_component => step.split('/').next().unwrap_or(step),
            step if step.bytes().all(|byte| byte.is_ascii_digit()) && !step.is_empty() => "*",
            step => step,
        });
    steps.collect::<Vec<_>>().join("::")
}

impl fmt::Display for Verdict {
    /// One line, and one for each reason.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.reasons.is_empty(), self.warnings) {
            (true, 0) => f.write_str("whole")?,
            (true, warnings) => write!(f, "whole, with warnings ({warnings})")?,
            (false, _) => f.write_str("not whole")?,
        }
        if self.unset > 0 {
            write!(f, "; variables not set: {}", self.unset)?;
        }
        if self.absent_files > 0 {
            write!(f, "; files not there: {}", self.absent_files)?;
        }
        if self.unjudged > 0 {
            write!(f, "; not judged for want of these: {}", self.unjudged)?;
        }
        writeln!(f)?;
        for (reason, times) in &self.reasons {
            match times {
                1 => writeln!(f, "  {reason}")?,
                times => writeln!(f, "  {reason} ({times} times)")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Reason, Verdict, of};
    use crate::coverage::product::Said;
    use tailweir_config::Cause;

    fn said(cause: Cause, path: &str, line: u64, message: &str) -> Said {
        Said {
            is_error: cause != Cause::Unset && cause != Cause::Oddity,
            cause: cause.name().to_owned(),
            path: path.to_owned(),
            place: (line, 1),
            message: message.to_owned(),
        }
    }

    /// Scenario: two receivers of one type that is not here, an option of one component and of another of the
    /// same type, and a statement that does not compile.
    /// Guarantees: the type is counted twice under one name, the options as one, and the statement is a mistake.
    #[test]
    fn what_is_missing_is_counted_by_type() {
        let storage = "`storage` is not available";
        let verdict = of(
            &[
                said(Cause::AbsentComponent, "receivers::kafka/a", 1, "x"),
                said(Cause::AbsentComponent, "receivers::kafka", 2, "y"),
                said(
                    Cause::AbsentOption,
                    "exporters::otlp/a::storage",
                    3,
                    storage,
                ),
                said(
                    Cause::AbsentOption,
                    "exporters::otlp/b::storage",
                    4,
                    storage,
                ),
                said(Cause::NotAllowed, "processors::transform::3", 5, "no `f`"),
                said(Cause::Oddity, "processors::batch", 6, "odd"),
            ],
            0,
        );
        let reasons: Vec<_> = verdict.reasons.iter().collect();
        assert_eq!(
            reasons,
            [
                (&Reason::Component("kafka receiver".into()), &2),
                (
                    &Reason::Option(format!("exporters::otlp::storage: {storage}")),
                    &2
                ),
                (
                    &Reason::Mistake("processors::transform::*: no `f`".into()),
                    &1
                ),
            ]
        );
        assert_eq!(verdict.warnings, 1);
    }

    /// Scenario: variables that are not set, so that an endpoint is missing, a value is none of the allowed, and a user
    /// is missing; a file of authorities that is not there; a variable that stands for a file.
    /// Guarantees: nothing of it is missing here, and all is told as not judged.
    #[test]
    fn values_that_are_not_here_are_no_missing_features() {
        let verdict = of(
            &[
                said(Cause::Unset, "exporters::otlp::endpoint", 1, "unset"),
                said(Cause::Missing, "exporters::otlp", 2, "has no `endpoint`"),
                said(Cause::Unset, "exporters::otlp/b::compression", 3, "unset"),
                said(Cause::NotAllowed, "exporters::otlp/b::compression", 3, "x"),
                said(Cause::Unset, "exporters::otlp/c::headers::key", 4, "unset"),
                said(Cause::Unreadable, "exporters::otlp/d::tls", 5, "no file"),
                said(Cause::Unset, "extensions::basicauth::file", 6, "unset"),
                said(Cause::Missing, "extensions::basicauth", 7, "has no user"),
            ],
            1,
        );
        let wanted = Verdict {
            unset: 3,
            absent_files: 2,
            unjudged: 4,
            ..Verdict::default()
        };
        assert_eq!(verdict, wanted);
    }

    /// Scenario: an exporter whose endpoint is of an unset variable also has an option that is not here, and misses
    /// another one.
    /// Guarantees: both are counted; a variable excuses no more than its own value.
    #[test]
    fn an_unset_variable_excuses_only_its_own_value() {
        let verdict = of(
            &[
                said(Cause::Unset, "exporters::loki::endpoint", 1, "unset"),
                said(Cause::AbsentOption, "exporters::loki::endpoint", 1, "x"),
                said(Cause::Missing, "exporters::loki", 2, "has no `labels`"),
            ],
            0,
        );
        assert_eq!(verdict.reasons.len(), 2);
        assert_eq!(verdict.unjudged, 0);
    }
}
