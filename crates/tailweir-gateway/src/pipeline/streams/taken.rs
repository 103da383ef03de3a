//! What was taken of whom, so that what comes again is known.

use std::collections::BTreeMap;
use std::time::Duration;
use tailweir_core::{Moment, Slot};
use tailweir_shard::Counted;

/// How long the last number of somebody who is silent is remembered: longer than anybody brings the same again.
const REMEMBERED: Duration = Duration::from_secs(3600);
/// After so many new names those are forgotten that were silent for so long.
const TIDY_EVERY: usize = 1 << 16;
/// Most names that are remembered, one for each process and slot. Beyond it those that were silent for longest are forgotten: what they
/// bring again would be added again.
const NAMES_MAX: usize = 1 << 20;

/// The last number that was taken of each slot from each process. A process brings its changes of a slot one after the other.
#[derive(Debug, Default)]
pub(super) struct Taken {
    last: BTreeMap<(Slot, u64), (u64, Moment)>,
    since_tidied: usize,
}

impl Taken {
    /// Whether this was not taken yet; from here on it is.
    pub(super) fn is_new(&mut self, slot: Slot, origin: u64, number: u64, now: Moment) -> bool {
        let known = self.last.get(&(slot, origin));
        if known.is_some_and(|(last, _)| *last >= number) {
            return false;
        }
        self.put(slot, origin, number, now);
        true
    }

    fn put(&mut self, slot: Slot, origin: u64, number: u64, now: Moment) {
        if self.last.insert((slot, origin), (number, now)).is_none() {
            self.since_tidied += 1;
        }
        if self.since_tidied >= TIDY_EVERY || self.last.len() > NAMES_MAX {
            self.tidy(now);
        }
    }

    fn tidy(&mut self, now: Moment) {
        self.since_tidied = 0;
        let mut silent = REMEMBERED;
        self.last.retain(|_, (_, heard)| now.since(*heard) < silent);
        while self.last.len() > NAMES_MAX - TIDY_EVERY {
            silent /= 2;
            self.last.retain(|_, (_, heard)| now.since(*heard) < silent);
        }
    }

    /// What another owner of the slot had taken.
    pub(super) fn restore(&mut self, slot: Slot, counted: &[Counted], now: Moment) {
        for Counted { origin, number } in counted {
            // What is known here came later.
            self.is_new(slot, *origin, *number, now);
        }
    }

    /// Takes out what is known of a slot.
    pub(super) fn withdraw(&mut self, slot: Slot) -> Vec<Counted> {
        let known = self.last.range((slot, 0)..=(slot, u64::MAX));
        let counted = known.map(|((_, origin), (number, _))| Counted {
            origin: *origin,
            number: *number,
        });
        let counted: Vec<_> = counted.collect();
        for Counted { origin, .. } in &counted {
            self.last.remove(&(slot, *origin));
        }
        counted
    }
}

#[cfg(test)]
mod tests {
    use super::{NAMES_MAX, REMEMBERED, TIDY_EVERY, Taken};
    use tailweir_core::{Moment, Slot};

    /// Scenario: changes of two slots come from two processes, some of them again, also after one slot has moved.
    /// Guarantees: each is new once; what moves is known at the next owner; the other slot is not touched.
    #[test]
    fn what_comes_again_is_known() {
        let [first, second] = [1, 2].map(|slot| Slot::new(slot).unwrap());
        let now = Moment::ZERO;
        let mut taken = Taken::default();
        assert!(taken.is_new(first, 7, 1, now));
        assert!(!taken.is_new(first, 7, 1, now));
        assert!(taken.is_new(second, 7, 1, now));
        assert!(taken.is_new(first, 8, 1, now));
        assert!(taken.is_new(first, 7, 3, now));
        assert!(!taken.is_new(first, 7, 2, now));

        let mut next = Taken::default();
        next.restore(first, &taken.withdraw(first), now);
        assert!(!next.is_new(first, 7, 3, now));
        assert!(!next.is_new(first, 8, 1, now));
        assert!(next.is_new(first, 7, 4, now));
        assert!(next.is_new(second, 7, 1, now));
        assert!(!taken.is_new(second, 7, 1, now));
        assert!(taken.is_new(first, 7, 1, now), "it is another's");
    }

    /// Scenario: more processes come and go than anybody has.
    /// Guarantees: those that are silent for an hour are forgotten, the others are not.
    #[test]
    fn who_is_silent_is_forgotten() {
        let slot = Slot::new(0).unwrap();
        let mut taken = Taken::default();
        let later = Moment::ZERO + REMEMBERED;
        for origin in 0..TIDY_EVERY as u64 - 2 {
            taken.is_new(slot, origin, 1, Moment::ZERO);
        }
        taken.is_new(slot, u64::MAX - 1, 1, later);
        taken.is_new(slot, u64::MAX, 1, later);
        assert_eq!(taken.withdraw(slot).len(), 2);
    }

    /// Scenario: more names come within minutes than there is room for.
    /// Guarantees: what is remembered stays bounded, and the newest names are in it.
    #[test]
    fn names_have_a_bound() {
        let slot = Slot::new(0).unwrap();
        let mut taken = Taken::default();
        let mut now = Moment::ZERO;
        for origin in 0..NAMES_MAX as u64 + 2 {
            now = now + std::time::Duration::from_micros(100);
            taken.is_new(slot, origin, 1, now);
            assert!(taken.last.len() <= NAMES_MAX);
        }
        assert!(!taken.is_new(slot, NAMES_MAX as u64 + 1, 1, now));
        assert!(taken.is_new(slot, 0, 1, now));
    }
}
