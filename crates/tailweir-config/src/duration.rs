//! Durations as Go writes them: `1h30m`, `1.5s`, `200ms`.

use std::time::Duration;

/// Nanoseconds of a duration such as `-1.5h`, `300ms` or `2h45m`. Units: ns, us (µs, μs), ms, s, m,
/// h; a bare number is allowed only when it is zero. Nothing when it is none or beyond 292 years.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (nanos, after) = part(rest)?;
        total = total.checked_add(nanos)?;
        rest = after;
    }
    match (negative, i64::try_from(total)) {
        (false, Ok(total)) => Some(total),
        (true, Ok(total)) => Some(-total),
        (true, Err(_)) if total == 1 << 63 => Some(i64::MIN),
        _ => None,
    }
}

/// A duration such as `1.5h`, `300ms` or `2h45m`, as configurations and command lines write it.
/// Nothing when it is none, negative, or beyond 292 years.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let nanos = u64::try_from(parse(text)?).ok()?;
    Some(Duration::from_nanos(nanos))
}

/// One number with its unit, and what follows it.
fn part(text: &str) -> Option<(u64, &str)> {
    let digits = |text: &str| {
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len())
    };
    let (whole, mut rest) = text.split_at(digits(text));
    let mut fraction = "";
    if let Some(after) = rest.strip_prefix('.') {
        (fraction, rest) = after.split_at(digits(after));
    }
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let end = rest
        .find(|c: char| c == '.' || c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    let scale: u64 = match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let whole: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    // As Go does it: up to 18 or 19 digits count, as one number.
    let (mut digits, mut places) = (0_u64, 1.0);
    for digit in fraction.bytes().map(|byte| u64::from(byte - b'0')) {
        let Some(next) = digits
            .checked_mul(10)
            .and_then(|tens| tens.checked_add(digit))
        else {
            break;
        };
        if next > 1 << 63 {
            break;
        }
        digits = next;
        places *= 10.0;
    }
    let share = digits as f64 * (scale as f64 / places);
    let nanos = whole.checked_mul(scale)?.checked_add(share as u64)?;
    (nanos <= 1 << 63).then_some((nanos, rest))
}

/// The shortest of Go's spellings: `1m30s`, `200ms`, `0s`.
pub(crate) fn print(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let (whole, unit, scale) = match nanos {
        0 => return "0s".to_owned(),
        1..1_000 => return format!("{nanos}ns"),
        1_000..1_000_000 => (nanos / 1_000, "µs", 1_000),
        1_000_000..1_000_000_000 => (nanos / 1_000_000, "ms", 1_000_000),
        _ => return print_seconds(nanos),
    };
    format!("{whole}{}{unit}", fraction(nanos % scale, scale))
}

fn print_seconds(nanos: u128) -> String {
    const SECOND: u128 = 1_000_000_000;
    let (hours, minutes) = (nanos / (3600 * SECOND), nanos / (60 * SECOND) % 60);
    let rest = nanos % (60 * SECOND);
    let mut text = String::new();
    if hours > 0 {
        text += &format!("{hours}h");
    }
    if minutes > 0 {
        text += &format!("{minutes}m");
    }
    if rest > 0 {
        text += &format!("{}{}s", rest / SECOND, fraction(rest % SECOND, SECOND));
    }
    text
}

/// `.5` for half of `scale`, nothing for none.
fn fraction(part: u128, scale: u128) -> String {
    if part == 0 {
        return String::new();
    }
    let digits = scale.ilog10() as usize;
    format!(".{part:0digits$}").trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::{parse, print};
    use std::time::Duration;

    /// Scenario: durations in each of Go's spellings, and texts that Go refuses.
    /// Guarantees: the same nanoseconds, and the same refusals.
    #[test]
    fn durations_are_those_of_go() {
        for (text, nanos) in [
            ("0", 0),
            ("10s", 10_000_000_000),
            ("1m30s500ms", 90_500_000_000),
            ("1.5h2m", 5_520_000_000_000),
            (".5s", 500_000_000),
            ("5.s", 5_000_000_000),
            ("-5s", -5_000_000_000),
            ("1µs", 1_000),
            ("1us", 1_000),
            ("0.3333333333333333333h", 1_200_000_000_000),
            ("-9223372036854775808ns", i64::MIN),
        ] {
            assert_eq!(parse(text), Some(nanos), "{text}");
        }
        for bad in [
            "",
            "-",
            "ten",
            "3",
            "5 parsecs",
            "s",
            ".s",
            "1e3s",
            "3000000h",
            "1d",
            "10S",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    /// Scenario: durations are printed and read again.
    /// Guarantees: the same duration comes back, spelled shortly.
    #[test]
    fn printed_durations_can_be_read_again() {
        for (nanos, text) in [
            (0, "0s"),
            (5, "5ns"),
            (1_500, "1.5µs"),
            (200_000_000, "200ms"),
            (90_500_000_000, "1m30.5s"),
            (3_600_000_000_000, "1h"),
            (3_661_000_000_001, "1h1m1.000000001s"),
        ] {
            assert_eq!(print(Duration::from_nanos(nanos)), text);
            assert_eq!(parse(text), Some(nanos as i64));
        }
    }
}
