//! Who scrapes what: a list of those who share the targets of a receiver, and what follows from it.
//!
//! One member of the cluster *calls the roll* for a receiver: the owner of a slot. Everybody who has the receiver calls it every second,
//! and hears who else does.
//!
//! ```text
//! sharer --Call: which roll I follow--> Roster (the owner of the slot)
//!    ^                                     |
//!    '-- Roll: who shares, all follow? ----'      a roll is settled once everybody in it follows it
//! ```
//!
//! A sharer scrapes what is its own by *every* roll that it follows and that is not settled, and by the last one that was. So it lets go as
//! soon as it hears of a roll, and takes over once everybody has let go: no target is scraped by two, but for a sharer that is cut off
//! longer than [`LEASE`] and goes on meanwhile. Where a target is its own is said by the largest hash of the target and a sharer
//! (rendezvous), so that whoever comes or goes moves its own share and no other.
//!
//! Nothing here reads a clock or asks anybody.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tailweir_core::Moment;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Who does not call for so long shares no more. A roster that is new says nothing before: until then it has heard of everybody.
pub(crate) const LEASE: Duration = Duration::from_secs(10);
/// Most sharers of a receiver. Who comes when there are so many is refused, and scrapes nothing.
pub(crate) const SHARERS_MAX: usize = 1024;
/// Most rolls that a sharer follows before one of them is settled. Past it the sharer scrapes nothing until one is.
const PENDING_MAX: usize = 16;

/// Names a roll: the roster that made it, by a number that no other has, and which of its rolls it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RollNumber {
    /// Of the roster.
    pub roster: u64,
    /// Rises with each that is different.
    pub count: u64,
}

/// What a sharer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Call {
    /// Its number, which no other has.
    pub(crate) sharer: u64,
    /// The newest roll that it follows.
    pub(crate) follows: Option<RollNumber>,
    /// It scrapes nothing any more, and does not call again.
    pub(crate) leaves: bool,
}

/// Who shares the targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roll {
    /// Its name.
    pub number: RollNumber,
    /// Those who share.
    pub sharers: BTreeSet<u64>,
    /// Whether all of them follow it.
    pub is_settled: bool,
}

/// What a roster keeps of one sharer.
#[derive(Debug)]
struct Entry {
    last: Moment,
    follows: Option<u64>,
}

/// Those who called.
#[derive(Debug)]
pub(crate) struct Roster {
    number: RollNumber,
    since: Moment,
    sharers: BTreeMap<u64, Entry>,
}

impl Roster {
    /// One that has heard nobody.
    pub(crate) fn new(roster: u64, now: Moment) -> Self {
        Self {
            number: RollNumber { roster, count: 0 },
            since: now,
            sharers: BTreeMap::new(),
        }
    }

    /// Answers a call; with nothing while it is too new to know who else is there.
    ///
    /// # Errors
    ///
    /// When there are [`SHARERS_MAX`] others.
    pub(crate) fn call(&mut self, now: Moment, call: &Call) -> Result<Option<Roll>, Crowded> {
        let before = self.sharers.len();
        self.sharers
            .retain(|_, entry| now.since(entry.last) < LEASE);
        if call.leaves {
            self.sharers.remove(&call.sharer);
        }
        let mut has_changed = self.sharers.len() != before;
        if !call.leaves {
            if !self.sharers.contains_key(&call.sharer) {
                if self.sharers.len() >= SHARERS_MAX {
                    return Err(Crowded);
                }
                has_changed = true;
            }
            let follows = call.follows.filter(|it| it.roster == self.number.roster);
            let entry = Entry {
                last: now,
                follows: follows.map(|it| it.count),
            };
            self.sharers.insert(call.sharer, entry);
        }
        self.number.count += u64::from(has_changed);
        Ok((now.since(self.since) >= LEASE).then(|| self.roll()))
    }

