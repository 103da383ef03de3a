//! Series of one name and type, in the order of a page.

use super::slots::Slots;
use crate::naming::Kind;
use crate::trouble::Trouble;
use std::collections::BTreeMap;
use std::ops::Bound;

/// Bytes of a family beside its texts and series: its place in the tables.
const FAMILY_OVERHEAD: usize = 192;

/// Series that share their name, type and help text.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) name: Box<str>,
    pub(crate) kind: Kind,
    pub(crate) help: Box<str>,
    /// Numbers of its series; those of the dead among them until it is tidied.
    pub(crate) members: Vec<u32>,
    dead: usize,
    is_sorted: bool,
}

/// All families, each with a name of its own.
#[derive(Debug, Default)]
pub(super) struct Families {
    all: Vec<Option<Family>>,
    free: Vec<u32>,
    by_name: BTreeMap<Box<str>, u32>,
}

impl Families {
    /// The family of this name, and the bytes by which it grew the memory: nothing where it is there. A new one has this
    /// type and help text.
    ///
    /// # Errors
    ///
    /// A new one would take more than `room` bytes.
    pub(super) fn obtain(
        &mut self,
        name: &str,
        kind: Kind,
        help: &str,
        room: usize,
    ) -> Result<(u32, usize), Trouble> {
        if let Some(place) = self.by_name.get(name) {
            return Ok((*place, 0));
        }
        let memory = memory_of(name, help);
        if memory > room {
            return Err(Trouble::SeriesLimit);
        }
        let family = Family {
            name: name.into(),
            kind,
            help: help.into(),
            members: Vec::new(),
            dead: 0,
            is_sorted: true,
        };
        let place = match self.free.pop() {
            Some(place) => {
                self.all[place as usize] = Some(family);
                place
            }
            None => {
                self.all.push(Some(family));
                (self.all.len() - 1) as u32
            }
        };
        self.by_name.insert(name.into(), place);
        Ok((place, memory))
    }

    /// The family of this name, if there is one.
    pub(super) fn named(&self, name: &str) -> Option<&Family> {
        self.get(*self.by_name.get(name)?)
    }

    pub(super) fn get(&self, place: u32) -> Option<&Family> {
        self.all.get(place as usize)?.as_ref()
    }

    /// Adds a series.
    pub(super) fn enlist(&mut self, place: u32, slot: u32) {
        if let Some(Some(family)) = self.all.get_mut(place as usize) {
            family.members.push(slot);
            family.is_sorted = false;
        }
    }

    /// Notes that one of the series is gone; forgets a family without any. Answers how many bytes that took.
    pub(super) fn bury(&mut self, place: u32, slots: &mut Slots) -> usize {
        let Some(Some(family)) = self.all.get_mut(place as usize) else {
            return 0;
        };
        family.dead += 1;
        if family.dead == family.members.len() {
            family.members.drain(..).for_each(|slot| slots.free(slot));
            let family = self.all[place as usize].take();
            self.free.push(place);
            return family.map_or(0, |family| {
                self.by_name.remove(&family.name);
                memory_of(&family.name, &family.help)
            });
        }
        if family.dead * 2 > family.members.len() {
            family.drop_dead(slots);
        }
        0
    }

    /// The name after this one, in order.
    pub(super) fn name_after(&self, last: Option<&str>) -> Option<&str> {
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        let mut later = self.by_name.range::<str, _>((from, Bound::Unbounded));
        later.next().map(|(name, _)| &**name)
    }

    /// Puts the members of a family in order.
    pub(super) fn tidy(&mut self, name: &str, slots: &mut Slots) {
        let Some(place) = self.by_name.get(name) else {
            return;
        };
        let Some(Some(family)) = self.all.get_mut(*place as usize) else {
            return;
        };
        family.drop_dead(slots);
        if family.is_sorted {
            return;
        }
        // Nearly sorted as a rule: the new ones are at the end.
        family
            .members
            .sort_by(|left, right| match (slots.get(*left), slots.get(*right)) {
                (Some(left), Some(right)) => left.labels.page_order(&right.labels),
                _ => std::cmp::Ordering::Equal,
            });
        family.is_sorted = true;
    }
}

impl Family {
    fn drop_dead(&mut self, slots: &mut Slots) {
        if self.dead == 0 {
            return;
        }
        self.dead = 0;
        self.members.retain(|slot| {
            let is_alive = slots.get(*slot).is_some();
            if !is_alive {
                slots.free(*slot);
            }
            is_alive
        });
    }
}

/// Bytes of memory of a family with these texts, about. Its name is in the order of the page too.
fn memory_of(name: &str, help: &str) -> usize {
    FAMILY_OVERHEAD + 2 * name.len() + help.len()
}
