//! Series into families: which name and type they are shown under.

use super::identity::Hasher;
use super::{Outcome, Store};
use crate::attribute::lossy;
use crate::naming::Kind;
use crate::trouble::Trouble;
use tailweir_otlp::{MetricData, MetricView};

/// Help text of `target_info`.
pub(crate) const TARGET_HELP: &str = "Target metadata";

/// What the family of a series depends on.
#[derive(Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) view: MetricView<'a>,
    pub(super) data: MetricData<'a>,
    pub(super) kind: Kind,
    /// Hash of unit, description and type.
    pub(super) metadata: u64,
}

impl Store {
    /// Puts a series into the family that it belongs to now, unless it is there.
    ///
    /// # Errors
    ///
    /// Why it cannot be shown. It is kept, and tried again with its next point.
    pub(super) fn place(
        &mut self,
        slot: u32,
        metric: Named<'_>,
        hasher: &mut Hasher,
        outcome: &mut Outcome,
    ) -> Result<(), Trouble> {
        let Some(series) = self.slots.get(slot) else {
            return Ok(());
        };
        if series.family.is_some() && series.metadata == metric.metadata {
            return Ok(());
        }
        let as_collector = self.options.as_collector;
        if as_collector && series.is_mended {
            return Err(Trouble::LabelConflict);
        }
        let naming = &self.options.naming;
        let name = naming.family(metric.view, metric.kind, metric.data);
        if name.is_mended && as_collector {
            return Err(Trouble::Nameless);
        }
        if name.is_mended && series.family.is_none() {
            let notice = self.troubles.note(Trouble::Nameless, metric.view.name());
            outcome.notices.extend(notice);
        }
        let name = name.value;
        let current = series.family.and_then(|place| self.families.get(place));
        if current.is_some_and(|family| *family.name == *name && family.kind == metric.kind) {
            if let Some(series) = self.slots.get_mut(slot) {
                series.metadata = metric.metadata;
            }
            return Ok(());
        }
        let slot = self.leave(slot);
        self.enter(slot, &name, metric, hasher)
    }

    /// Takes a series out of its family. Its slot is another one then.
    fn leave(&mut self, slot: u32) -> u32 {
        let family = self.slots.get(slot).and_then(|series| series.family);
        let Some(family) = family else {
            return slot;
        };
        let Some(mut series) = self.slots.kill(slot) else {
            return slot;
        };
        if let Some(shown) = series.shown.take() {
            self.by_labels.remove(&shown);
        }
        series.family = None;
        let identity = series.identity;
        let moved = self.slots.put(series);
        self.by_identity.insert(identity, moved);
        let freed = self.families.bury(family, &mut self.slots);
        self.memory = self.memory.saturating_sub(freed);
        moved
    }

    fn enter(
        &mut self,
        slot: u32,
        name: &str,
        metric: Named<'_>,
        hasher: &mut Hasher,
    ) -> Result<(), Trouble> {
        let room = self.room();
        let Some(series) = self.slots.get_mut(slot) else {
            return Ok(());
        };
        let help = lossy(metric.view.description());
        if name == self.target_name
            && !is_target_like(metric.kind, &help, self.options.as_collector)
        {
            return Err(Trouble::TypeConflict);
        }
        let namesake = self.families.named(name);
        if namesake.is_some_and(|family| family.kind != metric.kind) {
            return Err(Trouble::TypeConflict);
        }
        let shown = hasher.shown(name, metric.kind, series.labels.as_fields());
        if self.by_labels.contains_key(&shown) {
            return Err(Trouble::SameLabels);
        }
        let (place, grown) = self.families.obtain(name, metric.kind, &help, room)?;
        self.memory += grown;
        self.by_labels.insert(shown, slot);
        self.families.enlist(place, slot);
        series.family = Some(place);
        series.shown = Some(shown);
        series.metadata = metric.metadata;
        Ok(())
    }
}

/// Whether a metric may stand among the lines of `target_info`.
fn is_target_like(kind: Kind, help: &str, as_collector: bool) -> bool {
    kind == Kind::Gauge && (!as_collector || help == TARGET_HELP)
}
