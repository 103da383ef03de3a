//! Messages of other samplers.

use super::Tenancy;
use super::of_slot::Part;
use crate::copy::Copy;
use crate::{Answer, Effect, Message, Ruling};
use tailweir_core::Moment;
use tailweir_placement::{Epoch, Incarnation, TenureId};

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received<F, V> {
    /// It was dealt with.
    Done,
    /// It is of a view that this node's table does not have yet. Fetch the table and bring it again, within bounds.
    Behind(Message<F, V>),
}

impl<F: Clone, V: Ruling> Tenancy<F, V> {
    /// A message from another sampler.
    pub fn receive(
        &mut self,
        now: Moment,
        from: Incarnation,
        message: Message<F, V>,
        out: &mut Vec<Effect<F, V>>,
    ) -> Received<F, V> {
        match message {
            Message::Record { tenure, view, .. } if self.is_behind(tenure, view) => {
                return Received::Behind(message);
            }
            Message::Record {
                tenure,
                view,
                asked,
                record,
            } => {
                let answer = match self.copy_of(tenure, view) {
                    Some(copy) => copy.store(now, record),
                    None => Answer::Stale(self.epoch(tenure.slot)),
                };
                let message = Message::Answer {
                    tenure,
                    view,
                    asked,
                    answer,
                };
                out.push(Effect::Send { to: from, message });
            }
            Message::Answer {
                tenure,
                view,
                asked,
                answer,
            } => {
                if let Some(owner) = self.owner_of(tenure.slot, tenure.created) {
                    owner.answered(now, from, view, asked, answer, out);
                }
            }
            Message::AskManifest { tenure } => {
                let manifest = self
                    .owner(tenure)
                    .and_then(|owner| owner.holding().manifest(now))
                    .map(|manifest| Message::Manifest { tenure, manifest });
                let message = manifest.unwrap_or(Message::NotYet { tenure });
                out.push(Effect::Send { to: from, message });
            }
            Message::AskRemainder { tenure } => {
                let message = self.remainder(now, tenure);
                out.push(Effect::Send { to: from, message });
            }
            Message::Manifest { tenure, manifest } => {
                if let Some(owner) = self.current_owner(tenure.slot) {
                    owner.gathered(now, tenure.created, manifest, out);
                }
            }
            Message::Remainder { tenure, verdicts } => {
                if let Some(owner) = self.current_owner(tenure.slot) {
                    owner.remainder(now, tenure.created, verdicts, out);
                }
            }
            // The question is put again by `ask_again` and `remind`.
            Message::NotYet { .. } => {}
            Message::Delivered { .. } | Message::NoRoom { .. } => {}
        }
        Received::Done
    }

    fn remainder(&self, now: Moment, tenure: TenureId) -> Message<F, V> {
        let holding = self.owner(tenure).map(|owner| owner.holding());
        let closed = holding.filter(|holding| holding.closed);
        match closed.and_then(|holding| holding.manifest(now)) {
            Some(manifest) => Message::Remainder {
                tenure,
                verdicts: manifest.verdicts,
            },
            None => Message::NotYet { tenure },
        }
    }

    /// Whether a record is of a view that the newest rows do not have yet. Only the view of the tenure is compared: a
    /// change elsewhere in the table must not stop this slot.
    fn is_behind(&self, tenure: TenureId, view: Epoch) -> bool {
        let Some(of) = self.slots.get(tenure.slot) else {
            return view > Epoch(0);
        };
        let row = of.tenures.get(tenure.created);
        view > row.map_or(of.epoch, |row| row.view)
    }

    /// This sampler's copy, if the newest row has that view and names it as the second member.
    fn copy_of(&mut self, tenure: TenureId, view: Epoch) -> Option<&mut Copy<F, V>> {
        match self.part_mut(tenure) {
            Some(Part::Copy(copy)) if copy.view == view => Some(copy),
            Some(Part::Copy(_) | Part::Owner(_)) | None => None,
        }
    }
}
