//! Which spans of an undecided trace are there already.
//!
//! A client that did not hear our answer sends the same bytes again. So a span is taken for one that is
//! there when its id is and its bytes are: clients that give one id to two different spans, as Zipkin's
//! do for the two sides of a call, lose neither. Bytes are looked at only when an id occurs again.

use foldhash::fast::FixedState;
use hashbrown::HashSet;
use tailweir_core::SpanId;
use xxhash_rust::xxh3::xxh3_64;

/// Beyond this many spans a trace gets a set of its own. Up to it, a filter of 64 bits says "new"
/// for almost every new span, and the few spans are compared when it does not.
pub(crate) const FEW: u32 = 32;

type Numbers = HashSet<u64, FixedState>;

/// What is known of the spans. Exact together with the runs of the trace.
pub(crate) enum SeenSpans {
    /// Two bits are set for each id.
    Few(u64),
    /// Every id.
    Ids(Box<Numbers>),
    /// The fingerprint of every span: an id has occurred again.
    Fingerprints(Box<Numbers>),
}

impl Default for SeenSpans {
    fn default() -> Self {
        Self::Few(0)
    }
}

/// What [`SeenSpans`] says of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    /// It was not there; it is now.
    New,
    /// It is there.
    Known,
    /// A span with its id may be there: compare the spans themselves.
    Unsure,
}

impl SeenSpans {
    /// Enters a span. One with the zero id, which names nothing, is new each time.
    pub(crate) fn enter(&mut self, id: SpanId, span: &[u8], seed: u64) -> Sight {
        if id.is_zero() {
            return Sight::New;
        }
        let (is_new, otherwise) = match self {
            Self::Few(filter) => {
                let bits = filter_bits(id, seed);
                let is_new = *filter & bits != bits;
                *filter |= bits;
                (is_new, Sight::Unsure)
            }
            Self::Ids(ids) => (ids.insert(u64::from_le_bytes(id.0)), Sight::Unsure),
            Self::Fingerprints(known) => (known.insert(fingerprint(span)), Sight::Known),
        };
        if is_new { Sight::New } else { otherwise }
    }

    pub(crate) fn is_few(&self) -> bool {
        matches!(self, Self::Few(_))
    }

    /// From now on a set of ids, which begins with these.
    pub(crate) fn keep_ids(&mut self, ids: impl Iterator<Item = SpanId>, seed: u64) {
        let ids = ids.filter(|id| !id.is_zero());
        *self = Self::Ids(numbers(ids.map(|id| u64::from_le_bytes(id.0)), seed));
    }

    /// From now on a set of fingerprints, which begins with those of these spans.
    pub(crate) fn keep_fingerprints<'a>(
        &mut self,
        spans: impl Iterator<Item = (SpanId, &'a [u8])>,
        seed: u64,
    ) {
        let spans = spans.filter(|(id, _)| !id.is_zero());
        *self = Self::Fingerprints(numbers(spans.map(|(_, span)| fingerprint(span)), seed));
    }

    /// Memory held beside the trace, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Few(_) => 0,
            Self::Ids(set) | Self::Fingerprints(set) => {
                set.allocation_size() + size_of::<Numbers>()
            }
        }
    }
}

fn numbers(numbers: impl Iterator<Item = u64>, seed: u64) -> Box<Numbers> {
    let mut set = HashSet::with_capacity_and_hasher(2 * FEW as usize, FixedState::with_seed(seed));
    set.extend(numbers);
    Box::new(set)
}

/// What stands for the bytes of a span among those of its trace: two that differ have the same one once
/// in 2^64. It has no seed, so that it means the same in every engine.
#[must_use]
pub fn fingerprint(span: &[u8]) -> u64 {
    xxh3_64(span)
}

/// Clients choose ids, so the seed decides which bits they set.
fn filter_bits(id: SpanId, seed: u64) -> u64 {
    let mixed = (u64::from_le_bytes(id.0) ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    1 << (mixed >> 58) | 1 << (mixed >> 52 & 63)
}

#[cfg(test)]
mod tests {
    use super::{SeenSpans, Sight};
    use tailweir_core::SpanId;

    /// Scenario: spans are entered twice: into the filter, the set of ids, the set of fingerprints.
    /// Guarantees: one that was there is never called new, other bytes under its id are told apart,
    /// and the zero id is always new.
    #[test]
    fn a_known_span_is_never_new() {
        let mut seen = SeenSpans::default();
        let ids: Vec<_> = (1..=40_u64)
            .map(|n| SpanId((n * 7919).to_be_bytes()))
            .collect();
        let first = ids
            .iter()
            .filter(|&&id| seen.enter(id, &id.0, 5) == Sight::New)
            .count();
        assert!(
            first > 10,
            "the filter knows new ids from old ones: {first}"
        );
        let all = |seen: &mut SeenSpans, sight| {
            assert!(ids.iter().all(|&id| seen.enter(id, &id.0, 5) == sight));
            assert_eq!(seen.enter(SpanId([0; 8]), b"", 5), Sight::New);
            assert_eq!(seen.enter(SpanId([0; 8]), b"", 5), Sight::New);
        };
        all(&mut seen, Sight::Unsure);
        seen.keep_ids(ids.iter().copied(), 5);
        all(&mut seen, Sight::Unsure);
        assert_eq!(seen.enter(SpanId([9; 8]), b"", 5), Sight::New);
        seen.keep_fingerprints(ids.iter().map(|id| (*id, id.0.as_slice())), 5);
        all(&mut seen, Sight::Known);
        assert_eq!(seen.enter(ids[0], b"other", 5), Sight::New);
    }
}
