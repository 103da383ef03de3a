//! Who is connected to whom, and what is sent.

use super::{GATEWAYS, World};
use crate::simulation::clock::MILLI;
use crate::simulation::event::{Event, Payload};
use crate::simulation::network::Place;

impl World {
    /// Sends something, if there is a connection. Says whether there is. A process needs none to itself.
    pub(crate) fn send(&mut self, from: Place, to: Place, payload: Payload) -> bool {
        if from == to {
            self.later(MILLI / 10, Event::Arrived { from, to, payload });
            return true;
        }
        let planned = self.network.send(&mut self.random, self.now, from, to);
        let Some((at, generation)) = planned else {
            return false;
        };
        let event = Event::Deliver {
            from,
            to,
            generation,
            payload,
        };
        self.later(at - self.now, event);
        true
    }

    /// Everybody to whom a place is connected when all is well.
    pub(crate) fn others(&self, place: Place) -> Vec<Place> {
        let samplers = self.samplers.iter().enumerate();
        let running = samplers.filter(|(_, machine)| machine.process.is_some());
        let samplers = running.map(|(node, _)| Place::Sampler(node));
        let gateways = (0..GATEWAYS).map(Place::Gateway);
        let all = [Place::Controllers].into_iter().chain(gateways);
        all.chain(samplers)
            .filter(|&other| {
                let both = (place, other);
                other != place && !matches!(both, (Place::Gateway(_), Place::Gateway(_)))
            })
            .collect()
    }

    pub(crate) fn connect_all(&mut self, place: Place) {
        for other in self.others(place) {
            let after = self.random.u64(MILLI..30 * MILLI);
            self.later(after, Event::Connect { a: place, b: other });
        }
    }

    pub(crate) fn disconnect_all(&mut self, place: Place) {
        for other in self.others(place) {
            self.disconnect(place, other);
        }
    }

    pub(crate) fn disconnect(&mut self, a: Place, b: Place) {
        if !self.network.disconnect(a, b) {
            return;
        }
        self.note(&[12, a.number(), b.number()], || {
            format!("{a:?} and {b:?} are disconnected")
        });
        for (place, other) in [(a, b), (b, a)] {
            if let Place::Sampler(node) = other {
                self.errands_lost(place, node);
            }
        }
        let after = self.random.u64(10 * MILLI..500 * MILLI);
        self.later(after, Event::Connect { a, b });
    }

    pub(super) fn connect(&mut self, a: Place, b: Place) {
        if !self.is_running(a) || !self.is_running(b) || self.network.is_up(a, b) {
            return;
        }
        if self.network.is_blocked(a, b) || self.is_asleep(a) || self.is_asleep(b) {
            return self.later(300 * MILLI, Event::Connect { a, b });
        }
        self.network.connect(a, b);
        self.note(&[13, a.number(), b.number()], || {
            format!("{a:?} and {b:?} are connected")
        });
        match (a, b) {
            (Place::Sampler(one), Place::Sampler(other)) => {
                self.reconnected(one, other);
                self.reconnected(other, one);
            }
            (Place::Controllers, other) | (other, Place::Controllers) => {
                let table = Payload::Table(self.controllers.table.clone());
                self.send(Place::Controllers, other, table);
            }
            _ => {}
        }
    }

    fn is_running(&self, place: Place) -> bool {
        match place {
            Place::Sampler(node) => self.samplers[node].process.is_some(),
            Place::Gateway(_) | Place::Controllers => true,
        }
    }

    pub(crate) fn is_asleep(&self, place: Place) -> bool {
        matches!(place, Place::Sampler(node) if self.samplers[node].asleep.is_some())
    }
}
