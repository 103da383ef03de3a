//! A `service_graph` in a cluster: the two halves of a request meet at the owner of their trace's slot.
//!
//! ```text
//! pipelines --> Pairing: cut, gathered --> owner of the slot: Pairing --> Connecting (the graph) --> ToSums
//!                           ^                                   |
//!                           '-------- slot moves: what waits ---'
//! ```
//!
//! Parent: the node. What is gathered is in memory that is shared with the actor that brings it, bounded in bytes. If the actor dies:
//! what it was bringing is lost, which is a few edges of a graph.

mod gathered;

use super::delivery::{Delivery, Own, moved, not_taken, table_of, taken};
use super::owned::OwnedSlots;
use super::taken::Taken;
use super::{Bundle, Writer};
use crate::clock::Clock;
use crate::membership::{Brought, OutgoingPart};
use crate::pipeline::{Connecting, SLOT_SEED, Seat};
use crate::refusal::Refusal;
use bytes::Bytes;
use futures_core::future::BoxFuture;
use gathered::{Gathered, of_halves};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tailweir_connect::Halves;
use tailweir_core::{Signal, Slot, TraceId};
use tailweir_otlp::{RequestView, ResourceFields, ScopeFields, SpanHead, SpanView, count_items};
use tailweir_placement::{Epoch, RoutingTable};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Halves wait for others to go with them: less than anything in a graph notices.
const GATHER: Duration = Duration::from_millis(100);
/// How long an end waits for halves to leave. Nobody waits much longer for a half.
const CLOSE_MAX: Duration = Duration::from_secs(3);

/// The part of a `service_graph` that brings halves to their owners, and takes what this member owns.
pub(crate) struct Pairing {
    seat: Arc<Seat>,
    halves: Halves,
    /// Pairs what is this member's.
    graph: Arc<Connecting>,
    gathered: Mutex<Gathered>,
    state: Mutex<State>,
    is_closed: AtomicBool,
    clock: Clock,
    /// Names this process to the owners, with rising numbers, so that they know what is brought again.
    origin: u64,
    number: AtomicU64,
    /// Something was gathered, or it was closed.
    due: Notify,
    /// Everything has left after the close.
    empty: Notify,
}

/// What this member knows of the slots that it owns.
struct State {
    epoch: Epoch,
    owned: OwnedSlots,
    taken: Taken,
}

/// What it counts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PairingCounts {
    /// Bytes of halves that wait for their owners.
    pub(crate) waiting_bytes: u64,
    /// Halves that were left out for want of room.
    pub(crate) without_room: u64,
    /// Spans without a service.
    pub(crate) without_service: u64,
}

