//! How the metrics are called and shaped: as those of the connector, or of the processor that was before it.

/// See the module.
#[derive(Debug)]
pub(super) struct Form {
    /// The scope of the metrics.
    pub(super) scope: &'static [u8],
    /// Names of calls, durations and events.
    pub(super) names: [&'static str; 3],
    /// The attribute that has the span's name.
    pub(super) span_name: &'static [u8],
    /// Whether each resource has its series. Else all are in one without attributes.
    pub(super) has_resources: bool,
    /// Whether a sum is zero when it is written first, so that its first increase shows.
    pub(super) begins_at_zero: bool,
    /// Whether calls have exemplars, as durations do.
    pub(super) calls_have_exemplars: bool,
}

impl Form {
    pub(super) const CONNECTOR: Self = Self {
        scope: b"spanmetricsconnector",
        names: ["calls", "duration", "events"],
        span_name: b"span.name",
        has_resources: true,
        begins_at_zero: true,
        calls_have_exemplars: true,
    };

    pub(super) const PROCESSOR: Self = Self {
        scope: b"spanmetricsprocessor",
        names: ["calls_total", "latency", "events"],
        span_name: b"operation",
        has_resources: false,
        begins_at_zero: false,
        calls_have_exemplars: false,
    };
}
