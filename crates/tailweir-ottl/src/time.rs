//! Moments and spans of time as OTTL has them.

use std::cmp::Ordering;

const NANOSECONDS: i128 = 1_000_000_000;

/// A moment, to the nanosecond, with the offset from UTC in which it is shown.
///
/// Two moments are equal when they are the same instant, whatever their offsets.
#[derive(Debug, Clone, Copy, Default)]
pub struct Time {
    /// Seconds since 1970-01-01T00:00:00Z, negative before.
    seconds: i64,
    /// 0 to 999 999 999, always counted forward from `seconds`.
    nanoseconds: u32,
    /// Seconds east of UTC.
    offset: i32,
}

impl Time {
    /// The moment of an OTLP timestamp, in nanoseconds since 1970. A timestamp of more than 63 bits
    /// lies before 1970, as the Collector reads it.
    #[must_use]
    pub fn from_unix_nanoseconds(timestamp: u64) -> Self {
        Self::from_total(i128::from(timestamp as i64))
    }

    /// The moment this many seconds and nanoseconds after 1970. Either may be negative, and the
    /// nanoseconds may exceed a second; seconds beyond 64 bits saturate.
    #[must_use]
    pub fn from_unix(seconds: i64, nanoseconds: i64) -> Self {
        Self::from_total(i128::from(seconds) * NANOSECONDS + i128::from(nanoseconds))
    }

    fn from_total(total: i128) -> Self {
        let seconds = total.div_euclid(NANOSECONDS);
        Self {
            seconds: seconds.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64,
            nanoseconds: total.rem_euclid(NANOSECONDS) as u32,
            offset: 0,
        }
    }

    fn total(self) -> i128 {
        i128::from(self.seconds) * NANOSECONDS + i128::from(self.nanoseconds)
    }

    /// The same instant, shown this many seconds east of UTC.
    #[must_use]
    pub fn at_offset(self, offset: i32) -> Self {
        Self { offset, ..self }
    }

    /// Seconds east of UTC in which it is shown.
    #[must_use]
    pub fn offset(self) -> i32 {
        self.offset
    }

    /// Whole seconds since 1970, rounded down.
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        self.seconds
    }

    /// The nanoseconds within the second, 0 to 999 999 999.
    #[must_use]
    pub fn subsecond_nanoseconds(self) -> u32 {
        self.nanoseconds
    }

    /// Units of this many nanoseconds since 1970, rounded down; wraps outside 64 bits, as in Go.
    #[must_use]
    pub fn unix_units(self, nanoseconds_each: i64) -> i64 {
        self.total().div_euclid(i128::from(nanoseconds_each)) as i64
    }

    /// The moment so much later (or earlier, when negative).
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self::from_total(self.total() + i128::from(duration.nanoseconds())).at_offset(self.offset)
    }

    /// How long after `earlier` it is; saturates at about 292 years.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let between = self.total() - earlier.total();
        Duration::from_nanoseconds(between.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
    }

    /// The last multiple of the duration, counted from the year 1; itself for a duration that is not
    /// positive.
    #[must_use]
    pub fn truncated(self, duration: Duration) -> Self {
        /// From 0001-01-01 to 1970-01-01.
        const SECONDS_BEFORE_1970: i128 = 62_135_596_800;
        if duration.nanoseconds() <= 0 {
            return self;
        }
        let since_year_one = self.total() + SECONDS_BEFORE_1970 * NANOSECONDS;
        let beyond = since_year_one.rem_euclid(i128::from(duration.nanoseconds()));
        Self::from_total(self.total() - beyond).at_offset(self.offset)
    }
}

impl PartialEq for Time {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Time {}

impl PartialOrd for Time {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Time {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.seconds, self.nanoseconds).cmp(&(other.seconds, other.nanoseconds))
    }
}

/// A signed span of time in nanoseconds, up to about 292 years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(i64);

impl Duration {
    /// So many nanoseconds.
    #[must_use]
    pub fn from_nanoseconds(nanoseconds: i64) -> Self {
        Self(nanoseconds)
    }

    /// Its length in nanoseconds, negative when it goes back.
    #[must_use]
    pub fn nanoseconds(self) -> i64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Time};

    /// Scenario: moments before 1970 and timestamps of 64 bits.
    /// Guarantees: the second is rounded down, and a timestamp with the top bit lies before 1970.
    #[test]
    fn moments_before_1970_round_down() {
        let before = Time::from_unix(0, -1);
        assert_eq!(
            (before.unix_seconds(), before.subsecond_nanoseconds()),
            (-1, 999_999_999)
        );
        assert_eq!(Time::from_unix_nanoseconds(u64::MAX), before);
        assert_eq!(before.unix_units(1_000_000), -1);
    }

    /// Scenario: two moments further apart than a duration can say.
    /// Guarantees: the difference saturates and nothing wraps.
    #[test]
    fn a_difference_saturates() {
        let (early, late) = (Time::from_unix(i64::MIN, 0), Time::from_unix(i64::MAX, 0));
        assert_eq!(late.since(early).nanoseconds(), i64::MAX);
        assert_eq!(early.since(late).nanoseconds(), i64::MIN);
        assert_eq!(
            late.plus(Duration::from_nanoseconds(i64::MAX))
                .unix_seconds(),
            i64::MAX
        );
    }
}
