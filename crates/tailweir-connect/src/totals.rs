//! Totals of what several processes counted: changes in, one series out.
//!
//! In a cluster a connector counts in every process, and what it writes are changes since it wrote last. The owner of a
//! series adds them up here and writes the series, at the connector's own interval.
//!
//! ```text
//! request of changes -> slot -> resource -> metric -> series      added to what is to be written
//! flush              -> all open slots   -> data points           the sum so far, or the change since the last flush
//! withdraw           -> some slots       -> requests              what is known of them, for their next owner
//! ```
//!
//! A slot that came from another owner is *closed*, and says nothing, until that owner has handed its totals over.

mod add;
mod flush;
mod options;
mod series;
mod value;

pub use options::{ResourceKeys, SlotOf};

use crate::figures::SeriesFigures;
use crate::now::Now;
use options::Options;
use series::{Resource, Sums};
use std::collections::BTreeMap;
use std::fmt;
use tailweir_config::Connector;
use tailweir_core::{Moment, Slot};

/// Adds up what processes counted. Bounded in memory; past the bound, and past `aggregation_cardinality_limit`, new
/// combinations of attributes are added to the series of the rest of their resource; past the bound, what is of a new resource is
/// left out. Both are counted.
pub struct Totals {
    options: Options,
    slot_of: SlotOf,
    slots: BTreeMap<Slot, Sums>,
    next_flush: Option<Moment>,
    memory: usize,
    figures: SeriesFigures,
}

impl Totals {
    /// Sums for what this connector counts; nothing for one that makes no metrics. `slot_of` says in which slot of the cluster
    /// the series of a resource are.
    #[must_use]
    pub fn new(connector: &Connector, slot_of: SlotOf) -> Option<Self> {
        Some(Self {
            options: Options::of(connector)?,
            slot_of,
            slots: BTreeMap::new(),
            next_flush: None,
            memory: 0,
            figures: SeriesFigures::default(),
        })
    }

    /// When [`Self::flush`] is due next; at first from `now` on.
    pub fn next_flush(&mut self, now: Moment) -> Moment {
        let every = self.options.flush_every;
        *self.next_flush.get_or_insert_with(|| now + every)
    }

    /// Writes nothing of this slot before it is opened.
    pub fn close(&mut self, slot: Slot) {
        self.slots.entry(slot).or_default().is_closed = true;
    }

    /// Writes what there is of this slot from here on.
    pub fn open(&mut self, slot: Slot) {
        if let Some(sums) = self.slots.get_mut(&slot) {
            sums.open();
        }
    }

    /// Takes a slot out, as a request from which its next owner makes the same: sums so far as cumulative points, what was not
    /// written yet as changes. Empty where nothing is known.
    pub fn withdraw(&mut self, slot: Slot) -> Vec<u8> {
        let Some(mut sums) = self.slots.remove(&slot) else {
            return Vec::new();
        };
        self.memory = self.memory.saturating_sub(sums.memory());
        sums.hand_over()
    }

    /// What it has counted of itself.
    #[must_use]
    pub fn figures(&self) -> SeriesFigures {
        let resources = self.slots.values().flat_map(|sums| sums.resources.values());
        SeriesFigures {
            series: resources.clone().map(Resource::series_count).sum(),
            resources: resources.count() as u64,
            memory: self.memory as u64,
            memory_max: self.options.memory_max as u64,
            ..self.figures
        }
    }

    /// Forgets what was not heard of for as long as the connector's settings say.
    fn expire(&mut self, now: Now) {
        let options = &self.options;
        self.slots.retain(|_, sums| {
            sums.expire(now.moment, options);
            sums.is_closed || !sums.resources.is_empty()
        });
        // Series grow after they are entered: what all of them take is found anew here, where all of them are looked at.
        self.memory = self.slots.values().map(Sums::memory).sum();
    }
}

impl fmt::Debug for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Totals({} slots)", self.slots.len())
    }
}
