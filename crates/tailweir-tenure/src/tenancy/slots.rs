//! What is known of each slot, found by its number without a search: every message asks, and there are thousands of slots.

use super::of_slot::OfSlot;
use tailweir_core::Slot;

/// The slots that were heard of, in that order. None is ever forgotten; there are 16,384 at most.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Slots<F, V> {
    known: Vec<(Slot, OfSlot<F, V>)>,
    /// By slot: its position in `known` and one, or zero.
    places: Vec<u16>,
}

impl<F, V> Slots<F, V> {
    pub(super) fn new() -> Self {
        Self {
            known: Vec::new(),
            places: Vec::new(),
        }
    }

    fn place(&self, slot: Slot) -> Option<usize> {
        let place = *self.places.get(slot.index())?;
        usize::from(place).checked_sub(1)
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&OfSlot<F, V>> {
        let known = self.known.get(self.place(slot)?)?;
        Some(&known.1)
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut OfSlot<F, V>> {
        let place = self.place(slot)?;
        let known = self.known.get_mut(place)?;
        Some(&mut known.1)
    }

    pub(super) fn get_or_insert_with(
        &mut self,
        slot: Slot,
        new: impl FnOnce() -> OfSlot<F, V>,
    ) -> &mut OfSlot<F, V> {
        let place = self.place(slot).unwrap_or_else(|| {
            self.known.push((slot, new()));
            let length = self.places.len().max(slot.index() + 1);
            self.places.resize(length, 0);
            self.places[slot.index()] = self.known.len() as u16;
            self.known.len() - 1
        });
        &mut self.known[place].1
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(Slot, OfSlot<F, V>)> {
        self.known.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut OfSlot<F, V>> {
        self.known.iter_mut().map(|(_, of)| of)
    }
}
