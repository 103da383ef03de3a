//! The `metrics_transform` processor.

use super::match_properties::MatchType;
use crate::report::{Cause, Report};
use crate::setting::{Block, choice, settings};
use std::collections::BTreeMap;

settings! {
    /// Renames, copies, combines and groups metrics, and changes their labels, values and types.
    pub struct MetricsTransform {
        /// What is done, in order. Each is done to what those before it made.
        transforms: Vec<MetricTransform> = Vec::new(),
    }
}

choice! {
    /// What is done with the metrics that are selected.
    pub enum MetricTransformAction = Unset {
        /// Not written, which is a mistake.
        Unset = "",
        /// They are changed.
        Update = "update",
        /// Copies of them are changed and added.
        Insert = "insert",
        /// They become one.
        Combine = "combine",
        /// They move to a resource of their own.
        Group = "group",
    }
}

choice! {
    /// What becomes of the values of points that become alike. Buckets of histograms are added whatever it is.
    pub enum MetricAggregation = Unset {
        /// Not written.
        Unset = "",
        /// Their sum.
        Sum = "sum",
        /// Their mean.
        Mean = "mean",
        /// The least.
        Min = "min",
        /// The greatest.
        Max = "max",
        /// The one in the middle.
        Median = "median",
        /// How many there are.
        Count = "count",
    }
}

choice! {
    /// The case of what groups of `include` find.
    pub enum SubmatchCase = Unset {
        /// As it is.
        Unset = "",
        /// In small letters.
        Lower = "lower",
        /// In capitals.
        Upper = "upper",
    }
}

settings! {
    /// One step of a `metrics_transform` processor.
    pub struct MetricTransform {
        /// The name of the metrics, or a regular expression that may match anywhere in it.
        include: String = String::new(),
        /// How names, and values of `experimental_match_labels`, are compared: `strict` or `regexp`. Empty:
        /// `strict`.
        match_type: MatchType = MatchType::Unset,
        /// Labels and their values, all of which a data point must have to be selected. A label that is not
        /// there counts as empty text.
        experimental_match_labels: BTreeMap<String, String> = BTreeMap::new(),
        /// What is done with them: `update`, `insert`, `combine` or `group`.
        action: MetricTransformAction = MetricTransformAction::Unset,
        /// The new name, in which `$1` and `${name}` are what groups of `include` found. For `insert` and
        /// `combine` it must be written; empty for `update`: the name stays.
        new_name: String = String::new(),
        /// For `group`: attributes that the new resource has besides those of the old one.
        group_resource_labels: Option<BTreeMap<String, String>> = None,
        /// For `combine`: what becomes of the values of points that have the same labels and time.
        aggregation_type: MetricAggregation = MetricAggregation::Unset,
        /// For `combine`: the case of labels that groups of `include` give.
        submatch_case: SubmatchCase = SubmatchCase::Unset,
        /// What is changed in the metrics, in order.
        operations: Vec<MetricOperation> = Vec::new(),
    }
    rules transform_rules;
}

choice! {
    /// What is changed in a metric.
    pub enum MetricOperationAction = Unset {
        /// Not written, which is a mistake.
        Unset = "",
        /// A label is added to points that have it not.
        AddLabel = "add_label",
        /// A label is renamed, and some of its values.
        UpdateLabel = "update_label",
        /// Points with a value of a label are dropped.
        DeleteLabelValue = "delete_label_value",
        /// Integers become floats, and floats integers.
        ToggleScalarDataType = "toggle_scalar_data_type",
        /// Values are multiplied.
        ScaleValue = "experimental_scale_value",
        /// Labels are left out, and points that become alike become one.
        AggregateLabels = "aggregate_labels",
        /// Values of a label become one, and points that become alike become one.
        AggregateLabelValues = "aggregate_label_values",
    }
}

