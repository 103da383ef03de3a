//! Decisions that are remembered after their traces are gone, so that late spans follow them.

use crate::delivered::BlockPointer;
use crate::list::{Linked, Links, List};
use crate::slab::Slab;
use std::num::NonZeroU16;
use tailweir_core::{Moment, PolicyIndex, Threshold, TraceId, Verdict};
use tailweir_policy::{CarriedWeight, Decision, SubPolicyIndex};

/// A decision, in the least space.
#[derive(Default)]
pub(crate) struct Remembered {
    pub(crate) id: TraceId,
    pub(crate) decided: Moment,
    /// Ids of the spans that were kept.
    pub(crate) delivered: BlockPointer,
    threshold: u64,
    links: Links,
    /// The policies that decided.
    pub(crate) revision: u32,
    policy: u16,
    sub_policy: Option<NonZeroU16>,
    carried: CarriedWeight,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Kind {
    Sampled,
    SampledWithoutThreshold,
    #[default]
    NotSampled,
    Dropped,
}

impl Remembered {
    pub(crate) fn new(id: TraceId, decision: &Decision, revision: u32, decided: Moment) -> Self {
        let (kind, policy, threshold) = match decision.verdict {
            Verdict::Sampled {
                policy,
                threshold: Some(threshold),
            } => (Kind::Sampled, policy.0, threshold.value()),
            Verdict::Sampled {
                policy,
                threshold: None,
            } => (Kind::SampledWithoutThreshold, policy.0, 0),
            Verdict::NotSampled => (Kind::NotSampled, 0, 0),
            Verdict::Dropped { policy } => (Kind::Dropped, policy.0, 0),
        };
        Self {
            id,
            decided,
            delivered: BlockPointer::NONE,
            threshold,
            links: Links::default(),
            revision,
            policy,
            sub_policy: decision
                .sub_policy
                .and_then(|sub| NonZeroU16::new(sub.0.wrapping_add(1))),
            carried: decision.carried,
            kind,
        }
    }

    /// The decision as it was made, without the errors of that time.
    pub(crate) fn decision(&self) -> Decision {
        Decision {
            verdict: self.verdict(),
            sub_policy: self.sub_policy.map(|sub| SubPolicyIndex(sub.get() - 1)),
            carried: self.carried,
            evaluation_errors: 0,
        }
    }

    fn verdict(&self) -> Verdict {
        let policy = PolicyIndex(self.policy);
        match self.kind {
            Kind::Sampled => Verdict::Sampled {
                policy,
                threshold: Threshold::new(self.threshold),
            },
            Kind::SampledWithoutThreshold => Verdict::Sampled {
                policy,
                threshold: None,
            },
            Kind::NotSampled => Verdict::NotSampled,
            Kind::Dropped => Verdict::Dropped { policy },
        }
    }

    fn is_sampled(&self) -> bool {
        matches!(self.kind, Kind::Sampled | Kind::SampledWithoutThreshold)
    }
}

impl Linked for Remembered {
    fn links(&self) -> &Links {
        &self.links
    }

    fn links_mut(&mut self) -> &mut Links {
        &mut self.links
    }
}

/// What a remembered decision costs, its place in the index included, in bytes.
pub(crate) const DECISION_BYTES: usize = size_of::<Remembered>() + size_of::<u16>() + 10;

/// Decisions of kept traces and of others, each kind with a bound of its own. At the bound the one
/// that was asked for the longest time ago goes.
pub(crate) struct DecisionCache {
    pub(crate) entries: Slab<Remembered>,
    sampled: List,
    others: List,
    sampled_max: usize,
    others_max: usize,
}

impl DecisionCache {
    /// Bounds are numbers of decisions; at least one of each kind is remembered.
    pub(crate) fn new(sampled_max: usize, others_max: usize) -> Self {
        Self {
            entries: Slab::new(),
            sampled: List::default(),
            others: List::default(),
            sampled_max: sampled_max.max(1),
            others_max: others_max.max(1),
        }
    }

    /// Other bounds from now on; what is beyond them goes by and by, with [`Self::evict`].
    pub(crate) fn set_bounds(&mut self, sampled_max: usize, others_max: usize) {
        self.sampled_max = sampled_max.max(1);
        self.others_max = others_max.max(1);
    }

