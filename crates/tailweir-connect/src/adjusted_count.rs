//! How many spans a span stands for, by the sampling threshold in its tracestate.

use tailweir_otlp::{SpanHead, TraceState};
use xxhash_rust::xxh3::xxh3_64;

/// Thresholds have 56 bits.
const FULL: u64 = 1 << 56;

/// How many spans a span stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AdjustedCount {
    /// 1 or more.
    pub(crate) count: u64,
    /// Whether the tracestate said so.
    pub(crate) is_extrapolated: bool,
}

impl AdjustedCount {
    /// A span that stands for itself.
    const ONE: Self = Self {
        count: 1,
        is_extrapolated: false,
    };
}

/// Reads tracestates, and remembers the last: spans of one trace mostly share it.
#[derive(Debug, Default)]
pub(crate) struct Thresholds<'a> {
    last: &'a [u8],
    /// The spans that are left of [`FULL`].
    kept: Option<u64>,
}

impl<'a> Thresholds<'a> {
    /// What this span stands for. Counts that are not whole are rounded up for as many traces as their
    /// fraction says, by a hash of the ids, so that sums are right on average.
    pub(crate) fn count(&mut self, trace_state: &'a [u8], head: &SpanHead) -> AdjustedCount {
        if trace_state.is_empty() {
            return AdjustedCount::ONE;
        }
        if trace_state != self.last {
            self.last = trace_state;
            let threshold = TraceState::parse(trace_state).ok();
            let threshold = threshold.and_then(|state| state.threshold());
            self.kept = threshold.map(|threshold| FULL - threshold.value());
        }
        let Some(kept) = self.kept else {
            return AdjustedCount::ONE;
        };
        let (whole, rest) = (FULL / kept, FULL % kept);
        let rounds_up = rest > 0 && chance(head) % kept < rest;
        AdjustedCount {
            count: whole + u64::from(rounds_up),
            is_extrapolated: true,
        }
    }
}

/// A number that is as good as random, and the same wherever the span is counted.
fn chance(head: &SpanHead) -> u64 {
    let mut ids = [0; 24];
    ids[..16].copy_from_slice(&head.trace_id.0);
    ids[16..].copy_from_slice(&head.span_id.0);
    xxh3_64(&ids)
}

#[cfg(test)]
mod tests {
    use super::{AdjustedCount, Thresholds};
    use tailweir_core::SpanId;
    use tailweir_otlp::SpanHead;

    fn count(state: &[u8], span: u64) -> AdjustedCount {
        let head = SpanHead {
            span_id: SpanId(span.to_be_bytes()),
            ..SpanHead::default()
        };
        Thresholds::default().count(state, &head)
    }

    /// Scenario: spans with thresholds, with broken tracestates, and with none.
    /// Guarantees: only a threshold makes a span stand for several.
    #[test]
    fn thresholds_weigh() {
        for (state, wanted, is_extrapolated) in [
            (&b""[..], 1, false),
            (b"ot=rv:abcdefabcdefab", 1, false),
            (b"not a tracestate", 1, false),
            (b"ot=th:0", 1, true),
            (b"ot=th:8", 2, true),
            (b"a=b,ot=rv:abcdefabcdefab;th:c", 4, true),
        ] {
            let found = count(state, 1);
            assert_eq!(
                (found.count, found.is_extrapolated),
                (wanted, is_extrapolated)
            );
        }
    }

    /// Scenario: ten thousand spans that stand for 1.5 each.
    /// Guarantees: together they come to 15,000, near enough.
    #[test]
    fn fractions_are_right_on_average() {
        // 2^56 / (2^56 - t) = 3/2 where t is a third of 2^56.
        let total: u64 = (0..10_000)
            .map(|span| count(b"ot=th:55555555555555", span).count)
            .sum();
        assert!((14_800..15_200).contains(&total), "{total}");
    }
}
