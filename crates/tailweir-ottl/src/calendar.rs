//! Dates of the Gregorian calendar, before and after its invention.

use crate::Time;

const DAY_SECONDS: i64 = 86_400;

/// A moment as people name it, in the offset in which it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    /// 1 to 12.
    pub(crate) month: u32,
    /// 1 to 31.
    pub(crate) day: u32,
    pub(crate) hour: u32,
    pub(crate) minute: u32,
    pub(crate) second: u32,
    pub(crate) nanosecond: u32,
    /// 0 is Sunday.
    pub(crate) weekday: u32,
    /// 1 to 366.
    pub(crate) day_of_year: u32,
}

/// Days from 1970-01-01 to this date. Months and days beyond their range are not looked at.
pub(crate) fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    // Years begin in March here, so that the leap day is the last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = i64::from((month + 9) % 12);
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// How many days a month has.
pub(crate) fn days_in_month(year: i64, month: u32) -> u32 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl Civil {
    /// The date and time of a moment, where it is shown.
    pub(crate) fn of(time: Time) -> Self {
        let seconds = time.unix_seconds().saturating_add(i64::from(time.offset()));
        let (days, second_of_day) = (
            seconds.div_euclid(DAY_SECONDS),
            seconds.rem_euclid(DAY_SECONDS) as u32,
        );
        let (year, month, day) = date(days);
        Self {
            year,
            month,
            day,
            hour: second_of_day / 3600,
            minute: second_of_day / 60 % 60,
            second: second_of_day % 60,
            nanosecond: time.subsecond_nanoseconds(),
            weekday: (days + 4).rem_euclid(7) as u32,
            day_of_year: (days - days_from_civil(year, 1, 1) + 1) as u32,
        }
    }

    /// Seconds from 1970 to this date and time, as if it were in UTC.
    pub(crate) fn unix_seconds(&self) -> i64 {
        let days = days_from_civil(self.year, self.month, self.day);
        days * DAY_SECONDS + i64::from(self.hour * 3600 + self.minute * 60 + self.second)
    }
}

fn date(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month_from_march + 2) / 5 + 1) as u32;
    let month = ((month_from_march + 2) % 12 + 1) as u32;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// `2023-11-14T22:13:20.5+01:00`, without needless zeros in the fraction.
pub(crate) fn rfc3339(time: Time) -> String {
    let civil = Civil::of(time);
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
        nanosecond,
        ..
    } = civil;
    let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if nanosecond > 0 {
        let fraction = format!(".{nanosecond:09}");
        text += fraction.trim_end_matches('0');
    }
    text + &match time.offset() {
        0 => "Z".to_owned(),
        offset => offset_text(offset, ":"),
    }
}

/// `+01:00`
pub(crate) fn offset_text(offset: i32, separator: &str) -> String {
    let (sign, minutes) = (if offset < 0 { '-' } else { '+' }, offset.abs() / 60);
    format!("{sign}{:02}{separator}{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::{Civil, days_from_civil, rfc3339};
    use crate::Time;

    /// Scenario: every day of two thousand years is named and counted back.
    /// Guarantees: the same day comes back, and weekdays follow each other.
    #[test]
    fn every_day_has_one_name() {
        for days in -700_000..100_000_i64 {
            let civil = Civil::of(Time::from_unix(days * 86_400, 0));
            assert_eq!(days_from_civil(civil.year, civil.month, civil.day), days);
            assert_eq!(i64::from(civil.weekday), (days + 4).rem_euclid(7));
            assert_eq!(civil.unix_seconds(), days * 86_400);
        }
    }

    /// Scenario: moments with and without a fraction and an offset.
    /// Guarantees: written as RFC 3339 has them.
    #[test]
    fn moments_are_written_as_rfc_3339() {
        let time = Time::from_unix(1_700_000_000, 500_000_000);
        assert_eq!(rfc3339(time), "2023-11-14T22:13:20.5Z");
        assert_eq!(
            rfc3339(time.at_offset(-5400)),
            "2023-11-14T20:43:20.5-01:30"
        );
        assert_eq!(
            rfc3339(Time::from_unix(-62_135_596_800, 0)),
            "0001-01-01T00:00:00Z"
        );
    }
}
