//! Slots that change hands: what is waited for, and what leaves.
//!
//! An owner hands over what it knows of a slot as soon as it learns that the slot is another's. Until that has come the next
//! owner takes nothing of the slot and writes nothing, so that a series goes on where it was; but not for longer than
//! [`WAIT`], and not for somebody who is gone.
//!
//! An owner that hands over and hears nothing cannot know whether it was heard. When the slot has moved on by then, it brings the
//! same to the owner after that, who waits for the one in between, which may have gone on from there: what is in doubt only
//! stands in for what comes of that one.

use crate::pipeline::streams::Bundle;
use crate::pipeline::streams::owned::OwnedSlots;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tailweir_core::{Moment, Slot};
use tailweir_placement::{Incarnation, Phase, RoutingTable};

/// How long the totals of a slot are waited for.
const WAIT: Duration = Duration::from_secs(10);
/// Bytes, and slots, that are handed over at a time.
const BATCH_BYTES: usize = 4 << 20;
const BATCH_SLOTS: usize = 4096;

/// What is known of slots that change hands.
pub(super) struct Handover {
    member: Option<Incarnation>,
    /// The newest table that was looked at.
    table: Arc<RoutingTable>,
    owned: OwnedSlots,
    /// Slots whose totals are to come.
    awaited: BTreeMap<Slot, Awaited>,
    leaving: VecDeque<Bundle>,
}

/// Totals that are to come.
#[derive(Debug)]
struct Awaited {
    from: Incarnation,
    /// How long they are waited for.
    until: Moment,
    /// What was known before that owner, if it may have been lost on the way to it.
    stand_in: Option<Bundle>,
}

/// A slot whose totals are waited for no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Freed {
    pub(super) slot: Slot,
    /// What its series go on from; without it they begin anew.
    pub(super) stand_in: Option<Bundle>,
}

/// What a newer table changes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// Slots whose totals are to come.
    pub(super) gained: Vec<Slot>,
    /// Slots whose totals will not come: who had them is gone.
    pub(super) free: Vec<Freed>,
    /// Slots that are another's.
    pub(super) lost: Vec<Slot>,
    /// Slots that are another's before their totals came.
    pub(super) passed_on: Vec<Slot>,
}

impl Handover {
    /// By this table; what the member owns by it is nobody else's.
    pub(super) fn new(table: Arc<RoutingTable>, member: Option<Incarnation>) -> Self {
        Self {
            member,
            owned: OwnedSlots::of(&table, member),
            table,
            awaited: BTreeMap::new(),
            leaving: VecDeque::new(),
        }
    }

    pub(super) fn owns(&self, slot: Slot) -> bool {
        self.owned.has(slot)
    }

    pub(super) fn is_awaited(&self, slot: Slot) -> bool {
        self.awaited.contains_key(&slot)
    }

    /// The totals of a slot have come. Whether they were waited for.
    pub(super) fn arrived(&mut self, slot: Slot) -> bool {
        self.awaited.remove(&slot).is_some()
    }

    /// What is known of a slot has come, but somebody else may have gone on from it. Whether it is still of use.
    pub(super) fn stands_in(&mut self, bundle: &Bundle) -> bool {
        let awaited = self.awaited.get_mut(&bundle.slot);
        awaited.is_some_and(|awaited| {
            awaited.stand_in = Some(bundle.clone());
            true
        })
    }

    /// Looks at a table. Nothing when it is not newer.
    pub(super) fn follow(&mut self, table: &Arc<RoutingTable>, now: Moment) -> Option<Change> {
        if table.epoch() <= self.table.epoch() {
            return None;
        }
        let newest = OwnedSlots::of(table, self.member);
        let mut change = Change::default();
        for slot in newest.but(&self.owned) {
            match self.predecessor(table, slot) {
                Some(from) if is_there(table, from) => {
                    let awaited = Awaited {
                        from,
                        until: now + WAIT,
                        stand_in: None,
                    };
                    self.awaited.insert(slot, awaited);
                    change.gained.push(slot);
                }
                Some(_) => change.free.push(Freed {
                    slot,
                    stand_in: None,
                }),
                None => {}
            }
        }
        for slot in self.owned.but(&newest) {
            match self.awaited.remove(&slot) {
                Some(awaited) => {
                    change.passed_on.push(slot);
                    self.leaving.extend(awaited.stand_in);
                }
                None => change.lost.push(slot),
            }
        }
        let gone = self
            .awaited
            .extract_if(.., |_, it| !is_there(table, it.from));
        change.free.extend(gone.map(Freed::of));
        self.owned = newest;
        self.table = Arc::clone(table);
        Some(change)
    }

