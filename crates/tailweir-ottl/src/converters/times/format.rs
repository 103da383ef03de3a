//! Formats of moments in the manner of `strftime`, with the directives that the Collector has.

use crate::Time;
use crate::calendar::{Civil, offset_text};
use std::fmt::Write;

pub(super) const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A piece of a format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Stands for itself.
    Literal(String),
    /// `%Y` and the like, by its letter. Directives that stand for several are taken apart.
    Directive(char),
    /// A point or comma and up to so many digits of a second.
    Fraction(char, usize),
    /// `%D` and `%x`: month, day and year, the year with four digits or, when it is read, with two.
    Date,
}

/// A format, checked and taken apart.
#[derive(Debug, Clone)]
pub(super) struct Layout(pub(super) Vec<Piece>);

impl Layout {
    /// Takes a format apart, or says what is wrong with it.
    pub(super) fn new(format: &str) -> Result<Self, String> {
        if format.is_empty() {
            return Err("a format cannot be empty".to_owned());
        }
        if format.contains(|character: char| character.is_ascii_digit()) {
            return Err("a format cannot hold digits".to_owned());
        }
        let mut pieces = Vec::new();
        let mut characters = format.chars();
        while let Some(character) = characters.next() {
            match (character, characters.as_str().chars().next()) {
                ('%', Some(letter)) if letter != '\n' => {
                    characters.next();
                    directive(letter, &mut pieces)?;
                }
                (plain, _) => literal(plain, &mut pieces),
            }
        }
        Ok(Self(pieces))
    }

    /// Whether it says something about a moment, but not the year.
    pub(super) fn lacks_year(&self) -> bool {
        let is_year = |piece: &Piece| matches!(piece, Piece::Directive('Y' | 'y') | Piece::Date);
        let is_literal = |piece: &Piece| matches!(piece, Piece::Literal(_));
        !self.0.iter().any(is_year) && !self.0.iter().all(is_literal)
    }

    /// The moment as text, where it is shown.
    pub(super) fn write(&self, time: Time) -> String {
        let civil = Civil::of(time);
        let mut text = String::new();
        for piece in &self.0 {
            // Writing to a string cannot fail.
            let _ = match piece {
                Piece::Literal(literal) => write!(text, "{literal}"),
                Piece::Fraction(separator, digits) => {
                    write!(text, "{}", fraction(*separator, *digits, civil))
                }
                Piece::Date => write!(
                    text,
                    "{:02}/{:02}/{:04}",
                    civil.month, civil.day, civil.year
                ),
                Piece::Directive(letter) => {
                    write!(text, "{}", field(*letter, civil, time.offset()))
                }
            };
        }
        text
    }
}

fn literal(character: char, pieces: &mut Vec<Piece>) {
    match pieces.last_mut() {
        Some(Piece::Literal(literal)) => literal.push(character),
        _ => pieces.push(Piece::Literal(character.to_string())),
    }
}

fn directive(letter: char, pieces: &mut Vec<Piece>) -> Result<(), String> {
    let several = match letter {
        'F' => "Y-m-d",
        'T' | 'X' => "H:M:S",
        'R' => "H:M",
        'r' => "I:M:S P",
        'c' => "a b d H:M:S Y",
        'n' => {
            return {
                literal('\n', pieces);
                Ok(())
            };
        }
        't' => {
            return {
                literal('\t', pieces);
                Ok(())
            };
        }
        '%' => {
            return {
                literal('%', pieces);
                Ok(())
            };
        }
        'D' | 'x' => {
            return {
                pieces.push(Piece::Date);
                Ok(())
            };
        }
        'L' | 'f' | 's' => return fractional(letter, pieces),
        'Y' | 'y' | 'm' | 'o' | 'q' | 'b' | 'h' | 'B' | 'd' | 'e' | 'g' | 'a' | 'A' | 'H' | 'l'
        | 'I' | 'p' | 'P' | 'M' | 'S' | 'Z' | 'z' | 'w' | 'i' | 'j' | 'k' => {
            return {
                pieces.push(Piece::Directive(letter));
                Ok(())
            };
        }
        other => return Err(format!("unknown directive %{other}")),
    };
    for character in several.chars() {
        if character.is_ascii_alphabetic() {
            pieces.push(Piece::Directive(character));
        } else {
            literal(character, pieces);
        }
    }
    Ok(())
}

