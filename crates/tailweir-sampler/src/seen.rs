//! Which spans of an undecided trace are there already, by their ids.

use foldhash::fast::FixedState;
use hashbrown::HashSet;
use tailweir_core::SpanId;

/// Beyond this many spans a trace gets a set of its own. Up to it, a filter of 64 bits says "new"
/// for almost every new span, and the few ids are compared when it does not.
pub(crate) const FEW: u32 = 32;

/// What is known of the ids. Exact together with the ids in the runs of the trace.
pub(crate) enum SeenSpans {
    /// Two bits are set for each id.
    Few(u64),
    /// Every id.
    Many(Box<HashSet<u64, FixedState>>),
}

impl Default for SeenSpans {
    fn default() -> Self {
        Self::Few(0)
    }
}

/// What [`SeenSpans`] says of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    /// It was not there; it is now.
    New,
    /// It is there.
    Known,
    /// It may be there: compare it with the ids themselves.
    Unsure,
}

impl SeenSpans {
    /// Enters an id. The zero id, which names nothing, is new each time.
    pub(crate) fn enter(&mut self, id: SpanId, seed: u64) -> Sight {
        if id.is_zero() {
            return Sight::New;
        }
        match self {
            Self::Few(filter) => {
                let bits = filter_bits(id, seed);
                if *filter & bits == bits {
                    return Sight::Unsure;
                }
                *filter |= bits;
                Sight::New
            }
            Self::Many(ids) => {
                if ids.insert(u64::from_le_bytes(id.0)) {
                    Sight::New
                } else {
                    Sight::Known
                }
            }
        }
    }

    pub(crate) fn is_few(&self) -> bool {
        matches!(self, Self::Few(_))
    }

    /// From now on a set, which begins with these ids.
    pub(crate) fn make_many(&mut self, ids: impl Iterator<Item = SpanId>, seed: u64) {
        let mut set =
            HashSet::with_capacity_and_hasher(2 * FEW as usize, FixedState::with_seed(seed));
        set.extend(
            ids.filter(|id| !id.is_zero())
                .map(|id| u64::from_le_bytes(id.0)),
        );
        *self = Self::Many(Box::new(set));
    }

    /// Memory held beside the trace, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Few(_) => 0,
            Self::Many(ids) => ids.allocation_size() + size_of::<HashSet<u64, FixedState>>(),
        }
    }
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

    /// Scenario: ids are entered twice, before and after the filter becomes a set.
    /// Guarantees: an id is never called new a second time, the zero id always is.
    #[test]
    fn a_known_id_is_never_new() {
        let mut seen = SeenSpans::default();
        let ids: Vec<_> = (1..=40_u64)
            .map(|n| SpanId((n * 7919).to_be_bytes()))
            .collect();
        let first = ids
            .iter()
            .filter(|&&id| seen.enter(id, 5) == Sight::New)
            .count();
        assert!(
            first > 10,
            "the filter knows new ids from old ones: {first}"
        );
        assert!(ids.iter().all(|&id| seen.enter(id, 5) == Sight::Unsure));
        seen.make_many(ids.iter().copied(), 5);
        assert!(ids.iter().all(|&id| seen.enter(id, 5) == Sight::Known));
        assert_eq!(seen.enter(SpanId([9; 8]), 5), Sight::New);
        assert_eq!(seen.enter(SpanId([0; 8]), 5), Sight::New);
        assert_eq!(seen.enter(SpanId([0; 8]), 5), Sight::New);
    }
}
