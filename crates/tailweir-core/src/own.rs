//! How rooms tell what this process does: by `tracing` spans of these targets.
//!
//! Nothing of them is made unless somebody listens, which `service.telemetry` decides at the start; until then
//! such a span costs a comparison.

/// Target of a span about something that this process does: a request that it takes, one that it sends. Its fields
/// `otel.name`, `otel.kind`, `otel.status_description`, `otel.traceparent` and `otel.tracestate` say what
/// OpenTelemetry calls so; each other field is an attribute.
pub const OWN_SPAN: &str = "own_span";

/// Target of a span in which nothing is told: what is done there is about own telemetry. No span of
/// [`OWN_SPAN`] and no log record comes out of it.
pub const OWN_QUIET: &str = "own_quiet";
