//! Where targets stand: in the configuration, or in files that others write.

use super::{LooseText, PrometheusDuration};
use crate::location::Location;
use crate::node::{Node, Value};
use crate::report::{Cause, Report};
use crate::setting::{Block, Setting, settings};
use crate::yaml;
use std::collections::BTreeMap;
use std::sync::Arc;

settings! {
    /// Targets with labels in common.
    pub struct TargetGroup {
        /// Addresses, `host:port`.
        targets: Vec<LooseText> = Vec::new(),
        /// Labels of all of them.
        labels: BTreeMap<String, LooseText> = BTreeMap::new(),
    }
}

settings! {
    /// Files that list targets, JSON or YAML. They are looked at every five seconds, and read again when they changed.
    pub struct TargetFiles {
        /// Paths that end in `.json`, `.yml` or `.yaml`; the last part may have a `*`.
        files: Vec<LooseText> = Vec::new(),
        /// When files are read again that did not seem to change.
        refresh_interval: PrometheusDuration = PrometheusDuration::of_seconds(300),
    }
    rules files_rules;
}

fn files_rules(files: &mut TargetFiles, block: &mut Block<'_>, report: &mut Report) {
    if files.files.is_empty() {
        let text = "`file_sd_configs` names no file";
        report.error_at(block.place(), Cause::Missing, text, "add `files`");
    }
    let mut places = block.items("files");
    for path in &files.files {
        let place = places.next().unwrap_or_else(|| block.place());
        let path = path.as_str();
        let ending = path.rsplit('.').next().unwrap_or_default();
        let is_readable = ["json", "yml", "yaml", "JSON", "YML", "YAML"].contains(&ending);
        let last = path.rsplit('/').next().unwrap_or_default();
        let stars = path.matches('*').count();
        if !is_readable || stars > 1 || stars != last.matches('*').count() {
            let text = "this path cannot be one of a file of targets";
            let fix = "end it in .json, .yml or .yaml, with at most one `*`, in its last part";
            report.error_at(place, Cause::NotAllowed, text, fix);
        }
    }
}

/// The groups that a file of targets lists, JSON or YAML.
///
/// # Errors
/// What is wrong with it, and where. Nothing of the file counts then.
pub fn read_target_groups(name: &str, text: &str) -> Result<Vec<TargetGroup>, String> {
    let source: Arc<str> = Arc::from(name);
    let mut report = Report::default();
    let parsed = yaml::parse(&source, text);
    let mut groups = Vec::new();
    match parsed.node {
        Ok(Node {
            value: Value::Null, ..
        }) => {}
        Ok(node) => Setting::read(&mut groups, &node, &mut report),
        Err(problem) => problem.report(&mut report),
    }
    let is_error = |found: &crate::Diagnostic| found.severity == crate::Severity::Error;
    match report.into_found().into_iter().find(is_error) {
        Some(error) => {
            let Location { line, column, .. } = error.location;
            Err(format!("{name}:{line}:{column}: {}", error.message))
        }
        None => Ok(groups),
    }
}
