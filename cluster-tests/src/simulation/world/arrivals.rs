//! What arrives, and whose it is.

use super::World;
use crate::simulation::event::{Event, Payload};
use crate::simulation::network::Place;
use crate::simulation::wire;
use tailweir_shard::Part;

impl World {
    /// What has arrived is read at once, or when its reader goes on.
    pub(super) fn deliver(&mut self, from: Place, to: Place, payload: Payload) {
        self.dispatch(Event::Arrived { from, to, payload });
    }

    pub(super) fn receive(&mut self, from: Place, to: Place, payload: Payload) {
        let numbers = [10, from.number(), to.number()];
        self.note(&numbers, || {
            format!("{from:?} -> {to:?}: {}", shown(&payload))
        });
        match (to, payload) {
            (
                Place::Sampler(node),
                Payload::Letter {
                    from,
                    to: me,
                    letter,
                },
            ) => self.letter(node, from, me, letter),
            (
                Place::Sampler(node),
                Payload::Part {
                    to,
                    spans,
                    epoch,
                    tenure,
                    patience,
                    ticket,
                },
            ) => {
                let part = Part {
                    spans,
                    epoch,
                    tenure,
                    patience: tailweir_core::Moment::ZERO,
                    ticket,
                };
                self.sampler_brought(node, to, part, patience);
            }
            (Place::Sampler(node), Payload::LogPart { to, part, ticket }) => {
                self.sampler_brought_logs(node, to, part, ticket);
            }
            (Place::Sampler(node), Payload::Registered { life, incarnation }) => {
                self.registered(node, life, incarnation);
            }
            (Place::Sampler(node), Payload::Table(table)) => self.sampler_learned(node, table),
            (Place::Gateway(gateway), Payload::Table(table)) => {
                self.gateway_learned(gateway, table);
            }
            (Place::Gateway(_) | Place::Sampler(_), Payload::Answer { ticket, answer }) => {
                self.errand_answered(ticket, answer);
            }
            (Place::Controllers, payload) => self.controllers_hear(from, payload),
            (to, payload) => self.find(format!("{to:?} was sent {payload:?}")),
        }
    }
}

fn shown(payload: &Payload) -> String {
    match payload {
        Payload::Table(table) => format!("table {}", table.epoch()),
        Payload::Part {
            epoch,
            tenure,
            ticket,
            ..
        } => format!("part {ticket:?} by {epoch}, named {tenure:?}"),
        Payload::LogPart { to, part, ticket } => {
            format!(
                "part {ticket:?} to {to}: {:?}",
                wire::read_part(part.clone())
            )
        }
        Payload::Letter { from, to, letter } => {
            format!("letter of {from} to {to}: {:?}", wire::read(letter.clone()))
        }
        Payload::Answer { ticket, answer } => {
            format!("answer {ticket:?}: {:?}", wire::read_answer(answer.clone()))
        }
        other => format!("{other:?}"),
    }
}
