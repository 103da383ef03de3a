//! What became of own telemetry, as metrics, published once a second.

use crate::logging::LINES_DROPPED;
use std::time::Duration;
use tailweir_gateway::{MetricKind, MetricReference};
use tailweir_telemetry::Figures;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

const PERIOD: Duration = Duration::from_secs(1);
const SENT: &str = "tailweir_own_telemetry_sent_items";
const FAILED: &str = "tailweir_own_telemetry_failed_items";
const DROPPED: &str = "tailweir_own_telemetry_dropped_items";

/// Each of them, for the documents.
pub(crate) const OWN_REFERENCE: [MetricReference; 4] = [
    MetricReference {
        name: LINES_DROPPED,
        kind: MetricKind::Counter,
        unit: "{lines}",
        labels: &[],
        description: "Log lines of this process that were dropped: they came faster than standard error or a file takes them.",
    },
    counter(
        SENT,
        "Log records, spans and points of metrics of this process that `service.telemetry` has sent.",
    ),
    counter(
        FAILED,
        "Log records, spans and points of metrics of this process that `service.telemetry` gave up.",
    ),
    counter(
        DROPPED,
        "Log records, spans and points of metrics of this process that found no room in a queue of `service.telemetry`.",
    ),
];

const fn counter(name: &'static str, description: &'static str) -> MetricReference {
    MetricReference {
        name,
        kind: MetricKind::Counter,
        unit: "{items}",
        labels: &["signal"],
        description,
    }
}

/// Publishes until `stop`.
pub(crate) async fn publish(figures: Figures, stop: CancellationToken) {
    let mut interval = tokio::time::interval(PERIOD);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = interval.tick() => publish_once(&figures),
            () = stop.cancelled() => return,
        }
    }
}

fn publish_once(figures: &Figures) {
    // It is there before it counts anything.
    metrics::counter!(LINES_DROPPED).increment(0);
    for (signal, figures) in figures.read() {
        let counts = [
            (SENT, figures.sent),
            (FAILED, figures.failed),
            (DROPPED, figures.dropped),
        ];
        for (name, count) in counts {
            metrics::counter!(name, "signal" => signal.name()).absolute(count);
        }
    }
}
