//! One slot, as a sampler knows it: its newest rows, and what this sampler is in each of its tenures.

use crate::copy::Copy;
use crate::holding::Holding;
use crate::owner::{Admission, Owner};
use crate::{Effect, Reply, Ruling};
use tailweir_core::{Moment, Slot, TraceId};
use tailweir_placement::{Epoch, Incarnation, Second, Tenure, TenureId, Tenures};

/// The newest rows of a slot, and the parts that this sampler has in them, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct OfSlot<F, V> {
    pub(super) epoch: Epoch,
    pub(super) tenures: Tenures,
    pub(super) parts: Vec<(Epoch, Part<F, V>)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(
    clippy::large_enum_variant,
    reason = "every record looks into a copy, and most parts are one: a box would be one more place to wait for"
)]
pub(super) enum Part<F, V> {
    Owner(Box<Owner<F, V>>),
    Copy(Copy<F, V>),
}

impl<F: Clone, V: Ruling> Part<F, V> {
    /// Whether it owns fragments that its second member did not confirm.
    fn has_unconfirmed(&self) -> bool {
        match self {
            Self::Owner(owner) => owner.has_pending(),
            Self::Copy(_) => false,
        }
    }
}

impl<F: Clone, V: Ruling> OfSlot<F, V> {
    /// A sampler that no row names any more holds nothing: another answers for the tenure.
    pub(super) fn leave_unnamed(
        &mut self,
        slot: Slot,
        me: Incarnation,
        out: &mut Vec<Effect<F, V>>,
    ) {
        let tenures = &self.tenures;
        self.parts.retain(|(created, part)| {
            let created = *created;
            let stays = tenures.get(created).is_some_and(|row| row.names(me));
            if !stays {
                let tenure = TenureId { slot, created };
                let unconfirmed = part.has_unconfirmed();
                out.push(Effect::Drop {
                    tenure,
                    unconfirmed,
                });
            }
            stays
        });
    }

    /// Becomes what the row says, from what this sampler was.
    ///
    /// Rows may have been skipped, so the state of another role may be stale. Only two kinds are good: that of an owner
    /// that stays one, for the controllers take no tenure away from a member in step and give it back without a copy;
    /// and that of a copy, in its own view or promoted from it.
    pub(super) fn take_part(
        &mut self,
        slot: Slot,
        row: &Tenure,
        me: Incarnation,
        one_copy: bool,
        out: &mut Vec<Effect<F, V>>,
    ) {
        let (owns, created) = (row.owner == me, row.created);
        let id = TenureId { slot, created };
        let place = self.parts.binary_search_by_key(&created, |part| part.0);
        let before = place.ok().map(|at| self.parts.remove(at).1);
        let part = match before {
            // Nobody could have acted in the tenure without this member in step: it begins empty.
            None if owns => Part::Owner(Box::new(Owner::new(id, row, one_copy))),
            Some(Part::Owner(owner)) if owns => Part::Owner(owner),
            Some(Part::Copy(copy)) if owns && copy.attached => {
                Part::Owner(Box::new(Owner::promote(copy, id, row, one_copy, out)))
            }
            Some(Part::Copy(copy)) if owns || copy.view == row.view => Part::Copy(copy),
            stale => {
                if let Some(part) = stale {
                    let (tenure, unconfirmed) = (id, part.has_unconfirmed());
                    out.push(Effect::Drop {
                        tenure,
                        unconfirmed,
                    });
                }
                let begins = row.view == row.created && matches!(row.second, Second::Replica(_));
                Part::Copy(Copy::new(row.view, begins))
            }
        };
        let place = place.unwrap_or_else(|place| place);
        self.parts.insert(place, (created, part));
    }

    /// The tenure that a fragment without a named one is for: the current one, or else a closing one that has its trace.
    pub(super) fn tenure_for(&self, me: Incarnation, trace: TraceId) -> Option<Epoch> {
        let current = self.tenures.current();
        if current.owner == me {
            return Some(current.created);
        }
        let mut owners = self.owners();
        owners
            .find(|(_, owner)| owner.admission(trace) != Admission::Moved)
            .map(|(created, _)| created)
    }

    pub(super) fn pinned(&self, slot: Slot, created: Epoch) -> Option<Reply> {
        Some(Reply::Pinned {
            tenure: TenureId { slot, created },
            owner: self.tenures.get(created)?.owner,
            epoch: self.epoch,
        })
    }

    /// The tenures that this sampler owns, newest first.
    pub(super) fn owners(&self) -> impl Iterator<Item = (Epoch, &Owner<F, V>)> {
        let parts = self.parts.iter().rev();
        parts.filter_map(|(created, part)| match part {
            Part::Owner(owner) => Some((*created, &**owner)),
            Part::Copy(_) => None,
        })
    }

    pub(super) fn part(&self, created: Epoch) -> Option<&Part<F, V>> {
        let mut parts = self.parts.iter();
        let found = parts.find(|(of, _)| *of == created)?;
        Some(&found.1)
    }

    pub(super) fn part_mut(&mut self, created: Epoch) -> Option<&mut Part<F, V>> {
        let mut parts = self.parts.iter_mut();
        let found = parts.find(|(of, _)| *of == created)?;
        Some(&mut found.1)
    }

    pub(super) fn owner(&self, created: Epoch) -> Option<&Owner<F, V>> {
        match self.part(created)? {
            Part::Owner(owner) => Some(owner),
            Part::Copy(_) => None,
        }
    }

    pub(super) fn owner_mut(&mut self, created: Epoch) -> Option<&mut Owner<F, V>> {
        match self.part_mut(created)? {
            Part::Owner(owner) => Some(owner),
            Part::Copy(_) => None,
        }
    }

    /// Forgets old verdicts of the current tenure.
    pub(super) fn expire(&mut self, now: Moment) {
        let current = self.tenures.current().created;
        if let Some(part) = self.part_mut(current) {
            part.holding_mut().expire(now);
        }
    }
}

impl<F: Clone, V: Ruling> Part<F, V> {
    pub(super) fn holding(&self) -> &Holding<F, V> {
        match self {
            Self::Owner(owner) => owner.holding(),
            Self::Copy(copy) => &copy.holding,
        }
    }

    pub(super) fn holding_mut(&mut self) -> &mut Holding<F, V> {
        match self {
            Self::Owner(owner) => owner.holding_mut(),
            Self::Copy(copy) => &mut copy.holding,
        }
    }
}
