//! Spans that other engines handed on, and what this one tells others of its own.

use super::Engine;
use crate::delivered::BlockPointer;
use crate::index::Place;
use tailweir_core::{Moment, TraceId};

impl Engine {
    /// Spans of a kept trace were handed on by another engine: a client that sends them again has nothing to add. They
    /// are known by their [`fingerprint`](crate::fingerprint)s, for as long as those of this engine's own spans.
    pub fn learn_delivered(
        &mut self,
        now: Moment,
        id: TraceId,
        fingerprints: impl IntoIterator<Item = u64>,
    ) {
        if !self.settings.dedupe {
            return;
        }
        self.now = self.now.max(now);
        let learned = &mut self.scratch.fingerprints;
        learned.clear();
        learned.extend(fingerprints);
        self.elsewhere
            .learn(self.now, id, learned, &mut self.delivered);
        self.counters.dedupe_forgotten = self.delivered.forgotten_early;
    }

    /// Spans of a kept trace that this engine handed on were not taken after all: sent again, they are new.
    pub fn forget_delivered(&mut self, id: TraceId) {
        if let Some(Place::Decided(number)) = self.table.find(self.table.hash(id), id) {
            self.table.cache.entries.get_mut(number).delivered = BlockPointer::NONE;
        }
    }

    /// Forgets what was decided about these traces and handed on of them: others answer for them now. Looks at all
    /// decisions.
    pub fn disown(&mut self, is_theirs: impl Fn(TraceId) -> bool) {
        let remembered = self.table.cache.entries.iter().map(|decision| decision.id);
        let theirs: Vec<TraceId> = remembered.filter(|&id| is_theirs(id)).collect();
        for id in theirs {
            self.unlearn(id);
        }
    }

    /// What a client may send again of a kept trace, for another engine to learn: fingerprints of what this engine
    /// handed on, and of what it heard of others.
    #[must_use]
    pub fn delivered(&self, id: TraceId) -> Vec<u64> {
        let own = match self.table.find(self.table.hash(id), id) {
            Some(Place::Decided(number)) => self.table.cache.entries.get(number).delivered,
            _ => BlockPointer::NONE,
        };
        let mut all = self.delivered.all(own);
        all.extend(self.delivered.all(self.elsewhere.of(id)));
        all
    }
}
