//! The end of a pipeline: its exporters, connectors, and the pipelines that it feeds.

#[cfg(test)]
mod tests;

use super::{Connecting, Exposing, Load, Pairing, Returned, Stage, Taken, WaysTaken};
use crate::ledger::DropReason;
use crate::refusal::{Bound, Refusal};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tailweir_connect::Exemplars;
use tailweir_core::{ByteSize, Signal};
use tailweir_export::{Exporter, LossReason, Parcel};

/// When a client may come again after it met a full queue.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Most exporters and connectors at the end of a pipeline.
pub(crate) const WAYS_MAX: usize = 64;

/// Where a pipeline ends.
pub(crate) struct Ways {
    ways: Vec<NamedWay>,
    connectors: Vec<ConnectorWay>,
}

/// A way, and the name by which loads remember that they have gone it: another for each way of a fan-out, and the same after a
/// reload as before.
pub(crate) type NamedWay = (String, Way);

/// A connector at the end of a pipeline: it looks at what goes the other ways.
pub(crate) struct ConnectorWay {
    /// The connector.
    pub(crate) connector: Arc<Connecting>,
    /// Whether a sampler will decide about what comes this way.
    pub(crate) exemplars: Exemplars,
    /// In a cluster, what brings the halves of a graph of services to those who pair them.
    pub(crate) pairing: Option<Arc<Pairing>>,
}

impl ConnectorWay {
    /// Shows a request to the connector, which has room.
    fn feed(&self, signal: Signal, items: u64, body: &[u8]) {
        match &self.pairing {
            Some(pairing) => pairing.hear(items, body),
            None => self.connector.feed(signal, items, body, self.exemplars),
        }
    }
}

/// One of the ends.
pub(crate) enum Way {
    /// An exporter.
    Exporter(ExportWay),
    /// An exporter of a cluster that shows each stream at one member.
    Exposing(Arc<Exposing>),
    /// The pipeline behind a connector.
    Pipeline(Arc<dyn Stage>),
    /// An exporter that exports nothing: `nop`, or one that this version does not have.
    Nowhere(Arc<NotExported>),
}

/// An exporter as the end of a pipeline.
pub(crate) struct ExportWay {
    /// The exporter.
    pub(crate) exporter: Exporter,
    /// `block_on_overflow`: what finds no room waits, even where other ways must wait with it.
    pub(crate) waits: bool,
}

/// Counts what goes nowhere.
#[derive(Debug, Default)]
pub(crate) struct NotExported {
    /// Items so far.
    pub(crate) items: AtomicU64,
}

impl Ways {
    /// These ends.
    pub(crate) fn new(ways: Vec<NamedWay>) -> Self {
        debug_assert!(
            (1..ways.len()).all(|it| ways[..it].iter().all(|(name, _)| *name != ways[it].0)),
            "each way has a name of its own"
        );
        Self {
            ways,
            connectors: Vec::new(),
        }
    }

    /// With these connectors too.
    pub(crate) fn with_connectors(mut self, connectors: Vec<ConnectorWay>) -> Self {
        self.connectors = connectors;
        self
    }

    /// Shows the load to the connectors once it has gone all other ways, so that what is offered again is
    /// counted once. What has no other way ends here.
    async fn send_and_count(&self, load: Load) -> Result<(), Box<Returned>> {
        let is_alone = self.ways.is_empty() && self.connectors.len() == 1;
        for way in &self.connectors {
            if let Err(refusal) = way.connector.admit(&load.body) {
                // What is held must not stop for a connector while there are other ways.
                if !load.is_held || is_alone {
                    return Err(load.returned(refusal));
                }
            }
        }
        let (signal, body) = (load.signal, load.body.clone());
        let items = load.charge.amount().items;
        if self.ways.is_empty() {
            load.charge.drop_as(DropReason::Counted);
        } else {
            self.send(load).await?;
        }
        for way in &self.connectors {
            way.feed(signal, items, &body);
        }
        Ok(())
    }

