//! One process.

use super::panel;
use crate::deploy::dashboards::{Dashboard, Shape};

pub(super) const NODE: Dashboard = Dashboard {
    name: "node",
    title: "Tailweir / One node",
    description: "What one process does.",
    panels: &[
        panel(
            "Ready",
            "1 while requests are taken.",
            Shape::Number,
            "none",
            &[("min(tailweir_ready{$choice})", "ready")],
        ),
        panel(
            "Up",
            "Time since the start.",
            Shape::Number,
            "s",
            &[("min(tailweir_uptime_seconds{$choice})", "up")],
        ),
        panel(
            "Parts started again",
            "In the time shown. Should be 0.",
            Shape::Number,
            "none",
            &[(
                "sum(increase(tailweir_actor_restarts{$choice}[$__range]))",
                "restarts",
            )],
        ),
        panel(
            "Books off by",
            "Should be 0, but for moments.",
            Shape::Number,
            "none",
            &[("max(tailweir_ledger_imbalance{$choice})", "items")],
        ),
        panel(
            "Undecided traces",
            "",
            Shape::Number,
            "none",
            &[(
                "sum(otelcol_processor_tail_sampling_sampling_traces_on_memory{$choice})",
                "traces",
            )],
        ),
        panel(
            "Connections",
            "Open connections of clients.",
            Shape::Number,
            "none",
            &[("sum(tailweir_receiver_connections{$choice})", "connections")],
        ),
        panel(
            "Received, by receiver",
            "Spans, by protocol.",
            Shape::Lines,
            "cps",
            &[
                (
                    "sum by (receiver, transport) (rate(otelcol_receiver_accepted_spans{$choice}[$__rate_interval]))",
                    "{{receiver}} {{transport}}",
                ),
                (
                    "sum by (receiver, transport) (rate(otelcol_receiver_refused_spans{$choice}[$__rate_interval]))",
                    "{{receiver}} {{transport}} refused",
                ),
            ],
        ),
        panel(
            "Memory",
            "What is held and remembered.",
            Shape::Areas,
            "bytes",
            &[
                (
                    "sum(tailweir_store_memory_bytes{$choice})",
                    "undecided traces",
                ),
                (
                    "sum(tailweir_remembered_memory_bytes{$choice})",
                    "decisions and span ids",
                ),
                (
                    "sum(tailweir_exporter_queue_bytes{$choice})",
                    "queues of exporters",
                ),
                (
                    "sum(tailweir_in_flight_bytes{$choice})",
                    "requests in flight",
                ),
            ],
        ),
        panel(
            "Time of a round of decisions",
            "Of one shard.",
            Shape::Lines,
            "ms",
            &[(
                "histogram_quantile(0.99, sum by (le) (rate(otelcol_processor_tail_sampling_sampling_decision_timer_latency_bucket{$choice}[$__rate_interval])))",
                "p99",
            )],
        ),
        panel(
            "Age of traces at their decision",
            "",
            Shape::Lines,
            "s",
            &[
                (
                    "histogram_quantile(0.5, sum by (le) (rate(otelcol_processor_tail_sampling_sampling_trace_removal_age_bucket{$choice}[$__rate_interval])))",
                    "p50",
                ),
                (
                    "histogram_quantile(0.99, sum by (le) (rate(otelcol_processor_tail_sampling_sampling_trace_removal_age_bucket{$choice}[$__rate_interval])))",
                    "p99",
                ),
            ],
        ),
        panel(
            "Kubernetes does not answer",
            "Lists and watches of k8s_attributes that failed, a second. What was known counts on.",
            Shape::Lines,
            "cps",
            &[(
                "sum by (processor, kind) (rate(tailweir_kubernetes_failures{$choice}[$__rate_interval]))",
                "{{processor}} {{kind}}",
            )],
        ),
        panel(
            "What processors drop",
            "On purpose, by processor.",
            Shape::Lines,
            "cps",
            &[(
                "sum by (processor) (rate(tailweir_processor_dropped_items{$choice}[$__rate_interval]))",
                "{{processor}}",
            )],
        ),
        panel(
            "Duplicates",
            "Spans that had come before and were left out.",
            Shape::Lines,
            "cps",
            &[(
                "sum by (processor) (rate(tailweir_duplicate_spans{$choice}[$__rate_interval]))",
                "{{processor}}",
            )],
        ),
    ],
};
