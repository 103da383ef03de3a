//! Which telemetry a processor touches: the `include` and `exclude` blocks.

use crate::node::Node;
use crate::report::{Cause, Report};
use crate::setting::Block;
use crate::setting::{Literal, Setting, Shape, choice, settings};
use serde_json::Value as Json;

choice! {
    /// How texts are compared.
    pub enum MatchType = Unset {
        /// Not written, which is a mistake.
        Unset = "",
        /// Exactly.
        Strict = "strict",
        /// By regular expressions, which may match anywhere.
        Regexp = "regexp",
    }
}

settings! {
    /// What must hold for telemetry to match: every option that is written, and of each list one
    /// element (of `attributes`, all).
    pub struct MatchProperties {
        /// How texts are compared: `strict` or `regexp`.
        match_type: MatchType = MatchType::Unset,
        /// Values of the resource attribute `service.name`.
        services: Vec<String> = Vec::new(),
        /// Names of spans.
        span_names: Vec<String> = Vec::new(),
        /// Kinds of spans, such as `SPAN_KIND_SERVER`.
        span_kinds: Vec<String> = Vec::new(),
        /// Texts of log bodies.
        log_bodies: Vec<String> = Vec::new(),
        /// Texts of log severities.
        log_severity_texts: Vec<String> = Vec::new(),
        /// The least severity of logs. Absent: any.
        log_severity_number: Option<LogSeverity> = None,
        /// Names of metrics.
        metric_names: Vec<String> = Vec::new(),
        /// Attributes of the item, all of which must be there.
        attributes: Vec<MatchAttribute> = Vec::new(),
        /// Attributes of the resource, all of which must be there.
        resources: Vec<MatchAttribute> = Vec::new(),
        /// Instrumentation scopes.
        libraries: Vec<InstrumentationLibrary> = Vec::new(),
    }
    ignored {
        "regexp": RegexpCache = "matching needs no cache",
    }
    rules match_rules;
}

fn match_rules(properties: &mut MatchProperties, block: &mut Block<'_>, report: &mut Report) {
    if properties.match_type == MatchType::Unset {
        let text = "`match_type` is missing";
        let fix = "add `match_type: strict` or `match_type: regexp`";
        report.error_at(block.at("match_type"), Cause::Missing, text, fix);
    }
    if properties.match_type != MatchType::Regexp {
        return;
    }
    for (key, patterns) in [
        ("services", &properties.services),
        ("span_names", &properties.span_names),
        ("span_kinds", &properties.span_kinds),
        ("log_bodies", &properties.log_bodies),
        ("log_severity_texts", &properties.log_severity_texts),
        ("metric_names", &properties.metric_names),
    ] {
        for (place, pattern) in block.items(key).zip(patterns) {
            crate::pattern::check(pattern, place, report);
        }
    }
}

settings! {
    /// A cache of regular expressions, which is not needed.
    pub(crate) struct RegexpCache {
        /// Whether there is a cache.
        cacheenabled: bool = false,
        /// Its size.
        cachemaxnumentries: i64 = 0,
    }
}

settings! {
    /// An attribute that must be there.
    pub struct MatchAttribute {
        /// Its key.
        key: String = String::new(),
        /// Its value. Absent: any.
        value: Option<Literal> = None,
    }
    rules attribute_rules;
}

fn attribute_rules(attribute: &mut MatchAttribute, block: &mut Block<'_>, report: &mut Report) {
    if attribute.key.is_empty() {
        report.error_at(
            block.at("key"),
            Cause::Missing,
            "the attribute has no `key`",
            "",
        );
    }
}

settings! {
    /// An instrumentation scope.
    pub struct InstrumentationLibrary {
        /// Its name.
        name: String = String::new(),
        /// Its version. Absent: any.
        version: Option<String> = None,
    }
}

settings! {
    /// The least severity of logs.
    pub struct LogSeverity {
        /// The number of OpenTelemetry, 1 to 24, or its name (`INFO`, `WARN2`).
        min: SeverityNumber = SeverityNumber::default(),
        /// Whether logs without a severity match.
        match_undefined: bool = false,
    }
}

/// A severity of OpenTelemetry, 1 (`TRACE`) to 24 (`FATAL4`); 0 is undefined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct SeverityNumber(pub i32);

impl Setting for SeverityNumber {
    fn shape() -> Shape {
        Shape::Any
    }

    fn read(&mut self, node: &Node, report: &mut Report) {
        if node.text().is_none() {
            self.0.read(node, report);
            return;
        }
        let text = node.text().unwrap_or_default().to_uppercase();
        const NAMES: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
        let found = NAMES.iter().enumerate().find_map(|(index, name)| {
            let step = match text.strip_prefix(name)? {
                "" | "1" => 1,
                "2" => 2,
                "3" => 3,
                "4" => 4,
                _ => return None,
            };
            Some(4 * index as i32 + step)
        });
        match found {
            Some(number) => self.0 = number,
            None => report.unknown_word(node, Cause::NotAllowed, "severity", &NAMES),
        }
    }

    fn write(&self) -> Json {
        Json::from(self.0)
    }
}
