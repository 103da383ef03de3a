//! Consistent probability sampling: thresholds and randomness of 56 bits, as OpenTelemetry has them.
//!
//! A trace whose [`Randomness`] is `r` is kept by a [`Threshold`] `t` when `t <= r`. A kept span then
//! stands for `2^56 / (2^56 - t)` spans. Source: OpenTelemetry specification, "TraceState:
//! Probability Sampling".

use crate::TraceId;
use std::fmt;

const BITS: u32 = 56;
const DIGITS: usize = 14;

/// Rejection threshold, 0 (keep all) to `2^56 - 1`. Written `th` in the tracestate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Threshold(u64);

impl Threshold {
    /// Keeps everything: each kept span stands for itself.
    pub const ALWAYS: Self = Self(0);

    /// The threshold of this value, or nothing from `2^56` on.
    #[must_use]
    pub fn new(value: u64) -> Option<Self> {
        (value < 1 << BITS).then_some(Self(value))
    }

    /// The threshold that keeps `probability` (0 exclusive to 1) of all traces, rounded to
    /// `precision` hexadecimal digits (1 to 14) after the leading `f`s or zeros.
    ///
    /// Nothing when the probability is not above zero; 1 and more is [`Threshold::ALWAYS`].
    #[must_use]
    pub fn of_probability(probability: f64, precision: u32) -> Option<Self> {
        if probability >= 1.0 {
            return Some(Self::ALWAYS);
        }
        let full = (1_u64 << BITS) as f64;
        let kept = (probability * full).round();
        if kept.is_nan() || kept < 1.0 {
            return None;
        }
        let exact = (1 << BITS) - kept as u64;
        Some(Self(round_to_digits(
            exact,
            significant_digits(probability, precision),
        )))
    }

    /// Its number.
    #[must_use]
    pub fn value(self) -> u64 {
        self.0
    }

    /// How many spans a span kept by it stands for, 1 or more.
    #[must_use]
    pub fn adjusted_count(self) -> f64 {
        let full = 1_u64 << BITS;
        full as f64 / (full - self.0) as f64
    }

    /// The share of all traces that it keeps, above 0 to 1.
    #[must_use]
    pub fn probability(self) -> f64 {
        let full = 1_u64 << BITS;
        (full - self.0) as f64 / full as f64
    }

    /// Reads 1 to 14 hexadecimal digits; trailing zeros may be missing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len();
        if digits == 0 || digits > DIGITS || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let value = u64::from_str_radix(text, 16).ok()?;
        Self::new(value << (4 * (DIGITS - digits)))
    }
}

impl fmt::Display for Threshold {
    /// 14 hexadecimal digits without trailing zeros; `0` for [`Threshold::ALWAYS`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:014x}", self.0);
        let trimmed = digits.trim_end_matches('0');
        f.write_str(if trimmed.is_empty() { "0" } else { trimmed })
    }
}

/// A number of 56 bits, the same for all spans of a trace. Written `rv` in the tracestate, else the
/// low 56 bits of the trace id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Randomness(u64);

impl Randomness {
    /// The largest distance from the largest randomness.
    pub const DISTANCE_MAX: u64 = (1 << BITS) - 1;

    /// The randomness this far below the largest; beyond [`Self::DISTANCE_MAX`] the smallest.
    #[must_use]
    pub fn at_distance(distance: u64) -> Self {
        Self(Self::DISTANCE_MAX.saturating_sub(distance))
    }

    /// How far it is below the largest, which every threshold keeps.
    #[must_use]
    pub fn distance(self) -> u64 {
        Self::DISTANCE_MAX - self.0
    }

    /// What every threshold keeps.
    pub const MAX: Self = Self((1 << BITS) - 1);

    /// The low 56 bits of a number.
    #[must_use]
    pub fn new(value: u64) -> Self {
        Self(value & Self::MAX.0)
    }

    /// What a trace id carries in its last seven bytes.
    #[must_use]
    pub fn of(trace: TraceId) -> Self {
        let mut low = [0; 8];
        low[1..].copy_from_slice(&trace.0[9..]);
        Self(u64::from_be_bytes(low))
    }

    /// Reads exactly 14 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let exact = text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        exact.then(|| u64::from_str_radix(text, 16).ok().map(Self))?
    }

    /// Its number.
    #[must_use]
    pub fn value(self) -> u64 {
        self.0
    }

    /// Whether a trace with it is kept at this threshold.
    #[must_use]
    pub fn is_kept_at(self, threshold: Threshold) -> bool {
        threshold.0 <= self.0
    }
}

impl fmt::Display for Randomness {
    /// 14 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:014x}", self.0)
    }
}

/// The leading digits that are all `f` (a small probability) or all zero (one near 1) say nothing;
/// precision counts from the first digit that does.
fn significant_digits(probability: f64, precision: u32) -> u32 {
    let leading = |p: f64| (-p.log2() / 4.0).floor().max(0.0) as u32;
    (precision + leading(probability).max(leading(1.0 - probability))).min(DIGITS as u32)
}

fn round_to_digits(value: u64, digits: u32) -> u64 {
    let shift = 4 * (DIGITS as u32 - digits);
    if shift == 0 {
        return value;
    }
    let half = 1_u64 << (shift - 1);
    ((value + half) >> shift << shift).min((1 << BITS) - (1 << shift))
}

#[cfg(test)]
mod tests {
    use super::{Randomness, Threshold};
    use crate::TraceId;

    /// Scenario: the probabilities of the specification's text become thresholds.
    /// Guarantees: the digits are those it prints.
    #[test]
    fn thresholds_print_as_the_specification_does() {
        let text = |p| Threshold::of_probability(p, 4).unwrap().to_string();
        assert_eq!(text(1.0), "0");
        assert_eq!(text(0.5), "8");
        assert_eq!(text(0.25), "c");
        assert_eq!(text(0.1), "e666");
        assert_eq!(text(0.01), "fd70a");
        assert!(Threshold::of_probability(0.0, 4).is_none());
        assert!(Threshold::of_probability(f64::NAN, 4).is_none());
    }

    /// Scenario: thresholds and randomness are read from text that is short, long or foreign.
    /// Guarantees: missing zeros are filled, everything else that is not exact is refused.
    #[test]
    fn only_exact_digits_are_read() {
        assert_eq!(Threshold::parse("8").unwrap().adjusted_count(), 2.0);
        assert_eq!(Threshold::parse("c").unwrap().adjusted_count(), 4.0);
        for bad in ["", "+8", "123456789abcdef", "g"] {
            assert!(Threshold::parse(bad).is_none(), "{bad}");
        }
        assert!(Randomness::parse("c").is_none());
        assert_eq!(Randomness::parse("00000000000010").unwrap().value(), 16);
    }

    /// Scenario: a trace id whose last seven bytes stand exactly at a threshold.
    /// Guarantees: it is kept at that threshold and at none above.
    #[test]
    fn a_trace_is_kept_up_to_its_randomness() {
        let mut id = [0xff; 16];
        id[9..].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0]);
        let randomness = Randomness::of(TraceId(id));
        assert!(randomness.is_kept_at(Threshold::parse("8").unwrap()));
        assert!(!randomness.is_kept_at(Threshold::parse("80000000000001").unwrap()));
    }
}
