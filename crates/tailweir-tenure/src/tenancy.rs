//! Everything in which one sampler has a part.

mod ahead;
mod of_slot;
mod slots;

use crate::copy::Copy;
use crate::holding::Stage;
use crate::owner::{Admission, Owner};
use crate::{Answer, Effect, Fragment, Message, Number, Reply, Ruling, Until};
use of_slot::{OfSlot, Part};
use slots::Slots;
use tailweir_core::{Moment, Slot, TraceId};
use tailweir_placement::{Epoch, Incarnation, TenureId, Tenures};

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received<F, V> {
    /// It was dealt with.
    Done,
    /// It is of a view that this node's table does not have yet. Fetch the table and bring it again, within bounds.
    Behind(Message<F, V>),
}

/// What a sampler is in a tenure, for those who look on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// Its owner; the tenure is not open yet.
    Opens,
    /// Its owner, and takes new traces.
    Serves,
    /// Its owner, and finishes what it has.
    Finishes,
    /// Its owner, and everything in it is over.
    Closed,
    /// Its second member.
    Copies,
    /// Its candidate, without the index.
    Attaches,
}

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

    /// Whether a batch of this tenure may be handed to the socket now.
    #[must_use]
    pub fn may_export(&self, now: Moment, tenure: TenureId) -> bool {
        self.owner(tenure)
            .is_some_and(|owner| owner.may_export(now))
    }

    /// Whether what this sampler takes for a tenure is stored at a second member too.
    #[must_use]
    pub fn has_second(&self, tenure: TenureId) -> bool {
        self.owner(tenure).is_some_and(Owner::has_second)
    }

    /// The view in which this sampler owns a tenure.
    #[must_use]
    pub fn view(&self, tenure: TenureId) -> Option<Epoch> {
        self.owner(tenure).map(Owner::view)
    }

    /// Delivered fragments that a successor would deliver again. The caller stops exporting at a number of them.
    #[must_use]
    pub fn unconfirmed(&self, tenure: TenureId) -> usize {
        self.owner(tenure).map_or(0, |owner| owner.unconfirmed())
    }

    /// Asks the second member for a sign of life, where [`Self::may_export`] says no for want of one.
    pub fn probe(&mut self, now: Moment, tenure: TenureId, out: &mut Vec<Effect<F, V>>) {
        if let Some(owner) = self.owner_of(tenure.slot, tenure.created) {
            owner.probe(now, out);
        }
    }

    /// The tenure of this slot that this sampler owns and that has fragments of the trace.
    #[must_use]
    pub fn home(&self, slot: Slot, trace: TraceId) -> Option<TenureId> {
        let owners = self.slots.get(slot)?.owners();
        owners
            .filter(|(_, owner)| owner.holding().traces.contains_key(&trace))
            .map(|(created, _)| TenureId { slot, created })
            .next()
    }

    /// The verdict on a trace in any tenure of its slot that this sampler owns.
    #[must_use]
    pub fn owned_verdict(&self, slot: Slot, trace: TraceId) -> Option<&V> {
        let mut owners = self.slots.get(slot)?.owners();
        owners.find_map(|(_, owner)| owner.holding().ruling(trace))
    }

    /// A fragment that this sampler holds.
    #[must_use]
    pub fn fragment(&self, tenure: TenureId, number: Number) -> Option<&Fragment<F>> {
        let held = self.part(tenure)?.holding().fragment(number)?;
        Some(&held.value)
    }

    /// The fragments of a trace that this sampler holds in a tenure, by number.
    pub fn numbers(&self, tenure: TenureId, trace: TraceId) -> impl Iterator<Item = Number> {
        let part = self.part(tenure);
        let numbers = part.and_then(|part| part.holding().traces.get(&trace));
        numbers.into_iter().flatten().copied()
    }

    /// The tenures of a slot that this sampler owns, and in which it has a fragment of this trace that would not outlive it:
    /// the second member has not confirmed it.
    pub fn unsafe_in(&self, slot: Slot, trace: TraceId) -> impl Iterator<Item = TenureId> {
        let owners = self.slots.get(slot).into_iter().flat_map(OfSlot::owners);
        owners.filter_map(move |(created, owner)| {
            let holding = owner.holding();
            let numbers = holding.traces.get(&trace).into_iter().flatten();
            let mut fragments = numbers.filter_map(|number| holding.fragments.get(number));
            let is_unsafe = fragments.any(|held| held.stage < Stage::Stored);
            is_unsafe.then_some(TenureId { slot, created })
        })
    }

    /// The caller has a fragment's spans elsewhere from now on.
    pub fn replace(&mut self, tenure: TenureId, number: Number, data: F) {
        if let Some(part) = self.part_mut(tenure)
            && let Some(held) = part.holding_mut().fragments.get_mut(&number)
        {
            held.fragment.value.data = data;
        }
    }

    /// The fragments that this sampler holds of a tenure, in any role.
    pub fn fragments(&self, tenure: TenureId) -> impl Iterator<Item = (Number, &Fragment<F>)> {
        let part = self.part(tenure).into_iter();
        let fragments = part.flat_map(|part| part.holding().fragments.sorted());
        fragments.map(|(&number, held)| (number, &held.fragment.value))
    }

    /// How many fragments this sampler holds, in any role.
    #[must_use]
    pub fn fragment_count(&self) -> usize {
        let parts = self.slots.iter().flat_map(|(_, of)| &of.parts);
        parts.map(|(_, part)| part.holding().fragments.len()).sum()
    }

    /// The verdict on a trace that this sampler holds in a tenure, in any role.
    #[must_use]
    pub fn verdict(&self, tenure: TenureId, trace: TraceId) -> Option<&V> {
        self.part(tenure)?.holding().ruling(trace)
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

    /// Asks the owners of closing tenures of this slot again, after one answered [`Message::NotYet`].
    pub fn ask_again(&mut self, now: Moment, slot: Slot, out: &mut Vec<Effect<F, V>>) {
        if let Some(owner) = self.current_owner(slot) {
            owner.ask_again(now, out);
        }
    }

    /// What this sampler is in each tenure that names it.
    pub fn standing(&self) -> impl Iterator<Item = (TenureId, Standing)> {
        let slots = self.slots.iter();
        let parts = slots.flat_map(|(slot, of)| of.parts.iter().map(move |part| (*slot, part)));
        parts.map(|(slot, (created, part))| {
            let standing = match part {
                Part::Owner(owner) => owner.standing(),
                Part::Copy(copy) if copy.attached => Standing::Copies,
                Part::Copy(_) => Standing::Attaches,
            };
            let created = *created;
            (TenureId { slot, created }, standing)
        })
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

    /// A message from another sampler.
    pub fn receive(
        &mut self,
        now: Moment,
        from: Incarnation,
        message: Message<F, V>,
        out: &mut Vec<Effect<F, V>>,
    ) -> Received<F, V> {
        match message {
            Message::Record { tenure, view, .. } if self.is_behind(tenure, view) => {
                return Received::Behind(message);
            }
            Message::Record {
                tenure,
                view,
                asked,
                record,
            } => {
                let answer = match self.copy_of(tenure, view) {
                    Some(copy) => copy.store(now, record),
                    None => Answer::Stale(self.epoch(tenure.slot)),
                };
                let message = Message::Answer {
                    tenure,
                    view,
                    asked,
                    answer,
                };
                out.push(Effect::Send { to: from, message });
            }
            Message::Answer {
                tenure,
                view,
                asked,
                answer,
            } => {
                if let Some(owner) = self.owner_of(tenure.slot, tenure.created) {
                    owner.answered(now, from, view, asked, answer, out);
                }
            }
            Message::AskManifest { tenure } => {
                let manifest = self
                    .owner(tenure)
                    .and_then(|owner| owner.holding().manifest(now))
                    .map(|manifest| Message::Manifest { tenure, manifest });
                let message = manifest.unwrap_or(Message::NotYet { tenure });
                out.push(Effect::Send { to: from, message });
            }
            Message::AskRemainder { tenure } => {
                let message = self.remainder(now, tenure);
                out.push(Effect::Send { to: from, message });
            }
            Message::Manifest { tenure, manifest } => {
                if let Some(owner) = self.current_owner(tenure.slot) {
                    owner.gathered(now, tenure.created, manifest, out);
                }
            }
            Message::Remainder { tenure, verdicts } => {
                if let Some(owner) = self.current_owner(tenure.slot) {
                    owner.remainder(now, tenure.created, verdicts, out);
                }
            }
            // The question is put again by `ask_again` and `remind`.
            Message::NotYet { .. } | Message::Delivered { .. } => {}
        }
        Received::Done
    }

    fn remainder(&self, now: Moment, tenure: TenureId) -> Message<F, V> {
        let holding = self.owner(tenure).map(|owner| owner.holding());
        let closed = holding.filter(|holding| holding.closed);
        match closed.and_then(|holding| holding.manifest(now)) {
            Some(manifest) => Message::Remainder {
                tenure,
                verdicts: manifest.verdicts,
            },
            None => Message::NotYet { tenure },
        }
    }

    /// Whether a record is of a view that the newest rows do not have yet. Only the view of the tenure is compared: a
    /// change elsewhere in the table must not stop this slot.
    fn is_behind(&self, tenure: TenureId, view: Epoch) -> bool {
        let Some(of) = self.slots.get(tenure.slot) else {
            return view > Epoch(0);
        };
        let row = of.tenures.get(tenure.created);
        view > row.map_or(of.epoch, |row| row.view)
    }

    /// This sampler's copy, if the newest row has that view and names it as the second member.
    fn copy_of(&mut self, tenure: TenureId, view: Epoch) -> Option<&mut Copy<F, V>> {
        match self.part_mut(tenure) {
            Some(Part::Copy(copy)) if copy.view == view => Some(copy),
            Some(Part::Copy(_) | Part::Owner(_)) | None => None,
        }
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
