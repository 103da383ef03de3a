//! The `attributes` and `resource` processors.

use super::match_properties::MatchProperties;
use crate::report::{Cause, Report};
use crate::setting::{Block, Literal, choice, settings};

settings! {
    /// Changes attributes of spans, log records or data points.
    pub struct AttributesProcessor {
        /// What telemetry must match to be changed. Absent: all does.
        include: Option<MatchProperties> = None,
        /// What telemetry is left alone. Absent: none.
        exclude: Option<MatchProperties> = None,
        /// What is done, in order.
        actions: Vec<AttributeAction> = Vec::new(),
    }
    rules attributes_rules;
}

fn attributes_rules(
    processor: &mut AttributesProcessor,
    block: &mut Block<'_>,
    report: &mut Report,
) {
    if processor.actions.is_empty() {
        let text = "the attributes processor has no `actions`";
        report.error_at(
            block.at("actions"),
            Cause::Missing,
            text,
            "add one, or remove the processor",
        );
    }
}

settings! {
    /// Changes attributes of resources.
    pub struct ResourceProcessor {
        /// What is done, in order.
        attributes: Vec<AttributeAction> = Vec::new(),
    }
    rules resource_rules;
}

fn resource_rules(processor: &mut ResourceProcessor, block: &mut Block<'_>, report: &mut Report) {
    if processor.attributes.is_empty() {
        let text = "the resource processor has no `attributes`";
        report.error_at(
            block.at("attributes"),
            Cause::Missing,
            text,
            "add one, or remove the processor",
        );
    }
}

choice! {
    /// What is done to an attribute.
    pub enum Action (any case) = Unset {
        /// Not written, which is a mistake.
        Unset = "",
        /// Added, unless the key is there.
        Insert = "insert",
        /// Replaced, if the key is there.
        Update = "update",
        /// Added or replaced.
        Upsert = "upsert",
        /// Removed.
        Delete = "delete",
        /// Replaced by its SHA-256.
        Hash = "hash",
        /// Taken apart by the named groups of a regular expression.
        Extract = "extract",
        /// Made another type.
        Convert = "convert",
    }
}

choice! {
    /// The type that an attribute is converted to.
    pub enum ConvertedType = Unset {
        /// Not written.
        Unset = "",
        /// A whole number.
        Int = "int",
        /// A number.
        Double = "double",
        /// Text.
        String = "string",
    }
}

settings! {
    /// One action on attributes.
    pub struct AttributeAction {
        /// Key of the attribute. `delete` and `hash` take `pattern` instead or beside.
        key: String = String::new(),
        /// What is done.
        action: Action = Action::Unset,
        /// The new value. One of `value`, `from_attribute`, `from_context` for insert, update, upsert.
        value: Option<Literal> = None,
        /// Key of the attribute of the same item whose value is taken.
        from_attribute: String = String::new(),
        /// What of the request is taken: `metadata.NAME`, `auth.NAME` or `client.address`.
        from_context: String = String::new(),
        /// The value when the attribute or context has none.
        default_value: Option<Literal> = None,
        /// Regular expression: with named groups for `extract`, matched against keys for `delete`
        /// and `hash`.
        pattern: String = String::new(),
        /// The type for `convert`.
        converted_type: ConvertedType = ConvertedType::Unset,
    }
    rules action_rules;
}

fn action_rules(action: &mut AttributeAction, block: &mut Block<'_>, report: &mut Report) {
    let takes_pattern = matches!(action.action, Action::Delete | Action::Hash);
    let has_pattern = takes_pattern && !action.pattern.is_empty();
    if action.key.is_empty() && !has_pattern {
        let text = "the action has no `key`";
        report.error_at(block.place(), Cause::Missing, text, "add `key`");
    }
    match action.action {
        Action::Unset => {
            let text = "the action has no `action`";
            report.error_at(
                block.at("action"),
                Cause::Missing,
                text,
                "add `action: upsert`, say",
            );
        }
        Action::Insert | Action::Update | Action::Upsert => source_rules(action, block, report),
        Action::Extract => extract_rules(action, block, report),
        Action::Convert if action.converted_type == ConvertedType::Unset => {
            let text = "`convert` needs `converted_type`";
            report.error_at(
                block.place(),
                Cause::Missing,
                text,
                "add `converted_type: int`, say",
            );
        }
        Action::Delete | Action::Hash if !action.pattern.is_empty() => {
            crate::pattern::check(&action.pattern, block.at("pattern"), report);
        }
        _ => {}
    }
    unusable(action, block, report);
}

