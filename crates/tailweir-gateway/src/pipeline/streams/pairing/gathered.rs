//! Halves that wait to be brought to those who pair them.

use crate::pipeline::streams::Bundle;
use bytes::Bytes;
use std::collections::BTreeMap;
use tailweir_connect::CutHalves;
use tailweir_core::Slot;
use tailweir_export::Amount;

/// Bytes that wait at most; past it halves are left out, and counted.
const BYTES_MAX: usize = 16 << 20;

/// Halves by slot, each slot's as a request of traces.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    requests: BTreeMap<Slot, Vec<u8>>,
    bytes: usize,
    without_room: u64,
    without_service: u64,
}

impl Gathered {
    /// Puts halves to those that wait, all of them or none.
    pub(super) fn put(&mut self, cut: CutHalves<Slot>) {
        self.without_service += cut.without_service;
        if self.bytes > BYTES_MAX {
            self.without_room += cut.halves;
            return;
        }
        for (slot, request) in cut.requests {
            self.bytes += request.len();
            // One request behind the other is a request.
            self.requests.entry(slot).or_default().extend(request);
        }
    }

    /// Takes everything out.
    pub(super) fn take(&mut self) -> Vec<Bundle> {
        self.bytes = 0;
        let requests = std::mem::take(&mut self.requests).into_iter();
        let bundles = requests.map(|(slot, request)| of_halves(slot, request.into()));
        bundles.collect()
    }

    /// Bytes that wait.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes as u64
    }

    /// Halves that were left out for want of room.
    pub(super) fn without_room(&self) -> u64 {
        self.without_room
    }

    /// Spans that were left out for want of a service.
    pub(super) fn without_service(&self) -> u64 {
        self.without_service
    }
}

/// Halves are in no books: the spans that they were cut out of are.
pub(super) fn of_halves(slot: Slot, body: Bytes) -> Bundle {
    Bundle {
        slot,
        body,
        amount: Amount::default(),
        handed: None,
        is_doubtful: false,
    }
}

#[cfg(test)]
mod tests {
    use super::{BYTES_MAX, Gathered};
    use std::collections::BTreeMap;
    use tailweir_connect::CutHalves;
    use tailweir_core::Slot;

    fn cut(slot: usize, bytes: usize, halves: u64) -> CutHalves<Slot> {
        CutHalves {
            requests: BTreeMap::from([(Slot::new(slot).unwrap(), vec![7; bytes])]),
            halves,
            without_service: 1,
        }
    }

    /// Scenario: halves of two slots come, more than there is room for; what waits is taken, and more comes.
    /// Guarantees: the halves of a slot leave together; what finds no room is counted, and there is room again behind.
    #[test]
    fn halves_without_room_are_counted() {
        let mut gathered = Gathered::default();
        gathered.put(cut(1, 10, 1));
        gathered.put(cut(1, BYTES_MAX, 3));
        gathered.put(cut(2, 10, 5));
        assert_eq!(gathered.bytes(), 10 + BYTES_MAX as u64);
        assert_eq!(
            (gathered.without_room(), gathered.without_service()),
            (5, 3)
        );
        let taken = gathered.take();
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].body.len(), 10 + BYTES_MAX);
        gathered.put(cut(2, 10, 5));
        assert_eq!((gathered.take().len(), gathered.without_room()), (1, 5));
    }
}
