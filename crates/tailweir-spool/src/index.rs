//! Which entries are open, who has them, and which reels can go. Knows no file system.

use crate::Place;
use std::collections::BTreeMap;

/// The reels of a spool.
#[derive(Debug, Default)]
pub(crate) struct Index {
    reels: BTreeMap<u64, Reel>,
    bytes: u64,
    entries: u64,
    /// The highest number so far: none is given twice, so that a file that could not be removed is in nobody's way.
    last: u64,
}

#[derive(Debug, Default)]
struct Reel {
    length: u64,
    /// The open entries by their place, and whether somebody has them.
    open: BTreeMap<u64, bool>,
    /// Nothing more is written to it.
    is_sealed: bool,
}

impl Index {
    /// A reel that is there, so long.
    pub(crate) fn begin(&mut self, reel: u64, length: u64) {
        let begun = Reel {
            length,
            ..Reel::default()
        };
        self.reels.insert(reel, begun);
        self.bytes += length;
        self.last = self.last.max(reel);
    }

    /// An open entry at the end of its reel, which it makes so much longer.
    pub(crate) fn add(&mut self, place: Place, length: u64, is_claimed: bool) {
        if let Some(reel) = self.reels.get_mut(&place.reel) {
            reel.length += length;
            reel.open.insert(place.at, is_claimed);
            self.bytes += length;
            self.entries += 1;
        }
    }

    /// The reel that is written to, and how long it is.
    pub(crate) fn newest(&self) -> Option<(u64, u64)> {
        let (number, reel) = self.reels.last_key_value()?;
        (!reel.is_sealed).then_some((*number, reel.length))
    }

    /// A number for another reel.
    pub(crate) fn next_number(&mut self) -> u64 {
        self.last = self.last.saturating_add(1);
        self.last
    }

    /// Nothing more is written to this reel. Answers whether it can go.
    pub(crate) fn seal(&mut self, number: u64) -> bool {
        let reel = self.reels.get_mut(&number);
        reel.is_some_and(|reel| {
            reel.is_sealed = true;
            reel.open.is_empty()
        })
    }

    /// Whether every entry of this reel is done.
    pub(crate) fn is_spent(&self, number: u64) -> bool {
        let reel = self.reels.get(&number);
        reel.is_some_and(|reel| reel.open.is_empty())
    }

    /// The entry is done. Answers whether its reel can go.
    pub(crate) fn done(&mut self, place: Place) -> bool {
        let Some(reel) = self.reels.get_mut(&place.reel) else {
            return false;
        };
        if reel.open.remove(&place.at).is_none() {
            return false;
        }
        self.entries -= 1;
        reel.is_sealed && reel.open.is_empty()
    }

    /// The reel is gone.
    pub(crate) fn forget(&mut self, number: u64) {
        if let Some(reel) = self.reels.remove(&number) {
            self.bytes -= reel.length;
            self.entries -= reel.open.len() as u64;
        }
    }

    /// The oldest open entry behind this place that nobody has, and how long its reel is.
    pub(crate) fn unclaimed_behind(&self, behind: Option<Place>) -> Option<(Place, u64)> {
        let first = behind.map_or(0, |place| place.reel);
        let reels = self.reels.range(first..);
        let mut unclaimed = reels.flat_map(|(&number, reel)| {
            let from = behind.filter(|behind| behind.reel == number);
            let from = from.map_or(0, |behind| behind.at + 1);
            let open = reel.open.range(from..).filter(|(_, taken)| !**taken);
            open.map(move |(&at, _)| {
                let place = Place { reel: number, at };
                (place, reel.length)
            })
        });
        unclaimed.next()
    }

    /// Somebody has the entry, or gave it back.
    pub(crate) fn set_claimed(&mut self, place: Place, is_claimed: bool) {
        let reel = self.reels.get_mut(&place.reel);
        if let Some(known) = reel.and_then(|reel| reel.open.get_mut(&place.at)) {
            *known = is_claimed;
        }
    }

    /// Bytes of all reels.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Open entries.
    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::Index;
    use crate::Place;

    /// Scenario: the only entry of a reel is done while the reel is still written to; then nothing more is written to it.
    /// Guarantees: it stays for the next entry, so that a quick queue needs one file, and goes once it is sealed.
    #[test]
    fn a_reel_stays_as_long_as_it_is_written_to() {
        let mut index = Index::default();
        let reel = index.next_number();
        index.begin(reel, 8);
        let place = Place { reel, at: 8 };
        index.add(place, 30, true);
        assert!(!index.done(place), "it would be removed");
        assert_eq!(index.newest(), Some((reel, 38)));
        assert!(index.seal(reel) && index.newest().is_none());
    }
}
