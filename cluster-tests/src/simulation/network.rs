//! Connections between places: ordered in each direction, late, and now and then broken.

use super::clock::{MILLI, SECOND, Time};
use super::event::Payload;
use fastrand::Rng;
use std::collections::{BTreeMap, BTreeSet};

/// Who sends or receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Place {
    /// The controllers, as one.
    Controllers,
    /// A gateway.
    Gateway(usize),
    /// A sampler: the machine, not the process.
    Sampler(usize),
}

impl Place {
    /// A number for the history.
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Controllers => 0,
            Self::Gateway(at) => 100 + at as u64,
            Self::Sampler(at) => 200 + at as u64,
        }
    }
}

/// One direction of a connection.
#[derive(Debug, Default)]
struct Way {
    /// Nothing arrives before what was sent before.
    free: Time,
    /// What a partition holds back. TCP sends it again when the partition ends, if the connection lives so long.
    stalled: Vec<Payload>,
    /// Added to each delay.
    slow: Time,
}

#[derive(Debug, Default)]
struct Connection {
    /// How often it was made.
    generation: u64,
    is_up: bool,
}

/// All connections.
#[derive(Debug, Default)]
pub(crate) struct Network {
    ways: BTreeMap<(Place, Place), Way>,
    connections: BTreeMap<(Place, Place), Connection>,
    blocked: BTreeSet<(Place, Place)>,
}

fn pair(a: Place, b: Place) -> (Place, Place) {
    (a.min(b), a.max(b))
}

impl Network {
    /// When something sent now arrives, and on which connection; nothing when there is none.
    pub(crate) fn send(
        &mut self,
        random: &mut Rng,
        now: Time,
        from: Place,
        to: Place,
    ) -> Option<(Time, u64)> {
        let connection = self.connections.get(&pair(from, to))?;
        if !connection.is_up {
            return None;
        }
        let way = self.ways.entry((from, to)).or_default();
        let delay = match (from, to) {
            // Tables are pushed through a stream that has others to serve.
            (Place::Controllers, _) => random.u64(MILLI..100 * MILLI),
            _ if random.u8(..20) == 0 => random.u64(MILLI..60 * MILLI),
            _ => random.u64(MILLI / 5..4 * MILLI),
        };
        let at = (now + delay + way.slow).max(way.free + 1);
        way.free = at;
        Some((at, connection.generation))
    }

    /// What arrives, unless its connection is gone or a partition holds it back.
    pub(crate) fn arrive(
        &mut self,
        from: Place,
        to: Place,
        generation: u64,
        payload: Payload,
    ) -> Option<Payload> {
        if !self.is_live(from, to, generation) {
            return None;
        }
        if self.blocked.contains(&(from, to)) {
            let way = self.ways.entry((from, to)).or_default();
            way.stalled.push(payload);
            return None;
        }
        Some(payload)
    }

    /// Whether the connection of this number is still there.
    pub(crate) fn is_live(&self, a: Place, b: Place, generation: u64) -> bool {
        let connection = self.connections.get(&pair(a, b));
        connection.is_some_and(|found| found.is_up && found.generation == generation)
    }

    pub(crate) fn is_up(&self, a: Place, b: Place) -> bool {
        let connection = self.connections.get(&pair(a, b));
        connection.is_some_and(|found| found.is_up)
    }

    /// The number of the connection, if there is one.
    pub(crate) fn generation(&self, a: Place, b: Place) -> Option<u64> {
        let connection = self.connections.get(&pair(a, b))?;
        connection.is_up.then_some(connection.generation)
    }

    /// Makes the connection. Says whether it was not there.
    pub(crate) fn connect(&mut self, a: Place, b: Place) -> bool {
        let connection = self.connections.entry(pair(a, b)).or_default();
        if connection.is_up {
            return false;
        }
        connection.is_up = true;
        connection.generation += 1;
        true
    }

    /// Breaks the connection, with everything that is under way on it. Says whether it was there.
    pub(crate) fn disconnect(&mut self, a: Place, b: Place) -> bool {
        for way in [(a, b), (b, a)] {
            if let Some(way) = self.ways.get_mut(&way) {
                way.stalled.clear();
            }
        }
        let connection = self.connections.entry(pair(a, b)).or_default();
        std::mem::take(&mut connection.is_up)
    }

    pub(crate) fn is_blocked(&self, a: Place, b: Place) -> bool {
        self.blocked.contains(&(a, b)) || self.blocked.contains(&(b, a))
    }

    pub(crate) fn block(&mut self, from: Place, to: Place) {
        self.blocked.insert((from, to));
    }

    /// Ends a partition in one direction. What was held back goes on its way again.
    pub(crate) fn unblock(&mut self, from: Place, to: Place) -> Vec<Payload> {
        self.blocked.remove(&(from, to));
        let way = self.ways.entry((from, to)).or_default();
        std::mem::take(&mut way.stalled)
    }

    pub(crate) fn slow(&mut self, from: Place, to: Place, by: Time) {
        self.ways.entry((from, to)).or_default().slow = by;
    }

    /// Whether every pair that should be connected is, in both directions.
    pub(crate) fn is_whole(&self) -> bool {
        self.blocked.is_empty() && self.connections.values().all(|found| found.is_up)
    }

    pub(crate) fn has_blocked(&self) -> bool {
        !self.blocked.is_empty()
    }

    /// Forgets the connections of a place that is gone for good.
    pub(crate) fn forget(&mut self, place: Place) {
        self.connections
            .retain(|&(a, b), _| a != place && b != place);
    }
}

/// How long a connection lives that carries nothing: 5 s until a sign of life is asked for, 5 s until it is missed.
pub(crate) fn keepalive(random: &mut Rng) -> Time {
    random.u64(5 * SECOND..10 * SECOND)
}
