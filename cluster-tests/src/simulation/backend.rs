//! The backend: takes batches, slowly or not at all at times, and remembers what it was given.

use super::clock::{SECOND, Time};
use std::collections::BTreeMap;
use std::fmt;
use tailweir_core::TraceId;
use tailweir_placement::{Incarnation, TenureId};

/// Spans or log records that were delivered.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// When the sampler let them go.
    pub(crate) released: Time,
    pub(crate) arrived: Time,
    /// The member; nothing when a gateway did that asks nobody.
    pub(crate) by: Option<Incarnation>,
    /// Of spans.
    pub(crate) tenure: Option<TenureId>,
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |time: Time| time as f64 / SECOND as f64;
        let (released, arrived) = (seconds(self.released), seconds(self.arrived));
        let (by, tenure) = (self.by, self.tenure);
        write!(
            f,
            "by {by:?} in {tenure:?}, let go at {released:.4} s, arrived at {arrived:.4} s"
        )
    }
}

/// What was delivered: by trace and number of the span in it.
#[derive(Debug, Default)]
pub(crate) struct Backend {
    pub(crate) delivered: BTreeMap<(TraceId, usize), Vec<Delivery>>,
    /// By number of the log record.
    pub(crate) records: BTreeMap<usize, Vec<Delivery>>,
    pub(crate) fails: bool,
    pub(crate) is_slow: bool,
}

impl Backend {
    pub(crate) fn has(&self, trace: TraceId, index: usize) -> bool {
        self.delivered.contains_key(&(trace, index))
    }
}
