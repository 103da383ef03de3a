//! What each dashboard shows.

use super::{Dashboard, Panel, Shape};

const fn panel(
    title: &'static str,
    description: &'static str,
    shape: Shape,
    unit: &'static str,
    queries: &'static [(&'static str, &'static str)],
) -> Panel {
    Panel {
        title,
        description,
        shape,
        unit,
        queries,
    }
}

pub(super) const DASHBOARDS: &[Dashboard] = &[OVERVIEW, POLICIES, CLUSTER, PRESSURE, NODE];

const OVERVIEW: Dashboard = Dashboard {
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

const POLICIES: Dashboard = Dashboard {
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

const PRESSURE: Dashboard = Dashboard {
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
            "Share of the bytes that may be worked on at once.",
            Shape::Lines,
            "percentunit",
            &[(
                "tailweir_in_flight_bytes{$choice} / tailweir_in_flight_bytes_max{$choice}",
                "{{instance}}",
            )],
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

const NODE: Dashboard = Dashboard {
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

const CLUSTER: Dashboard = Dashboard {
    name: "cluster",
    title: "Tailweir / Cluster",
    description: "Who owns slots, who copies, and what moves. Empty for a process without a cluster.",
    panels: &[
        panel(
            "Members with a table",
            "Samplers that know a routing table.",
            Shape::Number,
            "none",
            &[("count(tailweir_table_epoch{$choice} > 0)", "members")],
        ),
        panel(
            "Epoch of the table",
            "Each change of who is responsible for a slot is one.",
            Shape::Number,
            "none",
            &[("max(tailweir_table_epoch{$choice})", "epoch")],
        ),
        panel(
            "Members behind",
            "By how many epochs the last member is behind the first. For long not 0: it hears no controller.",
            Shape::Number,
            "none",
            &[(
                "max(tailweir_table_epoch{$choice}) - min(tailweir_table_epoch{$choice})",
                "epochs",
            )],
        ),
        panel(
            "Slots served",
            "Tenures that are served now, of all members together.",
            Shape::Number,
            "none",
            &[("sum(tailweir_tenures{$choice,state=\"serves\"})", "slots")],
        ),
        panel(
            "Tenures, by member and state",
            "What each member has a part in.",
            Shape::Areas,
            "none",
            &[(
                "sum by (instance, state) (tailweir_tenures{$choice})",
                "{{instance}} {{state}}",
            )],
        ),
        panel(
            "Kept for others",
            "Bytes of spans of which this member is the second copy.",
            Shape::Areas,
            "bytes",
            &[(
                "sum by (instance) (tailweir_copied_span_bytes{$choice})",
                "{{instance}}",
            )],
        ),
        panel(
            "Parts of requests that wait",
            "For their copy, for a tenure to open, or for a table.",
            Shape::Lines,
            "none",
            &[(
                "sum by (instance) (tailweir_parts_waiting{$choice})",
                "{{instance}}",
            )],
        ),
        panel(
            "Copies refused",
            "Records that were not stored, because too much is kept for others already.",
            Shape::Lines,
            "cps",
            &[(
                "sum by (instance) (rate(tailweir_copies_refused{$choice}[$__rate_interval]))",
                "{{instance}}",
            )],
        ),
        panel(
            "Handed over",
            "Items that another member took over.",
            Shape::Lines,
            "cps",
            &[(
                "sum by (instance) (rate(tailweir_handed_over_items{$choice}[$__rate_interval]))",
                "{{instance}}",
            )],
        ),
        panel(
            "Totals of connectors: series",
            "What each member adds up for all. Past their bound, new combinations are counted together.",
            Shape::Lines,
            "none",
            &[
                (
                    "sum by (instance, connector) (tailweir_totals_series{$choice})",
                    "{{instance}} {{connector}}",
                ),
                (
                    "sum by (instance, connector) (rate(tailweir_totals_overflowed_items{$choice}[$__rate_interval]))",
                    "{{instance}} {{connector}}, changes without room a second",
                ),
            ],
        ),
        panel(
            "Totals of connectors: slots that move",
            "Taken over with their totals, or begun anew because the member before did not hand these over; and what waits to leave.",
            Shape::Lines,
            "none",
            &[
                (
                    "sum(increase(tailweir_totals_taken_over_slots{$choice}[$__rate_interval]))",
                    "taken over",
                ),
                (
                    "sum(increase(tailweir_totals_begun_anew_slots{$choice}[$__rate_interval]))",
                    "begun anew",
                ),
                ("sum(tailweir_totals_leaving_slots{$choice})", "leaving"),
            ],
        ),
    ],
};
