//! Connectors in a cluster: what several processes counted becomes one series, at its owner.
//!
//! ```text
//! Connecting (changes) --ToSums--> owner of the slot: Summing -> Connecting (Totals) -> pipelines
//!                                       |
//!                                       '- slot moves: what is known of it -> its next owner
//! ```
//!
//! Parent: the node. What leaves for other owners is in memory that is shared with the actor that hands it over, bounded as the
//! totals are, and goes in eight batches at a time. If the actor dies: what it was handing over is lost, and its next owners begin
//! anew when they have waited.

mod handover;
mod to_sums;

pub(crate) use to_sums::ToSums;

use super::delivery::{Delivery, Own, moved, not_taken, table_of, taken};
use super::taken::Taken;
use super::{Bundle, SlotOfResource, Writer};
use crate::clock::Clock;
use crate::ledger::{Charge, DropReason};
use crate::membership::{Brought, OutgoingPart};
use crate::pipeline::{Connecting, Seat};
use crate::refusal::Refusal;
use futures_core::future::BoxFuture;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use handover::{Freed, Handover};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tailweir_core::{Moment, Signal};
use tailweir_placement::RoutingTable;
use tailweir_shard::{Counted, Sequence};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Most batches of totals that are on their way to their next owners.
const HANDOVERS_MAX: usize = 8;

/// The part of a connector that adds up what this member owns.
pub(crate) struct Summing {
    seat: Arc<Seat>,
    slot_of: SlotOfResource,
    /// Keeps the totals, and hands on what is written of them.
    sums: Arc<Connecting>,
    state: Mutex<State>,
    clock: Clock,
    /// Names this member's hand-overs.
    origin: u64,
    handovers: AtomicU64,
    /// Something leaves, something is waited for, or it was closed.
    moved: Notify,
    /// Everything has left after the close.
    empty: Notify,
}

struct State {
    handover: Handover,
    taken: Taken,
    is_closed: bool,
    counts: SummingCounts,
}

/// What it counts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SummingCounts {
    /// Bundles that came again and were known.
    pub(crate) repeated: u64,
    /// Slots whose totals came from another owner.
    pub(crate) taken_over: u64,
    /// Slots whose totals came too late, or never.
    pub(crate) begun_anew: u64,
    /// Slots whose totals wait to be handed over.
    pub(crate) leaving: u64,
}

impl Summing {
    /// Adds up in `sums` what belongs to this member.
    pub(crate) fn new(
        seat: Arc<Seat>,
        slot_of: SlotOfResource,
        sums: Arc<Connecting>,
        clock: Clock,
        origin: u64,
    ) -> Arc<Self> {
        let table = seat.membership.table();
        let handover = Handover::new(table, seat.membership.incarnation);
        Arc::new(Self {
            seat,
            slot_of,
            sums,
            state: Mutex::new(State {
                handover,
                taken: Taken::default(),
                is_closed: false,
                counts: SummingCounts::default(),
            }),
            clock,
            origin,
            handovers: AtomicU64::new(0),
            moved: Notify::new(),
            empty: Notify::new(),
        })
    }

    /// Its name among the members.
    pub(crate) fn name(&self) -> &str {
        &self.seat.name
    }

    /// Its place in the cluster.
    pub(crate) fn seat(&self) -> &Seat {
        &self.seat
    }

    /// What it has counted.
    pub(crate) fn counts(&self) -> SummingCounts {
        let state = self.state.lock();
        SummingCounts {
            leaving: state.handover.leaving() as u64,
            ..state.counts
        }
    }

