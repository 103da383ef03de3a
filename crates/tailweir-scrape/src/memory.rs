//! What a target told before: so that labels are made once, and the end of a series is noticed.

use crate::Labels;
use hashbrown::{HashMap, HashSet};
use std::sync::Arc;

/// Series that scrapes may leave behind that failed, beside twice those of the last one that went well.
const FAILED_MAX: usize = 1000;

/// The series of one target.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Series as the page writes them: their labels, or nothing where rules drop them.
    series: HashMap<Box<[u8]>, Known>,
    /// Those of the scrape before whose end is noticed.
    before: HashSet<Arc<Labels>>,
    /// The same of this scrape.
    now: HashSet<Arc<Labels>>,
    scrape: u64,
    /// How many series were known after the last scrape that went well.
    settled: usize,
}

#[derive(Debug)]
struct Known {
    labels: Option<Arc<Labels>>,
    scrape: u64,
}

/// What is known about a series as a page writes it.
pub(crate) enum Seen {
    /// Nothing.
    Never,
    /// Rules drop it.
    Dropped,
    /// It has these labels.
    As {
        labels: Arc<Labels>,
        /// Whether this page told it already.
        already: bool,
    },
}

impl Memory {
    /// Looks a series up, and remembers that it was there.
    pub(crate) fn see(&mut self, series: &[u8]) -> Seen {
        let Some(known) = self.series.get_mut(series) else {
            return Seen::Never;
        };
        let already = known.scrape == self.scrape;
        known.scrape = self.scrape;
        match &known.labels {
            Some(labels) => Seen::As {
                labels: Arc::clone(labels),
                already,
            },
            None => Seen::Dropped,
        }
    }

    /// Whether the end of this series would be noticed if it were not there any more.
    pub(crate) fn was_told(&self, labels: &Arc<Labels>) -> bool {
        self.before.contains(labels)
    }

    /// How many series are known.
    pub(crate) fn len(&self) -> usize {
        self.series.len()
    }

    /// Remembers a series and its labels; without labels, that it is dropped.
    pub(crate) fn remember(&mut self, series: &[u8], labels: Option<Arc<Labels>>) {
        let scrape = self.scrape;
        self.series.insert(series.into(), Known { labels, scrape });
    }

    /// The end of this series will be noticed.
    pub(crate) fn track(&mut self, labels: &Arc<Labels>) {
        if !self.now.contains(labels) {
            self.now.insert(Arc::clone(labels));
        }
    }

    /// Series that were there in the scrape before, and are not any more. Those of this scrape take their place, and what
    /// was not seen is forgotten.
    pub(crate) fn turn(&mut self) -> Vec<Arc<Labels>> {
        self.forget();
        self.settled = self.series.len();
        self.ended()
    }

    /// The same after a scrape that told nothing, or failed so that nothing of it counts. What is known stays, so that it
    /// is not new when the target is back, unless it has become much more than it was.
    pub(crate) fn turn_without(&mut self) -> Vec<Arc<Labels>> {
        self.now.clear();
        if self.series.len() > 2 * self.settled + FAILED_MAX {
            self.forget();
        }
        self.ended()
    }

    /// Forgets all series as pages write them: there is no room for more.
    pub(crate) fn make_room(&mut self) {
        self.series.clear();
    }

    fn forget(&mut self) {
        let scrape = self.scrape;
        self.series.retain(|_, known| known.scrape == scrape);
    }

    fn ended(&mut self) -> Vec<Arc<Labels>> {
        let ended = self.before.drain();
        let ended = ended.filter(|labels| !self.now.contains(labels));
        let mut ended: Vec<_> = ended.collect();
        ended.sort();
        std::mem::swap(&mut self.before, &mut self.now);
        self.scrape += 1;
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::{Memory, Seen};
    use crate::Labels;
    use std::sync::Arc;

    fn labels(name: &str) -> Arc<Labels> {
        let mut labels = Labels::default();
        labels.set("__name__", name);
        Arc::new(labels)
    }

    /// Scenario: a series that stays, one that goes, and a scrape that fails.
    /// Guarantees: the end of each is told once, in the scrape in which it is missing.
    #[test]
    fn the_end_of_a_series_is_noticed_once() {
        let mut memory = Memory::default();
        let (stays, goes) = (labels("stays"), labels("goes"));
        memory.remember(b"stays", Some(Arc::clone(&stays)));
        memory.track(&stays);
        memory.track(&goes);
        assert!(memory.turn().is_empty());
        memory.track(&stays);
        assert!(matches!(
            memory.see(b"stays"),
            Seen::As { already: false, .. }
        ));
        assert!(matches!(
            memory.see(b"stays"),
            Seen::As { already: true, .. }
        ));
        assert_eq!(memory.turn(), [goes]);
        memory.track(&stays);
        assert_eq!(memory.turn_without(), [stays]);
        assert_eq!(memory.len(), 1, "it is not new when it is back");
        assert!(memory.turn().is_empty());
        assert_eq!(memory.len(), 0, "what was not seen is forgotten");
    }
}