    /// Sends the load every way that has not taken it, the last one getting the load itself.
    ///
    /// When one way refuses, a load that a client waits for is returned, and the client sends it again
    /// (so ways that took it get it twice, as with the Collector). A load that is held is returned too
    /// when this way is the only one, or may block: whoever holds it tries again, and what has taken it is
    /// passed over then. Otherwise one full exporter would stop the others: its copy is lost, and counted.
    async fn send(&self, mut load: Load) -> Result<(), Box<Returned>> {
        let mut taken = std::mem::take(&mut load.ways_taken);
        let last = self.ways.iter().rposition(|(name, _)| !taken.has(name));
        let Some(last) = last else {
            if !self.ways.is_empty() {
                // It was for a way that a reload took away.
                load.charge.undo_copy();
            }
            return Ok(());
        };
        for (index, (name, way)) in self.ways[..last].iter().enumerate() {
            if taken.has(name) {
                continue;
            }
            let mut copy = load.copy();
            copy.ways_taken = taken.take_within(name);
            let Err(returned) = self.one(way, copy).await else {
                continue;
            };
            let Returned {
                load: copy,
                refusal,
            } = *returned;
            copy.charge.undo_copy();
            self.remember(&mut taken, index, copy.ways_taken);
            load.ways_taken = taken;
            return Err(load.returned(refusal));
        }
        let (name, way) = &self.ways[last];
        load.ways_taken = taken.take_within(name);
        let Err(mut returned) = self.one(way, load).await else {
            return Ok(());
        };
        let within = std::mem::take(&mut returned.load.ways_taken);
        self.remember(&mut taken, last, within);
        returned.load.ways_taken = taken;
        Err(returned)
    }

    /// Notes that the way of this number has refused, but for these ways within: those before it have taken the load.
    fn remember(&self, taken: &mut WaysTaken, refusing: usize, within: WaysTaken) {
        let (before, rest) = self.ways.split_at(refusing);
        for (name, _) in before {
            taken.add(name);
        }
        if let Some((name, _)) = rest.first() {
            taken.add_within(name, within);
        }
    }

    async fn one(&self, way: &Way, load: Load) -> Result<(), Box<Returned>> {
        match way {
            Way::Exporter(way) => way.send(load, self.ways.len() == 1).await,
            Way::Exposing(exposing) => exposing.send(load, self.ways.len() == 1).await,
            Way::Pipeline(stage) => stage.take(load).await,
            Way::Nowhere(counter) => {
                counter.items.fetch_add(load.charge.amount().items, Relaxed);
                load.charge.drop_as(DropReason::NotExported);
                Ok(())
            }
        }
    }
}

impl Stage for Ways {
    fn take(&self, load: Load) -> Taken<'_> {
        if self.connectors.is_empty() {
            return Box::pin(self.send(load));
        }
        Box::pin(self.send_and_count(load))
    }
}

impl ExportWay {
    async fn send(&self, load: Load, is_only: bool) -> Result<(), Box<Returned>> {
        let Load {
            signal,
            body,
            charge,
            client,
            permit,
            is_held,
            scanned,
            ..
        } = load;
        let (receipt, recall) = charge.into_receipt();
        let parcel = Parcel::new(signal, body.clone(), receipt).of(Arc::clone(&client));
        let answer = if is_held {
            self.exporter.offer(parcel).await
        } else {
            self.exporter.accept(parcel).await
        };
        let Err(refusal) = answer else {
            return Ok(());
        };
        // Settled meanwhile: nothing to give back.
        let Some(charge) = recall.recall() else {
            return Ok(());
        };
        let reason = refusal.reason;
        let lasts = matches!(
            reason,
            LossReason::QueueFull
                | LossReason::SpoolFailed
                | LossReason::NoEndpoint
                | LossReason::AbandonedAtShutdown
        );
        if is_held && !(lasts && (is_only || self.waits)) {
            charge.lose(reason);
            return Ok(());
        }
        let load = Load {
            signal,
            body,
            charge,
            client,
            permit,
            is_held,
            scanned,
            ways_taken: WaysTaken::default(),
        };
        let limit = ByteSize(self.exporter.snapshot().queue_capacity);
        Err(load.returned(refusal_of(reason, limit)))
    }
}

/// What a client is told of a loss that it can still prevent.
fn refusal_of(reason: LossReason, limit: ByteSize) -> Refusal {
    match reason {
        LossReason::AbandonedAtShutdown => Refusal::Stopping,
        LossReason::LargerThanQueue => Refusal::TooLarge {
            limit,
            option: "sending_queue.queue_size",
        },
        reason if reason.is_worth_a_resend() => Refusal::Full {
            bound: Bound::Queue,
            retry_after: RETRY_AFTER,
        },
        reason => Refusal::Impossible {
            detail: format!("the exporter gave it up: {}", reason.name()),
        },
    }
}
