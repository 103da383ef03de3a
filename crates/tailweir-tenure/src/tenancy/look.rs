//! What a sampler has and is, without a change.

use super::Tenancy;
use super::of_slot::{OfSlot, Part};
use crate::holding::Stage;
use crate::owner::Owner;
use crate::{Fragment, Number, Remaining, Ruling};
use tailweir_core::{Moment, Slot, TraceId};
use tailweir_placement::{Epoch, Incarnation, TenureId};

/// What a sampler is in a tenure, for those who look on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// Its owner; the tenure is not open yet.
    Opens,
    /// Its owner, and takes new traces.
    Serves,
    /// Its owner, and finishes what it has.
    Finishes,
    /// Its owner, and everything in it is over.
    Closed,
    /// Its second member.
    Copies,
    /// Its candidate, without the index.
    Attaches,
}

impl<F: Clone, V: Ruling> Tenancy<F, V> {
    /// Whether a batch of this tenure may be handed to the socket now.
    #[must_use]
    pub fn may_export(&self, now: Moment, tenure: TenureId) -> bool {
        self.owner(tenure)
            .is_some_and(|owner| owner.may_export(now))
    }

    /// Who stores what this sampler takes for a tenure too.
    #[must_use]
    pub fn second(&self, tenure: TenureId) -> Option<Incarnation> {
        self.owner(tenure).and_then(Owner::second)
    }

    /// The view in which this sampler owns a tenure.
    #[must_use]
    pub fn view(&self, tenure: TenureId) -> Option<Epoch> {
        self.owner(tenure).map(Owner::view)
    }

    /// Delivered fragments that a successor would deliver again. The caller stops exporting at a number of them.
    #[must_use]
    pub fn unconfirmed(&self, tenure: TenureId) -> usize {
        self.owner(tenure).map_or(0, |owner| owner.unconfirmed())
    }

    /// The tenure of this slot that this sampler owns and that has fragments of the trace.
    #[must_use]
    pub fn home(&self, slot: Slot, trace: TraceId) -> Option<TenureId> {
        let owners = self.slots.get(slot)?.owners();
        owners
            .filter(|(_, owner)| owner.holding().traces.contains_key(&trace))
            .map(|(created, _)| TenureId { slot, created })
            .next()
    }

    /// The verdict on a trace in any tenure of its slot that this sampler owns.
    #[must_use]
    pub fn owned_verdict(&self, slot: Slot, trace: TraceId) -> Option<&V> {
        let mut owners = self.slots.get(slot)?.owners();
        owners.find_map(|(_, owner)| owner.holding().ruling(trace))
    }

    /// A fragment that this sampler holds.
    #[must_use]
    pub fn fragment(&self, tenure: TenureId, number: Number) -> Option<&Fragment<F>> {
        let held = self.part(tenure)?.holding().fragment(number)?;
        Some(&held.value)
    }

    /// The same as it is sent at `now`.
    #[must_use]
    pub fn remaining(
        &self,
        now: Moment,
        tenure: TenureId,
        number: Number,
    ) -> Option<Remaining<Fragment<F>>> {
        let held = self.part(tenure)?.holding().fragment(number)?;
        Some(held.leave(now))
    }

    /// The fragments of a trace that this sampler holds in a tenure, by number.
    pub fn numbers(&self, tenure: TenureId, trace: TraceId) -> impl Iterator<Item = Number> {
        let part = self.part(tenure);
        let numbers = part.and_then(|part| part.holding().traces.get(&trace));
        numbers.into_iter().flatten().copied()
    }

    /// The tenures of a slot that this sampler owns, and in which it has a fragment of this trace that would not outlive it:
    /// the second member has not confirmed it.
    pub fn unsafe_in(&self, slot: Slot, trace: TraceId) -> impl Iterator<Item = TenureId> {
        let owners = self.slots.get(slot).into_iter().flat_map(OfSlot::owners);
        owners.filter_map(move |(created, owner)| {
            let holding = owner.holding();
            let numbers = holding.traces.get(&trace).into_iter().flatten();
            let mut fragments = numbers.filter_map(|number| holding.fragments.get(number));
            let is_unsafe = fragments.any(|held| held.stage < Stage::Stored);
            is_unsafe.then_some(TenureId { slot, created })
        })
    }

    /// The fragments that this sampler holds of a tenure, in any role.
    pub fn fragments(&self, tenure: TenureId) -> impl Iterator<Item = (Number, &Fragment<F>)> {
        let part = self.part(tenure).into_iter();
        let fragments = part.flat_map(|part| part.holding().fragments.sorted());
        fragments.map(|(&number, held)| (number, &held.fragment.value))
    }

    /// How many fragments this sampler holds, in any role.
    #[must_use]
    pub fn fragment_count(&self) -> usize {
        let parts = self.slots.iter().flat_map(|(_, of)| &of.parts);
        parts.map(|(_, part)| part.holding().fragments.len()).sum()
    }

    /// The verdict on a trace that this sampler holds in a tenure, in any role.
    #[must_use]
    pub fn verdict(&self, tenure: TenureId, trace: TraceId) -> Option<&V> {
        self.part(tenure)?.holding().ruling(trace)
    }

    /// What this sampler is in each tenure that names it.
    pub fn standing(&self) -> impl Iterator<Item = (TenureId, Standing)> {
        let slots = self.slots.iter();
        let parts = slots.flat_map(|(slot, of)| of.parts.iter().map(move |part| (*slot, part)));
        parts.map(|(slot, (created, part))| {
            let standing = match part {
                Part::Owner(owner) => owner.standing(),
                Part::Copy(copy) if copy.attached => Standing::Copies,
                Part::Copy(_) => Standing::Attaches,
            };
            let created = *created;
            (TenureId { slot, created }, standing)
        })
    }
}
