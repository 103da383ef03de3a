//! The tenures of all slots, one row for each run of slots that are alike.

use crate::Tenures;
use tailweir_core::Slot;

/// Neighbouring slots with the same tenures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The first slot.
    pub first: Slot,
    /// How many slots, at least 1.
    pub slots: u16,
    /// What they have in common.
    pub tenures: Tenures,
}

/// Runs that are not a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "run {run} begins at slot {found}, but the runs before it end at slot {expected} of {}",
    Slot::COUNT
)]
pub struct InvalidRows {
    run: usize,
    found: usize,
    expected: usize,
}

/// The tenures of all slots, or of none: a table without members has no row.
///
/// Kept as runs, so that what is stored and sent grows with the members and not with the slots; found through an
/// array, so that a look-up costs two indexes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    runs: Vec<Run>,
    /// The run of each slot; empty when there is no run.
    run_of: Vec<u16>,
}

impl Rows {
    /// The table of these runs: none, or such as cover each slot once, in order.
    ///
    /// # Errors
    /// When a run does not begin where the one before it ends, or the last one not at the last slot.
    pub fn from_runs(runs: Vec<Run>) -> Result<Self, InvalidRows> {
        let mut run_of = Vec::with_capacity(Slot::COUNT);
        for (number, run) in runs.iter().enumerate() {
            let (found, expected) = (run.first.index(), run_of.len());
            let end = expected + usize::from(run.slots);
            if found != expected || run.slots == 0 || end > Slot::COUNT {
                return Err(InvalidRows {
                    run: number,
                    found,
                    expected,
                });
            }
            run_of.resize(end, number as u16);
        }
        if !run_of.is_empty() && run_of.len() < Slot::COUNT {
            return Err(InvalidRows {
                run: runs.len(),
                found: Slot::COUNT,
                expected: run_of.len(),
            });
        }
        Ok(Self { runs, run_of })
    }

    /// The runs, in the order of slots. No two neighbours are alike.
    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The tenures of a slot, unless the table has no row.
    #[must_use]
    pub fn get(&self, slot: Slot) -> Option<&Tenures> {
        let run = *self.run_of.get(slot.index())?;
        Some(&self.runs[usize::from(run)].tenures)
    }

    /// The rows in which each slot has what `of` makes of it; none at all when it makes nothing of the first slot.
    pub(crate) fn build(mut of: impl FnMut(Slot) -> Option<Tenures>) -> Self {
        let mut rows = Self::default();
        for slot in (0..Slot::COUNT).filter_map(Slot::new) {
            let Some(tenures) = of(slot) else {
                return Self::default();
            };
            rows.push(slot, tenures);
        }
        rows
    }

    /// The same rows, with `change` applied to the tenures of each slot.
    pub(crate) fn changed(&self, mut change: impl FnMut(Slot, &mut Tenures)) -> Self {
        Self::build(|slot| {
            let mut tenures = self.get(slot)?.clone();
            change(slot, &mut tenures);
            Some(tenures)
        })
    }

    fn push(&mut self, slot: Slot, tenures: Tenures) {
        match self.runs.last_mut() {
            Some(run) if run.tenures == tenures => run.slots += 1,
            _ => self.runs.push(Run {
                first: slot,
                slots: 1,
                tenures,
            }),
        }
        self.run_of.push((self.runs.len() - 1) as u16);
    }
}
