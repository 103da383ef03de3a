//! What is told about a `metrics_transform` processor.

use crate::workbench::{assert_error, lines, load_text};

fn load(transform: &str) -> tailweir_config::Loaded {
    load_text(&format!(
        "receivers: {{nop: }}\nexporters: {{nop: }}\nprocessors:\n  metricstransform: {{transforms: [{transform}]}}\n\
         service: {{pipelines: {{metrics: {{receivers: [nop], processors: [metricstransform], exporters: [nop]}}}}}}"
    ))
}

/// Scenario: steps and operations that lack what their action needs, or hold what does not compile.
/// Guarantees: each is told, with the option that is wrong.
#[test]
fn each_action_needs_its_options() {
    let operation =
        |operation: &str| format!("{{include: a, action: update, operations: [{operation}]}}");
    for (transform, said) in [
        ("{action: update}".to_owned(), "`include` is missing"),
        ("{include: a}".to_owned(), "`action` is missing"),
        (
            "{include: a, action: insert}".to_owned(),
            "`new_name` is missing",
        ),
        (
            "{include: a, action: combine, aggregation_type: sum}".to_owned(),
            "`new_name` is missing",
        ),
        (
            "{include: a, action: combine, new_name: b}".to_owned(),
            "`aggregation_type` is missing",
        ),
        (
            "{include: a, action: group}".to_owned(),
            "`group_resource_labels` is missing",
        ),
        (
            "{include: '(', match_type: regexp, action: update}".to_owned(),
            "does not compile",
        ),
        (
            "{include: a, match_type: regexp, experimental_match_labels: {b: '('}, action: update}"
                .to_owned(),
            "does not compile",
        ),
        (
            "{include: a, action: drop}".to_owned(),
            "unknown value `drop`",
        ),
        (operation("{label: a}"), "`action` is missing"),
        (operation("{action: update_label}"), "`label` is missing"),
        (
            operation("{action: add_label, new_value: b}"),
            "`new_label` is missing",
        ),
        (
            operation("{action: add_label, new_label: b}"),
            "`new_value` is missing",
        ),
        (
            operation("{action: experimental_scale_value}"),
            "`experimental_scale` is missing",
        ),
    ] {
        assert_error(&load(&transform), &transform, said);
    }
}

/// Scenario: labels are aggregated, and nothing says how.
/// Guarantees: it is accepted as in the Collector, with a warning of what that keeps.
#[test]
fn an_operation_without_an_aggregation_keeps_the_first_number() {
    let loaded = load(
        "{include: a, action: update, operations: [{action: aggregate_labels, label_set: [x]}]}",
    );
    assert!(loaded.settings.is_some());
    let warned = lines(&loaded.diagnostics);
    assert!(
        warned.iter().any(|line| line.contains("only the first")),
        "{warned:?}"
    );
}
