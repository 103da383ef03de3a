//! Why something that was accepted did not reach a backend.

use std::fmt;

/// Why items were lost. The names are the values of the label `reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LossReason {
    /// The sending queue had no room, and its overflow policy is to drop.
    QueueFull,
    /// The parcel alone is larger than the whole queue.
    LargerThanQueue,
    /// There is no endpoint that it could go to: a name has no addresses yet.
    NoEndpoint,
    /// The backend, or encoding for it, refused the request for good.
    PermanentError,
    /// The backend could not be reached, or asked to come again, for longer than
    /// `max_elapsed_time` (or retries are switched off).
    RetriesExhausted,
    /// The backend took the request but rejected some of its items (a partial success).
    RejectedByBackend,
    /// The drain's deadline passed, or the exporter was already shut down.
    AbandonedAtShutdown,
    /// The exporter's worker died several times over this parcel.
    WorkerFailed,
    /// The disk that keeps the sending queue refused it.
    SpoolFailed,
    /// Its bytes on disk were not those that were written.
    SpoolDamaged,
    /// The receipt was dropped by code that should have settled it.
    Abandoned,
}

impl LossReason {
    /// Each of them, in the order in which reports list them.
    pub const ALL: [Self; 11] = [
        Self::QueueFull,
        Self::LargerThanQueue,
        Self::NoEndpoint,
        Self::PermanentError,
        Self::RetriesExhausted,
        Self::RejectedByBackend,
        Self::AbandonedAtShutdown,
        Self::WorkerFailed,
        Self::SpoolFailed,
        Self::SpoolDamaged,
        Self::Abandoned,
    ];

    /// Its name in metrics and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::LargerThanQueue => "larger_than_queue",
            Self::NoEndpoint => "no_endpoint",
            Self::PermanentError => "permanent_error",
            Self::RetriesExhausted => "retries_exhausted",
            Self::RejectedByBackend => "rejected_by_backend",
            Self::AbandonedAtShutdown => "abandoned_at_shutdown",
            Self::WorkerFailed => "worker_failed",
            Self::SpoolFailed => "spool_failed",
            Self::SpoolDamaged => "spool_damaged",
            Self::Abandoned => "abandoned",
        }
    }

    /// Whether a client that is told of it (because it still waits) should send the same again.
    #[must_use]
    pub const fn is_worth_a_resend(self) -> bool {
        matches!(
            self,
            Self::QueueFull
                | Self::NoEndpoint
                | Self::RetriesExhausted
                | Self::AbandonedAtShutdown
                | Self::WorkerFailed
                | Self::SpoolFailed
        )
    }
}

impl fmt::Display for LossReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
