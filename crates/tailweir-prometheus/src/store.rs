//! The series of a page, and how requests change them.

mod accept;
mod family;
mod identity;
mod options;
mod placing;
mod slots;
mod targets;

pub(crate) use family::Family;
pub use options::StoreOptions;
pub(crate) use placing::TARGET_HELP;
pub(crate) use slots::Series;

use crate::labels::Labels;
use crate::trouble::{Ledger, Notice, Trouble};
use family::Families;
use hashbrown::HashMap;
use identity::Hasher;
use slots::Slots;
use std::fmt;
use tailweir_core::Moment;
use targets::Targets;

/// Bytes of a series beside its labels and value: its place in the tables.
const SERIES_OVERHEAD: usize = 256;
/// Bytes for each series that there may be: so many all of them may take together, with their targets and families.
const SERIES_SHARE: usize = 2048;

/// The last value of each stream of metrics.
///
/// Bounded: beyond `max_series` series, or 2 KiB for each of these in all, new series are
/// refused and counted ([`Trouble::SeriesLimit`]); what is there goes on. Attributes of targets, names and help texts count.
/// Beyond that memory a series of more than 2 KiB that grows is forgotten; smaller ones may grow up to these.
#[derive(Debug)]
pub struct Store {
    options: StoreOptions,
    hasher: Hasher,
    slots: Slots,
    /// By stream.
    by_identity: HashMap<u128, u32>,
    /// By what is shown: name, type and labels.
    by_labels: HashMap<u128, u32>,
    families: Families,
    targets: Targets,
    /// Name of the family that this room writes itself.
    target_name: String,
    troubles: Ledger,
    memory: usize,
    /// Of which targets series are shown; nothing: of all.
    shown_targets: Option<ShownTargets>,
}

/// Says of which targets series are shown.
struct ShownTargets(Box<dyn Fn(u64) -> bool + Send>);

impl fmt::Debug for ShownTargets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShownTargets")
    }
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Points that are not in any series: refused, or hidden by others. What a newer point has overtaken
    /// is not among them.
    pub rejected: u64,
    /// What happened for the first time.
    pub notices: Vec<Notice>,
}

impl Store {
    /// An empty store. The seed keeps strangers from choosing attributes that collide in its tables.
    #[must_use]
    pub fn new(options: StoreOptions, seed: u64) -> Self {
        Self {
            target_name: options.naming.translation.target_info(),
            options,
            hasher: Hasher::new(seed),
            slots: Slots::default(),
            by_identity: HashMap::new(),
            by_labels: HashMap::new(),
            families: Families::default(),
            targets: Targets::default(),
            troubles: Ledger::default(),
            memory: 0,
            shown_targets: None,
        }
    }

    /// How many series there are, `target_info` not among them.
    #[must_use]
    pub fn series(&self) -> usize {
        self.by_identity.len()
    }

    /// Bytes of memory, about.
    #[must_use]
    pub const fn memory(&self) -> usize {
        self.memory
    }

    /// How many points had this trouble.
    #[must_use]
    pub fn troubles(&self, trouble: Trouble) -> u64 {
        self.troubles.count(trouble)
    }

    /// Forgets series that got no point for the time that the settings say.
    pub fn expire(&mut self, now: Moment) {
        let expiration = self.options.expiration;
        let expired: Vec<u32> = self
            .slots
            .living()
            .filter(|(_, series)| series.updated + expiration < now)
            .map(|(slot, _)| slot)
            .collect();
        for slot in expired {
            self.remove(slot);
        }
    }

    /// Shows the series of these targets alone from here on, by their [`target_key`](crate::target_key): what is there of others
    /// goes, and what comes of others is refused ([`Trouble::Elsewhere`]).
    pub fn show_only(&mut self, is_shown: impl Fn(u64) -> bool + Send + 'static) {
        let others = self.slots.living();
        let others = others.filter(|(_, series)| !is_shown(series.target_key));
        let others: Vec<u32> = others.map(|(slot, _)| slot).collect();
        for slot in others {
            self.remove(slot);
        }
        self.shown_targets = Some(ShownTargets(Box::new(is_shown)));
    }

    /// Forgets a series; its slot is free once its family has been tidied.
    fn remove(&mut self, slot: u32) {
        let Some(series) = self.slots.kill(slot) else {
            return;
        };
        let (identity, shown, family, target) =
            (series.identity, series.shown, series.family, series.target);
        let mut freed = series.memory();
        self.by_identity.remove(&identity);
        if let Some(shown) = shown {
            self.by_labels.remove(&shown);
        }
        match family {
            Some(family) => freed += self.families.bury(family, &mut self.slots),
            None => self.slots.free(slot),
        }
        freed += self.targets.release(target);
        self.memory = self.memory.saturating_sub(freed);
    }

    /// Whether another series fits, and what comes with it.
    fn has_room(&self, memory: usize) -> bool {
        self.by_identity.len() < self.options.max_series && memory <= self.room()
    }

    /// Bytes that are left.
    fn room(&self) -> usize {
        self.memory_max().saturating_sub(self.memory)
    }

    /// Bytes that all may take together.
    const fn memory_max(&self) -> usize {
        self.options.max_series.saturating_mul(SERIES_SHARE)
    }

    /// The name of the family after this one, in order.
    pub(crate) fn name_after(&self, last: Option<&str>) -> Option<&str> {
        self.families.name_after(last)
    }

    /// Puts the members of a family in order, and the targets where it is theirs.
    pub(crate) fn tidy(&mut self, name: &str) {
        self.families.tidy(name, &mut self.slots);
        if name == self.target_name {
            self.targets.tidy();
        }
    }

    /// The family of this name.
    pub(crate) fn family(&self, name: &str) -> Option<&Family> {
        self.families.named(name)
    }

    /// The series of a family behind the one with these labels, in order. The family was tidied.
    pub(crate) fn members<'a>(
        &'a self,
        name: &str,
        after: Option<&Labels>,
    ) -> impl Iterator<Item = &'a Series> + use<'a> {
        let members = self.family(name).map(|family| family.members.as_slice());
        let members = members.unwrap_or_default();
        let is_before = |slot: &u32| match (after, self.slots.get(*slot)) {
            (Some(after), Some(series)) => series.labels.page_order(after).is_le(),
            _ => false,
        };
        let first = match after {
            Some(_) => members.partition_point(is_before),
            None => 0,
        };
        members[first..]
            .iter()
            .filter_map(|slot| self.slots.get(*slot))
    }

    /// The targets that are shown.
    pub(crate) const fn targets(&self) -> &Targets {
        &self.targets
    }

    /// The name of the family of the targets.
    pub(crate) fn target_name(&self) -> &str {
        &self.target_name
    }

    /// How pages are written.
    pub(crate) const fn options(&self) -> &StoreOptions {
        &self.options
    }
}
