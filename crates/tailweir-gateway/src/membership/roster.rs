//! Samplers of one kind by name: in service, or taken out of it and still there for other members.

use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One sampler of each name, at most. See the module.
pub(super) struct Roster<T> {
    all: RwLock<BTreeMap<Arc<str>, Entry<T>>>,
}

struct Entry<T> {
    sampler: Arc<T>,
    is_leaving: bool,
}

impl<T> Default for Roster<T> {
    fn default() -> Self {
        Self {
            all: RwLock::default(),
        }
    }
}

impl<T> Roster<T> {
    /// In service from here on, in place of what had the name before.
    pub(super) fn enter(&self, name: Arc<str>, sampler: Arc<T>) {
        let entry = Entry {
            sampler,
            is_leaving: false,
        };
        self.all.write().insert(name, entry);
    }

    /// Out of service from here on.
    pub(super) fn retire(&self, name: &str) {
        if let Some(entry) = self.all.write().get_mut(name) {
            entry.is_leaving = true;
        }
    }

    /// There no more. Says whether it was: another may have its name by now.
    pub(super) fn forget(&self, name: &str, sampler: &Arc<T>) -> bool {
        let mut all = self.all.write();
        let found = all.get(name);
        let is_there = found.is_some_and(|entry| Arc::ptr_eq(&entry.sampler, sampler));
        if is_there {
            all.remove(name);
        }
        is_there
    }

    /// The one in service.
    pub(super) fn in_service(&self, name: &str) -> Option<Arc<T>> {
        let all = self.all.read();
        let entry = all.get(name).filter(|entry| !entry.is_leaving)?;
        Some(Arc::clone(&entry.sampler))
    }

    /// The one of this name, in service or leaving.
    pub(super) fn any(&self, name: &str) -> Option<Arc<T>> {
        let all = self.all.read();
        all.get(name).map(|entry| Arc::clone(&entry.sampler))
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
        roster.enter("traces".into(), Arc::clone(&first));
        assert_eq!(roster.in_service("traces"), Some(Arc::clone(&first)));
        roster.retire("traces");
        assert_eq!(roster.in_service("traces"), None);
        assert_eq!(roster.any("traces"), Some(Arc::clone(&first)));
        assert_eq!(roster.all(), [Arc::clone(&first)]);

        roster.enter("traces".into(), Arc::clone(&second));
        assert!(!roster.forget("traces", &first));
        assert_eq!(roster.in_service("traces"), Some(Arc::clone(&second)));
        assert_eq!(roster.len(), 1);
        roster.retire("traces");
        assert!(roster.forget("traces", &second));
        assert_eq!(roster.any("traces"), None);
    }
}
