//! Where series live: slots that are used again.

use super::SERIES_OVERHEAD;
use crate::labels::Labels;
use crate::value::Value;
use tailweir_core::Moment;

/// One stream and what is shown of it.
#[derive(Debug)]
pub(crate) struct Series {
    /// Hash of the stream.
    pub(super) identity: u128,
    /// Hash of name, type and labels; nothing while it is hidden.
    pub(super) shown: Option<u128>,
    /// Place of its family; nothing while it is hidden.
    pub(super) family: Option<u32>,
    /// Place of its target.
    pub(super) target: Option<u32>,
    /// Of its target, as [`target_key`](crate::target_key) says.
    pub(super) target_key: u64,
    /// Whether its labels are others than its attributes say.
    pub(super) is_mended: bool,
    /// Hash of what else its metric says: unit, description, type.
    pub(super) metadata: u64,
    /// When it got its last point.
    pub(super) updated: Moment,
    pub(crate) labels: Labels,
    pub(crate) value: Value,
}

impl Series {
    /// Bytes of memory, about.
    pub(super) fn memory(&self) -> usize {
        SERIES_OVERHEAD + self.labels.memory() + self.value.memory()
    }
}

/// Series by number.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    all: Vec<Option<Series>>,
    free: Vec<u32>,
}

impl Slots {
    /// The series of a number, unless it is gone.
    pub(crate) fn get(&self, slot: u32) -> Option<&Series> {
        self.all.get(slot as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Series> {
        self.all.get_mut(slot as usize)?.as_mut()
    }

    pub(super) fn put(&mut self, series: Series) -> u32 {
        match self.free.pop() {
            Some(slot) => {
                self.all[slot as usize] = Some(series);
                slot
            }
            None => {
                self.all.push(Some(series));
                (self.all.len() - 1) as u32
            }
        }
    }

    /// Takes a series out; its number is not used again before it is freed.
    pub(super) fn kill(&mut self, slot: u32) -> Option<Series> {
        self.all.get_mut(slot as usize)?.take()
    }

    /// Lets the number of a series that is gone be used again.
    pub(super) fn free(&mut self, slot: u32) {
        self.free.push(slot);
    }

    pub(super) fn living(&self) -> impl Iterator<Item = (u32, &Series)> {
        let numbered = (0_u32..).zip(&self.all);
        numbered.filter_map(|(slot, series)| Some((slot, series.as_ref()?)))
    }
}
