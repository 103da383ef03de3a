//! Collects what is wrong while a configuration is read.

use crate::diagnostic::{Diagnostic, Severity};
use crate::nearest::nearest;
use crate::node::{Node, Place};

pub(crate) use crate::diagnostic::Cause;

/// The mistakes found so far, and where in the tree the reader stands.
#[derive(Default)]
pub(crate) struct Report {
    path: Vec<String>,
    found: Vec<Diagnostic>,
}

impl Report {
    /// What was found.
    pub(crate) fn into_found(self) -> Vec<Diagnostic> {
        self.found
    }

    /// How many errors there are.
    pub(crate) fn errors(&self) -> usize {
        let is_error = |found: &&Diagnostic| found.severity == Severity::Error;
        self.found.iter().filter(is_error).count()
    }

    /// Does something one step down the tree.
    pub(crate) fn within<T>(&mut self, step: &str, act: impl FnOnce(&mut Self) -> T) -> T {
        self.enter(step);
        let result = act(self);
        self.leave();
        result
    }

    /// Goes one step down the tree.
    pub(crate) fn enter(&mut self, step: &str) {
        self.path.push(step.to_owned());
    }

    /// Goes one step up again.
    pub(crate) fn leave(&mut self) {
        self.path.pop();
    }

    /// Something for which the configuration is refused. An empty `help` is none.
    pub(crate) fn error_at(
        &mut self,
        place: Place,
        cause: Cause,
        text: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(Severity::Error, place, cause, text.into(), help.into());
    }

    /// Something that runs, but hardly as meant.
    pub(crate) fn warn_at(
        &mut self,
        place: Place,
        cause: Cause,
        text: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(Severity::Warning, place, cause, text.into(), help.into());
    }

    /// An old form that still runs here; `--strict` refuses it.
    pub(crate) fn advise_at(
        &mut self,
        place: Place,
        text: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(
            Severity::Advice,
            place,
            Cause::OldForm,
            text.into(),
            help.into(),
        );
    }

    /// A value of another type than wanted. The value itself is not repeated: it may be a secret.
    pub(crate) fn wrong_type(&mut self, node: &Node, wanted: &str) {
        let found = node.kind();
        let origin = if node.is_substituted {
            " (from a substitution)"
        } else {
            ""
        };
        self.error_at(
            node.place.clone(),
            Cause::WrongType,
            format!("expected {wanted}, found {found}{origin}"),
            "",
        );
    }

    /// A value that is none of these words.
    pub(crate) fn unknown_word(&mut self, node: &Node, cause: Cause, what: &str, known: &[&str]) {
        match (node.is_substituted, node.text()) {
            (false, Some(text)) => {
                let text = text.to_owned();
                self.unknown_name(node.place.clone(), cause, what, &text, known);
            }
            _ => {
                let text = format!("the substituted {what} is not known");
                self.error_at(node.place.clone(), cause, text, one_of(known));
            }
        }
    }

    /// A name that is none of these.
    pub(crate) fn unknown_name(
        &mut self,
        place: Place,
        cause: Cause,
        what: &str,
        name: &str,
        known: &[&str],
    ) {
        let help = match nearest(name, known) {
            Some(near) if known.len() > 8 => format!("did you mean `{near}`?"),
            Some(near) => format!("did you mean `{near}`? {}", one_of(known)),
            None => one_of(known),
        };
        self.error_at(
            place,
            cause,
            format!("unknown {what} `{}`", shorten(name)),
            help,
        );
    }

    fn add(
        &mut self,
        severity: Severity,
        place: Place,
        cause: Cause,
        message: String,
        help: String,
    ) {
        // A value that could not be read is not missing as well.
        if cause == Cause::Missing && self.is_unread(&place) {
            return;
        }
        self.found.push(Diagnostic {
            severity,
            cause,
            location: place.location,
            length: place.length,
            path: self.path.join("::"),
            message,
            help: (!help.is_empty()).then_some(help),
        });
    }
}

impl Report {
    /// Whether the value at this place was refused already.
    fn is_unread(&self, place: &Place) -> bool {
        let refused = |cause| matches!(cause, Cause::WrongType | Cause::NotAllowed | Cause::BadId);
        let same = |found: &&Diagnostic| found.location == place.location && refused(found.cause);
        self.found.iter().any(|found| same(&found))
    }
}

fn one_of(known: &[&str]) -> String {
    let shown: Vec<&str> = known
        .iter()
        .copied()
        .filter(|word| !word.is_empty())
        .take(24)
        .collect();
    let more = if known.len() > 24 { ", ..." } else { "" };
    format!("known: {}{more}", shown.join(", "))
}

/// At most 64 characters of what a user wrote.
pub(crate) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(64).collect();
    if short.len() < text.len() {
        short.push_str("...");
    }
    short
}
