//! The `span` processor.

use super::match_properties::MatchProperties;
use crate::report::{Cause, Report};
use crate::setting::{Block, choice, settings};

settings! {
    /// Renames spans and sets their status.
    pub struct SpanProcessor {
        /// What spans must match to be changed. Absent: all do.
        include: Option<MatchProperties> = None,
        /// What spans are left alone. Absent: none.
        exclude: Option<MatchProperties> = None,
        /// How names are made of attributes and attributes of names.
        name: SpanName = SpanName::default(),
        /// The status that is set. Absent: it stays.
        status: Option<SpanStatus> = None,
    }
    rules span_rules;
}

settings! {
    /// How names are made of attributes and attributes of names, in this order.
    pub struct SpanName {
        /// Keys of attributes whose values make up the new name. When one is not there, the name stays.
        from_attributes: Vec<String> = Vec::new(),
        /// What stands between these values.
        separator: String = String::new(),
        /// How attributes are taken out of names. Absent: they are not.
        to_attributes: Option<ToAttributes> = None,
    }
}

settings! {
    /// How attributes are taken out of names.
    pub struct ToAttributes {
        /// Regular expressions, applied in order: what a named group found becomes the attribute of that
        /// name, and in the span's name `{name}` takes its place.
        rules: Vec<String> = Vec::new(),
        /// Whether the first rule that matches is the last one.
        break_after_match: bool = false,
        /// Whether the span's name stays as it was.
        keep_original_name: bool = false,
    }
    rules to_attributes_rules;
}

fn to_attributes_rules(settings: &mut ToAttributes, block: &mut Block<'_>, report: &mut Report) {
    if settings.rules.is_empty() {
        let text = "`to_attributes` has no `rules`";
        let fix = "add a regular expression with named groups";
        report.error_at(block.place(), Cause::Missing, text, fix);
    }
    for (place, rule) in block.items("rules").zip(&settings.rules) {
        let Some(pattern) = crate::pattern::check(rule, place.clone(), report) else {
            continue;
        };
        if pattern.captures_len() < 2 {
            let text = "the rule has no group, so it takes nothing out of a name";
            report.error_at(place, Cause::BadPattern, text, "write `(?P<name>...)`");
        }
    }
}

choice! {
    /// The code of a status.
    pub enum SpanStatusCode = Unset {
        /// Nothing is known.
        Unset = "Unset",
        /// Successful.
        Ok = "Ok",
        /// Failed.
        Error = "Error",
    }
}

settings! {
    /// The status that is set.
    pub struct SpanStatus {
        /// `Ok`, `Error` or `Unset`.
        code: SpanStatusCode = SpanStatusCode::Unset,
        /// What failed, for `Error`.
        description: String = String::new(),
    }
    rules status_rules;
}

fn status_rules(status: &mut SpanStatus, block: &mut Block<'_>, report: &mut Report) {
    if !block.has("code") {
        let text = "the status has no `code`";
        let fix = "add `code: Ok`, `Error` or `Unset`";
        report.error_at(block.place(), Cause::Missing, text, fix);
    }
    if status.code != SpanStatusCode::Error && !status.description.is_empty() {
        let text = "only `code: Error` takes a `description`";
        report.error_at(
            block.at("description"),
            Cause::Contradiction,
            text,
            "remove it",
        );
    }
}

fn span_rules(processor: &mut SpanProcessor, block: &mut Block<'_>, report: &mut Report) {
    let name = &processor.name;
    if name.from_attributes.is_empty() && name.to_attributes.is_none() && processor.status.is_none()
    {
        let text = "the span processor changes nothing";
        let fix = "add `name::from_attributes`, `name::to_attributes` or `status`";
        report.error_at(block.place(), Cause::Missing, text, fix);
    }
}