    fn roll(&self) -> Roll {
        let newest = Some(self.number.count);
        Roll {
            number: self.number,
            sharers: self.sharers.keys().copied().collect(),
            is_settled: self.sharers.values().all(|entry| entry.follows == newest),
        }
    }
}

/// There are too many sharers already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Crowded;

/// What one sharer knows.
#[derive(Debug)]
pub(crate) struct Share {
    sharer: u64,
    /// The last roll that was settled.
    settled: Option<Roll>,
    /// Those that it heard of since, oldest first.
    pending: Vec<Roll>,
    /// Whether there were too many of these.
    is_lost: bool,
    /// When the last call was made that was answered.
    heard: Option<Moment>,
}

impl Share {
    /// One that scrapes nothing yet.
    pub(crate) fn new(sharer: u64) -> Self {
        Self {
            sharer,
            settled: None,
            pending: Vec::new(),
            is_lost: false,
            heard: None,
        }
    }

    /// What it says to the roster.
    pub(crate) fn call(&self) -> Call {
        let newest = self.pending.last().or(self.settled.as_ref());
        Call {
            sharer: self.sharer,
            follows: newest.map(|roll| roll.number),
            leaves: false,
        }
    }

    /// What it says at its end.
    pub(crate) fn farewell(&self) -> Call {
        Call {
            leaves: true,
            ..self.call()
        }
    }

    /// The answer to a call that was made at `called`. Answers whether it changes what is its own.
    pub(crate) fn hear(&mut self, called: Moment, answer: Option<Roll>) -> bool {
        let before = self.heard.replace(called);
        let Some(roll) = answer else {
            // A roster that is new: everything stays as it is.
            return false;
        };
        let newest = self.call().follows;
        let is_same_roster = newest.is_some_and(|it| it.roster == roll.number.roster);
        let was_let_go = before.is_some_and(|before| called.since(before) >= LEASE);
        if is_same_roster && was_let_go {
            // Its targets are others' by now, and these have let nothing go for it yet.
            self.settled = None;
            self.pending.clear();
        }
        let is_known = self.call().follows == Some(roll.number);
        if !is_known {
            self.pend(Roll {
                is_settled: false,
                ..roll
            });
            return true;
        }
        if !roll.is_settled || (self.pending.is_empty() && !self.is_lost) {
            return false;
        }
        self.settled = Some(roll);
        self.pending.clear();
        self.is_lost = false;
        true
    }

    fn pend(&mut self, roll: Roll) {
        if self.pending.len() >= PENDING_MAX {
            self.pending.remove(0);
            self.is_lost = true;
        }
        self.pending.push(roll);
    }

    /// Whether it scrapes the target of this key.
    pub(crate) fn owns(&self, target: u64) -> bool {
        let is_own = |roll: &Roll| roll.owner(target) == Some(self.sharer);
        !self.is_lost
            && self.settled.as_ref().is_some_and(is_own)
            && self.pending.iter().all(is_own)
    }

    /// How many share, by the newest roll.
    pub(crate) fn sharers(&self) -> usize {
        let newest = self.pending.last().or(self.settled.as_ref());
        newest.map_or(0, |roll| roll.sharers.len())
    }
}

impl Roll {
    /// Whose the target of this key is.
    fn owner(&self, target: u64) -> Option<u64> {
        let weight = |sharer: &u64| (xxh3_64_with_seed(&target.to_le_bytes(), *sharer), *sharer);
        self.sharers.iter().copied().max_by_key(weight)
    }
}

#[cfg(test)]
mod tests {
    use super::{LEASE, PENDING_MAX, Roll, RollNumber, Roster, SHARERS_MAX, Share};
    use proptest::prelude::{Strategy, any, prop_oneof, proptest};
    use std::collections::{BTreeMap, BTreeSet};
    use std::time::Duration;
    use tailweir_core::Moment;

    const TARGETS: u64 = 40;
    const SECOND: Duration = Duration::from_secs(1);

    fn roll(sharers: &BTreeSet<u64>) -> Roll {
        Roll {
            number: RollNumber {
                roster: 1,
                count: 1,
            },
            sharers: sharers.clone(),
            is_settled: true,
        }
    }

