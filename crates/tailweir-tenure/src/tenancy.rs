//! Everything in which one sampler has a part.

mod ahead;
mod look;
mod of_slot;
mod receive;
mod slots;

pub use look::Standing;
pub use receive::Received;

use crate::owner::{Admission, Owner};
use crate::{Effect, Fragment, Number, Reply, Ruling, Until};
use of_slot::{OfSlot, Part};
use slots::Slots;
use tailweir_core::{Moment, Slot, TraceId};
use tailweir_placement::{Epoch, Incarnation, TenureId, Tenures};

/// One life of one sampler, or of a part of its slots: the newest rows that it knows, and its state in each tenure that
/// names it.
///
/// It acts in a tenure only if a row names this incarnation and it holds that tenure's state, so that neither a table
/// kept on disk nor a name can make it act for what it has forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tenancy<F, V> {
    incarnation: Incarnation,
    one_copy: bool,
    slots: Slots<F, V>,
}

impl<F: Clone, V: Ruling> Tenancy<F, V> {
    /// A sampler that has just started. With `one_copy` it acknowledges what only it holds.
    #[must_use]
    pub fn new(incarnation: Incarnation, one_copy: bool) -> Self {
        Self {
            incarnation,
            one_copy,
            slots: Slots::new(),
        }
    }

    /// The epoch of the newest rows of this slot.
    #[must_use]
    pub fn epoch(&self, slot: Slot) -> Epoch {
        self.slots.get(slot).map_or(Epoch(0), |of| of.epoch)
    }

    /// Learns the rows of a slot. Older ones than are known change nothing; epochs may be skipped, because each table
    /// has all rows.
    pub fn learn(
        &mut self,
        now: Moment,
        epoch: Epoch,
        slot: Slot,
        tenures: &Tenures,
        out: &mut Vec<Effect<F, V>>,
    ) {
        if epoch <= self.epoch(slot) {
            return;
        }
        let of = self.slots.get_or_insert_with(slot, || OfSlot {
            epoch: Epoch(0),
            tenures: tenures.clone(),
            parts: Vec::new(),
        });
        let is_known = of.epoch > Epoch(0) && of.tenures == *tenures;
        of.epoch = epoch;
        if is_known {
            return;
        }
        of.tenures.clone_from(tenures);
        of.leave_unnamed(slot, self.incarnation, out);
        for row in tenures.all() {
            if row.names(self.incarnation) {
                of.take_part(slot, row, self.incarnation, self.one_copy, out);
            }
        }
        for row in tenures.all() {
            let current = row.created == tenures.current().created;
            let closing = current.then(|| tenures.closing());
            if let Some(owner) = of.owner_mut(row.created) {
                owner.follow(now, row, closing, out);
            }
        }
    }

    /// Whether this sampler takes a span of `trace` from a gateway that knows the table of `epoch`, and for which tenure;
    /// the gateway may name one to which it was sent. To ask costs nothing: spans need not be copied before.
    ///
    /// # Errors
    /// What to tell the gateway instead.
    pub fn admit(
        &self,
        epoch: Epoch,
        slot: Slot,
        named: Option<Epoch>,
        trace: TraceId,
    ) -> Result<TenureId, Reply> {
        let Some(of) = self.slots.get(slot) else {
            let none = Epoch(0);
            return Err(if epoch > none {
                Reply::Behind { epoch: none }
            } else {
                Reply::Moved { epoch: none }
            });
        };
        if epoch > of.epoch {
            return Err(Reply::Behind { epoch: of.epoch });
        }
        let moved = Reply::Moved { epoch: of.epoch };
        let created = named.or_else(|| of.tenure_for(self.incarnation, trace));
        let created = created.ok_or(moved)?;
        match of.owner(created).ok_or(moved)?.admission(trace) {
            Admission::Take => Ok(TenureId { slot, created }),
            Admission::Dropped => Err(Reply::Acknowledged),
            Admission::Moved => Err(moved),
            Admission::Hold => Err(Reply::Hold),
            Admission::NoSecondCopy => Err(Reply::NoSecondCopy),
            Admission::Pinned(older) => Err(of.pinned(slot, older).unwrap_or(moved)),
        }
    }

    /// Takes a fragment into the tenure that [`Tenancy::admit`] named, and gives it a number. [`Effect::Acknowledge`] or
    /// [`Effect::Return`] follows; nothing, if this sampler does not own the tenure.
    pub fn take(
        &mut self,
        now: Moment,
        tenure: TenureId,
        fragment: Until<Fragment<F>>,
        out: &mut Vec<Effect<F, V>>,
    ) -> Option<Number> {
        let owner = self.owner_of(tenure.slot, tenure.created)?;
        (owner.admission(fragment.value.trace) == Admission::Take)
            .then(|| owner.take(now, fragment, out))
    }

