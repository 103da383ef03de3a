//! Who can step in when a member of a tenure has to be replaced.

use crate::{Incarnation, Member, MemberName, Ring};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tailweir_core::Slot;

/// The members that can copy a tenure, in each slot's order.
pub(crate) struct Candidates {
    ring: Ring,
    places: Vec<Incarnation>,
    members: HashMap<Incarnation, (MemberName, Arc<str>)>,
}

impl Candidates {
    pub(crate) fn new(members: &BTreeMap<MemberName, Member>) -> Self {
        let ring = Ring::new(members.iter().filter(|(_, member)| member.can_copy()));
        let places = ring.names().map(|name| members[name].incarnation).collect();
        let all = members.iter();
        let members = all
            .map(|(name, member)| (member.incarnation, (name.clone(), member.zone.clone())))
            .collect();
        Self {
            ring,
            places,
            members,
        }
    }

    /// The first in the slot's order.
    pub(crate) fn first(&self, slot: Slot) -> Option<Incarnation> {
        self.ring.walk(slot).next().map(|place| self.places[place])
    }

    /// The first that may copy what the owner has of a slot and is not the one to be replaced.
    pub(crate) fn beside(
        &self,
        slot: Slot,
        owner: Incarnation,
        former: Option<Incarnation>,
    ) -> Option<Incarnation> {
        let is_meant = |place: usize| {
            let member = self.places[place];
            (Some(member) != former && member != owner).then_some(member)
        };
        let Some((name, zone)) = self.members.get(&owner) else {
            // Another process has its name.
            return self.ring.walk(slot).find_map(is_meant);
        };
        match self.ring.place(name) {
            Some(place) => self.ring.beside(place, slot).find_map(is_meant),
            None => {
                let mut order = self.ring.beside_stranger(name, zone, slot);
                order.find_map(is_meant)
            }
        }
    }
}
