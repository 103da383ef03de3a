//! Which ways have taken a load, remembered while it is offered again.

/// The ways of a fan-out that have taken a load, so that none of them gets twice what others refused.
///
/// A tree, because a way may lead to a fan-out of its own, some of whose ways have taken the load: each stage that hands a load on
/// more than once has a level of it. Ways go by names that hold as long as the configuration calls them so, and not by
/// positions: what is held outlives a reload, and is offered to other stages then. A stage that does not find its
/// ways here offers to all of them: rather twice than never.
#[derive(Debug, Default)]
pub(crate) struct WaysTaken {
    /// Takes no memory for a load that nobody has refused.
    ways: Vec<(Box<str>, Extent)>,
}

/// How far a load has gone one way.
#[derive(Debug)]
enum Extent {
    /// All of it was taken.
    Whole,
    /// These ways behind it have taken it.
    Within(WaysTaken),
}

impl WaysTaken {
    /// Whether nothing is remembered.
    pub(crate) fn is_empty(&self) -> bool {
        self.ways.is_empty()
    }

    /// Whether this way has taken the load, with all that is behind it.
    pub(crate) fn has(&self, name: &str) -> bool {
        let mut ways = self.ways.iter();
        ways.any(|(known, extent)| **known == *name && matches!(extent, Extent::Whole))
    }

    /// This way has taken the load, with all that is behind it.
    pub(crate) fn add(&mut self, name: &str) {
        self.set(name, Extent::Whole);
    }

    /// Of what is behind this way, these have taken the load.
    pub(crate) fn add_within(&mut self, name: &str, within: Self) {
        if !within.is_empty() {
            self.set(name, Extent::Within(within));
        }
    }

    /// Takes out what of that which is behind this way has taken the load. It goes there with the load.
    pub(crate) fn take_within(&mut self, name: &str) -> Self {
        let found = self.ways.iter_mut().find(|(known, _)| **known == *name);
        match found {
            Some((_, Extent::Within(within))) => std::mem::take(within),
            Some((_, Extent::Whole)) | None => Self::default(),
        }
    }

    fn set(&mut self, name: &str, extent: Extent) {
        let found = self.ways.iter_mut().find(|(known, _)| **known == *name);
        match found {
            Some((_, known)) => *known = extent,
            None => self.ways.push((name.into(), extent)),
        }
    }
}
