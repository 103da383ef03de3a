//! Connectors that make telemetry of what pipelines bring them.
//!
//! What a connector makes waits in memory that is shared with the actor that hands it on, so that the actor
//! can die and nothing is lost. Bounded in bytes; past the bound, loads for which a client waits are
//! refused when something would be made of them at once. Nothing is made at a flush while earlier telemetry
//! waits for room behind, so series gather instead of requests.

#[cfg(test)]
mod tests;

use super::{Load, Stage};
use crate::actors::Witness;
use crate::clock::Clock;
use crate::ledger::{Charge, Ledger};
use crate::refusal::{Bound, Refusal};
use parking_lot::{Mutex, RwLock};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tailweir_connect::{CutHalves, Exemplars, Made, Maker, Now, Patience, SeriesFigures, Totals};
use tailweir_core::{Signal, Slot, TraceId};
use tailweir_export::{Amount, LossReason};
use tailweir_transform::Surroundings;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Bytes that may wait behind one connector.
const BYTES_MAX: usize = 16 << 20;
/// Pause before telemetry that found no room behind is offered again.
const RETRY_EVERY: Duration = Duration::from_millis(20);
/// When a client may come again after it met a full connector.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Where what a connector makes goes, by signal.
pub(crate) type Outlets = [Option<Arc<dyn Stage>>; Signal::ALL.len()];

/// One connector, whatever pipelines it joins.
pub(crate) struct Connecting {
    id: String,
    maker: Mutex<Maker>,
    outlets: RwLock<Outlets>,
    waiting: Mutex<Waiting>,
    /// Something waits, or the connector was closed.
    due: Notify,
    /// Everything has left after the close.
    empty: Notify,
    ledger: Arc<Ledger>,
    clock: Clock,
    surroundings: Arc<dyn Surroundings>,
}

/// What was made and has not left.
#[derive(Default)]
struct Waiting {
    loads: VecDeque<Load>,
    bytes: usize,
    is_closed: bool,
    counts: ConnectorCounts,
}

/// Items that a connector took and made, by signal.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ConnectorCounts {
    /// Items of requests that were brought.
    pub(crate) received: [u64; Signal::ALL.len()],
    /// Items that were made.
    pub(crate) made: [u64; Signal::ALL.len()],
}

/// What a connector says of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectorFigures {
    /// Items in and out.
    pub(crate) counts: ConnectorCounts,
    /// Bytes that wait for room behind.
    pub(crate) waiting_bytes: u64,
    /// What it keeps.
    pub(crate) series: SeriesFigures,
}

impl Connecting {
    /// A connector that leads nowhere yet.
    pub(crate) fn new(
        id: String,
        maker: Maker,
        ledger: Arc<Ledger>,
        clock: Clock,
        surroundings: Arc<dyn Surroundings>,
    ) -> Self {
        Self {
            id,
            maker: Mutex::new(maker),
            outlets: RwLock::default(),
            waiting: Mutex::default(),
            due: Notify::new(),
            empty: Notify::new(),
            ledger,
            clock,
            surroundings,
        }
    }

    /// Its id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// What it makes goes there from here on.
    pub(crate) fn set_outlets(&self, outlets: Outlets) {
        *self.outlets.write() = outlets;
    }

    /// What it says of itself.
    pub(crate) fn figures(&self) -> ConnectorFigures {
        let series = self.maker.lock().figures();
        let waiting = self.waiting.lock();
        ConnectorFigures {
            counts: waiting.counts,
            waiting_bytes: waiting.bytes as u64,
            series,
        }
    }

    /// Whether it can take a request in. Where it makes nothing of it at once, it can although it is full.
    ///
    /// # Errors
    ///
    /// Why not.
    pub(crate) fn admit(&self, request: &[u8]) -> Result<(), Refusal> {
        let (is_closed, is_full) = {
            let waiting = self.waiting.lock();
            (waiting.is_closed, waiting.bytes > BYTES_MAX)
        };
        if is_closed {
            return Err(Refusal::Stopping);
        }
        if is_full && self.maker.lock().makes_at_once(request) {
            return Err(Refusal::Full {
                bound: Bound::Connector,
                retry_after: RETRY_AFTER,
            });
        }
        Ok(())
    }

    /// Takes in what is in a request. What is made of it at once is lost, and counted, when there is no
    /// room for it.
    pub(crate) fn feed(&self, signal: Signal, items: u64, body: &[u8], exemplars: Exemplars) {
        self.consume(signal, body, exemplars);
        self.note_received(signal, items);
    }

    /// Pairs halves of requests between services that were brought to this member of a cluster.
    pub(crate) fn pair(&self, halves: &[u8]) {
        self.consume(Signal::Traces, halves, Exemplars::Kept);
    }

    /// Takes out the halves that wait, of traces for which there is a slot elsewhere; nothing when this is no graph.
    pub(crate) fn withdraw_halves(
        &self,
        slot_of: impl Fn(TraceId) -> Option<Slot>,
    ) -> Option<CutHalves<Slot>> {
        let mut maker = self.maker.lock();
        maker.graph().map(|graph| graph.withdraw(slot_of))
    }

