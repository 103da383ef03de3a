//! What controllers hear, and the tables that they send.

use super::World;
use crate::simulation::checks;
use crate::simulation::clock::{MILLI, SECOND};
use crate::simulation::defect::Defect;
use crate::simulation::event::{Event, Payload};
use crate::simulation::network::Place;
use tailweir_placement::Incarnation;

impl World {
    pub(super) fn controllers_hear(&mut self, from: Place, payload: Payload) {
        let Place::Sampler(node) = from else { return };
        match payload {
            Payload::Register { life } => {
                let zones = self.course.zones;
                let given = self.controllers.register(self.now, node, life, zones);
                if let Some(incarnation) = given {
                    let payload = Payload::Registered { life, incarnation };
                    self.send(Place::Controllers, from, payload);
                    let table = Payload::Table(self.controllers.table.clone());
                    self.send(Place::Controllers, from, table);
                }
            }
            Payload::Renew { incarnation, epoch } => {
                if let Some(incarnation) = incarnation {
                    self.controllers.renew(self.now, incarnation, epoch);
                }
                if epoch < self.controllers.table.epoch() {
                    let table = Payload::Table(self.controllers.table.clone());
                    self.send(Place::Controllers, from, table);
                }
            }
            Payload::Reports(reports) => self.controllers.report(reports),
            Payload::Drain(member) => self.asked_to_drain(node, member),
            Payload::Evacuate(member) => self.controllers.evacuate(self.now, member),
            Payload::Leave(member) => self.controllers.leave(self.now, member),
            payload => self.find(format!("controllers were sent {payload:?}")),
        }
        self.tell();
    }

    pub(super) fn controllers_tick(&mut self) {
        self.controllers.tick(self.now);
        self.tell();
        self.later(50 * MILLI, Event::Controllers);
    }

    /// A wish to drain. While nobody leads it waits, even when the process that had it is gone.
    pub(crate) fn asked_to_drain(&mut self, node: usize, member: Incarnation) {
        if !self.controllers.have_leader() {
            let pause = self.random.u64(100 * MILLI..SECOND);
            return self.later(pause, Event::Drain { node, member });
        }
        let is_by_name = self.defect == Some(Defect::DrainByName);
        let life = Some(member).filter(|_| !is_by_name);
        self.controllers.drain(self.now, node, life);
    }

    pub(super) fn elected(&mut self) {
        self.note(&[14], || "another controller leads".to_owned());
        self.controllers.elect(&mut self.random, self.now);
    }

    /// Sends a newer table to everybody.
    fn tell(&mut self) {
        let table = self.controllers.table.clone();
        if table.epoch() <= self.told {
            return;
        }
        self.told = table.epoch();
        self.note(&[11, table.epoch().0], || {
            format!("table {}", checks::table(&table))
        });
        for to in self.others(Place::Controllers) {
            let payload = Payload::Table(table.clone());
            self.send(Place::Controllers, to, payload);
        }
    }
}
