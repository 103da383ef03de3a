//! Samplers of one kind by name: in service, or taken out of it and still there for other members.

use parking_lot::{Mutex, RwLock};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// One sampler of each name, at most. See the module.
pub(super) struct Roster<T> {
    all: RwLock<BTreeMap<Arc<str>, Entry<T>>>,
}

struct Entry<T> {
    sampler: Arc<T>,
    /// Nothing while it is in service.
    departure: Option<Arc<Departure>>,
}

/// How a sampler leaves that was taken out of service. One that comes back and is taken out again has another.
#[derive(Debug)]
pub(crate) struct Departure {
    back: CancellationToken,
    heard: Mutex<Instant>,
}

impl Departure {
    fn begin() -> Self {
        Self {
            back: CancellationToken::new(),
            heard: Mutex::new(Instant::now()),
        }
    }

    /// Cancelled when it is in service again, before anything is asked of it there.
    pub(crate) fn back(&self) -> &CancellationToken {
        &self.back
    }

    /// When another member wrote to it last; else, when it was taken out of service.
    pub(crate) fn heard(&self) -> Instant {
        *self.heard.lock()
    }
}

impl<T> Default for Roster<T> {
    fn default() -> Self {
        Self {
            all: RwLock::default(),
        }
    }
}

impl<T> Roster<T> {
    /// In service from here on, in place of what had the name before, which is returned.
    pub(super) fn enter(&self, name: Arc<str>, sampler: Arc<T>) -> Option<Arc<T>> {
        let entry = Entry {
            sampler,
            departure: None,
        };
        let before = self.all.write().insert(name, entry);
        before.map(|entry| entry.sampler)
    }

    /// Out of service from here on. Nothing where there is none.
    pub(super) fn retire(&self, name: &str) -> Option<Arc<Departure>> {
        let mut all = self.all.write();
        let departure = Arc::new(Departure::begin());
        all.get_mut(name)?.departure = Some(Arc::clone(&departure));
        Some(departure)
    }

    /// The one of this name that leaves is in service again.
    pub(super) fn take_back(&self, name: &str) -> Option<Arc<T>> {
        let mut all = self.all.write();
        let entry = all.get_mut(name)?;
        entry.departure.take()?.back.cancel();
        Some(Arc::clone(&entry.sampler))
    }

    /// Who leaves so is there no more. Says whether it was: it may be back, or another may have its name.
    pub(super) fn forget(&self, name: &str, departure: &Arc<Departure>) -> bool {
        let mut all = self.all.write();
        let found = all.get(name).and_then(|entry| entry.departure.as_ref());
        let is_there = found.is_some_and(|found| Arc::ptr_eq(found, departure));
        if is_there {
            all.remove(name);
        }
        is_there
    }

    /// The one in service.
    pub(super) fn in_service(&self, name: &str) -> Option<Arc<T>> {
        let all = self.all.read();
        let entry = all.get(name).filter(|entry| entry.departure.is_none())?;
        Some(Arc::clone(&entry.sampler))
    }

    /// The one of this name, in service or leaving, to which another member writes.
    pub(super) fn addressee(&self, name: &str) -> Option<Arc<T>> {
        let all = self.all.read();
        let entry = all.get(name)?;
        if let Some(departure) = &entry.departure {
            *departure.heard.lock() = Instant::now();
        }
        Some(Arc::clone(&entry.sampler))
    }

    /// All of them, in service or leaving.
    pub(super) fn all(&self) -> Vec<Arc<T>> {
        let all = self.all.read();
        all.values()
            .map(|entry| Arc::clone(&entry.sampler))
            .collect()
    }

    /// How many there are, in service or leaving.
    pub(super) fn len(&self) -> usize {
        self.all.read().len()
    }
}

#[cfg(test)]
mod tests {
    use super::Roster;
    use std::sync::Arc;

    /// Scenario: a sampler is taken out of service; later another comes that has its name, before the first is gone.
    /// Guarantees: until then it is found by letters and not by parts; from then on the new one is, also when the first is gone.
    #[test]
    fn who_leaves_is_reached_until_another_has_its_name() {
        let roster = Roster::default();
        let (first, second) = (Arc::new(1), Arc::new(2));
        assert_eq!(roster.enter("traces".into(), Arc::clone(&first)), None);
        assert_eq!(roster.in_service("traces"), Some(Arc::clone(&first)));
        let departure = roster.retire("traces").unwrap();
        assert_eq!(roster.in_service("traces"), None);
        assert_eq!(roster.addressee("traces"), Some(Arc::clone(&first)));
        assert_eq!(roster.all(), [Arc::clone(&first)]);

        let replaced = roster.enter("traces".into(), Arc::clone(&second));
        assert_eq!(replaced, Some(first));
        assert!(!roster.forget("traces", &departure));
        assert_eq!(roster.in_service("traces"), Some(second));
        assert_eq!(roster.len(), 1);
        let departure = roster.retire("traces").unwrap();
        assert!(roster.forget("traces", &departure));
        assert_eq!(roster.addressee("traces"), None);
    }

    /// Scenario: a sampler is taken out of service, back, and out again, before its first stay is over.
    /// Guarantees: back it is in service, and nobody who leaves can be taken back twice; the end of the first stay does not end the
    /// second.
    #[test]
    fn who_comes_back_is_not_forgotten() {
        let roster = Roster::default();
        let sampler = Arc::new(1);
        roster.enter("traces".into(), Arc::clone(&sampler));
        assert_eq!(roster.take_back("traces"), None);
        let first = roster.retire("traces").unwrap();
        assert!(!first.back().is_cancelled());
        assert_eq!(roster.take_back("traces"), Some(Arc::clone(&sampler)));
        assert!(first.back().is_cancelled());
        assert_eq!(roster.in_service("traces"), Some(Arc::clone(&sampler)));
        assert_eq!(roster.take_back("traces"), None);

        let second = roster.retire("traces").unwrap();
        assert!(!roster.forget("traces", &first));
        assert_eq!(roster.addressee("traces"), Some(sampler));
        assert!(!second.back().is_cancelled());
        assert!(roster.forget("traces", &second));
    }
}
