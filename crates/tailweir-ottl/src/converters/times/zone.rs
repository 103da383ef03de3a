//! Time zones, from the database that is built in.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// How far from UTC a place is, which may depend on the date.
pub(super) enum Zone {
    Utc,
    Place(TimeZone),
}

impl Zone {
    /// The zone of a name such as `America/New_York`, `UTC` or `EST`. `Local` is UTC: a decision does not
    /// depend on the machine on which it is made.
    pub(super) fn named(name: &str) -> Option<Self> {
        if matches!(name, "UTC" | "Local") {
            return Some(Self::Utc);
        }
        let zone = TimeZoneDatabase::bundled().get(name).ok()?;
        // Names in Go are exact.
        (zone.iana_name() == Some(name)).then_some(Self::Place(zone))
    }

    /// Seconds east of UTC when clocks there show this many seconds since 1970. A time that clocks skip
    /// or show twice is taken before the change.
    pub(super) fn offset(&self, shown: i64) -> i32 {
        let Self::Place(zone) = self else {
            return 0;
        };
        let civil = Timestamp::from_second(shown).ok();
        let civil: Option<DateTime> = civil.map(|utc| TimeZone::UTC.to_datetime(utc));
        let instant = civil.and_then(|civil| zone.to_ambiguous_timestamp(civil).compatible().ok());
        instant.map_or(0, |instant| zone.to_offset(instant).seconds())
    }
}

#[cfg(test)]
mod tests {
    use super::Zone;

    /// Scenario: a place with summer time, in winter and in summer, and names that are none.
    /// Guarantees: the offset follows the date; unknown names are refused.
    #[test]
    fn an_offset_follows_the_date() {
        let new_york = Zone::named("America/New_York").unwrap();
        assert_eq!(new_york.offset(1_699_956_000), -5 * 3600);
        assert_eq!(new_york.offset(1_689_415_200), -4 * 3600);
        assert_eq!(Zone::named("Local").unwrap().offset(0), 0);
        assert!(Zone::named("Nowhere/Land").is_none() && Zone::named("america/new_york").is_none());
    }
}
