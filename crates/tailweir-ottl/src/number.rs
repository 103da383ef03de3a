//! Numbers as Go reads and writes them.

/// A float cut to an integer, as 64-bit machines do it: what does not fit is the smallest integer.
pub(crate) fn go_int(value: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&value) {
        value as i64
    } else {
        i64::MIN
    }
}

/// An integer in this base, with a sign. Base 0 reads the base from `0x`, `0o`, `0b` or `0`, and allows
/// underscores between digits.
pub(crate) fn parse_int(text: &[u8], base: u32) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (base, digits) = if base == 0 {
        detect_base(digits)?
    } else {
        (base, digits.to_owned())
    };
    if !(2..=36).contains(&base) || !digits.starts_with(|first: char| first.is_ascii_alphanumeric())
    {
        return None;
    }
    let magnitude = i128::from(u64::from_str_radix(&digits, base).ok()?);
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

fn detect_base(digits: &str) -> Option<(u32, String)> {
    let lower = digits.to_ascii_lowercase();
    let (base, rest, prefixed) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..], true),
        [b'0', b'o', ..] => (8, &lower[2..], true),
        [b'0', b'b', ..] => (2, &lower[2..], true),
        [b'0', _, ..] => (8, &lower[1..], true),
        _ => (10, lower.as_str(), false),
    };
    // An underscore stands between two digits, or between a prefix and a digit.
    let misplaced =
        rest.ends_with('_') || rest.contains("__") || (rest.starts_with('_') && !prefixed);
    (!misplaced).then(|| (base, rest.replace('_', "")))
}

/// A float: decimal, hexadecimal with a binary exponent, infinity or not-a-number.
pub(crate) fn parse_double(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let lower = unsigned.to_ascii_lowercase();
    if let Some(digits) = lower.strip_prefix("0x") {
        let magnitude = hexadecimal_double(digits)?;
        return Some(if text.starts_with('-') {
            -magnitude
        } else {
            magnitude
        });
    }
    if lower == "nan" {
        return (unsigned.len() == text.len()).then_some(f64::NAN);
    }
    let value: f64 = text.parse().ok()?;
    // Go refuses what is too large; only a spelled-out infinity is one.
    (value.is_finite() || matches!(lower.as_str(), "inf" | "infinity")).then_some(value)
}

fn hexadecimal_double(digits: &str) -> Option<f64> {
    let (mantissa, exponent) = digits.split_once('p')?;
    let mut exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || all.len() > 16 {
        return None;
    }
    exponent -= 4 * fraction.len() as i32;
    let value = u64::from_str_radix(&all, 16).ok()? as f64 * 2_f64.powi(exponent);
    value.is_finite().then_some(value)
}

/// The shortest digits that give this float, and the position of the point: 0.digits * 10^point.
fn shortest(value: f64) -> (String, i32) {
    let text = format!("{:e}", value.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits = mantissa.replace('.', "");
    (digits, exponent.parse().unwrap_or(0) + 1)
}

/// A float as Go's JSON writes it: plain from 1e-6 to 1e21, else with an exponent. Nothing for what JSON
/// does not have.
pub(crate) fn json_double(value: f64) -> Option<String> {
    if !value.is_finite() {
        return None;
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        let text = exponential(value, 1);
        return Some(text);
    }
    Some(format!("{value}"))
}

/// A float as Go's `%v` writes it: with an exponent below 1e-4 and from 1e6 on.
pub(crate) fn plain_double(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-4..1e6).contains(&magnitude) {
        return exponential(value, 2);
    }
    format!("{value}")
}

/// `d.ddde+dd` with the shortest digits and at least so many digits of exponent.
fn exponential(value: f64, exponent_digits: usize) -> String {
    let (digits, point) = shortest(value);
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let (first, rest) = digits.split_at(1);
    let dot = if rest.is_empty() { "" } else { "." };
    let exponent = point - 1;
    let exponent_sign = if exponent < 0 { '-' } else { '+' };
    format!(
        "{sign}{first}{dot}{rest}e{exponent_sign}{:0exponent_digits$}",
        exponent.abs()
    )
}

#[cfg(test)]
mod tests {
    use super::{go_int, json_double, parse_double, parse_int, plain_double};

    /// Scenario: integers in several bases, with signs and underscores, and text that is none.
    /// Guarantees: read as Go's `ParseInt` reads them.
    #[test]
    fn integers_are_read_as_in_go() {
        assert_eq!(parse_int(b"-17", 10), Some(-17));
        assert_eq!(parse_int(b"0x1F", 0), Some(31));
        assert_eq!(parse_int(b"0b1_1", 0), Some(3));
        assert_eq!(parse_int(b"017", 0), Some(15));
        assert_eq!(parse_int(b"-9223372036854775808", 10), Some(i64::MIN));
        for wrong in ["", "-", "+-5", "0x1F", " 5", "1_000", "9223372036854775808"] {
            assert_eq!(parse_int(wrong.as_bytes(), 10), None, "{wrong}");
        }
        assert_eq!(parse_int(b"7", 1), None);
        assert_eq!(parse_int(b"7", 37), None);
    }

    /// Scenario: floats in every spelling.
    /// Guarantees: read as Go's `ParseFloat` reads them.
    #[test]
    fn floats_are_read_as_in_go() {
        assert_eq!(parse_double(b"1e3"), Some(1000.0));
        assert_eq!(parse_double(b"-Inf"), Some(f64::NEG_INFINITY));
        assert_eq!(parse_double(b"0x1p-2"), Some(0.25));
        assert!(parse_double(b"nan").is_some_and(f64::is_nan));
        for wrong in ["", "1e999", "abc", "1.5x", "+nan", "0x10"] {
            assert_eq!(parse_double(wrong.as_bytes()), None, "{wrong}");
        }
    }

    /// Scenario: floats are written for JSON and for people.
    /// Guarantees: exponents start where Go starts them.
    #[test]
    fn floats_are_written_as_in_go() {
        assert_eq!(json_double(1e300).as_deref(), Some("1e+300"));
        assert_eq!(json_double(1e-7).as_deref(), Some("1e-7"));
        assert_eq!(json_double(1e20).as_deref(), Some("100000000000000000000"));
        assert_eq!(json_double(f64::NAN), None);
        assert_eq!(plain_double(1e21), "1e+21");
        assert_eq!(plain_double(1e6), "1e+06");
        assert_eq!(plain_double(123_456.5), "123456.5");
        assert_eq!(plain_double(0.00001234), "1.234e-05");
        assert_eq!(plain_double(-2.5), "-2.5");
    }

    /// Scenario: floats beyond the integers are cut.
    /// Guarantees: the smallest integer, as the Collector's machines have it.
    #[test]
    fn what_does_not_fit_is_the_smallest_integer() {
        assert_eq!(go_int(-2.9), -2);
        assert_eq!(go_int(1e300), i64::MIN);
        assert_eq!(go_int(f64::NAN), i64::MIN);
    }
}