    /// Whether a verdict on the trace would be stored now: there is none yet, the trace has a stored fragment, and
    /// somebody is there to store it. If not, a later try or [`Effect::Decided`] settles it.
    #[must_use]
    pub fn is_decidable(&self, tenure: TenureId, trace: TraceId) -> bool {
        self.owner(tenure)
            .is_some_and(|owner| owner.is_decidable(trace))
    }

    /// Proposes a verdict for a trace whose time has come, if it [is decidable](Tenancy::is_decidable).
    pub fn decide(
        &mut self,
        now: Moment,
        tenure: TenureId,
        trace: TraceId,
        verdict: Until<V>,
        out: &mut Vec<Effect<F, V>>,
    ) {
        if let Some(owner) = self.owner_of(tenure.slot, tenure.created) {
            owner.decide(now, trace, verdict, out);
        }
    }

    /// Fragments that were to be exported are delivered, spooled or counted as lost. They go into one record.
    pub fn delivered(
        &mut self,
        now: Moment,
        tenure: TenureId,
        numbers: &[Number],
        out: &mut Vec<Effect<F, V>>,
    ) {
        if let Some(owner) = self.owner_of(tenure.slot, tenure.created) {
            owner.delivered(now, numbers, out);
        }
    }

    /// Asks the second member for a sign of life, where [`Self::may_export`] says no for want of one.
    pub fn probe(&mut self, now: Moment, tenure: TenureId, out: &mut Vec<Effect<F, V>>) {
        if let Some(owner) = self.owner_of(tenure.slot, tenure.created) {
            owner.probe(now, out);
        }
    }

    /// The caller has a fragment's spans elsewhere from now on.
    pub fn replace(&mut self, tenure: TenureId, number: Number, data: F) {
        if let Some(part) = self.part_mut(tenure)
            && let Some(held) = part.holding_mut().fragments.get_mut(&number)
        {
            held.fragment.value.data = data;
        }
    }

    /// Puts everything that has no answer yet once more. For a timer, and after a connection broke.
    pub fn remind(&mut self, now: Moment, out: &mut Vec<Effect<F, V>>) {
        for owner in self.all_owners() {
            owner.remind(now, out);
        }
    }

    /// The same for what `member` should have answered, after messages to it were lost.
    pub fn remind_member(&mut self, now: Moment, member: Incarnation, out: &mut Vec<Effect<F, V>>) {
        for owner in self.all_owners() {
            if owner.waits_for(member) {
                owner.remind(now, out);
            }
        }
    }

    /// Asks the owners of closing tenures of this slot again, after one answered [`NotYet`](crate::Message::NotYet).
    pub fn ask_again(&mut self, now: Moment, slot: Slot, out: &mut Vec<Effect<F, V>>) {
        if let Some(owner) = self.current_owner(slot) {
            owner.ask_again(now, out);
        }
    }

    /// Forgets verdicts whose life is over, in current tenures. Those of a closing tenure stay until it is cleared: the
    /// next owner still has to take them over.
    pub fn expire(&mut self, now: Moment) {
        for of in self.slots.iter_mut() {
            of.expire(now);
        }
    }

    /// [`Self::expire`] for one slot, for those who have many and little time. Says how many verdicts are left in all
    /// tenures of the slot.
    pub fn expire_slot(&mut self, now: Moment, slot: Slot) -> usize {
        let Some(of) = self.slots.get_mut(slot) else {
            return 0;
        };
        of.expire(now);
        let parts = of.parts.iter();
        parts.map(|(_, part)| part.holding().verdicts.len()).sum()
    }

    fn part(&self, tenure: TenureId) -> Option<&Part<F, V>> {
        self.slots.get(tenure.slot)?.part(tenure.created)
    }

    fn part_mut(&mut self, tenure: TenureId) -> Option<&mut Part<F, V>> {
        let of = self.slots.get_mut(tenure.slot)?;
        of.part_mut(tenure.created)
    }

    fn owner(&self, tenure: TenureId) -> Option<&Owner<F, V>> {
        self.slots.get(tenure.slot)?.owner(tenure.created)
    }

    fn owner_of(&mut self, slot: Slot, created: Epoch) -> Option<&mut Owner<F, V>> {
        self.slots.get_mut(slot)?.owner_mut(created)
    }

    fn current_owner(&mut self, slot: Slot) -> Option<&mut Owner<F, V>> {
        let of = self.slots.get_mut(slot)?;
        of.owner_mut(of.tenures.current().created)
    }

    fn all_owners(&mut self) -> impl Iterator<Item = &mut Owner<F, V>> {
        let parts = self.slots.iter_mut().flat_map(|of| &mut of.parts);
        parts.filter_map(|(_, part)| match part {
            Part::Owner(owner) => Some(&mut **owner),
            Part::Copy(_) => None,
        })
    }
}
