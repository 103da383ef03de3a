//! The whole fleet.

use super::panel;
use crate::deploy::dashboards::{Dashboard, Shape};

pub(super) const OVERVIEW: Dashboard = Dashboard {
    name: "overview",
    title: "Tailweir / Overview",
    description: "The whole fleet: what comes, what is kept, what it saves, and whether anything is lost.",
    panels: &[
        panel(
            "Nodes ready",
            "Nodes that take requests.",
            Shape::Number,
            "none",
            &[("sum(tailweir_ready{$choice})", "ready")],
        ),
        panel(
            "Spans a second",
            "Acknowledged to clients.",
            Shape::Number,
            "cps",
            &[(
                "sum(rate(tailweir_acknowledged_items{$choice,signal=\"traces\"}[$__rate_interval]))",
                "spans",
            )],
        ),
        panel(
            "Traces kept",
            "Share of the decided traces of the last hour.",
            Shape::Number,
            "percentunit",
            &[(
                "sum(increase(otelcol_processor_tail_sampling_global_count_traces_sampled{$choice,sampled=\"true\"}[1h])) / (sum(increase(otelcol_processor_tail_sampling_global_count_traces_sampled{$choice}[1h])) > 0)",
                "kept",
            )],
        ),
        panel(
            "Saved",
            "Bytes of spans that no backend has to store.",
            Shape::Number,
            "Bps",
            &[(
                "clamp_min(sum(rate(tailweir_acknowledged_bytes{$choice,signal=\"traces\"}[$__rate_interval])) - sum(rate(tailweir_delivered_bytes{$choice,signal=\"traces\"}[$__rate_interval])), 0)",
                "saved",
            )],
        ),
        panel(
            "Refused",
            "Share of the items that clients were told to send again.",
            Shape::Number,
            "percentunit",
            &[(
                "sum(rate(tailweir_refused_items{$choice}[$__rate_interval])) / (sum(rate(tailweir_refused_items{$choice}[$__rate_interval])) + sum(rate(tailweir_acknowledged_items{$choice}[$__rate_interval])) > 0)",
                "refused",
            )],
        ),
        panel(
            "Lost",
            "Acknowledged items that are gone, in the time shown. Should be 0.",
            Shape::Number,
            "none",
            &[(
                "sum(increase(tailweir_lost_items{$choice}[$__range]))",
                "lost",
            )],
        ),
        panel(
            "Items in, by signal",
            "Acknowledged to clients.",
            Shape::Lines,
            "cps",
            &[(
                "sum by (signal) (rate(tailweir_acknowledged_items{$choice}[$__rate_interval]))",
                "{{signal}}",
            )],
        ),
        panel(
            "Items out, by signal",
            "Accepted by backends.",
            Shape::Lines,
            "cps",
            &[(
                "sum by (signal) (rate(tailweir_delivered_items{$choice}[$__rate_interval]))",
                "{{signal}}",
            )],
        ),
        panel(
            "Where spans go",
            "Every acknowledged span ends in one of these.",
            Shape::Areas,
            "cps",
            &[
                (
                    "sum(rate(tailweir_delivered_items{$choice,signal=\"traces\"}[$__rate_interval]))",
                    "delivered",
                ),
                (
                    "sum by (reason) (rate(tailweir_dropped_items{$choice,signal=\"traces\"}[$__rate_interval])) > 0",
                    "dropped: {{reason}}",
                ),
                (
                    "sum by (reason) (rate(tailweir_lost_items{$choice,signal=\"traces\"}[$__rate_interval])) > 0",
                    "lost: {{reason}}",
                ),
            ],
        ),
        panel(
            "Held",
            "Undecided, or decided and not delivered yet.",
            Shape::Areas,
            "bytes",
            &[(
                "sum by (signal) (tailweir_held_bytes{$choice})",
                "{{signal}}",
            )],
        ),
    ],
};
