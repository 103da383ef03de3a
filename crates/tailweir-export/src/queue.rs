//! The sending queue: bounded, and outliving the workers that empty it.
//!
//! A worker never owns a parcel; it borrows it as a [`Loan`]. A loan that ends without
//! a result, because the worker panicked or was stopped, goes back to the front of the queue. So the
//! worker can be supervised and restarted, and nothing is lost but time. What counts against the limits is
//! everything not yet settled, loans included.
//!
//! With a spool a parcel is on disk before it counts as taken, and its body is in memory only while a worker has it.

mod loan;
mod state;

pub(crate) use loan::{Batch, Loan};

use crate::{LossReason, Parcel};
use parking_lot::Mutex;
use state::{Ready, State};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tailweir_spool::Spool;
use tokio::sync::Notify;

/// What a parcel whose body is on disk counts for in memory, beside its client.
const STORED_BYTES: u64 = 512;

/// What a queue or a batch is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unit {
    /// Parcels.
    #[default]
    Requests,
    /// Spans, data points or log records.
    Items,
    /// Bytes of the requests.
    Bytes,
}

impl Unit {
    pub(crate) fn of(self, parcel: &Parcel) -> u64 {
        self.measure(parcel.items, parcel.bytes)
    }

    /// What a parcel of so many items and bytes counts for.
    fn measure(self, items: u64, bytes: u64) -> u64 {
        match self {
            Self::Requests => 1,
            Self::Items => items,
            Self::Bytes => bytes,
        }
    }
}

/// The bounds of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Most it holds, in `unit`. From 1.
    pub size: u64,
    /// The unit of `size`.
    pub unit: Unit,
    /// Most bytes it holds in memory, whatever the unit. From 1.
    pub bytes: u64,
}

/// When waiting parcels are sent together. Absent: each parcel is a request of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batching {
    /// A parcel waits at most this long for others.
    pub flush_timeout: Duration,
    /// From this size on nobody waits.
    pub min_size: u64,
    /// No request is larger than this. Zero: no bound.
    pub max_size: u64,
    /// The unit of the sizes, [`Unit::Items`] or [`Unit::Bytes`].
    pub unit: Unit,
}

/// A parcel that was not taken, handed back unsettled: keep it, lose it, or refuse its sender.
#[derive(Debug, thiserror::Error)]
#[error("{reason}: a parcel of {} items ({} bytes) was not taken", parcel.items, parcel.bytes)]
pub struct Refusal {
    /// As it was offered.
    pub parcel: Parcel,
    /// Why.
    pub reason: LossReason,
}

impl Refusal {
    pub(crate) fn new(parcel: Parcel, reason: LossReason) -> Box<Self> {
        Box::new(Self { parcel, reason })
    }
}

/// What a parcel counts for.
#[derive(Debug, Clone, Copy)]
struct Weight {
    /// In the unit of the queue.
    size: u64,
    /// In bytes of memory.
    bytes: u64,
}

/// See the module.
pub(crate) struct Queue {
    capacity: Capacity,
    spool: Option<Arc<Spool>>,
    batching: Option<Batching>,
    state: Mutex<State>,
    /// A worker may find something to take.
    arrived: Notify,
    /// Room was made, or the queue was closed. Several queues may ring the same bell.
    freed: Arc<Notify>,
}

