//! Reading a moment by a format. Numbers may have leading spaces and lack leading zeros.

use super::format::{DAYS, Layout, MONTHS, Piece};
use super::languages::Names;
use super::zone::Zone;
use crate::Time;
use crate::calendar::{Civil, days_in_month};

/// The moment, or nothing when the text does not fit.
pub(super) fn parse(
    layout: &Layout,
    text: &str,
    zone: &Zone,
    names: Option<&Names>,
) -> Option<Time> {
    // Only the years of dates like %D come in two lengths.
    let read = |short_years| {
        let mut reader = Reader::new(text, names, short_years);
        for (position, piece) in layout.0.iter().enumerate() {
            reader.piece(piece, &layout.0[position + 1..])?;
        }
        reader.finish(zone)
    };
    read(false).or_else(|| read(true))
}

struct Reader<'t> {
    rest: &'t str,
    names: Option<&'t Names>,
    short_years: bool,
    year: i64,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    nanosecond: u32,
    /// Set by `%p`: whether it is after noon.
    after_noon: Option<bool>,
    offset: Option<i32>,
}

impl<'t> Reader<'t> {
    fn new(rest: &'t str, names: Option<&'t Names>, short_years: bool) -> Self {
        Self {
            rest,
            names,
            short_years,
            year: 0,
            month: 1,
            day: 1,
            hour: 0,
            minute: 0,
            second: 0,
            nanosecond: 0,
            after_noon: None,
            offset: None,
        }
    }

    fn piece(&mut self, piece: &Piece, following: &[Piece]) -> Option<()> {
        match piece {
            Piece::Literal(literal) => self.literal(literal),
            Piece::Fraction(..) => {
                self.fraction();
                Some(())
            }
            Piece::Date => {
                self.month = self.number()?;
                self.literal("/")?;
                self.day = self.number()?;
                self.literal("/")?;
                self.directive(if self.short_years { 'y' } else { 'Y' }, following)
            }
            Piece::Directive(letter) => self.directive(*letter, following),
        }
    }

    /// Every space of the format takes any number of spaces.
    fn literal(&mut self, literal: &str) -> Option<()> {
        for expected in literal.chars() {
            if expected == ' ' {
                if !self.rest.is_empty() && !self.rest.starts_with(' ') {
                    return None;
                }
                self.rest = self.rest.trim_start_matches(' ');
            } else {
                self.rest = self.rest.strip_prefix(expected)?;
            }
        }
        Some(())
    }

    fn digits(&mut self, count: usize) -> Option<u32> {
        let digits = self.rest.get(..count)?;
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        let value = plain.then(|| digits.parse().ok())??;
        self.rest = &self.rest[count..];
        Some(value)
    }

    /// One or two digits.
    fn number(&mut self) -> Option<u32> {
        self.rest = self.rest.trim_start_matches(char::is_whitespace);
        self.digits(2).or_else(|| self.digits(1))
    }

    fn directive(&mut self, letter: char, following: &[Piece]) -> Option<()> {
        match letter {
            'Y' => self.year = self.spaced(4)?.into(),
            'y' => {
                let year = i64::from(self.spaced(2)?);
                self.year = if year >= 69 { year + 1900 } else { year + 2000 };
            }
            'm' | 'o' | 'q' => self.month = self.number()?,
            'b' | 'h' => {
                self.month =
                    self.name(short(&MONTHS), self.names.map(|names| names.short_months))? + 1;
            }
            'B' => {
                self.month = self.name(MONTHS.to_vec(), self.names.map(|names| names.months))? + 1;
            }
            'd' | 'e' | 'g' => self.day = self.number()?,
            'a' => self
                .name(short(&DAYS), self.names.map(|names| names.short_days))
                .map(drop)?,
            'A' => self
                .name(DAYS.to_vec(), self.names.map(|names| names.days))
                .map(drop)?,
            'H' => self.hour = self.number()?,
            'I' | 'l' => self.hour = self.number().filter(|hour| *hour <= 12)?,
            'p' | 'P' => self.half(letter)?,
            'M' => self.minute = self.number()?,
            'S' => {
                self.second = self.number()?;
                self.unasked_fraction(following);
            }
            'z' | 'w' | 'i' | 'j' | 'k' => self.zone_offset(letter)?,
            'Z' => self.zone_name()?,
            _ => return None,
        }
        Some(())
    }