    proptest! {
        /// Scenario: any sharers; one more comes, and one of them goes.
        /// Guarantees: each target is of one of them; who comes takes targets and nobody else gets any; who goes leaves its own to the
        /// others, who keep theirs.
        #[test]
        fn who_comes_or_goes_moves_its_own_share(
            sharers in proptest::collection::btree_set(any::<u64>(), 1..20),
            comes in any::<u64>(),
            targets in proptest::collection::vec(any::<u64>(), 1..200),
        ) {
            let with: BTreeSet<u64> = sharers.iter().copied().chain([comes]).collect();
            let (before, after) = (roll(&sharers), roll(&with));
            for target in targets {
                let (old, new) = (before.owner(target).unwrap(), after.owner(target).unwrap());
                assert!(sharers.contains(&old) && with.contains(&new));
                assert!(new == old || new == comes);
            }
        }
    }

    /// Scenario: five sharers of ten thousand targets.
    /// Guarantees: each has its fifth, within a tenth of it.
    #[test]
    fn shares_are_even() {
        let roll = roll(&(1..=5).collect());
        let mut counts = BTreeMap::<u64, u64>::new();
        for target in 0..10_000_u64 {
            *counts.entry(roll.owner(target).unwrap()).or_default() += 1;
        }
        assert!(
            counts.values().all(|count| count.abs_diff(2_000) < 200),
            "{counts:?}"
        );
    }

