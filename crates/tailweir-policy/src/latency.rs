//! How long a trace took.

use tailweir_otlp::{SpanHead, TraceSummary, TraceView};

/// Durations that a `latency` policy samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LatencyTest {
    /// Milliseconds, exclusive.
    threshold: i64,
    /// Milliseconds, inclusive.
    upper: Option<i64>,
}

impl LatencyTest {
    /// An upper bound of 0 is none.
    pub(crate) fn new(threshold_ms: i64, upper_threshold_ms: i64) -> Self {
        Self {
            threshold: threshold_ms,
            upper: Some(upper_threshold_ms).filter(|&upper| upper != 0),
        }
    }

    fn holds(self, duration_ms: i64) -> bool {
        duration_ms > self.threshold && self.upper.is_none_or(|upper| duration_ms <= upper)
    }

    /// Tailweir's rule: the time from the first start to the last end of the whole trace. Unknown
    /// times are left out; a trace without a known start or end has no duration and never passes.
    pub(crate) fn whole_trace(self, summary: &TraceSummary) -> bool {
        let (start, end) = (summary.earliest_start, summary.latest_end);
        if start == 0 || end == 0 {
            return false;
        }
        let nanos = i128::from(end) - i128::from(start);
        self.holds(i64::try_from(nanos / 1_000_000).unwrap_or(i64::MAX))
    }

    /// The Collector's rule: it is enough that some prefix of the spans passes.
    pub(crate) fn any_prefix(self, trace: &TraceView<'_>) -> bool {
        let summary = &trace.summary;
        if !summary.has_unknown_times
            && self.holds(go_milliseconds(summary.earliest_start, summary.latest_end))
        {
            // All spans are a prefix too.
            return true;
        }
        let (mut start, mut end) = (0_u64, 0_u64);
        trace.spans.iter().any(|record| {
            let head = SpanHead::of(record.span);
            if start == 0 || head.start < start {
                start = head.start;
            }
            if end == 0 || head.end > end {
                end = head.end;
            }
            self.holds(go_milliseconds(start, end))
        })
    }
}

/// `end.Sub(start).Milliseconds()` of Go: times read as signed, difference saturating, cut to whole
/// milliseconds.
fn go_milliseconds(start: u64, end: u64) -> i64 {
    (end as i64).saturating_sub(start as i64) / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::LatencyTest;
    use tailweir_otlp::TraceSummary;

    fn summary(start: u64, end: u64) -> TraceSummary {
        TraceSummary {
            earliest_start: start,
            latest_end: end,
            ..TraceSummary::default()
        }
    }

    /// Scenario: durations at both bounds and one nanosecond beside them.
    /// Guarantees: the lower bound is exclusive, the upper inclusive, and parts of a millisecond are
    /// cut off before either is compared.
    #[test]
    fn the_lower_bound_is_exclusive_and_the_upper_inclusive() {
        let test = LatencyTest::new(100, 200);
        let after = |nanos: u64| test.whole_trace(&summary(1, 1 + nanos));
        assert!(!after(100_999_999));
        assert!(after(101_000_000));
        assert!(after(200_999_999));
        assert!(!after(201_000_000));
        assert!(LatencyTest::new(100, 0).whole_trace(&summary(1, 1 << 60)));
    }

    /// Scenario: traces of which no start or no end is known, and one that ends before it starts.
    /// Guarantees: without both there is no duration to sample by; a negative one is compared as it is.
    #[test]
    fn a_trace_without_known_times_has_no_duration() {
        let any = LatencyTest::new(i64::MIN, 0);
        assert!(!any.whole_trace(&summary(0, 5)));
        assert!(!any.whole_trace(&summary(5, 0)));
        assert!(any.whole_trace(&summary(5_000_000, 1)));
        assert!(!LatencyTest::new(0, 0).whole_trace(&summary(5_000_000, 1)));
        assert!(LatencyTest::new(0, 0).whole_trace(&summary(1, u64::MAX)));
    }
}
