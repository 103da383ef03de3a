//! Go's way with values, for rooms that edit telemetry as the Collector does.

use crate::{GoRegex, Value, json, number};

impl Value<'_> {
    /// What the value looks like as text: text itself, nothing for nil, base64 for bytes, JSON for lists
    /// and maps.
    #[must_use]
    pub fn to_text(&self) -> String {
        json::as_text(self)
    }

    /// The value as JSON, with `<`, `>` and `&` escaped; nothing where JSON has no such value, such as
    /// not-a-number.
    #[must_use]
    pub fn to_json(&self) -> Option<String> {
        json::escaped(self)
    }
}

/// Reads a decimal integer with or without a sign; nothing for other text.
#[must_use]
pub fn parse_integer(text: &[u8]) -> Option<i64> {
    number::parse_int(text, 10)
}

/// Reads a float: decimal, hexadecimal with a binary exponent, infinity or not-a-number; nothing for
/// other text.
#[must_use]
pub fn parse_float(text: &[u8]) -> Option<f64> {
    number::parse_double(text)
}

/// Writes a float as `%v` does: with an exponent below 1e-4 and from 1e6 on.
#[must_use]
pub fn format_float(value: f64) -> String {
    number::plain_double(value)
}

/// Cuts a float to an integer, as 64-bit machines do: what does not fit is the smallest integer.
#[must_use]
pub fn integer_of(value: f64) -> i64 {
    number::go_int(value)
}

impl GoRegex {
    /// The name of each group, in order, or nothing where it has none.
    pub fn group_names(&self) -> impl Iterator<Item = Option<&str>> {
        self.names.iter().skip(1).map(Option::as_deref)
    }
}