    /// Takes bundles that are this member's, all of them or none. One that it has taken before changes nothing.
    fn accept(&self, sequence: (u64, u64), bundles: &[Bundle]) -> Result<(), Refusal> {
        let table = self.seat.membership.table();
        let mut state = self.state.lock();
        self.follow(&mut state, &table);
        if state.is_closed {
            return Err(Refusal::Stopping);
        }
        let handover = &state.handover;
        let is_mine = |bundle: &Bundle| {
            let waits = bundle.handed.is_none() && handover.is_awaited(bundle.slot);
            handover.owns(bundle.slot) && !waits
        };
        if !bundles.iter().all(is_mine) {
            return Err(not_taken("its slots are being handed over"));
        }
        let (origin, number) = sequence;
        let now = self.clock.now();
        for bundle in bundles {
            if !state.taken.is_new(bundle.slot, origin, number, now) {
                state.counts.repeated += 1;
                continue;
            }
            match &bundle.handed {
                Some(_) if bundle.is_doubtful && state.handover.stands_in(bundle) => {}
                Some(handed) => self.take_over(&mut state, bundle, handed, now),
                None => self.add(bundle),
            }
        }
        Ok(())
    }

    /// Changes become part of a sum: that is their end in the books.
    fn add(&self, bundle: &Bundle) {
        let charge = Charge::take(&self.seat.ledger, Signal::Metrics, bundle.amount);
        self.sums
            .with_totals(|now, totals| totals.add(now, &bundle.body));
        charge.drop_as(DropReason::Merged);
    }

    /// What another owner knew of a slot, if it was waited for.
    fn take_over(&self, state: &mut State, bundle: &Bundle, handed: &[Counted], now: Moment) {
        let slot = bundle.slot;
        if !state.handover.arrived(slot) {
            if !bundle.body.is_empty() {
                tracing::warn!(connector = %self.name(), slot = slot.index(), "totals came too late, their series have begun anew");
            }
            return;
        }
        self.go_on(state, bundle, handed, now);
    }

    /// A slot's series go on from what another owner knew.
    fn go_on(&self, state: &mut State, bundle: &Bundle, handed: &[Counted], now: Moment) {
        let slot = bundle.slot;
        state.taken.restore(slot, handed, now);
        self.sums.with_totals(|now, totals| {
            totals.add(now, &bundle.body);
            totals.open(slot);
        });
        state.counts.taken_over += 1;
    }

    /// Opens slots whose totals are waited for no longer. Answers how many begin anew.
    fn free(&self, state: &mut State, freed: Vec<Freed>) -> usize {
        let now = self.clock.now();
        let mut begun_anew = 0;
        for Freed { slot, stand_in } in freed {
            match stand_in {
                Some(bundle) => {
                    let handed = bundle.handed.as_deref().unwrap_or_default();
                    self.go_on(state, &bundle, handed, now);
                }
                None => {
                    self.sums.with_totals(|_, totals| totals.open(slot));
                    begun_anew += 1;
                }
            }
        }
        state.counts.begun_anew += begun_anew as u64;
        begun_anew
    }

    /// Brings what is known of slots in line with a table.
    fn follow(&self, state: &mut State, table: &Arc<RoutingTable>) {
        let Some(change) = state.handover.follow(table, self.clock.now()) else {
            return;
        };
        self.sums.with_totals(|_, totals| {
            for slot in change.gained {
                totals.close(slot);
            }
            for slot in change.lost {
                let body = totals.withdraw(slot);
                let handed = state.taken.withdraw(slot);
                state
                    .handover
                    .leave(Bundle::handed(slot, body.into(), handed));
            }
            for slot in change.passed_on {
                // Its totals never came here: who has them hands them to the next owner.
                totals.withdraw(slot);
                state.taken.withdraw(slot);
            }
        });
        self.free(state, change.free);
        self.moved.notify_one();
    }