/// Where the new value comes from: exactly one source, with or without a default.
fn source_rules(action: &AttributeAction, block: &Block<'_>, report: &mut Report) {
    let sources = [
        ("value", action.value.is_some()),
        ("from_attribute", !action.from_attribute.is_empty()),
        ("from_context", !action.from_context.is_empty()),
    ];
    let written: Vec<&str> = sources
        .iter()
        .filter(|source| source.1)
        .map(|source| source.0)
        .collect();
    match written.as_slice() {
        [] if action.default_value.is_none() => {
            let text = format!("`{}` has no value to write", action.action.word());
            let fix = "add `value`, `from_attribute`, `from_context` or `default_value`";
            report.error_at(block.place(), Cause::Missing, text, fix);
        }
        [] | [_] => {}
        [first, second, ..] => {
            let text = format!("`{first}` and `{second}` exclude each other");
            report.error_at(
                block.at(second),
                Cause::Contradiction,
                text,
                "keep one of them",
            );
        }
    }
    let context = &action.from_context;
    let known = context == "client.address"
        || context
            .strip_prefix("metadata.")
            .is_some_and(|name| !name.is_empty())
        || context
            .strip_prefix("auth.")
            .is_some_and(|name| !name.is_empty());
    if !context.is_empty() && !known {
        let text = format!("`from_context: {context}` is looked up as metadata of that name");
        let fix = "write `metadata.NAME`, `auth.NAME` or `client.address`";
        report.warn_at(block.at("from_context"), Cause::Oddity, text, fix);
    }
}

fn extract_rules(action: &AttributeAction, block: &Block<'_>, report: &mut Report) {
    if action.pattern.is_empty() {
        let text = "`extract` needs `pattern`";
        report.error_at(
            block.place(),
            Cause::Missing,
            text,
            "add a pattern with named groups",
        );
        return;
    }
    let place = block.at("pattern");
    let Some(pattern) = crate::pattern::check(&action.pattern, place.clone(), report) else {
        return;
    };
    let mut groups = pattern.capture_names().skip(1).peekable();
    if groups.peek().is_none() {
        let text = "the pattern has no named group, so nothing could be extracted";
        report.error_at(place, Cause::BadPattern, text, "write `(?P<name>...)`");
    } else if groups.any(|name| name.is_none()) {
        let text = "each group of the pattern must have a name";
        report.error_at(
            place,
            Cause::BadPattern,
            text,
            "write `(?P<name>...)`, or `(?:...)` for none",
        );
    }
}

/// Options that the action would not look at, which the Collector refuses too.
fn unusable(action: &AttributeAction, block: &Block<'_>, report: &mut Report) {
    let writes = matches!(
        action.action,
        Action::Insert | Action::Update | Action::Upsert
    );
    if action.action == Action::Unset {
        return;
    }
    let mut misplaced = |key: &str, written: bool| {
        if written {
            let text = format!("`{}` does not use `{key}`", action.action.word());
            report.error_at(block.at(key), Cause::Contradiction, text, "remove it");
        }
    };
    misplaced("value", !writes && action.value.is_some());
    misplaced(
        "from_attribute",
        !writes && !action.from_attribute.is_empty(),
    );
    misplaced(
        "converted_type",
        action.action != Action::Convert && action.converted_type != ConvertedType::Unset,
    );
    misplaced(
        "pattern",
        (writes || action.action == Action::Convert) && !action.pattern.is_empty(),
    );
}
