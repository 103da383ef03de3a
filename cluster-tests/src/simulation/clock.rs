//! The clocks of machines: each begins somewhere else and runs a little fast or slow.

use fastrand::Rng;
use tailweir_core::Moment;

/// True time of a run, in nanoseconds since its beginning. No process sees it.
pub(crate) type Time = u64;

/// A millisecond of true time.
pub(crate) const MILLI: Time = 1_000_000;
/// A second of true time.
pub(crate) const SECOND: Time = 1_000 * MILLI;

/// A monotonic clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    offset: u64,
    /// How much it is fast, in millionths.
    fast: i64,
}

impl Clock {
    /// How much a clock is fast or slow at most, in millionths.
    const FAST_MAX: i64 = 10_000;

    pub(crate) fn new(random: &mut Rng) -> Self {
        Self {
            offset: random.u64(0..1_000 * SECOND),
            fast: random.i64(-Self::FAST_MAX..=Self::FAST_MAX),
        }
    }

    /// What it shows.
    pub(crate) fn read(&self, at: Time) -> Moment {
        let gained = i128::from(at) * i128::from(self.fast) / 1_000_000;
        let shown = i128::from(at) + i128::from(self.offset) + gained;
        Moment::from_nanos(shown.max(0) as u64)
    }

    /// When it will show this, or has.
    pub(crate) fn when(&self, shown: Moment) -> Time {
        let since = i128::from(shown.nanos()) - i128::from(self.offset);
        let at = since * 1_000_000 / (1_000_000 + i128::from(self.fast));
        // Rounded up, so that whoever waits for a moment does not wake before it.
        (at + 1).max(0) as u64
    }
}
