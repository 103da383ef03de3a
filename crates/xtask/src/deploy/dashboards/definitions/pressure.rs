//! Where room runs out: admission, memory, queues of exporters.

use super::panel;
use crate::deploy::dashboards::{Dashboard, Shape};

pub(super) const PRESSURE: Dashboard = Dashboard {
    name: "pressure",
    title: "Tailweir / Pressure and exporters",
    description: "Where work waits: admission, the window, what is behind the sampler, queues of exporters.",
    panels: &[
        panel(
            "Memory of undecided traces",
            "Share of the budget. From 90 % on traces are decided early, at 100 % clients are refused.",
            Shape::Lines,
            "percentunit",
            &[(
                "sum by (instance) (tailweir_store_memory_bytes{$choice}) / sum by (instance) (tailweir_store_memory_bytes_max{$choice})",
                "{{instance}}",
            )],
        ),
        panel(
            "Requests in flight",
            "Share of the bytes that may be worked on at once, and of those that samplers answer in time.",
            Shape::Lines,
            "percentunit",
            &[
                (
                    "tailweir_in_flight_bytes{$choice} / tailweir_in_flight_bytes_max{$choice}",
                    "{{instance}}",
                ),
                (
                    "tailweir_sampling_bytes{$choice} / tailweir_sampling_bytes_max{$choice}",
                    "{{instance}}: samplers",
                ),
            ],
        ),
        panel(
            "Refused, by signal",
            "Items that clients were told to send again.",
            Shape::Lines,
            "cps",
            &[
                (
                    "sum by (signal) (rate(tailweir_refused_items{$choice}[$__rate_interval]))",
                    "{{signal}}",
                ),
                (
                    "sum(rate(tailweir_admission_refused_requests{$choice}[$__rate_interval]))",
                    "requests, before they were read",
                ),
            ],
        ),
        panel(
            "Decided before their time",
            "By reason.",
            Shape::Areas,
            "cps",
            &[(
                "sum by (reason) (rate(tailweir_early_decisions{$choice}[$__rate_interval]))",
                "{{reason}}",
            )],
        ),
        panel(
            "Held back behind the sampler",
            "Kept spans for which there is no room behind.",
            Shape::Lines,
            "bytes",
            &[(
                "sum by (instance) (tailweir_held_back_bytes{$choice})",
                "{{instance}}",
            )],
        ),
        panel(
            "Queues of exporters",
            "Share of the queue that is full.",
            Shape::Lines,
            "percentunit",
            &[(
                "max by (exporter, data_type) (otelcol_exporter_queue_size{$choice} / (otelcol_exporter_queue_capacity{$choice} > 0))",
                "{{exporter}} {{data_type}}",
            )],
        ),
        panel(
            "Bytes in queues of exporters",
            "",
            Shape::Areas,
            "bytes",
            &[(
                "sum by (exporter, data_type) (tailweir_exporter_queue_bytes{$choice})",
                "{{exporter}} {{data_type}}",
            )],
        ),
        panel(
            "Sent",
            "Items that backends took.",
            Shape::Lines,
            "cps",
            &[
                (
                    "sum by (exporter) (rate(otelcol_exporter_sent_spans{$choice}[$__rate_interval]))",
                    "{{exporter}} spans",
                ),
                (
                    "sum by (exporter) (rate(otelcol_exporter_sent_metric_points{$choice}[$__rate_interval]))",
                    "{{exporter}} points",
                ),
                (
                    "sum by (exporter) (rate(otelcol_exporter_sent_log_records{$choice}[$__rate_interval]))",
                    "{{exporter}} records",
                ),
            ],
        ),
        panel(
            "Attempts again",
            "Attempts beyond the first of their request.",
            Shape::Lines,
            "cps",
            &[(
                "sum by (exporter) (rate(tailweir_exporter_retries{$choice}[$__rate_interval]))",
                "{{exporter}}",
            )],
        ),
        panel(
            "Given up",
            "Items that left the queue and reached no backend. They count as lost.",
            Shape::Lines,
            "cps",
            &[
                (
                    "sum by (exporter) (rate(otelcol_exporter_send_failed_spans{$choice}[$__rate_interval]))",
                    "{{exporter}} spans",
                ),
                (
                    "sum by (exporter) (rate(otelcol_exporter_send_failed_metric_points{$choice}[$__rate_interval]))",
                    "{{exporter}} points",
                ),
                (
                    "sum by (exporter) (rate(otelcol_exporter_send_failed_log_records{$choice}[$__rate_interval]))",
                    "{{exporter}} records",
                ),
            ],
        ),
    ],
};
