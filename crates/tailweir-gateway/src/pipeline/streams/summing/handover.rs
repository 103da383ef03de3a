//! Slots that change hands: what is waited for, and what leaves.
//!
//! An owner hands over what it knows of a slot as soon as it learns that the slot is another's. Until that has come the next
//! owner takes nothing of the slot and writes nothing, so that a series goes on where it was; but not for longer than
//! [`WAIT`], and not for somebody who is gone.

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
    /// Slots whose totals are to come, from whom, and until when they are waited for.
    awaited: BTreeMap<Slot, (Incarnation, Moment)>,
    leaving: VecDeque<Bundle>,
}

/// What a newer table changes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// Slots whose totals are to come.
    pub(super) gained: Vec<Slot>,
    /// Slots whose totals will not come: who had them is gone.
    pub(super) free: Vec<Slot>,
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
                    self.awaited.insert(slot, (from, now + WAIT));
                    change.gained.push(slot);
                }
                Some(_) => change.free.push(slot),
                None => {}
            }
        }
        for slot in self.owned.but(&newest) {
            match self.awaited.remove(&slot) {
                Some(_) => change.passed_on.push(slot),
                None => change.lost.push(slot),
            }
        }
        self.awaited.retain(|slot, (from, _)| {
            let stays = is_there(table, *from);
            if !stays {
                change.free.push(*slot);
            }
            stays
        });
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
    pub(super) fn overdue(&mut self, now: Moment) -> Vec<Slot> {
        let overdue = self.awaited.extract_if(.., |_, (_, until)| *until <= now);
        overdue.map(|(slot, _)| slot).collect()
    }

    /// When the next slot has been waited for too long.
    pub(super) fn next_overdue(&self) -> Option<Moment> {
        self.awaited.values().map(|(_, until)| *until).min()
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

fn is_there(table: &RoutingTable, member: Incarnation) -> bool {
    let phase = table.member(member).map(|(_, member)| member.phase);
    !matches!(phase, None | Some(Phase::Down | Phase::Removed))
}

#[cfg(test)]
mod tests {
    use super::{BATCH_BYTES, Handover, WAIT};
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
        assert_eq!(third.overdue(NOW + WAIT), lost[1..]);
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
        let change = first.follow(&without_third, NOW).unwrap();
        assert!(!change.free.is_empty());
        assert!(
            change
                .free
                .iter()
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
            assert_eq!(first.follow(&gone, NOW).unwrap().free, awaited);
        }
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
