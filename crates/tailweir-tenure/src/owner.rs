//! The owner of a tenure: admits, proposes, and acts on answers.

mod admission;
mod answers;
mod older;
mod progress;

pub(crate) use admission::Admission;

use crate::copy::Copy;
use crate::flat::Flat;
use crate::holding::{Holding, Stage};
use crate::{Effect, Fence, Number, Ruling, Until};
use older::Older;
use std::collections::{BTreeMap, BTreeSet};
use tailweir_core::{Moment, TraceId};
use tailweir_placement::{Epoch, Incarnation, Second, Tenure, TenureId};

/// The other member, as the owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Link {
    /// Nobody: the owner stores alone, and takes new spans only where one copy is all that is asked for.
    None,
    /// In step.
    Replica(Incarnation),
    /// Being brought up to date.
    Candidate {
        member: Incarnation,
        /// Whether it has the index, so that records can be proposed to it.
        attached: bool,
        /// Fragments that it does not have yet.
        uncopied: BTreeSet<Number>,
    },
}

impl Link {
    fn new(second: Second) -> Self {
        match second {
            Second::None => Self::None,
            Second::Replica(member) => Self::Replica(member),
            Second::Candidate(member) => Self::Candidate {
                member,
                attached: false,
                uncopied: BTreeSet::new(),
            },
        }
    }

    pub(crate) fn member(&self) -> Option<Incarnation> {
        match self {
            Self::None => None,
            Self::Replica(member) | Self::Candidate { member, .. } => Some(*member),
        }
    }

    /// Whether a record that is proposed now will be stored: by the second member, or alone where there is none.
    fn records(&self) -> bool {
        !matches!(
            self,
            Self::Candidate {
                attached: false,
                ..
            }
        )
    }
}

/// Proposals under way in this view.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Proposed {
    open: bool,
    seal: bool,
    close: bool,
    attach: bool,
}

/// What an Open record says: verdicts to follow, and traces of older tenures.
type Opening<V> = (BTreeMap<TraceId, Until<V>>, BTreeMap<TraceId, Epoch>);

/// The state of one tenure at its owner.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Owner<F, V> {
    id: TenureId,
    view: Epoch,
    second: Link,
    /// Whether a later tenure of the slot has begun.
    closing: bool,
    /// Whether one copy is enough to acknowledge.
    one_copy: bool,
    holding: Holding<F, V>,
    /// How many fragments the second member did not confirm yet.
    pending: usize,
    /// Verdicts that it did not confirm yet.
    verdicts: Flat<TraceId, Until<V>>,
    /// Delivered fragments of which the second member does not know yet.
    unconfirmed: BTreeSet<Number>,
    proposed: Proposed,
    opening: Option<Opening<V>>,
    /// Verdicts in Absorb records that were under way when a later tenure began. The seal tells which of them the second
    /// member has.
    crossing: BTreeMap<TraceId, Until<V>>,
    /// The closing tenures of the slot, as long as this one is current.
    older: BTreeMap<Epoch, Older<V>>,
    fence: Fence,
}

impl<F: Clone, V: Ruling> Owner<F, V> {
    /// The owner of a tenure that nobody acted in before.
    pub(crate) fn new(id: TenureId, row: &Tenure, one_copy: bool) -> Self {
        Self::with(id, row, one_copy, Holding::new(), Fence::new())
    }

    fn with(
        id: TenureId,
        row: &Tenure,
        one_copy: bool,
        holding: Holding<F, V>,
        fence: Fence,
    ) -> Self {
        Self {
            id,
            view: row.view,
            second: Link::new(row.second),
            closing: false,
            one_copy,
            holding,
            pending: 0,
            verdicts: Flat::new(),
            unconfirmed: BTreeSet::new(),
            proposed: Proposed::default(),
            opening: None,
            crossing: BTreeMap::new(),
            older: BTreeMap::new(),
            fence,
        }
    }

    /// A copy whose row now names it owner. Stored verdicts stand; what is kept and not freed is exported again; traces
    /// that are not decided keep their deadlines.
    pub(crate) fn promote(
        copy: Copy<F, V>,
        id: TenureId,
        row: &Tenure,
        one_copy: bool,
        out: &mut Vec<Effect<F, V>>,
    ) -> Self {
        let fence = Fence::after(copy.answered);
        let mut owner = Self::with(id, row, one_copy, copy.holding, fence);
        for (&trace, verdict) in owner.holding.verdicts.sorted() {
            out.push(owner.holds(trace, verdict.clone()));
        }
        let mut kept = Vec::new();
        for (&number, held) in owner.holding.fragments.sorted() {
            let fragment = held.fragment.clone();
            if owner.holding.ruling(fragment.value.trace).is_some() {
                kept.push(number);
            }
            out.push(Effect::Index {
                tenure: id,
                number,
                fragment,
            });
        }
        for number in kept {
            owner.export(number, out);
        }
        owner
    }

