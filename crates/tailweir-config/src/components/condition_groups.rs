//! Lists of conditions in the OpenTelemetry Transformation Language, plain or in groups.

use crate::node::{Node, Value};
use crate::report::{Cause, Report};
use crate::setting::{Setting, Shape, settings};
use crate::tail_sampling::OttlErrorMode;
use serde_json::Value as Json;

settings! {
    /// Conditions that are about the same context, or each about its own.
    pub struct ConditionGroup {
        /// The context of all paths that do not name theirs, such as `span`. Empty: every path names its
        /// context.
        context: String = String::new(),
        /// The conditions. One that holds is enough.
        conditions: Vec<String> = Vec::new(),
        /// What a condition does that fails to evaluate. Absent: what the processor says.
        error_mode: Option<OttlErrorMode> = None,
    }
}

/// Groups of conditions. A list of plain conditions is one group without a context.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConditionGroups(pub Vec<ConditionGroup>);

impl ConditionGroups {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All conditions of all groups.
    pub fn conditions(&self) -> impl Iterator<Item = &String> {
        self.0.iter().flat_map(|group| &group.conditions)
    }
}

impl Setting for ConditionGroups {
    fn shape() -> Shape {
        Shape::Any
    }

    fn read(&mut self, node: &Node, report: &mut Report) {
        let items = match &node.value {
            Value::Null => return,
            Value::List(items) => items,
            _ => {
                report.wrong_type(node, "a list of conditions");
                return;
            }
        };
        let is_group = |item: &Node| matches!(item.value, Value::Map(_));
        let groups = items.iter().filter(|item| is_group(item)).count();
        if groups == items.len() {
            self.0.read(node, report);
            return;
        }
        if groups > 0 {
            let text = "plain conditions and groups of conditions are mixed";
            let fix = "write all of them as `{context: ..., conditions: [...]}`, or none";
            report.error_at(node.head(), Cause::Contradiction, text, fix);
            return;
        }
        let mut plain = ConditionGroup::default();
        plain.conditions.read(node, report);
        self.0 = vec![plain];
    }

    fn write(&self) -> Json {
        self.0.write()
    }
}
