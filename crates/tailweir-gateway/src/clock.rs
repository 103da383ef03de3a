//! The gateway's clock: the one place that turns the process's time into the pure rooms' moments.

use std::sync::OnceLock;
use std::time::Duration;
use tailweir_core::Moment;
use tokio::time::Instant;

/// Monotonic time since the gateway started. Copies agree with each other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock whose origin is now.
    pub(crate) fn start() -> Self {
        Self {
            origin: Instant::now(),
        }
    }

    /// The present, as the pure rooms want it.
    pub(crate) fn now(self) -> Moment {
        let elapsed = self.origin.elapsed();
        Moment::from_nanos(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX))
    }

    /// This instant of the runtime, as the pure rooms want it.
    pub(crate) fn moment(self, instant: Instant) -> Moment {
        let elapsed = instant.saturating_duration_since(self.origin);
        Moment::from_nanos(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX))
    }

    /// The instant of the runtime that is this moment; for timers.
    pub(crate) fn instant(self, moment: Moment) -> Instant {
        self.origin + moment.since(Moment::ZERO)
    }
}

/// Time since it was first asked for; for what is only measured.
pub(crate) fn stopwatch() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}
