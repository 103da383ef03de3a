//! Labels under the names that a scraper can read.

use super::Manner;
use crate::Escaping;
use crate::escaping::is_legacy_name;
use crate::labels::Labels;
use std::borrow::Cow;

/// Whether every name can be written as it is.
pub(super) fn are_plain(labels: &Labels, escaping: Escaping) -> bool {
    escaping == Escaping::AllowUtf8 || labels.iter().all(|(name, _)| is_legacy_name(name))
}

/// The labels with their names escaped. Names that become one thereby are told apart by `exported_` in
/// front; the Collector writes the same name twice, which no scraper takes.
pub(super) fn escaped(labels: &Labels, manner: Manner) -> Vec<(Cow<'_, str>, &str)> {
    let mut out: Vec<(Cow<'_, str>, &str)> = Vec::new();
    for (name, value) in labels.iter() {
        let mut name = manner.format.escaping.apply(name);
        while !manner.as_collector && out.iter().any(|(known, _)| *known == name) {
            name = format!("exported_{name}").into();
        }
        out.push((name, value));
    }
    out
}
