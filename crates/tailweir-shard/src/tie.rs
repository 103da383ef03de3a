//! What binds kept spans to the tenure that let them go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Is cut when another member answers for the tenure: that one delivers what was not confirmed as delivered, so whoever
/// still holds spans for the backend may leave them out.
#[derive(Debug, Clone, Default)]
pub struct Tie(Arc<AtomicBool>);

impl Tie {
    /// Whether another member answers for the spans now.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.0.load(Relaxed)
    }

    pub(crate) fn cut(&self) {
        self.0.store(true, Relaxed);
    }
}
