//! Truth values, numbers, durations and sizes.

use super::{Setting, Shape};
use crate::duration;
use crate::node::{Node, Value};
use crate::report::{Cause, Report};
use serde_json::Value as Json;
use std::time::Duration;
use tailweir_core::ByteSize;

impl Setting for bool {
    fn shape() -> Shape {
        Shape::Flag
    }

    fn read(&mut self, node: &Node, report: &mut Report) {
        match &node.value {
            Value::Flag(flag) => *self = *flag,
            Value::Null => *self = false,
            _ => report.wrong_type(node, "`true` or `false`"),
        }
    }

    fn write(&self) -> Json {
        Json::from(*self)
    }
}

macro_rules! integers {
    ($($type:ty, $bits:literal, $signed:literal;)*) => {$(
        impl Setting for $type {
            fn shape() -> Shape {
                Shape::Integer { min: <$type>::MIN.into(), max: <$type>::MAX.into() }
            }

            fn read(&mut self, node: &Node, report: &mut Report) {
                let Some(number) = whole_number(node, $signed, report) else {
                    return;
                };
                // As Go does: the low bits.
                *self = number as $type;
                if i128::from(*self) != number {
                    let text = format!(
                        "{number} does not fit into {} bits; it is read as {}, as in the Collector",
                        $bits, *self
                    );
                    report.warn_at(node.place.clone(), Cause::Oddity, text, "write a smaller number");
                }
            }

            fn write(&self) -> Json {
                Json::from(*self)
            }
        }
    )*};
}

integers! {
    u16, 16, false;
    u32, 32, false;
    u64, 64, false;
    i32, 32, true;
    i64, 64, true;
}

/// The whole number that stands here. Fractions are cut off, and nothing is zero, as in the
/// Collector.
fn whole_number(node: &Node, signed: bool, report: &mut Report) -> Option<i128> {
    let number = match node.value {
        Value::Integer(number) => number,
        Value::Null => 0,
        Value::Number(number) if number.is_finite() => {
            if number.fract() != 0.0 {
                let text = format!(
                    "expected a whole number; {number} is cut to {}",
                    number.trunc()
                );
                report.warn_at(node.place.clone(), Cause::Oddity, text, "");
            }
            number as i128
        }
        Value::Text(_) => {
            report.wrong_type(node, "a number");
            return None;
        }
        _ => {
            report.wrong_type(node, "a whole number");
            return None;
        }
    };
    if number < 0 && !signed {
        let text = "the number must not be negative";
        report.error_at(node.place.clone(), Cause::OutOfRange, text, "");
        return None;
    }
    Some(number)
}

impl Setting for f64 {
    fn shape() -> Shape {
        Shape::Number
    }

    fn read(&mut self, node: &Node, report: &mut Report) {
        match node.value {
            Value::Integer(number) => *self = number as Self,
            Value::Number(number) => *self = number,
            Value::Null => *self = 0.0,
            _ => report.wrong_type(node, "a number"),
        }
    }

    fn write(&self) -> Json {
        Json::from(*self)
    }
}

impl Setting for Duration {
    fn shape() -> Shape {
        Shape::Duration
    }

    fn read(&mut self, node: &Node, report: &mut Report) {
        let Some(nanos) = read_duration(node, report) else {
            return;
        };
        match u64::try_from(nanos) {
            Ok(nanos) => *self = Self::from_nanos(nanos),
            Err(_) => {
                let text = "the duration must not be negative";
                report.error_at(node.place.clone(), Cause::OutOfRange, text, "");
            }
        }
    }

    fn write(&self) -> Json {
        Json::from(duration::print(*self))
    }
}

/// The duration that stands here, in nanoseconds. A plain number is nanoseconds, which is hardly
/// ever meant.
pub(crate) fn read_duration(node: &Node, report: &mut Report) -> Option<i64> {
    let number = match &node.value {
        Value::Null => return Some(0),
        Value::Text(text) => {
            let parsed = duration::parse(text);
            if parsed.is_none() {
                let fix =
                    "write a number with a unit (ns, us, ms, s, m, h), such as `10s` or `1m30s`";
                report.error_at(node.place.clone(), Cause::WrongType, "not a duration", fix);
            }
            return parsed;
        }
        Value::Integer(number) => i64::try_from(*number).ok()?,
        Value::Number(number) => *number as i64,
        _ => {
            report.wrong_type(node, "a duration");
            return None;
        }
    };
    if number != 0 {
        let text = format!("{number} without a unit is {number} nanoseconds");
        report.warn_at(
            node.place.clone(),
            Cause::Oddity,
            text,
            format!("write `{number}s` for seconds"),
        );
    }
    Some(number)
}

impl Setting for ByteSize {
    fn shape() -> Shape {
        Shape::Size
    }

    fn read(&mut self, node: &Node, report: &mut Report) {
        let parsed = match &node.value {
            Value::Integer(number) => u64::try_from(*number).ok(),
            Value::Text(text) => parse_size(text),
            _ => None,
        };
        match parsed {
            Some(bytes) => *self = Self(bytes),
            None => {
                let fix = "write a number of bytes, or one with KiB, MiB or GiB, such as `512MiB`";
                report.error_at(node.place.clone(), Cause::WrongType, "not a size", fix);
            }
        }
    }

    fn write(&self) -> Json {
        Json::from(self.0)
    }
}

/// Bytes of `512MiB`, `1.5 GiB`, `10MB` (decimal) or `4096`.
fn parse_size(text: &str) -> Option<u64> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let scale: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "ki" | "kib" => 1 << 10,
        "mi" | "mib" => 1 << 20,
        "gi" | "gib" => 1 << 30,
        "ti" | "tib" => 1 << 40,
        _ => return None,
    };
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(scale);
    }
    let bytes = number.parse::<f64>().ok()? * scale as f64;
    (bytes < u64::MAX as f64).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::parse_size;

    /// Scenario: sizes with every sort of unit, and texts that are none.
    /// Guarantees: binary and decimal units are told apart; nonsense and overflow are refused.
    #[test]
    fn sizes_take_binary_and_decimal_units() {
        assert_eq!(parse_size("4096"), Some(4096));
        assert_eq!(parse_size("512MiB"), Some(512 << 20));
        assert_eq!(parse_size("1.5 GiB"), Some(3 << 29));
        assert_eq!(parse_size("10MB"), Some(10_000_000));
        for bad in ["", "MiB", "ten", "-1", "99999999999GiB", "5 parsecs"] {
            assert_eq!(parse_size(bad), None, "{bad}");
        }
    }
}