    /// What happens.
    #[derive(Debug, Clone)]
    enum Step {
        /// A sharer calls; whether it hears the answer.
        Call(usize, bool),
        /// Another one begins.
        Come,
        /// One says that it goes, and goes.
        Leave(usize),
        /// One is gone without a word.
        Crash(usize),
        /// The roll is called by somebody else, who knows nothing.
        NewRoster,
        /// Time passes.
        Pass,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            20 => (0_usize..6, any::<bool>()).prop_map(|(who, hears)| Step::Call(who, hears)),
            1 => any::<()>().prop_map(|()| Step::Come),
            1 => (0_usize..6).prop_map(Step::Leave),
            1 => (0_usize..6).prop_map(Step::Crash),
            1 => any::<()>().prop_map(|()| Step::NewRoster),
            6 => any::<()>().prop_map(|()| Step::Pass),
        ];
        proptest::collection::vec(step, 1..300)
    }

    struct Town {
        roster: Roster,
        rosters: u64,
        /// Those that are there, and when each was heard last.
        sharers: Vec<(Share, Moment)>,
        begun: u64,
        now: Moment,
    }

    impl Town {
        fn new() -> Self {
            Self {
                roster: Roster::new(1, Moment::ZERO),
                rosters: 1,
                sharers: Vec::new(),
                begun: 0,
                now: Moment::ZERO,
            }
        }

        fn come(&mut self) {
            self.begun += 1;
            self.sharers.push((Share::new(self.begun), self.now));
        }

        fn call(&mut self, who: usize, hears: bool) {
            let (share, last) = &mut self.sharers[who];
            let answer = self.roster.call(self.now, &share.call()).unwrap();
            if hears {
                share.hear(self.now, answer);
            }
            *last = self.now;
        }

        /// Nobody is silent for as long as a lease: that would be another story.
        fn pass(&mut self) {
            for who in 0..self.sharers.len() {
                if self.now.since(self.sharers[who].1) + 2 * SECOND >= LEASE {
                    self.call(who, true);
                }
            }
            self.now = self.now + SECOND;
        }

        fn step(&mut self, step: &Step) {
            let count = self.sharers.len();
            match *step {
                Step::Call(who, hears) if count > 0 => self.call(who % count, hears),
                Step::Come if count < 6 => self.come(),
                Step::Leave(who) if count > 0 => {
                    let (share, _) = self.sharers.remove(who % count);
                    self.roster.call(self.now, &share.farewell()).unwrap();
                }
                Step::Crash(who) if count > 0 => drop(self.sharers.remove(who % count)),
                Step::NewRoster => {
                    self.rosters += 1;
                    self.roster = Roster::new(self.rosters, self.now);
                }
                Step::Pass => self.pass(),
                _ => {}
            }
        }

        fn owners(&self, target: u64) -> usize {
            let sharers = self.sharers.iter();
            sharers.filter(|(share, _)| share.owns(target)).count()
        }
    }

    proptest! {
        /// Scenario: sharers come, go, crash, call and miss answers by chance; the roll is called by one member after the other.
        /// Guarantees: no target is ever scraped by two; when nothing happens any more, each is scraped by one.
        #[test]
        fn no_target_is_scraped_by_two(steps in steps()) {
            let mut town = Town::new();
            town.come();
            for step in &steps {
                town.step(step);
                for target in 0..TARGETS {
                    assert!(town.owners(target) <= 1, "{step:?}");
                }
            }
            if town.sharers.is_empty() {
                town.come();
            }
            for _ in 0..40 {
                for who in 0..town.sharers.len() {
                    town.call(who, true);
                }
                town.now = town.now + SECOND;
            }
            for target in 0..TARGETS {
                assert_eq!(town.owners(target), 1);
            }
        }
    }

    /// Scenario: one of two sharers is silent for longer than a lease, and comes back.
    /// Guarantees: the other has its targets by then; it scrapes none until the other has let go, and they share again.
    #[test]
    fn who_was_silent_takes_nothing_before_the_others_let_go() {
        let mut town = Town::new();
        town.come();
        town.come();
        for _ in 0..20 {
            town.call(0, true);
            town.call(1, true);
            town.now = town.now + SECOND;
        }
        for _ in 0..20 {
            town.call(0, true);
            town.now = town.now + SECOND;
        }
        assert!((0..TARGETS).all(|target| town.sharers[0].0.owns(target)));
        town.call(1, true);
        assert!((0..TARGETS).all(|target| !town.sharers[1].0.owns(target)));
        for _ in 0..3 {
            town.call(0, true);
            town.call(1, true);
            assert!((0..TARGETS).all(|target| town.owners(target) <= 1));
        }
        assert!((0..TARGETS).all(|target| town.owners(target) == 1));
    }

    /// Scenario: more sharers than there may be; then one of them leaves.
    /// Guarantees: the last is refused, and taken once there is room.
    #[test]
    fn there_are_so_many_sharers_and_no_more() {
        let mut roster = Roster::new(1, Moment::ZERO);
        for sharer in 0..SHARERS_MAX as u64 {
            roster
                .call(Moment::ZERO, &Share::new(sharer).call())
                .unwrap();
        }
        let last = Share::new(u64::MAX);
        assert!(roster.call(Moment::ZERO, &last.call()).is_err());
        roster
            .call(Moment::ZERO, &Share::new(0).farewell())
            .unwrap();
        assert!(roster.call(Moment::ZERO, &last.call()).is_ok());
    }

    /// Scenario: others come and go so fast that no roll is settled; then they stay.
    /// Guarantees: a sharer keeps a bounded number of rolls and scrapes nothing meanwhile; in the end it has its share.
    #[test]
    fn rolls_that_are_never_settled_take_no_room() {
        let mut share = Share::new(7);
        let settled = |count: u64, is_settled| {
            Some(Roll {
                number: RollNumber { roster: 1, count },
                sharers: BTreeSet::from([7]),
                is_settled,
            })
        };
        share.hear(Moment::ZERO, settled(1, false));
        share.hear(Moment::ZERO, settled(1, true));
        assert!(share.owns(1));
        for count in 2..100 {
            share.hear(Moment::ZERO, settled(count, false));
        }
        assert!(share.pending.len() <= PENDING_MAX && !share.owns(1));
        share.hear(Moment::ZERO, settled(99, true));
        assert!(share.owns(1));
    }
}
