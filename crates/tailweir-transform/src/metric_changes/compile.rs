//! Settings to rules.

use super::combination::Labels;
use super::operation::Operation;
use super::selection::{Selection, Wanted};
use super::{Action, Rule};
use crate::aggregation::Aggregation;
use crate::error::{CompileError, CompileErrors};
use tailweir_config::{
    MatchType, MetricAggregation, MetricOperation, MetricOperationAction, MetricTransform,
    MetricTransformAction, MetricsTransform,
};
use tailweir_otlp::EncodedValue;
use tailweir_ottl::GoRegex;

pub(super) fn rules(settings: &MetricsTransform) -> Result<Vec<Rule>, CompileErrors> {
    let mut errors = Vec::new();
    let transforms = settings.transforms.iter().enumerate();
    let rules = transforms
        .filter_map(|(index, transform)| {
            let compiled = rule(transform, &format!("transforms[{index}]"));
            compiled.map_err(|error| errors.push(error)).ok()
        })
        .collect();
    match errors.is_empty() {
        true => Ok(rules),
        false => Err(CompileErrors(errors)),
    }
}

fn rule(settings: &MetricTransform, path: &str) -> Result<Rule, CompileError> {
    let is_pattern = settings.match_type == MatchType::Regexp;
    let wanted = |text: &str, path: String| {
        if is_pattern {
            let pattern = GoRegex::new(text);
            pattern
                .map(Wanted::Pattern)
                .map_err(|error| CompileError::new(path, error))
        } else {
            Ok(Wanted::Exactly(text.as_bytes().to_vec()))
        }
    };
    let labels = settings.experimental_match_labels.iter();
    let labels = labels.map(|(key, value)| {
        let path = format!("{path}.experimental_match_labels.{key}");
        Ok((key.clone().into_bytes(), wanted(value, path)?))
    });
    let selection = Selection {
        name: wanted(&settings.include, format!("{path}.include"))?,
        labels: labels.collect::<Result<_, CompileError>>()?,
    };
    let action = match settings.action {
        MetricTransformAction::Update => Action::Update,
        MetricTransformAction::Insert => Action::Insert,
        MetricTransformAction::Combine => Action::Combine {
            how: aggregation(settings.aggregation_type),
            labels: Labels {
                keys: label_keys(&selection.name),
                case: settings.submatch_case,
            },
        },
        MetricTransformAction::Group => {
            let labels = settings.group_resource_labels.iter().flatten();
            Action::Group(labels.map(|(key, value)| label(key, value)).collect())
        }
        MetricTransformAction::Unset => {
            let problem = "write update, insert, combine or group";
            return Err(CompileError::new(format!("{path}.action"), problem));
        }
    };
    let operations = settings.operations.iter().enumerate();
    let operations = operations.map(|(index, settings)| {
        let problem = "write what the operation does";
        operation(settings)
            .ok_or_else(|| CompileError::new(format!("{path}.operations[{index}].action"), problem))
    });
    Ok(Rule {
        selection,
        action,
        new_name: settings.new_name.clone().into_bytes(),
        operations: operations.collect::<Result<_, _>>()?,
    })
}

/// What labels of groups are called: as the group, or `$1` where it has no name.
fn label_keys(name: &Wanted) -> Vec<Vec<u8>> {
    match name {
        Wanted::Exactly(_) => Vec::new(),
        Wanted::Pattern(pattern) => {
            let names = pattern.group_names().enumerate();
            names
                .map(|(index, name)| match name {
                    Some(name) => name.as_bytes().to_vec(),
                    None => format!("${}", index + 1).into_bytes(),
                })
                .collect()
        }
    }
}

fn label(key: &str, value: &str) -> (Vec<u8>, EncodedValue) {
    (
        key.as_bytes().to_vec(),
        EncodedValue::string(value.as_bytes()),
    )
}

fn operation(settings: &MetricOperation) -> Option<Operation> {
    let key = settings.label.clone().into_bytes();
    let new_key = settings.new_label.clone().into_bytes();
    let how = aggregation(settings.aggregation_type);
    let new_value = with_version(&settings.new_value);
    Some(match settings.action {
        MetricOperationAction::Unset => return None,
        MetricOperationAction::AddLabel => Operation::AddLabel {
            key: new_key,
            value: EncodedValue::string(new_value.as_bytes()),
        },
        MetricOperationAction::UpdateLabel => Operation::UpdateLabel {
            key,
            new_key,
            values: settings
                .value_actions
                .iter()
                .map(|change| label(&change.value, &with_version(&change.new_value)))
                .collect(),
        },
        MetricOperationAction::DeleteLabelValue => Operation::DeleteValue {
            key,
            value: settings.label_value.clone().into_bytes(),
        },
        MetricOperationAction::ToggleScalarDataType => Operation::ToggleType,
        MetricOperationAction::ScaleValue => Operation::Scale(settings.experimental_scale),
        MetricOperationAction::AggregateLabels => Operation::AggregateLabels {
            how,
            kept: settings.label_set.clone(),
        },
        MetricOperationAction::AggregateLabelValues => Operation::AggregateValues {
            how,
            key: settings.label.clone(),
            values: settings.aggregated_values.clone(),
            new: new_value,
        },
    })
}

fn with_version(text: &str) -> String {
    text.replace("{{version}}", env!("CARGO_PKG_VERSION"))
}

fn aggregation(settings: MetricAggregation) -> Aggregation {
    match settings {
        MetricAggregation::Unset => Aggregation::First,
        MetricAggregation::Sum => Aggregation::Sum,
        MetricAggregation::Mean => Aggregation::Mean,
        MetricAggregation::Min => Aggregation::Min,
        MetricAggregation::Max => Aggregation::Max,
        MetricAggregation::Median => Aggregation::Median,
        MetricAggregation::Count => Aggregation::Count,
    }
}
