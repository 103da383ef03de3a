//! Values as Prometheus writes them: text of any kind, durations with days, sizes in powers of two.

use crate::node::{Node, Value};
use crate::report::{Cause, Report};
use crate::setting::{Setting, Shape};
use serde_json::Value as Json;
use std::fmt;
use std::time::Duration;

/// Text that may be written as a truth value or a number, as labels and `regex: true` are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct LooseText(String);

impl LooseText {
    /// This text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Setting for LooseText {
    fn shape() -> Shape {
        Shape::Text
    }

    fn read(&mut self, node: &Node, report: &mut Report) {
        if let Some(text) = node.text() {
            text.clone_into(&mut self.0);
            return;
        }
        match &node.value {
            Value::Null => self.0.clear(),
            Value::Flag(flag) => self.0 = flag.to_string(),
            Value::Integer(number) => self.0 = number.to_string(),
            Value::Number(number) => self.0 = number.to_string(),
            _ => report.wrong_type(node, "text"),
        }
    }

    fn write(&self) -> Json {
        Json::from(self.as_str())
    }
}

/// A duration such as `1m30s` or `1d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct PrometheusDuration(Duration);

/// Units from the largest on, with how many milliseconds each is.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

impl PrometheusDuration {
    /// So many seconds.
    #[must_use]
    pub const fn of_seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// How long it is.
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// The duration that a text says: numbers with units, the largest unit first; `0`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "0" {
            return Some(Self::default());
        }
        let (mut rest, mut units, mut millis) = (text, UNITS.as_slice(), 0_u64);
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, behind) = rest.split_at(digits);
            let letters = behind
                .find(|c: char| c.is_ascii_digit())
                .unwrap_or(behind.len());
            let (unit, next) = behind.split_at(letters);
            let at = units.iter().position(|(name, _)| *name == unit)?;
            let number: u64 = number.parse().ok()?;
            millis = millis.checked_add(number.checked_mul(units[at].1)?)?;
            units = &units[at + 1..];
            rest = next;
        }
        // As many nanoseconds as Go has.
        let fits = millis <= i64::MAX as u64 / 1_000_000;
        (!text.is_empty() && fits).then(|| Self(Duration::from_millis(millis)))
    }
}

impl fmt::Display for PrometheusDuration {
    /// As Prometheus writes it: `90d`, `1m30s`. Years and weeks only where nothing is left.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if millis == 0 {
            return f.write_str("0s");
        }
        for (unit, length) in UNITS {
            let is_exact = matches!(unit, "y" | "w");
            if millis < length || (is_exact && millis % length != 0) {
                continue;
            }
            write!(f, "{}{unit}", millis / length)?;
            millis %= length;
        }
        Ok(())
    }
}

impl Setting for PrometheusDuration {
    fn shape() -> Shape {
        Shape::Duration
    }

    fn read(&mut self, node: &Node, report: &mut Report) {
        let parsed = match (&node.value, node.text()) {
            (Value::Null, None) => return,
            (Value::Integer(0), None) => Some(Self::default()),
            (_, text) => text.and_then(Self::parse),
        };
        match parsed {
            Some(duration) => *self = duration,
            None => {
                let fix =
                    "write a number with a unit (ms, s, m, h, d, w, y), such as `15s` or `1m30s`";
                let text = "not a duration of Prometheus";
                report.error_at(node.place.clone(), Cause::WrongType, text, fix);
            }
        }
    }

    fn write(&self) -> Json {
        Json::from(self.to_string())
    }
}

/// A number of bytes such as `10MB`, in powers of two whatever the unit is called. 0: not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PrometheusSize(u64);

impl PrometheusSize {
    /// How many bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "0" {
            return Some(Self(0));
        }
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, unit) = text.split_at(end);
        let power = match unit.strip_suffix('B')?.trim_end_matches('i') {
            "" => 0,
            "K" => 10,
            "M" => 20,
            "G" => 30,
            "T" => 40,
            "P" => 50,
            "E" => 60,
            _ => return None,
        };
        let bytes = number.parse::<f64>().ok()? * (1_u64 << power) as f64;
        (bytes < i64::MAX as f64).then_some(Self(bytes as u64))
    }
}

impl Setting for PrometheusSize {
    fn shape() -> Shape {
        Shape::Size
    }

    fn read(&mut self, node: &Node, report: &mut Report) {
        let parsed = match (&node.value, node.text()) {
            (Value::Null, None) => return,
            (Value::Integer(0), None) => Some(Self(0)),
            (_, text) => text.and_then(Self::parse),
        };
        match parsed {
            Some(size) => *self = size,
            None => {
                let fix = "write a number with a unit (B, KB, MB, GB), such as `10MB`";
                report.error_at(node.place.clone(), Cause::WrongType, "not a size", fix);
            }
        }
    }

    fn write(&self) -> Json {
        Json::from(format!("{}B", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::{PrometheusDuration, PrometheusSize};
    use std::time::Duration;

    /// Scenario: durations as Prometheus takes and writes them, and texts that are none.
    /// Guarantees: each has its length and is written as Prometheus writes it.
    #[test]
    fn durations_are_those_of_prometheus() {
        for (text, seconds, written) in [
            ("0", 0, "0s"),
            ("15s", 15, "15s"),
            ("1m30s", 90, "1m30s"),
            ("90s", 90, "1m30s"),
            ("14d", 14 * 86_400, "2w"),
            ("15d", 15 * 86_400, "15d"),
            ("1h0m1s", 3601, "1h1s"),
        ] {
            let parsed = PrometheusDuration::parse(text).unwrap();
            assert_eq!(parsed.duration(), Duration::from_secs(seconds), "{text}");
            assert_eq!(parsed.to_string(), written);
        }
        for bad in [
            "", "15", "1.5m", "s", "30s1m", "1m1m", "-1s", "300000y", "1 m",
        ] {
            assert_eq!(PrometheusDuration::parse(bad), None, "{bad}");
        }
    }

    /// Scenario: sizes with the units of Prometheus, and texts that are none.
    /// Guarantees: every unit is a power of two; a number alone is refused unless it is zero.
    #[test]
    fn sizes_are_in_powers_of_two() {
        for (text, bytes) in [("0", 0), ("10MB", 10 << 20), ("1.5KiB", 1536), ("7B", 7)] {
            assert_eq!(PrometheusSize::parse(text), Some(PrometheusSize(bytes)));
        }
        for bad in ["", "10", "MB", "1XB", "9999999999EB"] {
            assert_eq!(PrometheusSize::parse(bad), None, "{bad}");
        }
    }
}