    fn spaced(&mut self, count: usize) -> Option<u32> {
        self.rest = self.rest.trim_start_matches(char::is_whitespace);
        self.digits(count)
    }

    /// The number of the longest name that comes next, whatever its case.
    fn name(&mut self, english: Vec<&str>, own: Option<&[&str]>) -> Option<u32> {
        let names = own.unwrap_or(&english);
        if own.is_some() {
            self.rest = self.rest.trim_start_matches(char::is_whitespace);
        }
        let fits = |name: &&str| {
            let length = name.chars().count();
            let end = self
                .rest
                .char_indices()
                .nth(length)
                .map_or(self.rest.len(), |(end, _)| end);
            let same = self.rest[..end].to_lowercase() == name.to_lowercase();
            same.then_some(end)
        };
        let found = names
            .iter()
            .enumerate()
            .filter_map(|(number, name)| Some((fits(name)?, number)));
        let (end, number) = found.max_by_key(|(end, _)| *end)?;
        self.rest = &self.rest[end..];
        u32::try_from(number).ok()
    }

    fn half(&mut self, letter: char) -> Option<()> {
        if let Some(names) = self.names {
            let number = self.name(Vec::new(), Some(names.halves))?;
            self.after_noon = Some(number == 1);
            return Some(());
        }
        let (before, after) = if letter == 'p' {
            ("AM", "PM")
        } else {
            ("am", "pm")
        };
        let after_noon = self.rest.starts_with(after);
        if !after_noon && !self.rest.starts_with(before) {
            return None;
        }
        self.rest = &self.rest[2..];
        self.after_noon = Some(after_noon);
        Some(())
    }

    /// A point or comma and digits; it may be missing.
    fn fraction(&mut self) {
        let Some(behind) = self.rest.strip_prefix(['.', ',']) else {
            return;
        };
        let length = behind.bytes().take_while(u8::is_ascii_digit).count();
        if length == 0 {
            return;
        }
        let digits = &behind[..length.min(9)];
        let value: u32 = digits.parse().unwrap_or_default();
        self.nanosecond = value * 10_u32.pow(9 - digits.len() as u32);
        self.rest = &behind[length..];
    }

    /// Seconds may have a fraction that the format does not ask for.
    fn unasked_fraction(&mut self, following: &[Piece]) {
        let next = following
            .iter()
            .find(|piece| !matches!(piece, Piece::Literal(_)));
        if !matches!(next, Some(Piece::Fraction(..))) {
            self.fraction();
        }
    }

    /// `Z`, `+0100`, `+01:00` or `+01` for `%z`; the others have one shape each.
    fn zone_offset(&mut self, letter: char) -> Option<()> {
        self.rest = self.rest.trim_start_matches(char::is_whitespace);
        if letter == 'z'
            && let Some(rest) = self.rest.strip_prefix('Z')
        {
            self.rest = rest;
            self.offset = Some(0);
            return Some(());
        }
        let negative = self.rest.starts_with('-');
        self.rest = self.rest.strip_prefix(['+', '-'])?;
        let hours = self.digits(2)?;
        let (mut minutes, mut seconds) = (0, 0);
        match letter {
            'z' => {
                let (before, colon) = (self.rest, self.rest.starts_with(':'));
                self.rest = self.rest.strip_prefix(':').unwrap_or(self.rest);
                match self.digits(2) {
                    Some(read) => minutes = read,
                    None if colon => self.rest = before,
                    None => {}
                }
            }
            'w' => (minutes, seconds) = (self.digits(2)?, self.digits(2)?),
            'j' | 'k' => {
                self.literal(":")?;
                minutes = self.digits(2)?;
                if letter == 'k' {
                    self.literal(":")?;
                    seconds = self.digits(2)?;
                }
            }
            _ => {}
        }
        if hours > 24 || minutes > 60 || seconds > 60 {
            return None;
        }
        let offset = (hours * 3600 + minutes * 60 + seconds) as i32;
        self.offset = Some(if negative { -offset } else { offset });
        Some(())
    }

    /// An abbreviation of three or four capitals that is the name of a zone, such as `UTC` or `EST`.
    fn zone_name(&mut self) -> Option<()> {
        let length = self.rest.bytes().take_while(u8::is_ascii_uppercase).count();
        if !(3..=5).contains(&length) {
            return None;
        }
        let zone = Zone::named(&self.rest[..length])?;
        self.rest = &self.rest[length..];
        self.offset = Some(zone.offset(0));
        Some(())
    }

