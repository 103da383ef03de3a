//! Members, slots, copies.

use super::panel;
use crate::deploy::dashboards::{Dashboard, Shape};

pub(super) const CLUSTER: Dashboard = Dashboard {
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