    /// Opens slots whose totals do not come, and hands over what leaves, until [`Self::close`] has emptied it. A member that is
    /// silent holds up what was to go to it, and not what others wait for.
    pub(crate) async fn run(&self) {
        let mut under_way = FuturesUnordered::new();
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            // Registered before looking, so that what happens in between is not missed.
            moved.as_mut().enable();
            let (batch, next, is_closed) = {
                let mut state = self.state.lock();
                let next = self.open_overdue(&mut state);
                let has_room = under_way.len() < HANDOVERS_MAX;
                let batch = has_room.then(|| state.handover.take_leaving());
                (batch.unwrap_or_default(), next, state.is_closed)
            };
            if !batch.is_empty() {
                under_way.push(self.hand_over(batch));
                continue;
            }
            if is_closed && under_way.is_empty() {
                self.empty.notify_one();
                return;
            }
            let next = next.map(|next| self.clock.instant(next));
            tokio::select! {
                () = moved => {}
                Some(()) = under_way.next() => {}
                () = tokio::time::sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
            }
        }
    }

    fn open_overdue(&self, state: &mut State) -> Option<Moment> {
        let overdue = state.handover.overdue(self.clock.now());
        let slots = self.free(state, overdue);
        if slots > 0 {
            tracing::warn!(connector = %self.name(), slots, "totals were not handed over in time, their series begin anew");
        }
        state.handover.next_overdue()
    }

    async fn hand_over(&self, batch: Vec<Bundle>) {
        let sequence = (self.origin, self.handovers.fetch_add(1, Relaxed) + 1);
        let mut delivery = Delivery::new(&self.seat, batch).numbered(sequence);
        let home = Home {
            summing: self,
            sequence,
        };
        if let Err(refusal) = delivery.run_through(&home).await {
            tracing::error!(connector = %self.name(), reason = %refusal, "totals cannot be handed over and are lost");
        }
    }

    /// Takes nothing more in, and waits until all has left, at most until the deadline.
    pub(crate) async fn close(&self, deadline: Instant) {
        self.state.lock().is_closed = true;
        self.moved.notify_one();
        // The run that finds nothing left leaves a permit behind, so this cannot miss it.
        let emptied = tokio::time::timeout_at(deadline, self.empty.notified()).await;
        if emptied.is_err() {
            tracing::error!(connector = %self.name(), "totals could not be handed over in time and are lost");
        }
    }

    async fn take(&self, part: OutgoingPart) -> Result<(), Brought> {
        let Some(sequence) = &part.sequence else {
            return Err(Brought::Refused(malformed("changes without a number")));
        };
        let bundles = self.bundles(&part, sequence).map_err(Brought::Refused)?;
        table_of(&self.seat.membership, &part).await?;
        let taken = self.accept((sequence.origin, sequence.number), &bundles);
        taken.map_err(|refusal| match refusal {
            Refusal::HandOver { .. } => moved(),
            other => Brought::Refused(other),
        })
    }

    /// The bundles of a part: changes, or what is known of the slots that it hands over.
    fn bundles(&self, part: &OutgoingPart, sequence: &Sequence) -> Result<Vec<Bundle>, Refusal> {
        let mut bundles = Bundle::of_part(part, &*self.slot_of)?;
        if sequence.handed.is_empty() {
            return Ok(bundles);
        }
        let handed = sequence.handed.iter().map(|handed| {
            let known = bundles.iter().position(|bundle| bundle.slot == handed.slot);
            let body = known.map(|known| bundles.swap_remove(known).body);
            Bundle {
                is_doubtful: handed.is_doubtful,
                ..Bundle::handed(handed.slot, body.unwrap_or_default(), handed.taken.clone())
            }
        });
        let handed = handed.collect();
        if !bundles.is_empty() {
            return Err(malformed("totals of a slot that is not handed over"));
        }
        Ok(handed)
    }
}

fn malformed(detail: &str) -> Refusal {
    Refusal::Malformed {
        signal: Signal::Metrics,
        detail: detail.to_owned(),
    }
}

impl Writer for Summing {
    fn take_part(&self, part: OutgoingPart) -> BoxFuture<'_, Brought> {
        Box::pin(async move { self.take(part).await.err().unwrap_or_else(taken) })
    }

    fn learn(&self, table: &Arc<RoutingTable>) {
        self.follow(&mut self.state.lock(), table);
    }
}

/// This member's own sums, for the bundles of one request.
struct Home<'a> {
    summing: &'a Summing,
    sequence: (u64, u64),
}

impl Own for Home<'_> {
    async fn take(&self, bundles: &[Bundle]) -> Result<(), Refusal> {
        self.summing.accept(self.sequence, bundles)
    }
}
