//! The series of exceptions, in parts that are small enough to be written one at a time.

use crate::series::{Arrival, Found, Series, Table};
use std::hash::BuildHasher as _;
use std::time::Duration;
use tailweir_core::{Moment, SeededState};
use tailweir_otlp::AttributeSet;

/// How many parts there are.
pub(super) const PARTS: usize = 64;
/// The part with the series of all that find no room.
const REST: usize = 0;
/// Bytes that all series may take together. Past it, new combinations of dimensions are counted in the
/// series of the rest.
pub(super) const MEMORY_MAX: usize = 64 << 20;

/// Series by key, each in the part that a hash of its key names. Bounded in memory.
#[derive(Debug)]
pub(super) struct Parts {
    tables: Vec<Table>,
    places: SeededState,
    memory: usize,
}

impl Parts {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            tables: (0..PARTS).map(|_| Table::new(0, seed)).collect(),
            // Another seed than within a part, where all keys would have hashes that are alike.
            places: SeededState::new(!seed),
            memory: 0,
        }
    }

    /// How many series there are, that of the rest included.
    pub(super) fn len(&self) -> usize {
        self.tables.iter().map(Table::len).sum()
    }

    /// Bytes that they take, about.
    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    /// The series of this key; when there is none a new one that began at `start`, or that of the rest.
    pub(super) fn get_or_insert(
        &mut self,
        key: &[u8],
        moment: Moment,
        start: u64,
        attributes: impl FnOnce() -> AttributeSet,
    ) -> Found<'_> {
        let has_room = self.memory < MEMORY_MAX;
        let place = self.place(key);
        let place = match has_room || self.tables[place].get_mut(key).is_some() {
            true => place,
            false => REST,
        };
        let arrival = Arrival {
            moment,
            unix_nanos: start,
            has_room,
        };
        let found = self.tables[place].get_or_insert(key, arrival, None, attributes);
        self.memory += found.grown;
        found
    }

    /// The series of this key, that of the rest without one, if it is there.
    pub(super) fn get_mut(&mut self, key: Option<&[u8]>) -> Option<&mut Series> {
        match key {
            Some(key) => {
                let place = self.place(key);
                self.tables[place].get_mut(key)
            }
            None => self.tables[REST].rest_mut(),
        }
    }

    fn place(&self, key: &[u8]) -> usize {
        (self.places.hash_one(key) % PARTS as u64) as usize
    }

    /// Every series.
    pub(super) fn each(&mut self) -> impl Iterator<Item = &mut Series> {
        let tables = self.tables.iter_mut();
        tables.flat_map(|table| table.each().map(|(_, series)| series))
    }

    /// Every series of one part.
    pub(super) fn each_of(&mut self, part: usize) -> impl Iterator<Item = &mut Series> {
        self.tables[part].each().map(|(_, series)| series)
    }

    /// Forgets the series of a part that were not seen for so long. Answers whether there was one.
    pub(super) fn expire(&mut self, part: usize, now: Moment, after: Duration) -> bool {
        let freed = self.tables[part].expire(now, after);
        self.memory = self.memory.saturating_sub(freed);
        freed > 0
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.tables.iter_mut().for_each(Table::clear);
        self.memory = 0;
    }
}