settings! {
    /// One change of a metric.
    pub struct MetricOperation {
        /// What is changed.
        action: MetricOperationAction = MetricOperationAction::Unset,
        /// For `update_label`, `delete_label_value` and `aggregate_label_values`: the label.
        label: String = String::new(),
        /// For `add_label` and `update_label`: the name of the new label. Empty for `update_label`: the name stays.
        new_label: String = String::new(),
        /// For `aggregate_labels`: the labels that stay.
        label_set: Vec<String> = Vec::new(),
        /// For `aggregate_labels` and `aggregate_label_values`: what becomes of the values of points that become
        /// alike.
        aggregation_type: MetricAggregation = MetricAggregation::Unset,
        /// For `aggregate_label_values`: the values that become one.
        aggregated_values: Vec<String> = Vec::new(),
        /// For `add_label` and `aggregate_label_values`: the value. `{{version}}` is that of Tailweir.
        new_value: String = String::new(),
        /// For `update_label`: which values become which.
        value_actions: Vec<LabelValueChange> = Vec::new(),
        /// For `experimental_scale_value`: the factor.
        experimental_scale: f64 = 0.0,
        /// For `delete_label_value`: the value.
        label_value: String = String::new(),
    }
    rules operation_rules;
}

settings! {
    /// A value of a label, and what it becomes.
    pub struct LabelValueChange {
        /// The value.
        value: String = String::new(),
        /// What it becomes. `{{version}}` is the version of Tailweir.
        new_value: String = String::new(),
    }
}

fn transform_rules(transform: &mut MetricTransform, block: &mut Block<'_>, report: &mut Report) {
    let mut missing = |key: &str, is_missing: bool, fix: &str| {
        if is_missing {
            let text = format!("`{key}` is missing");
            report.error_at(block.at(key), Cause::Missing, text, fix);
        }
    };
    let action = transform.action;
    let makes = matches!(
        action,
        MetricTransformAction::Insert | MetricTransformAction::Combine
    );
    missing(
        "include",
        transform.include.is_empty(),
        "write the name of the metrics",
    );
    missing(
        "action",
        action == MetricTransformAction::Unset,
        "add `action: update`, `insert`, `combine` or `group`",
    );
    missing(
        "new_name",
        makes && transform.new_name.is_empty(),
        "write the name of the metric that is made",
    );
    missing(
        "aggregation_type",
        action == MetricTransformAction::Combine
            && transform.aggregation_type == MetricAggregation::Unset,
        "add `aggregation_type: sum`, `mean`, `min`, `max`, `median` or `count`",
    );
    missing(
        "group_resource_labels",
        action == MetricTransformAction::Group && transform.group_resource_labels.is_none(),
        "write the labels of the new resource",
    );
    if transform.match_type == MatchType::Regexp {
        crate::pattern::check(&transform.include, block.at("include"), report);
        for pattern in transform.experimental_match_labels.values() {
            crate::pattern::check(pattern, block.at("experimental_match_labels"), report);
        }
    }
}

fn operation_rules(operation: &mut MetricOperation, block: &mut Block<'_>, report: &mut Report) {
    use MetricOperationAction as Action;
    let action = operation.action;
    let mut missing = |key: &str, is_missing: bool, fix: &str| {
        if is_missing {
            let text = format!("`{key}` is missing");
            report.error_at(block.at(key), Cause::Missing, text, fix);
        }
    };
    missing(
        "action",
        action == Action::Unset,
        "write what the operation does, such as `action: add_label`",
    );
    missing(
        "label",
        action == Action::UpdateLabel && operation.label.is_empty(),
        "write the label that is changed",
    );
    let adds = action == Action::AddLabel;
    missing(
        "new_label",
        adds && operation.new_label.is_empty(),
        "write the label that is added",
    );
    missing(
        "new_value",
        adds && operation.new_value.is_empty(),
        "write the value of the label",
    );
    missing(
        "experimental_scale",
        action == Action::ScaleValue && operation.experimental_scale == 0.0,
        "write a factor that is not zero",
    );
    let aggregates = matches!(
        action,
        Action::AggregateLabels | Action::AggregateLabelValues
    );
    if aggregates && operation.aggregation_type == MetricAggregation::Unset {
        let text =
            "without `aggregation_type` only the first of the numbers that become alike is kept";
        let fix = "add `aggregation_type: sum`, `mean`, `min`, `max`, `median` or `count`";
        report.warn_at(block.place(), Cause::Oddity, text, fix);
    }
}
