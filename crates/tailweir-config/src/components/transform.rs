//! The `transform` processor.

use crate::node::{Node, Value};
use crate::report::{Cause, Report};
use crate::setting::{Block, Setting, Shape, settings};
use crate::tail_sampling::OttlErrorMode;
use serde_json::Value as Json;

settings! {
    /// Changes telemetry by statements in the OpenTelemetry Transformation Language. Each list holds plain
    /// statements, whose paths begin with the name of their context (`set(span.name, "x")`), or groups of
    /// statements.
    pub struct TransformProcessor {
        /// What a statement does that fails: `ignore` (it is passed over, and counted), `silent` (the same)
        /// or `propagate` (the request fails).
        error_mode: OttlErrorMode = OttlErrorMode::Ignore,
        /// What happens to spans, span events, their scopes and resources.
        trace_statements: StatementGroups = StatementGroups::default(),
        /// What happens to metrics, data points, their scopes and resources.
        metric_statements: StatementGroups = StatementGroups::default(),
        /// What happens to log records, their scopes and resources.
        log_statements: StatementGroups = StatementGroups::default(),
        /// Only `false`: whether each log record gets a resource and scope of its own, which the Collector
        /// has behind a feature gate that is off.
        flatten_data: bool = false,
    }
    ignored {
        "profile_statements": serde_json::Value = "there are no profiles",
    }
    rules transform_rules;
}

fn transform_rules(processor: &mut TransformProcessor, block: &mut Block<'_>, report: &mut Report) {
    if processor.flatten_data {
        let text = "`flatten_data: true` is not available";
        let fix = "remove it; the Collector refuses it too, unless a feature gate is on";
        report.error_at(block.at("flatten_data"), Cause::AbsentOption, text, fix);
    }
}

impl TransformProcessor {
    /// The groups of statements of all signals.
    pub fn groups(&self) -> impl Iterator<Item = &StatementGroup> {
        let signals = [
            &self.trace_statements,
            &self.metric_statements,
            &self.log_statements,
        ];
        signals.into_iter().flat_map(|signal| &signal.groups)
    }
}

settings! {
    /// Statements that are about one context.
    pub struct StatementGroup {
        /// The context of all paths that do not name theirs: `resource`, `scope`, `span`, `spanevent`,
        /// `metric`, `datapoint` or `log`. Empty: every path names its context, and the innermost is taken.
        context: String = String::new(),
        /// Conditions of which one must hold, if there are any.
        conditions: Vec<String> = Vec::new(),
        /// What is done, in order.
        statements: Vec<String> = Vec::new(),
        /// What a statement does that fails. Absent: what the processor says.
        error_mode: Option<OttlErrorMode> = None,
        /// Whether `cache` is that of all groups of the same context that say so, for a whole request.
        /// Without it every span, record or point begins with an empty one.
        shared_cache: bool = false,
    }
}

/// Groups of statements. A list of plain statements is one group without a context.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StatementGroups {
    /// The groups, in order.
    pub groups: Vec<StatementGroup>,
    /// Whether it is a list of plain statements.
    pub are_plain: bool,
}

impl Setting for StatementGroups {
    fn shape() -> Shape {
        Shape::Any
    }

    fn read(&mut self, node: &Node, report: &mut Report) {
        let items = match &node.value {
            Value::Null => return,
            Value::List(items) => items,
            _ => {
                report.wrong_type(node, "a list of statements");
                return;
            }
        };
        let is_group = |item: &&Node| matches!(item.value, Value::Map(_));
        let groups = items.iter().filter(is_group).count();
        if groups == items.len() {
            self.groups.read(node, report);
            return;
        }
        if groups > 0 {
            let text = "plain statements and groups of statements are mixed";
            let fix = "write all of them as `{context: ..., statements: [...]}`, or none";
            report.error_at(node.head(), Cause::Contradiction, text, fix);
            return;
        }
        let mut plain = StatementGroup::default();
        plain.statements.read(node, report);
        self.groups = vec![plain];
        self.are_plain = true;
    }

    fn write(&self) -> Json {
        self.groups.write()
    }
}