    /// Follows a newer table: the tenure's row, and the closing tenures of the slot if this one is current.
    pub(crate) fn follow(
        &mut self,
        now: Moment,
        row: &Tenure,
        closing: Option<&[Tenure]>,
        out: &mut Vec<Effect<F, V>>,
    ) {
        if row.view != self.view {
            self.begin_view(row, out);
        } else if let (Link::Candidate { member, .. }, Second::Replica(replica)) =
            (&self.second, row.second)
            && *member == replica
        {
            self.second = Link::Replica(replica);
        }
        if closing.is_none() {
            self.closing = true;
            self.keep_crossing();
        }
        self.follow_older(closing.unwrap_or_default());
        self.progress(now, out);
    }

    fn begin_view(&mut self, row: &Tenure, out: &mut Vec<Effect<F, V>>) {
        self.view = row.view;
        self.start_over(Link::new(row.second), out);
    }

    /// A replica that was in step and has nothing: the sampler is one that a reload added, there or here, and its rows were
    /// repaired before. It is brought up to date like a candidate. To a candidate the index is on its way.
    pub(super) fn attach_anew(&mut self, out: &mut Vec<Effect<F, V>>) {
        if let Link::Replica(member) = self.second {
            self.start_over(Link::new(Second::Candidate(member)), out);
        }
    }

    /// Nothing that was proposed to the second member before counts any more. Fragments are proposed again; a verdict is made
    /// again, because it may be long until it can be stored, and spans that arrive meanwhile should count.
    fn start_over(&mut self, second: Link, out: &mut Vec<Effect<F, V>>) {
        self.second = second;
        self.proposed = Proposed::default();
        self.unconfirmed.clear();
        self.fence.new_view();
        for number in self.holding.at_stage(|stage| stage == Stage::Waiting) {
            self.pend(number);
        }
        for older in self.older.values_mut() {
            older.proposed = false;
        }
        let verdicts = std::mem::replace(&mut self.verdicts, Flat::new());
        for (&trace, _) in verdicts.sorted() {
            out.push(Effect::Reconsider {
                tenure: self.id,
                trace,
            });
        }
    }

    /// The second member is still to confirm this fragment.
    fn pend(&mut self, number: Number) {
        if let Some(held) = self.holding.fragments.get_mut(&number) {
            self.pending += usize::from(held.stage != Stage::Proposed);
            held.stage = Stage::Proposed;
        }
    }

    /// The fragments that the second member is still to confirm.
    fn pending(&self) -> BTreeSet<Number> {
        if self.pending == 0 {
            return BTreeSet::new();
        }
        self.holding.at_stage(|stage| stage == Stage::Proposed)
    }

    /// Whether the second member is still to confirm a fragment.
    pub(crate) fn has_pending(&self) -> bool {
        self.pending > 0
    }

    pub(crate) fn view(&self) -> Epoch {
        self.view
    }

    pub(crate) fn holding(&self) -> &Holding<F, V> {
        &self.holding
    }

    pub(crate) fn holding_mut(&mut self) -> &mut Holding<F, V> {
        &mut self.holding
    }

    /// How many delivered fragments a promotion would export again.
    pub(crate) fn unconfirmed(&self) -> usize {
        self.unconfirmed.len()
    }

    pub(crate) fn second(&self) -> Option<Incarnation> {
        self.second.member()
    }

    pub(crate) fn has_second(&self) -> bool {
        self.second().is_some()
    }

    pub(crate) fn may_export(&self, now: Moment) -> bool {
        self.fence.is_open(now, self.has_second())
    }

    /// Whether a fragment of the trace is stored at the second member too.
    fn has_stored(&self, trace: TraceId) -> bool {
        let numbers = self.holding.traces.get(&trace);
        numbers
            .into_iter()
            .flatten()
            .any(|number| self.stage(*number) != Some(Stage::Proposed))
    }

    fn stage(&self, number: Number) -> Option<Stage> {
        Some(self.holding.fragments.get(&number)?.stage)
    }

    fn set_stage(&mut self, number: Number, stage: Stage) {
        if let Some(held) = self.holding.fragments.get_mut(&number) {
            held.stage = stage;
        }
    }

    fn export(&mut self, number: Number, out: &mut Vec<Effect<F, V>>) {
        self.set_stage(number, Stage::Exporting);
        out.push(Effect::Export {
            tenure: self.id,
            number,
        });
    }

    fn holds(&self, trace: TraceId, verdict: Until<V>) -> Effect<F, V> {
        Effect::Decided {
            tenure: self.id,
            trace,
            verdict,
        }
    }

    /// Follows verdicts of older tenures.
    fn inherit(&mut self, verdicts: BTreeMap<TraceId, Until<V>>, out: &mut Vec<Effect<F, V>>) {
        for (trace, verdict) in verdicts {
            if !self.holding.verdicts.contains_key(&trace) {
                out.push(self.holds(trace, verdict.clone()));
                self.holding.verdicts.insert(trace, verdict);
            }
        }
    }

    fn acknowledge(&self, number: Number, out: &mut Vec<Effect<F, V>>) {
        out.push(Effect::Acknowledge {
            tenure: self.id,
            number,
        });
    }

    fn discard(&mut self, number: Number, out: &mut Vec<Effect<F, V>>) {
        self.holding.remove(number);
        out.push(Effect::Discard {
            tenure: self.id,
            number,
        });
    }
}
