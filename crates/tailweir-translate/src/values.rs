//! Values of attributes that come as text.

use tailweir_otlp::EncodedValue;

/// What exporters of the Collector write where the resource names no service.
pub(crate) const NO_SERVICE: &str = "OTLPResourceNoServiceName";

/// Text as an attribute; bytes that are no text are replaced by U+FFFD.
pub(crate) fn text(bytes: &[u8]) -> EncodedValue {
    EncodedValue::string(String::from_utf8_lossy(bytes).as_bytes())
}

/// Microseconds as nanoseconds: before the Unix epoch is its beginning, what does not fit is as late as can be said.
pub(crate) fn nanoseconds(microseconds: i64) -> u64 {
    u64::try_from(microseconds)
        .unwrap_or(0)
        .saturating_mul(1000)
}

/// A tag. With `parse`, what reads as a number or a boolean is one; a number that does not fit stays text.
pub(crate) fn tag(text: &str, parse: bool) -> EncodedValue {
    let plain = || EncodedValue::string(text.as_bytes());
    if !parse {
        return plain();
    }
    match text {
        "true" => return EncodedValue::bool(true),
        "false" => return EncodedValue::bool(false),
        _ => {}
    }
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    match unsigned.split_once('.') {
        None if digits(unsigned) => text.parse().map_or_else(|_| plain(), EncodedValue::int),
        Some((whole, fraction)) if digits(whole) && digits(fraction) => {
            text.parse().map_or_else(|_| plain(), EncodedValue::double)
        }
        _ => plain(),
    }
}

#[cfg(test)]
mod tests {
    use super::tag;
    use tailweir_otlp::{AnyValue, EncodedValue};

    /// Scenario: tags that are numbers, booleans, nearly so, and too large.
    /// Guarantees: each has the type that its text says, when that is asked for.
    #[test]
    fn tags_have_the_types_that_they_say() {
        for (text, value) in [
            ("17", AnyValue::Int(17)),
            ("-1", AnyValue::Int(-1)),
            ("1.5", AnyValue::Double(1.5)),
            ("-0.5", AnyValue::Double(-0.5)),
            ("true", AnyValue::Bool(true)),
            ("True", AnyValue::String(b"True")),
            ("1.", AnyValue::String(b"1.")),
            ("+1", AnyValue::String(b"+1")),
            ("1e3", AnyValue::String(b"1e3")),
            ("", AnyValue::String(b"")),
            (
                "99999999999999999999",
                AnyValue::String(b"99999999999999999999"),
            ),
        ] {
            assert_eq!(tag(text, true).view(), value, "{text}");
            assert_eq!(tag(text, false), EncodedValue::string(text.as_bytes()));
        }
    }
}
