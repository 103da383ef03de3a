//! Those who want to know what became of traces.

use arc_swap::ArcSwap;
use std::fmt;
use std::sync::Arc;
use tailweir_core::TraceId;

/// Somebody who saw the spans of traces before they were decided, and is told afterwards.
pub(crate) trait Witness: Send + Sync {
    /// These traces were decided: kept or not. Called from the sampler's actor, so it must be quick.
    fn decided(&self, traces: &[(TraceId, bool)]);
}

/// The witnesses of one sampler. Its shards share them; a reload exchanges them.
#[derive(Default)]
pub(crate) struct Witnesses {
    all: ArcSwap<Vec<Arc<dyn Witness>>>,
}

impl Witnesses {
    /// These, from here on.
    pub(crate) fn set(&self, all: Vec<Arc<dyn Witness>>) {
        self.all.store(Arc::new(all));
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.all.load().is_empty()
    }

    /// Tells them, and forgets it.
    pub(super) fn tell(&self, decided: &mut Vec<(TraceId, bool)>) {
        if decided.is_empty() {
            return;
        }
        for witness in self.all.load().iter() {
            witness.decided(decided);
        }
        decided.clear();
    }
}

impl fmt::Debug for Witnesses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Witnesses({})", self.all.load().len())
    }
}
