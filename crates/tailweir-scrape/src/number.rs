//! Numbers as Go reads them, and as OpenMetrics writes those of labels.

/// The number that a text says: what Go takes, without underscores and binary exponents. What is too large for a
/// number is none.
pub(crate) fn parse(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_signed = unsigned.len() < text.len();
    let first = unsigned.bytes().next()?;
    if !first.is_ascii_digit() && first != b'.' {
        let word = unsigned.to_ascii_lowercase();
        return match word.as_str() {
            "nan" if !is_signed => Some(f64::NAN),
            "inf" | "infinity" if text.starts_with('-') => Some(f64::NEG_INFINITY),
            "inf" | "infinity" => Some(f64::INFINITY),
            _ => None,
        };
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// As labels have it: the shortest digits, never without a point or an exponent.
pub(crate) fn in_label(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let exponential = format!("{value:e}");
    let (digits, exponent) = exponential.split_once('e').unwrap_or((&exponential, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mut text = match exponent {
        // From there on Go writes an exponent.
        -4..6 => format!("{value}"),
        _ => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
        }
    };
    if !text.contains(['.', 'e']) {
        text.push_str(".0");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{in_label, parse};

    /// Scenario: numbers in every form that Go takes, and texts that it does not take.
    /// Guarantees: each is the number that Go makes of it, or none.
    #[test]
    fn numbers_are_read_as_in_go() {
        for (text, number) in [
            ("1", 1.0),
            ("+1.", 1.0),
            ("-.5", -0.5),
            ("1e3", 1000.0),
            ("1E-3", 0.001),
            ("Inf", f64::INFINITY),
            ("-iNf", f64::NEG_INFINITY),
            ("+infinity", f64::INFINITY),
        ] {
            assert_eq!(parse(text), Some(number), "{text}");
        }
        assert!(parse("NaN").is_some_and(f64::is_nan));
        for bad in [
            "", "+", ".", "-nan", "+NaN", "1e400", "0x1p3", "1_0", "1 ", "e3", "infin",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    /// Scenario: bounds of buckets and quantiles.
    /// Guarantees: written as Prometheus writes them in labels.
    #[test]
    fn numbers_of_labels_have_a_point_or_an_exponent() {
        for (number, text) in [
            (1.0, "1.0"),
            (0.0, "0.0"),
            (0.05, "0.05"),
            (0.00001, "1e-05"),
            (123_456.0, "123456.0"),
            (1_000_000.0, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (-2.5, "-2.5"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(in_label(number), text);
        }
        assert_eq!(in_label(f64::NAN), "NaN");
    }
}