    /// Traces whose owners are to be asked now what became of them, at most so many.
    pub(crate) fn inquire(&self, patience: &Patience, max: usize) -> Vec<TraceId> {
        self.maker.lock().inquire(self.clock.now(), patience, max)
    }

    /// Counts items of a request that was brought.
    pub(crate) fn note_received(&self, signal: Signal, items: u64) {
        self.waiting.lock().counts.received[signal as usize] += items;
    }

    fn consume(&self, signal: Signal, body: &[u8], exemplars: Exemplars) {
        let wanted: Vec<bool> = self.outlets.read().iter().map(Option::is_some).collect();
        let wanted = |signal: Signal| wanted[signal as usize];
        let mut made = Vec::new();
        let now = self.now();
        let fed = self
            .maker
            .lock()
            .consume(now, signal, body, exemplars, wanted, &mut made);
        if let Err(reason) = fed {
            tracing::warn!(connector = %self.id, %reason, "a request was not counted");
        }
        self.enqueue(made);
    }

    fn enqueue(&self, made: Vec<Made>) {
        if made.is_empty() {
            return;
        }
        let mut waiting = self.waiting.lock();
        for Made {
            signal,
            body,
            items,
        } in made
        {
            waiting.counts.made[signal as usize] += items;
            let bytes = body.len() as u64;
            let charge = Charge::take(&self.ledger, signal, Amount { items, bytes });
            if waiting.bytes > BYTES_MAX {
                charge.lose(LossReason::QueueFull);
                continue;
            }
            waiting.bytes += body.len();
            waiting
                .loads
                .push_back(Load::held(signal, body.into(), charge));
        }
        drop(waiting);
        self.due.notify_one();
    }

    /// Does something with the totals that it keeps, if it keeps any.
    pub(crate) fn with_totals(&self, change: impl FnOnce(Now, &mut Totals)) {
        let now = self.now();
        if let Some(totals) = self.maker.lock().totals() {
            change(now, totals);
        }
    }

    /// Flushes when it is time, and hands on what was made, until [`Self::close`] has emptied it. Cancel
    /// safe but for the load that is being handed on, which is then counted as lost.
    pub(crate) async fn run(&self) {
        loop {
            let due = self.due.notified();
            tokio::pin!(due);
            // Registered before looking, so that what is made in between is not missed.
            due.as_mut().enable();
            while let Some(load) = self.next_load() {
                self.hand_on(load).await;
            }
            if self.waiting.lock().is_closed {
                self.empty.notify_one();
                return;
            }
            let mut made = Vec::new();
            let next = self.maker.lock().advance(self.now(), &mut made);
            if !made.is_empty() {
                self.enqueue(made);
                continue;
            }
            match next {
                Some(next) => tokio::select! {
                    () = due => {}
                    () = tokio::time::sleep_until(self.clock.instant(next)) => {}
                },
                None => due.await,
            }
        }
    }

    fn next_load(&self) -> Option<Load> {
        let mut waiting = self.waiting.lock();
        let load = waiting.loads.pop_front()?;
        waiting.bytes -= load.body.len();
        Some(load)
    }

    async fn hand_on(&self, mut load: Load) {
        let signal = load.signal;
        loop {
            let Some(outlet) = self.outlets.read()[signal as usize].clone() else {
                // Made for a pipeline that a reload took away.
                load.charge.lose(LossReason::AbandonedAtShutdown);
                return;
            };
            match outlet.take(load).await {
                Ok(()) => return,
                Err(returned) => load = returned.load,
            }
            tokio::time::sleep(RETRY_EVERY).await;
        }
    }

    /// Takes nothing more in, flushes for the last time, and waits until all has left, at most until the
    /// deadline. What is left then is lost, and counted.
    pub(crate) async fn close(&self, deadline: Instant) {
        let mut made = Vec::new();
        self.maker.lock().finish(self.now(), &mut made);
        self.enqueue(made);
        self.waiting.lock().is_closed = true;
        self.due.notify_one();
        // The run that finds nothing left leaves a permit behind, so this cannot miss it.
        let emptied = tokio::time::timeout_at(deadline, self.empty.notified()).await;
        if emptied.is_err() {
            tracing::error!(connector = %self.id, "what a connector made could not leave in time");
            let mut waiting = self.waiting.lock();
            waiting.loads.clear();
            waiting.bytes = 0;
        }
    }

    fn now(&self) -> Now {
        let unix_nanos = self.surroundings.now().unix_units(1);
        Now {
            moment: self.clock.now(),
            unix_nanos: u64::try_from(unix_nanos).unwrap_or_default(),
        }
    }
}

impl Witness for Connecting {
    fn decided(&self, traces: &[(TraceId, bool)]) {
        let mut maker = self.maker.lock();
        if !maker.awaits_decisions() {
            return;
        }
        for (trace, is_kept) in traces {
            maker.decided(*trace, *is_kept);
        }
    }
}
