//! Dates and times of day in UTC, from nanoseconds of the Unix epoch.

/// A moment as calendars and clocks show it, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: u64,
    pub(crate) month: u64,
    pub(crate) day: u64,
    pub(crate) hour: u64,
    pub(crate) minute: u64,
    pub(crate) second: u64,
    pub(crate) nanos: u64,
}

impl Civil {
    /// The moment so many nanoseconds after the start of 1970.
    pub(crate) fn of(unix_nanos: u64) -> Self {
        let seconds = unix_nanos / 1_000_000_000;
        let (days, time) = (seconds / 86_400, seconds % 86_400);
        // Years counted from March have the leap day at their end (H. Hinnant, "chrono-compatible
        // low-level date algorithms").
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        Self {
            year: era * 400 + year_of_era + u64::from(month <= 2),
            month,
            day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
            hour: time / 3600,
            minute: time / 60 % 60,
            second: time % 60,
            nanos: unix_nanos % 1_000_000_000,
        }
    }

    /// As Go prints it: `2020-02-11 20:26:12.000000321 +0000 UTC`.
    pub(crate) fn go(self) -> String {
        let fraction = match self.nanos {
            0 => String::new(),
            nanos => format!(".{nanos:09}").trim_end_matches('0').to_owned(),
        };
        format!("{}{fraction} +0000 UTC", self.to_seconds())
    }

    /// `2020-02-11 20:26:12`.
    pub(crate) fn to_seconds(self) -> String {
        let Self {
            year,
            month,
            day,
            hour,
            minute,
            second,
            ..
        } = self;
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }

    /// Fit for names of files: `2020-02-11T20-26-12.000`.
    pub(crate) fn file_name(self) -> String {
        let text = self.to_seconds().replace(' ', "T").replace(':', "-");
        format!("{text}.{:03}", self.nanos / 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::Civil;

    /// Scenario: moments at the edges of days, months, leap years and centuries.
    /// Guarantees: dates and times are those of the calendar.
    #[test]
    fn moments_have_their_dates() {
        let text = |seconds: u64| Civil::of(seconds * 1_000_000_000).to_seconds();
        assert_eq!(text(0), "1970-01-01 00:00:00");
        assert_eq!(text(951_782_399), "2000-02-28 23:59:59");
        assert_eq!(text(951_782_400), "2000-02-29 00:00:00");
        assert_eq!(text(951_868_800), "2000-03-01 00:00:00");
        assert_eq!(text(1_582_934_400), "2020-02-29 00:00:00");
        assert_eq!(text(4_107_542_400), "2100-03-01 00:00:00");
        assert_eq!(
            Civil::of(u64::MAX).go(),
            "2554-07-21 23:34:33.709551615 +0000 UTC"
        );
        assert_eq!(
            Civil::of(1_581_452_772_000_000_320).go(),
            "2020-02-11 20:26:12.00000032 +0000 UTC"
        );
        assert_eq!(
            Civil::of(1_581_452_772_012_345_678).file_name(),
            "2020-02-11T20-26-12.012"
        );
    }
}