impl Pairing {
    /// Pairs in `graph` what is this member's.
    pub(crate) fn new(
        seat: Arc<Seat>,
        halves: Halves,
        graph: Arc<Connecting>,
        clock: Clock,
        origin: u64,
    ) -> Arc<Self> {
        let table = seat.membership.table();
        let state = State {
            epoch: table.epoch(),
            owned: OwnedSlots::of(&table, seat.membership.incarnation),
            taken: Taken::default(),
        };
        Arc::new(Self {
            seat,
            halves,
            graph,
            gathered: Mutex::default(),
            state: Mutex::new(state),
            is_closed: AtomicBool::new(false),
            clock,
            origin,
            number: AtomicU64::new(0),
            due: Notify::new(),
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
    pub(crate) fn counts(&self) -> PairingCounts {
        let gathered = self.gathered.lock();
        PairingCounts {
            waiting_bytes: gathered.bytes(),
            without_room: gathered.without_room(),
            without_service: gathered.without_service(),
        }
    }

    /// Takes the halves in a request. They leave soon.
    pub(crate) fn hear(&self, items: u64, request: &[u8]) {
        self.graph.note_received(Signal::Traces, items);
        let cut = self.halves.cut(request, slot_of_trace);
        self.gathered.lock().put(cut);
        self.due.notify_one();
    }

    /// Brings what is gathered to its owners, until [`Self::close`] has emptied it.
    pub(crate) async fn run(&self) {
        loop {
            let due = self.due.notified();
            tokio::pin!(due);
            // Registered before looking, so that what is gathered in between is not missed.
            due.as_mut().enable();
            let is_closed = self.is_closed.load(Relaxed);
            let bundles = self.gathered.lock().take();
            if !bundles.is_empty() {
                self.bring(bundles).await;
                continue;
            }
            if is_closed {
                self.empty.notify_one();
                return;
            }
            due.await;
            tokio::time::sleep(GATHER).await;
        }
    }

    /// One batch after the other: what comes meanwhile gathers.
    async fn bring(&self, bundles: Vec<Bundle>) {
        let sequence = (self.origin, self.number.fetch_add(1, Relaxed) + 1);
        let home = Home {
            pairing: self,
            sequence,
        };
        let mut delivery = Delivery::new(&self.seat, bundles).numbered(sequence);
        if let Err(refusal) = delivery.run_through(&home).await {
            tracing::error!(connector = %self.name(), reason = %refusal, "halves of requests cannot be paired and are lost");
        }
    }

    /// Takes nothing more from others, and waits until all has left, at most until the deadline.
    pub(crate) async fn close(&self, deadline: Instant) {
        self.is_closed.store(true, Relaxed);
        self.due.notify_one();
        let deadline = deadline.min(Instant::now() + CLOSE_MAX);
        // The run that finds nothing left leaves a permit behind, so this cannot miss it.
        let emptied = tokio::time::timeout_at(deadline, self.empty.notified()).await;
        if emptied.is_err() {
            tracing::error!(connector = %self.name(), "halves of requests could not leave in time and are lost");
        }
    }

    /// Pairs bundles that are this member's, all of them or none. One that it has taken before changes nothing.
    fn accept(&self, (origin, number): (u64, u64), bundles: &[Bundle]) -> Result<(), Refusal> {
        let table = self.seat.membership.table();
        let mut state = self.state.lock();
        self.follow(&mut state, &table);
        if !bundles.iter().all(|bundle| state.owned.has(bundle.slot)) {
            return Err(not_taken("its slots moved a moment ago"));
        }
        let now = self.clock.now();
        for bundle in bundles {
            if state.taken.is_new(bundle.slot, origin, number, now) {
                self.graph.pair(&bundle.body);
            }
        }
        Ok(())
    }

    /// Halves that wait in slots which are another's by a newer table go there.
    fn follow(&self, state: &mut State, table: &RoutingTable) {
        if table.epoch() <= state.epoch {
            return;
        }
        state.epoch = table.epoch();
        let newest = OwnedSlots::of(table, self.seat.membership.incarnation);
        let lost = state.owned.but(&newest);
        state.owned = newest;
        if lost.is_empty() {
            return;
        }
        for slot in lost {
            state.taken.withdraw(slot);
        }
        let owned = &state.owned;
        let leaves = |trace| Some(slot_of_trace(trace)).filter(|slot| !owned.has(*slot));
        if let Some(cut) = self.graph.withdraw_halves(leaves) {
            self.gathered.lock().put(cut);
            self.due.notify_one();
        }
    }

    async fn take(&self, part: OutgoingPart) -> Result<(), Brought> {
        let Some(sequence) = &part.sequence else {
            return Err(Brought::Refused(malformed("halves without a number")));
        };
        let bundles = bundles_of(&part.spans).map_err(Brought::Refused)?;
        if self.is_closed.load(Relaxed) {
            return Err(Brought::Refused(Refusal::Stopping));
        }
        table_of(&self.seat.membership, &part).await?;
        let accepted = self.accept((sequence.origin, sequence.number), &bundles);
        accepted.map_err(|_| moved())
    }
}

impl Writer for Pairing {
    fn take_part(&self, part: OutgoingPart) -> BoxFuture<'_, Brought> {
        Box::pin(async move { self.take(part).await.err().unwrap_or_else(taken) })
    }

    fn learn(&self, table: &Arc<RoutingTable>) {
        self.follow(&mut self.state.lock(), table);
    }
}

/// This member's own graph, for the halves of one batch.
struct Home<'a> {
    pairing: &'a Pairing,
    sequence: (u64, u64),
}

impl Own for Home<'_> {
    async fn take(&self, bundles: &[Bundle]) -> Result<(), Refusal> {
        self.pairing.accept(self.sequence, bundles)
    }
}

fn slot_of_trace(trace: TraceId) -> Slot {
    Slot::of(trace, SLOT_SEED)
}

/// The halves that another member brought, by slot: all spans of a resource are of one.
fn bundles_of(spans: &Bytes) -> Result<Vec<Bundle>, Refusal> {
    let counted = count_items(Signal::Traces, spans);
    counted.map_err(|error| malformed(&error.to_string()))?;
    let slot_of = |resource: ResourceFields<'_>| {
        let span = resource.scopes().flat_map(ScopeFields::items).next();
        slot_of_trace(SpanHead::of(SpanView(span.unwrap_or_default())).trace_id)
    };
    let requests = RequestView(spans).split_resources(slot_of).into_iter();
    let bundles = requests.map(|(slot, request)| of_halves(slot, request.into()));
    Ok(bundles.collect())
}

fn malformed(detail: &str) -> Refusal {
    Refusal::Malformed {
        signal: Signal::Traces,
        detail: detail.to_owned(),
    }
}
