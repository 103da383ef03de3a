//! The closing tenures of a slot, as the owner of the current one sees them.

use super::Owner;
use crate::holding::arrived;
use crate::{Effect, Manifest, Remaining, Ruling, Until};
use std::collections::{BTreeMap, BTreeSet};
use tailweir_core::{Moment, TraceId};
use tailweir_placement::{Epoch, Incarnation, Tenure, TenureId};

/// One closing tenure: first its manifest is wanted, then, once it is closed, its remainder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Older<V> {
    /// By the newest table. When it changes, the question is put again.
    pub(super) owner: Incarnation,
    /// Who was asked what is wanted now.
    pub(super) asked: Option<Incarnation>,
    pub(super) manifest: Option<Gathered<V>>,
    pub(super) remainder: Option<BTreeMap<TraceId, Until<V>>>,
    /// Whether the Absorb record is under way in this view.
    pub(super) proposed: bool,
    pub(super) absorbed: bool,
}

/// A manifest on this machine's clock.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Gathered<V> {
    pub(super) open: BTreeSet<TraceId>,
    pub(super) verdicts: BTreeMap<TraceId, Until<V>>,
}

impl<V> Older<V> {
    fn new(owner: Incarnation) -> Self {
        Self {
            owner,
            asked: None,
            manifest: None,
            remainder: None,
            proposed: false,
            absorbed: false,
        }
    }

    /// The current tenure is open: the manifest has done its duty.
    pub(super) fn opened(&mut self) {
        self.asked = None;
        self.manifest = None;
    }
}

impl<F: Clone, V: Ruling> Owner<F, V> {
    /// Takes over which tenures are closing, and who owns them.
    pub(super) fn follow_older(&mut self, closing: &[Tenure]) {
        let named = |created: &Epoch| closing.iter().any(|row| row.created == *created);
        self.older.retain(|created, _| named(created));
        for row in closing {
            let older = self.older.entry(row.created);
            older.or_insert_with(|| Older::new(row.owner)).owner = row.owner;
        }
        self.unpin_gone();
    }

    /// A closing tenure whose members are all lost goes from the rows without a word. Its traces begin anew, here.
    pub(super) fn unpin_gone(&mut self) {
        let older = &self.older;
        self.holding
            .pins
            .retain(|_, pinned| older.contains_key(pinned));
    }

    /// A later tenure absorbs from now on; but what this one has proposed may be stored already, before the seal.
    pub(super) fn keep_crossing(&mut self) {
        for older in self.older.values_mut().filter(|older| older.proposed) {
            let verdicts = older.remainder.take();
            self.crossing.extend(verdicts.into_iter().flatten());
        }
    }

    pub(crate) fn gathered(
        &mut self,
        now: Moment,
        from: Epoch,
        manifest: Manifest<V>,
        out: &mut Vec<Effect<F, V>>,
    ) {
        if let Some(older) = self.older.get_mut(&from)
            && !self.holding.opened
        {
            older.manifest = Some(Gathered {
                open: manifest.open,
                verdicts: arrived(manifest.verdicts, now).collect(),
            });
        }
        self.progress(now, out);
    }

    pub(crate) fn remainder(
        &mut self,
        now: Moment,
        from: Epoch,
        verdicts: BTreeMap<TraceId, Remaining<V>>,
        out: &mut Vec<Effect<F, V>>,
    ) {
        if let Some(older) = self.older.get_mut(&from)
            && !older.absorbed
        {
            older.remainder = Some(arrived(verdicts, now).collect());
        }
        self.progress(now, out);
    }

    /// The verdicts of a closed tenure are stored: its traces are not pinned any more, and it can be cleared.
    pub(super) fn absorbed(&mut self, from: Epoch, out: &mut Vec<Effect<F, V>>) {
        let Some(older) = self.older.get_mut(&from) else {
            return;
        };
        older.absorbed = true;
        let verdicts = older.remainder.take().unwrap_or_default();
        self.inherit(verdicts, out);
        self.holding.pins.retain(|_, pinned| *pinned != from);
        out.push(Effect::Clear {
            tenure: self.older_id(from),
            into: self.id.created,
        });
    }

    pub(super) fn older_id(&self, created: Epoch) -> TenureId {
        TenureId {
            slot: self.id.slot,
            created,
        }
    }
}
