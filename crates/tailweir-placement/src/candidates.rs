//! Who can step in when a member of a tenure has to be replaced.

use crate::{Incarnation, Member, MemberName, Ring};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tailweir_core::Slot;

/// The members that can copy a tenure, in each slot's order.
pub(crate) struct Candidates {
    ring: Ring,
    places: Vec<Incarnation>,
    zones: HashMap<Incarnation, Arc<str>>,
}

impl Candidates {
    pub(crate) fn new(members: &BTreeMap<MemberName, Member>) -> Self {
        let ring = Ring::new(members.iter().filter(|(_, member)| member.can_copy()));
        let places = ring.names().map(|name| members[name].incarnation).collect();
        let zones = members
            .values()
            .map(|member| (member.incarnation, member.zone.clone()))
            .collect();
        Self {
            ring,
            places,
            zones,
        }
    }

    /// The first in the slot's order.
    pub(crate) fn first(&self, slot: Slot) -> Option<Incarnation> {
        self.ring.walk(slot).next().map(|place| self.places[place])
    }

    /// The first in the slot's order that is neither the owner nor the one to be replaced, in another zone than the
    /// owner where there is one.
    pub(crate) fn beside(
        &self,
        slot: Slot,
        owner: Incarnation,
        former: Option<Incarnation>,
    ) -> Option<Incarnation> {
        let mut same_zone = None;
        for place in self.ring.walk(slot) {
            let member = self.places[place];
            if member == owner || Some(member) == former {
                continue;
            }
            if self.zones.get(&member) != self.zones.get(&owner) {
                return Some(member);
            }
            same_zone = same_zone.or(Some(member));
        }
        same_zone
    }
}
