//! Durations as Go writes them: `1h2m3.5s`, `-10us`, `0`.

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Nanoseconds, up to about 292 years.
pub(super) fn parse(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let (nanoseconds, behind) = term(rest)?;
        total = total
            .checked_add(nanoseconds)
            .filter(|total| *total <= 1 << 63)?;
        rest = behind;
    }
    if negative {
        return Some(0_i64.wrapping_sub_unsigned(total));
    }
    i64::try_from(total).ok()
}

/// One number and its unit.
fn term(text: &str) -> Option<(u64, &str)> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, rest) = text.split_at(digits(text));
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(behind) => behind.split_at(digits(behind)),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let length = rest
        .bytes()
        .take_while(|byte| !byte.is_ascii_digit() && *byte != b'.')
        .count();
    let (unit, rest) = rest.split_at_checked(length)?;
    let each = UNITS.iter().find(|(name, _)| *name == unit)?.1;
    let whole: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    // Go multiplies the fraction as a float, with as many digits as fit.
    let mut numerator = 0_u64;
    let mut scale = 1.0_f64;
    for digit in fraction.bytes() {
        if numerator > i64::MAX as u64 / 10 {
            break;
        }
        numerator = numerator * 10 + u64::from(digit - b'0');
        scale *= 10.0;
    }
    let part = (numerator as f64 * (each as f64 / scale)) as u64;
    let nanoseconds = whole.checked_mul(each)?.checked_add(part)?;
    Some((nanoseconds, rest))
}

#[cfg(test)]
mod tests {
    use super::parse;

    /// Scenario: durations in all units, with fractions and signs, and text that is none.
    /// Guarantees: read as Go's `ParseDuration` reads them.
    #[test]
    fn durations_are_read_as_in_go() {
        let read = |text: &str| parse(text.as_bytes());
        assert_eq!(read("1h2m3.5s"), Some(3_723_500_000_000));
        assert_eq!(read("-10us"), Some(-10_000));
        assert_eq!(read("1µs"), read("1us"));
        assert_eq!(read("+.5h"), Some(1_800_000_000_000));
        assert_eq!(read("0"), Some(0));
        assert_eq!(read("-9223372036854775808ns"), Some(i64::MIN));
        for wrong in [
            "",
            "-",
            "1",
            "1d",
            "s",
            ".s",
            "1.s.",
            "2562048h",
            "9223372036854775808ns",
            "1 s",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
