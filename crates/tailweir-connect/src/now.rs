//! The present, on both clocks.

use tailweir_core::Moment;

/// When something happens. Durations are taken by `moment`; data points bear `unix_nanos`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// On the monotonic clock.
    pub moment: Moment,
    /// In nanoseconds of the Unix epoch.
    pub unix_nanos: u64,
}