    /// Who had a slot, if anybody else had.
    fn predecessor(&self, table: &RoutingTable, slot: Slot) -> Option<Incarnation> {
        let before = self
            .table
            .tenures(slot)
            .map(|tenures| tenures.current().owner);
        let closing = || {
            let closing = table.tenures(slot)?.closing().iter();
            Some(closing.max_by_key(|tenure| tenure.created)?.owner)
        };
        let owner = before.or_else(closing)?;
        (Some(owner) != self.member).then_some(owner)
    }

    /// Slots whose totals have been waited for too long. They are waited for no longer.
    pub(super) fn overdue(&mut self, now: Moment) -> Vec<Freed> {
        let overdue = self.awaited.extract_if(.., |_, it| it.until <= now);
        overdue.map(Freed::of).collect()
    }

    /// When the next slot has been waited for too long.
    pub(super) fn next_overdue(&self) -> Option<Moment> {
        self.awaited.values().map(|it| it.until).min()
    }

    /// What is known of a slot is to be handed over.
    pub(super) fn leave(&mut self, bundle: Bundle) {
        self.leaving.push_back(bundle);
    }

    /// How many slots leave.
    pub(super) fn leaving(&self) -> usize {
        self.leaving.len()
    }

    /// Some of what leaves.
    pub(super) fn take_leaving(&mut self) -> Vec<Bundle> {
        let mut bytes = 0;
        let fits = |bundle: &Bundle| {
            bytes += bundle.body.len();
            bytes <= BATCH_BYTES
        };
        let several = self.leaving.iter().take(BATCH_SLOTS).take_while({
            let mut fits = fits;
            move |bundle| fits(bundle)
        });
        // One that is larger goes by itself.
        let count = several.count().max(1).min(self.leaving.len());
        self.leaving.drain(..count).collect()
    }
}

impl Freed {
    fn of((slot, awaited): (Slot, Awaited)) -> Self {
        Self {
            slot,
            stand_in: awaited.stand_in,
        }
    }
}

fn is_there(table: &RoutingTable, member: Incarnation) -> bool {
    let phase = table.member(member).map(|(_, member)| member.phase);
    !matches!(phase, None | Some(Phase::Down | Phase::Removed))
}

#[cfg(test)]
mod tests {
    use super::{BATCH_BYTES, Freed, Handover, WAIT};
    use crate::pipeline::streams::Bundle;
    use std::sync::Arc;
    use tailweir_core::{Moment, Slot};
    use tailweir_placement::{Command, Incarnation, MemberName, RoutingTable, Weight};

    const NOW: Moment = Moment::ZERO;

    fn register(table: &mut RoutingTable, name: &str) {
        let name = MemberName::new(name).unwrap();
        table.apply(&Command::register(name, "memory:1", "", Weight::ONE));
    }

    /// A table in which these members share the slots.
    fn table(members: usize) -> RoutingTable {
        let mut table = RoutingTable::new(2);
        for name in &["a", "b", "c"][..members] {
            register(&mut table, name);
        }
        table.apply(&Command::Rebalance);
        table
    }

    fn changed(table: &RoutingTable, change: impl FnOnce(&mut RoutingTable)) -> Arc<RoutingTable> {
        let mut newer = table.clone();
        change(&mut newer);
        Arc::new(newer)
    }

    fn of(table: &RoutingTable, member: u64) -> Handover {
        Handover::new(Arc::new(table.clone()), Some(Incarnation(member)))
    }

    fn slots(freed: Vec<Freed>) -> Vec<Slot> {
        freed.into_iter().map(|freed| freed.slot).collect()
    }