/// Parts of a second stand behind a point or a comma. At the very start they mean nothing, and fit no
/// text but their own digits.
fn fractional(letter: char, pieces: &mut Vec<Piece>) -> Result<(), String> {
    let digits = match letter {
        'L' => 3,
        'f' => 6,
        _ => 9,
    };
    let separator = match pieces.last_mut() {
        None => {
            pieces.push(Piece::Literal("9".repeat(digits)));
            return Ok(());
        }
        Some(Piece::Literal(literal)) => literal.pop_if_separator(),
        Some(_) => None,
    };
    match separator {
        Some(separator) => {
            pieces.push(Piece::Fraction(separator, digits));
            Ok(())
        }
        None => Err(format!("%{letter} must stand behind a point or a comma")),
    }
}

trait PopSeparator {
    fn pop_if_separator(&mut self) -> Option<char>;
}

impl PopSeparator for String {
    fn pop_if_separator(&mut self) -> Option<char> {
        let separator = self
            .chars()
            .last()
            .filter(|last| matches!(last, '.' | ','))?;
        self.pop();
        Some(separator)
    }
}

/// Without zeros at the end, and nothing at all for a whole second.
fn fraction(separator: char, digits: usize, civil: Civil) -> String {
    let all = format!("{:09}", civil.nanosecond);
    let kept = all[..digits].trim_end_matches('0');
    if kept.is_empty() {
        String::new()
    } else {
        format!("{separator}{kept}")
    }
}

fn field(letter: char, civil: Civil, offset: i32) -> String {
    let hour_of_half = match civil.hour % 12 {
        0 => 12,
        hour => hour,
    };
    let day = DAYS[civil.weekday as usize % 7];
    let month = MONTHS[(civil.month as usize + 11) % 12];
    let half = if civil.hour < 12 { "AM" } else { "PM" };
    match letter {
        'Y' => format!("{:04}", civil.year),
        'y' => format!("{:02}", civil.year.rem_euclid(100)),
        'm' => format!("{:02}", civil.month),
        'o' => format!("{:2}", civil.month),
        'q' => civil.month.to_string(),
        'b' | 'h' => month[..3].to_owned(),
        'B' => month.to_owned(),
        'd' => format!("{:02}", civil.day),
        'e' => format!("{:2}", civil.day),
        'g' => civil.day.to_string(),
        'a' => day[..3].to_owned(),
        'A' => day.to_owned(),
        'H' => format!("{:02}", civil.hour),
        'I' => format!("{hour_of_half:02}"),
        'l' => hour_of_half.to_string(),
        'p' => half.to_owned(),
        'P' => half.to_lowercase(),
        'M' => format!("{:02}", civil.minute),
        'S' => format!("{:02}", civil.second),
        'z' | 'Z' if offset == 0 => if letter == 'z' { "Z" } else { "UTC" }.to_owned(),
        'z' | 'Z' => offset_text(offset, ""),
        'i' => offset_text(offset, "")[..3].to_owned(),
        'j' => offset_text(offset, ":"),
        'w' => format!("{}{:02}", offset_text(offset, ""), offset.abs() % 60),
        'k' => format!("{}:{:02}", offset_text(offset, ":"), offset.abs() % 60),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::Layout;
    use crate::Time;

    fn written(format: &str, time: Time) -> String {
        Layout::new(format).unwrap().write(time)
    }

    /// Scenario: a moment is written with every directive.
    /// Guarantees: each writes what it says.
    #[test]
    fn every_directive_writes_its_part() {
        let time = Time::from_unix(1_700_000_001, 234_000_000);
        assert_eq!(
            written("%Y-%m-%dT%H:%M:%S.%LZ", time),
            "2023-11-14T22:13:21.234Z"
        );
        assert_eq!(
            written("%a %A %b %B %y %e %g %q %I %l %p %P", time),
            "Tue Tuesday Nov November 23 14 14 11 10 10 PM pm"
        );
        assert_eq!(
            written("%D %F %T %R %r%n%t%%", time),
            "11/14/2023 2023-11-14 22:13:21 22:13 10:13:21 pm\n\t%"
        );
        let east = time.at_offset(19_800);
        assert_eq!(
            written("%z %Z %i %j %w %k", east),
            "+0530 +0530 +05 +05:30 +053000 +05:30:00"
        );
        assert_eq!(written("%S.%f", Time::from_unix(1, 0)), "01");
    }

    /// Scenario: formats with digits, unknown directives and parts of seconds without a point.
    /// Guarantees: they are refused.
    #[test]
    fn wrong_formats_are_refused() {
        for wrong in ["", "2006-01-02", "%Q", "%S%L", "x%f"] {
            assert!(Layout::new(wrong).is_err(), "{wrong}");
        }
    }
}
