//! What is kept, why, and what that saves.

use super::panel;
use crate::deploy::dashboards::{Dashboard, Shape};

pub(super) const POLICIES: Dashboard = Dashboard {
    name: "policies",
    title: "Tailweir / Policies",
    description: "What is kept, because of which policy, and what each policy costs.",
    panels: &[
        panel(
            "Traces kept, by policy",
            "The policy that is named for it: the first that said so.",
            Shape::Areas,
            "cps",
            &[(
                "sum by (policy) (rate(tailweir_decided_traces{$choice,decision=\"sampled\"}[$__rate_interval]))",
                "{{policy}}",
            )],
        ),
        panel(
            "Decisions",
            "Traces by what became of them.",
            Shape::Areas,
            "cps",
            &[(
                "sum by (decision) (rate(otelcol_processor_tail_sampling_global_count_traces_sampled{$choice}[$__rate_interval]))",
                "{{decision}}",
            )],
        ),
        panel(
            "Spans that a policy wanted",
            "Votes for keeping, in spans. A trace may have several.",
            Shape::Lines,
            "cps",
            &[(
                "sum by (policy) (rate(otelcol_processor_tail_sampling_count_spans_sampled{$choice,sampled=\"true\"}[$__rate_interval]))",
                "{{policy}}",
            )],
        ),
        panel(
            "Bytes that a policy wanted",
            "Votes for keeping, in bytes.",
            Shape::Lines,
            "Bps",
            &[(
                "sum by (policy) (rate(otelcol_processor_tail_sampling_count_bytes_sampled{$choice,sampled=\"true\"}[$__rate_interval]))",
                "{{policy}}",
            )],
        ),
        panel(
            "Share of traces that a policy wants",
            "Of those that it was asked about.",
            Shape::Lines,
            "percentunit",
            &[(
                "sum by (policy) (rate(otelcol_processor_tail_sampling_count_traces_sampled{$choice,sampled=\"true\"}[$__rate_interval])) / (sum by (policy) (rate(otelcol_processor_tail_sampling_count_traces_sampled{$choice}[$__rate_interval])) > 0)",
                "{{policy}}",
            )],
        ),
        panel(
            "Time of a policy",
            "For each trace that it is asked about, estimated.",
            Shape::Lines,
            "µs",
            &[(
                "sum by (policy) (rate(otelcol_processor_tail_sampling_sampling_policy_execution_time_sum{$choice}[$__rate_interval])) / (sum by (policy) (rate(otelcol_processor_tail_sampling_sampling_policy_execution_count{$choice}[$__rate_interval])) > 0)",
                "{{policy}}",
            )],
        ),
        panel(
            "Policies, in the last hour",
            "Traces that each kept or dropped.",
            Shape::Table,
            "none",
            &[(
                "sum by (policy, decision) (increase(tailweir_decided_traces{$choice}[1h]))",
                "",
            )],
        ),
        panel(
            "Spans that come late",
            "They follow the decision of their trace, which did not see them.",
            Shape::Lines,
            "cps",
            &[(
                "sum by (sampled) (rate(otelcol_processor_tail_sampling_early_releases_from_cache_decision{$choice}[$__rate_interval]))",
                "kept: {{sampled}}",
            )],
        ),
        panel(
            "Errors of policies",
            "Times that a policy failed on a trace and was passed over.",
            Shape::Lines,
            "cps",
            &[(
                "sum by (instance) (rate(otelcol_processor_tail_sampling_sampling_policy_evaluation_error{$choice}[$__rate_interval]))",
                "{{instance}}",
            )],
        ),
    ],
};
