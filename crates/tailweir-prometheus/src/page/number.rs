//! Numbers as Go writes them: the shortest digits that give the number again.

use std::io::Write;

/// As text 0.0.4 has it: `1`, `2.5`, `1e+06`, `+Inf`.
pub(super) fn put_float(out: &mut Vec<u8>, value: f64) {
    if value == value.trunc() && value.abs() < 1e6 {
        put_int(out, value as i64);
    } else if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    } else if (1e-4..1e6).contains(&value.abs()) {
        // Writing to a vector cannot fail.
        let _ = write!(out, "{value}");
    } else {
        put_exponential(out, value);
    }
}

/// As OpenMetrics has it: never without a point or an exponent.
pub(super) fn put_open_float(out: &mut Vec<u8>, value: f64) {
    let start = out.len();
    put_float(out, value);
    if value.is_finite() && !out[start..].iter().any(|byte| matches!(byte, b'.' | b'e')) {
        out.extend_from_slice(b".0");
    }
}

pub(super) fn put_int(out: &mut Vec<u8>, value: i64) {
    let _ = write!(out, "{value}");
}

/// `d.ddde+dd`, with two digits of exponent or more.
fn put_exponential(out: &mut Vec<u8>, value: f64) {
    let start = out.len();
    let _ = write!(out, "{value:e}");
    let Some(at) = out[start..].iter().position(|byte| *byte == b'e') else {
        return;
    };
    let exponent = out.split_off(start + at + 1);
    let (sign, digits) = match exponent.as_slice() {
        [b'-', digits @ ..] => (b'-', digits),
        digits => (b'+', digits),
    };
    out.push(sign);
    if digits.len() < 2 {
        out.push(b'0');
    }
    out.extend_from_slice(digits);
}

#[cfg(test)]
mod tests {
    use super::{put_float, put_open_float};

    /// Scenario: small, large, whole, broken and special numbers.
    /// Guarantees: written as Go writes them, in both languages of pages.
    #[test]
    fn numbers_are_written_as_in_go() {
        for (value, text, open) in [
            (0.0, "0", "0.0"),
            (-0.0, "0", "0.0"),
            (1.0, "1", "1.0"),
            (-1.0, "-1", "-1.0"),
            (100_000.0, "100000", "100000.0"),
            (1e6, "1e+06", "1e+06"),
            (1_234_567.0, "1.234567e+06", "1.234567e+06"),
            (0.1, "0.1", "0.1"),
            (0.0001, "0.0001", "0.0001"),
            (0.00001, "1e-05", "1e-05"),
            (5e-324, "5e-324", "5e-324"),
            (-1.5e300, "-1.5e+300", "-1.5e+300"),
            (f64::INFINITY, "+Inf", "+Inf"),
            (f64::NEG_INFINITY, "-Inf", "-Inf"),
            (f64::NAN, "NaN", "NaN"),
        ] {
            let (mut plain, mut dotted) = (Vec::new(), Vec::new());
            put_float(&mut plain, value);
            put_open_float(&mut dotted, value);
            assert_eq!(String::from_utf8(plain).unwrap(), text);
            assert_eq!(String::from_utf8(dotted).unwrap(), open);
        }
    }
}
