//! Which traces have spans that another engine delivered.
//!
//! It is apart from what is known of this engine's own decisions: a span that another engine handed on
//! need not be taken from a client again, but when this engine takes over that other's work, it hands
//! on what it takes over, known or not.

use crate::delivered::{BlockPointer, DeliveredSpans};
use hashbrown::HashMap;
use tailweir_core::{Moment, SeededState, TraceId};

/// Traces beyond which those whose spans are forgotten are looked for the first time.
const FEW: usize = 1024;

/// The newest block of each trace in the ring of [`DeliveredSpans`].
pub(crate) struct DeliveredElsewhere {
    traces: HashMap<TraceId, BlockPointer, SeededState>,
    /// The number of traces at which those whose spans are forgotten are taken out.
    tidy_at: usize,
}

impl DeliveredElsewhere {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            traces: HashMap::with_hasher(SeededState::new(seed)),
            tidy_at: FEW,
        }
    }

    /// Adds fingerprints of a trace; those that are there already change nothing. Leaves `fingerprints` empty.
    pub(crate) fn learn(
        &mut self,
        now: Moment,
        trace: TraceId,
        fingerprints: &mut Vec<u64>,
        delivered: &mut DeliveredSpans,
    ) {
        let known = self.of(trace);
        fingerprints.retain(|&fingerprint| !delivered.contains(known, fingerprint));
        if fingerprints.is_empty() {
            return;
        }
        let pointer = delivered.add(now, known, fingerprints);
        self.traces.insert(trace, pointer);
        if self.traces.len() >= self.tidy_at {
            self.traces
                .retain(|_, &mut pointer| delivered.has_any(pointer));
            self.tidy_at = FEW.max(2 * self.traces.len());
        }
    }

    /// Where the fingerprints of a trace are.
    pub(crate) fn of(&self, trace: TraceId) -> BlockPointer {
        self.traces.get(&trace).copied().unwrap_or_default()
    }

    /// Memory held, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.traces.allocation_size()
    }
}

#[cfg(test)]
mod tests {
    use super::{DeliveredElsewhere, FEW};
    use crate::delivered::DeliveredSpans;
    use std::time::Duration;
    use tailweir_core::{Moment, TraceId};

    fn trace(number: u64) -> TraceId {
        TraceId(u128::from(number).to_be_bytes())
    }

    /// Scenario: the same spans of a trace are learned again and again.
    /// Guarantees: they are known, and take room once.
    #[test]
    fn what_is_learned_again_takes_no_room() {
        let mut delivered = DeliveredSpans::new(1 << 20, Duration::from_secs(60));
        let mut elsewhere = DeliveredElsewhere::new(7);
        for _ in 0..3 {
            elsewhere.learn(Moment::ZERO, trace(1), &mut vec![8, 9], &mut delivered);
        }
        let mut all = delivered.all(elsewhere.of(trace(1)));
        all.sort_unstable();
        assert_eq!(all, [8, 9]);
        assert!(!delivered.contains(elsewhere.of(trace(2)), 8));
    }

    /// Scenario: for an hour there is a new trace each second, and spans are known for a minute.
    /// Guarantees: no more traces are listed than a minute has, but for a few.
    #[test]
    fn traces_whose_spans_are_forgotten_are_not_listed_for_ever() {
        let mut delivered = DeliveredSpans::new(1 << 20, Duration::from_secs(60));
        let mut elsewhere = DeliveredElsewhere::new(7);
        for second in 0..3_600 {
            let now = Moment::from_millis(1_000 * second);
            delivered.expire(now);
            elsewhere.learn(now, trace(second), &mut vec![second], &mut delivered);
        }
        assert!(elsewhere.traces.len() <= FEW);
        assert!(delivered.contains(elsewhere.of(trace(3_599)), 3_599));
    }
}