    /// Scenario: a member joins and gets a share of the slots of two others.
    /// Guarantees: the others lose exactly what it gains, and it waits for all of it, but not for ever; an older table changes
    /// nothing.
    #[test]
    fn what_one_gains_others_lose() {
        let before = table(2);
        let after = changed(&before, |table| {
            register(table, "c");
            table.apply(&Command::Rebalance);
        });
        let [mut first, mut second, mut third] = [1, 2, 3].map(|member| of(&before, member));
        let gained = third.follow(&after, NOW).unwrap();
        let mut lost = first.follow(&after, NOW).unwrap().lost;
        lost.extend(second.follow(&after, NOW).unwrap().lost);
        lost.sort_unstable();
        assert_eq!(gained.gained, lost);
        assert!(gained.free.is_empty() && !lost.is_empty());
        assert!(
            lost.iter()
                .all(|slot| third.owns(*slot) && third.is_awaited(*slot))
        );
        assert_eq!(third.follow(&Arc::new(before), NOW), None);

        assert!(third.arrived(lost[0]) && !third.arrived(lost[0]));
        assert_eq!(third.next_overdue(), Some(NOW + WAIT));
        assert_eq!(slots(third.overdue(NOW + WAIT)), lost[1..]);
        assert_eq!(third.next_overdue(), None);
    }

    /// Scenario: a member is lost; later another one that was to hand slots over.
    /// Guarantees: nobody is waited for who is gone.
    #[test]
    fn nobody_waits_for_who_is_gone() {
        let before = table(3);
        let without_third = changed(&before, |table| {
            table.apply(&Command::Expire(vec![Incarnation(3)]));
            table.apply(&Command::Rebalance);
        });
        let mut first = of(&before, 1);
        let free = slots(first.follow(&without_third, NOW).unwrap().free);
        assert!(!free.is_empty());
        assert!(
            free.iter()
                .all(|slot| first.owns(*slot) && !first.is_awaited(*slot))
        );

        let draining = changed(&without_third, |table| {
            table.apply(&Command::Drain(Incarnation(2)));
            table.apply(&Command::Rebalance);
        });
        let awaited = first.follow(&draining, NOW).unwrap().gained;
        let gone = changed(&draining, |table| {
            table.apply(&Command::Expire(vec![Incarnation(2)]));
        });
        if !awaited.is_empty() {
            assert_eq!(slots(first.follow(&gone, NOW).unwrap().free), awaited);
        }
    }

    /// Scenario: a member waits for totals of two slots, and is brought doubtful ones of both; those of one slot come, those of the
    /// other never do. Another waits for the same, and its slots move on before anything comes.
    /// Guarantees: doubtful ones stand in only where nothing comes, and go on with a slot that moves on; where nothing is waited
    /// for they are of no use.
    #[test]
    fn doubtful_totals_stand_in() {
        let before = table(2);
        let joined = changed(&before, |table| {
            register(table, "c");
            table.apply(&Command::Rebalance);
        });
        let mut third = of(&before, 3);
        let gained = third.follow(&joined, NOW).unwrap().gained;
        let in_doubt = |slot: Slot| Bundle {
            is_doubtful: true,
            ..Bundle::handed(slot, vec![1].into(), Vec::new())
        };
        let [comes, missing] = [gained[0], gained[1]];
        for slot in [comes, missing] {
            assert!(third.stands_in(&in_doubt(slot)) && third.is_awaited(slot));
        }
        assert!(third.arrived(comes) && !third.stands_in(&in_doubt(comes)));
        let overdue = third.overdue(NOW + WAIT);
        assert_eq!(slots(overdue.clone()), gained[1..]);
        let standing = overdue.into_iter().filter_map(|freed| freed.stand_in);
        assert_eq!(standing.collect::<Vec<_>>(), [in_doubt(missing)]);

        let mut passing = of(&before, 3);
        passing.follow(&joined, NOW);
        assert!(passing.stands_in(&in_doubt(comes)));
        let drained = changed(&joined, |table| {
            table.apply(&Command::Drain(Incarnation(3)));
            table.apply(&Command::Rebalance);
        });
        passing.follow(&drained, NOW);
        assert!(!passing.owns(comes));
        assert_eq!(passing.take_leaving(), [in_doubt(comes)]);
    }

    /// Scenario: slots leave, one of them with more than goes at a time.
    /// Guarantees: they go in order, and the large one by itself.
    #[test]
    fn a_large_slot_goes_by_itself() {
        let mut handover = of(&table(1), 1);
        let sizes = [1, BATCH_BYTES - 1, BATCH_BYTES + 1, 0];
        for (number, size) in sizes.into_iter().enumerate() {
            let slot = Slot::new(number).unwrap();
            handover.leave(Bundle::handed(slot, vec![0; size].into(), Vec::new()));
        }
        let mut batches = Vec::new();
        while handover.leaving() > 0 {
            batches.push(handover.take_leaving().len());
        }
        assert_eq!(batches, [2, 1, 1]);
        assert!(handover.take_leaving().is_empty());
    }
}
