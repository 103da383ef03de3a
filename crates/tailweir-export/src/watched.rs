//! What `service.telemetry` tells about a request on its way to a backend.

use crate::delivery::Outcome;
use tailweir_core::{OWN_QUIET, OWN_SPAN, Signal};
use tailweir_otlp::is_own_telemetry;
use tracing::field::Empty;
use tracing::{Level, Span, info_span, span_enabled};

/// The span of a request with all its attempts. About one that holds nothing but own telemetry nothing is told,
/// as that would be own telemetry to be sent again, without end.
pub(crate) fn span(exporter: &str, signal: Signal, items: u64, body: &[u8]) -> Span {
    // Asked first, as otherwise each request would be looked through for nobody.
    if !span_enabled!(target: OWN_QUIET, Level::INFO) {
        return Span::none();
    }
    if is_own_telemetry(body) {
        return info_span!(target: OWN_QUIET, "export");
    }
    if !span_enabled!(target: OWN_SPAN, Level::INFO) {
        return Span::none();
    }
    info_span!(
        target: OWN_SPAN,
        "export",
        otel.name = format!("exporter/{exporter}/{signal}"),
        otel.kind = "client",
        otel.status_description = Empty,
        exporter,
        data_type = signal.name(),
        items,
        bytes = body.len(),
        items.sent = Empty,
        items.failed = Empty,
    )
}

/// Notes at its span what became of a request.
pub(crate) fn note(span: &Span, outcome: Outcome, items: u64) {
    if span.is_disabled() {
        return;
    }
    let failed = match outcome {
        Outcome::Taken { rejected } => rejected.min(items),
        Outcome::Lost(_) => items,
        Outcome::Returned => 0,
    };
    let sent = match outcome {
        Outcome::Taken { .. } => items - failed,
        Outcome::Lost(_) | Outcome::Returned => 0,
    };
    let failure = match outcome {
        Outcome::Taken { rejected: 0 } => None,
        Outcome::Taken { .. } => Some("the backend rejected a part"),
        Outcome::Lost(reason) => Some(reason.name()),
        Outcome::Returned => Some("its endpoint has left"),
    };
    span.record("items.sent", sent);
    span.record("items.failed", failed);
    span.record("otel.status_description", failure);
}
