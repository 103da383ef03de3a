//! The end of a pipeline: its exporters, connectors, and the pipelines that it feeds.

use super::{Connecting, Exposing, Load, Pairing, Stage, Taken};
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
/// Most ways that a pipeline may have.
pub(crate) const WAYS_MAX: usize = u64::BITS as usize;

/// Where a pipeline ends.
pub(crate) struct Ways {
    ways: Vec<Way>,
    connectors: Vec<ConnectorWay>,
}

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
    /// These ends, at most [`WAYS_MAX`].
    pub(crate) fn new(ways: Vec<Way>) -> Self {
        debug_assert!(ways.len() <= WAYS_MAX);
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
    async fn send_and_count(&self, load: Load) -> Result<(), Box<super::Returned>> {
        let is_alone = self.ways.is_empty() && self.connectors.len() == 1;
        for way in &self.connectors {
            if let Err(refusal) = way.connector.admit() {
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
    /// when this way is the only one, or may block: whoever holds it tries again. Otherwise
    /// one full exporter would stop the others: its copy is lost, and counted.
    async fn send(&self, mut load: Load) -> Result<(), Box<super::Returned>> {
        let taken = load.ways_taken;
        let open = (0..self.ways.len()).filter(|index| taken & 1 << index == 0);
        let open: Vec<usize> = open.collect();
        let Some((&last, others)) = open.split_last() else {
            return Ok(());
        };
        for &index in others {
            let copy = load.copy();
            if let Err(returned) = self.one(index, copy).await {
                returned.load.charge.undo_copy();
                return Err(load.returned(returned.refusal));
            }
            load.ways_taken |= 1 << index;
        }
        let taken = load.ways_taken;
        self.one(last, load).await.map_err(|mut returned| {
            returned.load.ways_taken = taken;
            returned
        })
    }

    async fn one(&self, index: usize, mut load: Load) -> Result<(), Box<super::Returned>> {
        load.ways_taken = 0;
        match &self.ways[index] {
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
    async fn send(&self, load: Load, is_only: bool) -> Result<(), Box<super::Returned>> {
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
            ways_taken: 0,
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
