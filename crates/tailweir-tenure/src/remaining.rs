//! Deadlines and lives between machines whose clocks have nothing in common.

use std::time::Duration;
use tailweir_core::Moment;

/// Something that ends at a moment of this machine's monotonic clock: an undecided trace, the life of a verdict.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Until<T> {
    /// What ends.
    pub value: T,
    /// When.
    pub until: Moment,
}

/// The same on its way to another machine. Only what remains travels, so no change of owner starts a time again; the
/// error is the transit, and 1 % of clock rate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Remaining<T> {
    /// What ends.
    pub value: T,
    /// How long it lasts from now; zero when it is overdue.
    pub remaining: Duration,
}

impl<T: Clone> Until<T> {
    /// As it is sent at `now`.
    #[must_use]
    pub fn leave(&self, now: Moment) -> Remaining<T> {
        Remaining {
            value: self.value.clone(),
            remaining: self.until.since(now),
        }
    }
}

impl<T> Remaining<T> {
    /// As it is kept when it arrives at `now`.
    #[must_use]
    pub fn arrive(self, now: Moment) -> Until<T> {
        Until {
            value: self.value,
            until: now + self.remaining,
        }
    }
}
