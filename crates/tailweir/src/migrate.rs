//! Configurations of other programs, rewritten for Tailweir, with a report of what that means.
//!
//! Nothing is left out silently: what has no equivalent is named, and so is what comes close only.

mod collector;
mod condition;
mod joining;
mod refinery;
mod rules;

pub(crate) use collector::collector;
pub(crate) use refinery::refinery;

use serde_json::Value;
use std::fmt;

/// A configuration that was rewritten.
#[derive(Debug)]
pub(crate) struct Migrated {
    /// The Collector's tree.
    pub(crate) tree: Value,
    pub(crate) report: Report,
}

/// What a rewrite did.
#[derive(Debug, Default)]
pub(crate) struct Report(Vec<Remark>);

/// How well something could be rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    Exact,
    Changed,
    Approximated,
    Unsupported,
}

#[derive(Debug)]
struct Remark {
    fit: Fit,
    what: String,
    why: String,
}

impl Report {
    /// Means the same as before.
    fn exact(&mut self, what: impl Into<String>, how: impl Into<String>) {
        self.add(Fit::Exact, what, how);
    }

    /// Done in another place or another way, on purpose.
    fn changed(&mut self, what: impl Into<String>, how: impl Into<String>) {
        self.add(Fit::Changed, what, how);
    }

    /// Close to what it was.
    fn approximated(&mut self, what: impl Into<String>, how: impl Into<String>) {
        self.add(Fit::Approximated, what, how);
    }

    /// Not there any more.
    fn unsupported(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.add(Fit::Unsupported, what, why);
    }

    fn add(&mut self, fit: Fit, what: impl Into<String>, why: impl Into<String>) {
        let (what, why) = (what.into(), why.into());
        self.0.push(Remark { fit, what, why });
    }

    #[cfg(test)]
    fn count(&self, fit: Fit) -> usize {
        self.0.iter().filter(|remark| remark.fit == fit).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Remark { fit, what, why } in &self.0 {
            let word = match fit {
                Fit::Exact => "exact",
                Fit::Changed => "changed",
                Fit::Approximated => "approximated",
                Fit::Unsupported => "no equivalent",
            };
            writeln!(f, "{word}: {what}: {why}")?;
        }
        Ok(())
    }
}

/// Entries of a map; none when it is no map.
fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let entries = value.as_object().into_iter().flatten();
    entries.map(|(key, value)| (key.as_str(), value))
}

/// Items of a list; none when it is no list.
fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The part of an id before its slash.
fn kind(id: &str) -> &str {
    id.split('/').next().unwrap_or(id)
}