    fn finish(self, zone: &Zone) -> Option<Time> {
        let hour = match (self.after_noon, self.hour) {
            (Some(true), hour) if hour < 12 => hour + 12,
            (Some(false), 12) => 0,
            (_, hour) => hour,
        };
        let fits = self.rest.is_empty()
            && self.year > 0
            && (1..=12).contains(&self.month)
            && (1..=days_in_month(self.year, self.month)).contains(&self.day)
            && hour < 24
            && self.minute < 60
            && self.second < 60;
        if !fits {
            return None;
        }
        let civil = Civil {
            year: self.year,
            month: self.month,
            day: self.day,
            hour,
            minute: self.minute,
            second: self.second,
            nanosecond: self.nanosecond,
            weekday: 0,
            day_of_year: 0,
        };
        let shown = civil.unix_seconds();
        let offset = self.offset.unwrap_or_else(|| zone.offset(shown));
        Some(Time::from_unix(shown - i64::from(offset), self.nanosecond.into()).at_offset(offset))
    }
}

fn short(names: &[&'static str]) -> Vec<&'static str> {
    names.iter().map(|name| &name[..3]).collect()
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::Time;
    use crate::converters::times::format::Layout;
    use crate::converters::times::languages;
    use crate::converters::times::zone::Zone;

    fn seconds(format: &str, text: &str) -> Option<i64> {
        parse(&Layout::new(format).unwrap(), text, &Zone::Utc, None).map(Time::unix_seconds)
    }

    /// Scenario: text with every shape of offset, name and number.
    /// Guarantees: the moment is the one that the Collector reads.
    #[test]
    fn moments_are_read_in_every_shape() {
        assert_eq!(
            seconds("%d/%b/%Y:%H:%M:%S %z", "14/Nov/2023:22:13:20 +0000"),
            Some(1_700_000_000)
        );
        for text in [
            "2023-11-14T23:13:20+01:00",
            "2023-11-14T23:13:20+0100",
            "2023-11-14T23:13:20+01",
        ] {
            assert_eq!(seconds("%FT%T%z", text), Some(1_700_000_000), "{text}");
        }
        assert_eq!(
            seconds(
                "%A %d %B %Y %I:%M:%S %p",
                "tuesday  4 november 2023 03:04:05 PM"
            ),
            Some(1_699_110_245)
        );
        assert_eq!(seconds("%D", "1/2/06"), seconds("%x", "01/02/2006"));
        assert_eq!(
            seconds("%Y-%m-%d %H:%M EST", "2023-11-14 10:00 EST"),
            Some(1_699_956_000)
        );
        assert_eq!(
            seconds("%Y-%m-%d %Z", "2023-11-14 EST"),
            Some(1_699_938_000)
        );
    }

    /// Scenario: dates that do not exist, text that goes on, and a missing year.
    /// Guarantees: nothing.
    #[test]
    fn what_does_not_fit_is_nothing() {
        for (format, text) in [
            ("%F", "2023-02-29"),
            ("%F", "2023-13-01"),
            ("%F", "2023-11-14x"),
            ("%F %T", "2023-11-14 24:00:00"),
            ("%Y", "0000"),
            ("%Y", "23"),
            ("%s %Y", "1700000000 2023"),
        ] {
            assert_eq!(seconds(format, text), None, "{format} {text}");
        }
    }

    /// Scenario: seconds with a fraction that the format names, and that it does not.
    /// Guarantees: both are read.
    #[test]
    fn fractions_are_read_unasked() {
        let nanoseconds = |format: &str| {
            let layout = Layout::new(format).unwrap();
            parse(&layout, "2023 01.25", &Zone::Utc, None)
                .unwrap()
                .subsecond_nanoseconds()
        };
        assert_eq!(nanoseconds("%Y %S"), 250_000_000);
        assert_eq!(nanoseconds("%Y %S.%L"), 250_000_000);
    }

    /// Scenario: names of months in French.
    /// Guarantees: they are read with their accents, and English ones are not.
    #[test]
    fn names_follow_the_language() {
        let layout = Layout::new("%d %B %Y").unwrap();
        let read = |text| {
            parse(&layout, text, &Zone::Utc, languages::names("fr-CA")).map(Time::unix_seconds)
        };
        assert_eq!(read("14 Août 2023"), Some(1_691_971_200));
        assert_eq!(read("14 August 2023"), None);
    }
}