    /// Remembers a decision, the newest of its kind.
    pub(crate) fn insert(&mut self, decision: Remembered) -> u32 {
        let is_sampled = decision.is_sampled();
        let number = self.entries.insert(decision);
        let list = if is_sampled {
            &mut self.sampled
        } else {
            &mut self.others
        };
        list.push(&mut self.entries, number);
        number
    }

    /// Takes out a decision that is beyond its bound: its number and the decision.
    pub(crate) fn evict(&mut self) -> Option<(u32, Remembered)> {
        let list = if self.sampled.len() > self.sampled_max {
            &mut self.sampled
        } else if self.others.len() > self.others_max {
            &mut self.others
        } else {
            return None;
        };
        let number = list.first()?;
        list.remove(&mut self.entries, number);
        Some((number, self.entries.remove(number)))
    }

    /// Takes out a decision.
    pub(crate) fn remove(&mut self, number: u32) -> Remembered {
        let list = if self.entries.get(number).is_sampled() {
            &mut self.sampled
        } else {
            &mut self.others
        };
        list.remove(&mut self.entries, number);
        self.entries.remove(number)
    }

    /// Makes this decision the newest of its kind.
    pub(crate) fn touch(&mut self, number: u32) {
        let is_sampled = self.entries.get(number).is_sampled();
        let list = if is_sampled {
            &mut self.sampled
        } else {
            &mut self.others
        };
        list.remove(&mut self.entries, number);
        list.push(&mut self.entries, number);
    }

    /// How many decisions are remembered.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Memory held, in bytes, without the index.
    pub(crate) fn bytes(&self) -> usize {
        self.entries.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::{DecisionCache, Remembered};
    use tailweir_core::{Moment, PolicyIndex, Threshold, TraceId, Verdict};
    use tailweir_policy::{CarriedWeight, Decision, SubPolicyIndex};

    fn decision(n: u8, verdict: Verdict) -> Remembered {
        Remembered::new(TraceId([n; 16]), &made(verdict, None), 0, Moment::ZERO)
    }

    fn made(verdict: Verdict, sub_policy: Option<SubPolicyIndex>) -> Decision {
        let carried = CarriedWeight::Consistent;
        Decision {
            verdict,
            sub_policy,
            carried,
            evaluation_errors: 0,
        }
    }

    /// Scenario: every form of verdict is remembered.
    /// Guarantees: it comes back as it was.
    #[test]
    fn a_verdict_is_remembered_exactly() {
        let policy = PolicyIndex(513);
        for verdict in [
            Verdict::Sampled {
                policy,
                threshold: Threshold::new((1 << 56) - 1),
            },
            Verdict::Sampled {
                policy,
                threshold: Some(Threshold::ALWAYS),
            },
            Verdict::Sampled {
                policy,
                threshold: None,
            },
            Verdict::NotSampled,
            Verdict::Dropped { policy },
        ] {
            for sub_policy in [None, Some(SubPolicyIndex(0)), Some(SubPolicyIndex(300))] {
                let made = made(verdict, sub_policy);
                let remembered = Remembered::new(TraceId([1; 16]), &made, 0, Moment::ZERO);
                assert_eq!(remembered.decision(), made);
            }
        }
    }

    /// Scenario: two decisions fit; the first is asked for before a third arrives. Another kind of
    /// decision arrives in between.
    /// Guarantees: the second goes, and the other kind is not touched.
    #[test]
    fn the_longest_unused_decision_goes() {
        let mut cache = DecisionCache::new(5, 2);
        let first = cache.insert(decision(1, Verdict::NotSampled));
        cache.insert(decision(2, Verdict::NotSampled));
        let policy = PolicyIndex(0);
        cache.insert(decision(
            9,
            Verdict::Sampled {
                policy,
                threshold: None,
            },
        ));
        cache.touch(first);
        assert!(cache.evict().is_none());
        cache.insert(decision(3, Verdict::Dropped { policy }));
        assert_eq!(cache.evict().unwrap().1.id, TraceId([2; 16]));
        assert!(cache.evict().is_none());
    }
}