impl Queue {
    pub(crate) fn new(
        capacity: Capacity,
        batching: Option<Batching>,
        freed: Arc<Notify>,
        spool: Option<Arc<Spool>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            capacity,
            spool,
            batching,
            state: Mutex::new(State::default()),
            arrived: Notify::new(),
            freed,
        })
    }

    pub(crate) fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// Rings whenever there is more room.
    pub(crate) fn freed(&self) -> &Notify {
        &self.freed
    }

    /// What keeps it; nothing where it is in memory.
    pub(crate) fn spool(&self) -> Option<&Arc<Spool>> {
        self.spool.as_ref()
    }

    /// What it holds, loans included, in the unit of its capacity; and in bytes.
    pub(crate) fn size(&self) -> (u64, u64) {
        let state = self.state.lock();
        (state.size, state.bytes)
    }

    /// Takes the parcel, or hands it back: at once, or, where it is kept by a spool, when the disk has answered.
    pub(crate) fn offer(&self, parcel: Parcel) -> Result<(), Box<Refusal>> {
        let weight = self.weight(&parcel);
        let mut state = self.state.lock();
        if let Err(reason) = self.admits(&mut state, weight) {
            return Err(Refusal::new(parcel, reason));
        }
        state.hold(weight);
        let Some(spool) = &self.spool else {
            self.line_up(&mut state, parcel, weight);
            return Ok(());
        };
        drop(state);
        match parcel.store(spool) {
            Ok(parcel) => {
                self.line_up(&mut self.state.lock(), parcel, weight);
                Ok(())
            }
            Err(refusal) => {
                let mut state = self.state.lock();
                state.release(weight);
                if refusal.reason == LossReason::QueueFull {
                    self.press(&mut state);
                }
                drop(state);
                self.freed.notify_waiters();
                Err(refusal)
            }
        }
    }

    /// Takes a parcel that was taken before, whether there is room or not; or hands it back where nobody would take it from here.
    pub(crate) fn restore(&self, parcel: Parcel) -> Result<(), Box<Refusal>> {
        let weight = self.weight(&parcel);
        let mut state = self.state.lock();
        if state.has_ended() {
            return Err(Refusal::new(parcel, LossReason::AbandonedAtShutdown));
        }
        state.hold(weight);
        self.line_up(&mut state, parcel, weight);
        Ok(())
    }

    /// Whether it has not been closed.
    pub(crate) fn is_open(&self) -> bool {
        !self.state.lock().closed
    }

    fn line_up(&self, state: &mut State, parcel: Parcel, weight: Weight) {
        let batch_size = self
            .batching
            .map_or(1, |batching| batching.unit.of(&parcel));
        state.push(parcel, weight, batch_size);
        self.arrived.notify_one();
    }

    fn weight(&self, parcel: &Parcel) -> Weight {
        let client = parcel.client.as_ref().map_or(0, |client| client.bytes());
        Weight {
            size: self.capacity.unit.of(parcel),
            bytes: match self.spool {
                Some(_) => STORED_BYTES + client as u64,
                None => parcel.bytes,
            },
        }
    }

    /// Whether a parcel of so many items and bytes would be taken now, into memory.
    pub(crate) fn has_room(&self, items: u64, bytes: u64) -> Result<(), LossReason> {
        let size = self.capacity.unit.measure(items, bytes);
        self.admits(&mut self.state.lock(), Weight { size, bytes })
    }

    fn admits(&self, state: &mut State, weight: Weight) -> Result<(), LossReason> {
        let Capacity {
            size: size_max,
            bytes: bytes_max,
            ..
        } = self.capacity;
        let Weight { size, bytes } = weight;
        if state.closed {
            return Err(LossReason::AbandonedAtShutdown);
        }
        if size > size_max || bytes > bytes_max {
            return Err(LossReason::LargerThanQueue);
        }
        if state.size + size > size_max || state.bytes + bytes > bytes_max {
            self.press(state);
            return Err(LossReason::QueueFull);
        }
        Ok(())
    }

    /// Whoever waits for a batch to fill must not wait while there is no room to fill it.
    fn press(&self, state: &mut State) {
        state.pressed = true;
        self.arrived.notify_one();
    }

    /// Takes in no more and lends no more: what waits is for [`Self::take_back`].
    pub(crate) fn withdraw(&self) {
        self.state.lock().withdrawn = true;
        self.close();
    }

    /// Waits until nothing is on loan any more.
    pub(crate) async fn returned(&self) {
        self.until(State::has_no_loans).await;
    }

    /// Everything that waits. It counts no more.
    pub(crate) fn take_back(&self) -> Vec<Parcel> {
        let mut state = self.state.lock();
        let entries = state.take_all();
        for entry in &entries {
            state.release(entry.weight);
        }
        drop(state);
        self.freed.notify_waiters();
        entries.into_iter().map(|entry| entry.parcel).collect()
    }

    /// The next batch, or nothing once the queue is closed and empty. Cancel safe.
    pub(crate) async fn take(self: &Arc<Self>) -> Option<Batch> {
        loop {
            let arrived = self.arrived.notified();
            tokio::pin!(arrived);
            arrived.as_mut().enable();
            let now = tokio::time::Instant::now();
            let ready = self.state.lock().take(self.batching.as_ref(), now);
            match ready {
                Ready::Now { entries, more } => {
                    if more {
                        self.arrived.notify_one();
                    }
                    return Some(Batch::new(self.clone(), entries));
                }
                Ready::At(time) => {
                    tokio::select! {
                        () = arrived => {}
                        () = tokio::time::sleep_until(time) => {}
                    }
                }
                Ready::WhenArrived => arrived.await,
                Ready::Never => {
                    // Wake the next worker, so that all of them learn of the end.
                    self.arrived.notify_one();
                    return None;
                }
            }
        }
    }

    /// Takes in no more. What waits is sent without waiting for more.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.arrived.notify_one();
        self.freed.notify_waiters();
    }

    /// Loses everything that waits, and everything that will come back. Returns how many items.
    pub(crate) fn abandon(self: &Arc<Self>) -> u64 {
        self.close();
        let entries = {
            let mut state = self.state.lock();
            state.abandoned = true;
            state.take_all()
        };
        let mut items = 0;
        for entry in entries {
            items += entry.parcel.items;
            Loan::new(entry, self.clone())
                .finish(|receipt| receipt.lost(LossReason::AbandonedAtShutdown));
        }
        items
    }

    /// Waits until nothing is held, loans included.
    pub(crate) async fn emptied(&self) {
        self.until(|state| state.held == 0).await;
    }

    async fn until(&self, holds: impl Fn(&State) -> bool) {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            if holds(&self.state.lock()) {
                return;
            }
            freed.await;
        }
    }
}

/// Offers a parcel again and again, whenever the bell rings, until it is taken or refused for something
/// else than a full queue. Cancelled: the parcel is dropped, and so lost.
pub(crate) async fn when_free<F>(
    bell: &Notify,
    mut parcel: Parcel,
    offer: impl Fn(Parcel) -> F,
) -> Result<(), Box<Refusal>>
where
    F: Future<Output = Result<(), Box<Refusal>>>,
{
    loop {
        let rung = bell.notified();
        tokio::pin!(rung);
        // Registered before looking, so that room made in between is not missed.
        rung.as_mut().enable();
        match offer(parcel).await {
            Err(refusal) if refusal.reason == LossReason::QueueFull => parcel = refusal.parcel,
            answer => return answer,
        }
        rung.await;
    }
}

impl Drop for Queue {
    /// What is on disk stays there, for the next process.
    fn drop(&mut self) {
        for entry in self.state.lock().take_all() {
            if entry.parcel.stored.is_some() {
                entry.parcel.receipt.kept();
            }
        }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.lock();
        f.debug_struct("Queue")
            .field("held", &state.held)
            .field("size", &state.size)
            .field("bytes", &state.bytes)
            .field("closed", &state.closed)
            .finish_non_exhaustive()
    }
}
