//! The `batch` processor: loads wait for each other, up to a size or a time.
//!
//! What waits is in memory that is shared with the actor that empties it, so that the actor can die
//! and nothing is lost. Bounded in bytes; past the bound, and while the stage behind has no room,
//! loads are returned.

#[cfg(test)]
mod golden;
mod waiting;

use super::portion::portions;
use super::{Exchangeable, Load, Stage, Taken};
use crate::buckets::Buckets;
use crate::refusal::{Bound, Refusal};
use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::Batch as Settings;
use tailweir_core::Signal;
use tailweir_transform::ClientContext;
use tokio::sync::Notify;
use tokio::time::Instant;
use waiting::{Due, Key, Waiting};

/// Bytes that may wait in one batch processor.
const BYTES_MAX: usize = 64 << 20;
/// Pause before a batch that found no room behind is offered again.
const RETRY_EVERY: Duration = Duration::from_millis(20);
/// When a client may come again after it met a full batch.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// One `batch` processor of one pipeline.
pub(crate) struct Batcher {
    signal: Signal,
    settings: Settings,
    keys: Vec<String>,
    next: Exchangeable,
    waiting: Mutex<Waiting>,
    /// Something became due, or the batcher was closed.
    due: Notify,
    /// Everything has left after the close.
    empty: Notify,
    figures: Mutex<BatchFigures>,
}

/// What a batch processor counts.
#[derive(Debug, Clone)]
pub(crate) struct BatchFigures {
    /// Batches that left because they were full.
    pub(crate) by_size: u64,
    /// Batches that left because their time had come.
    pub(crate) by_timeout: u64,
    /// Items that left.
    pub(crate) items: u64,
    /// Bytes that left.
    pub(crate) bytes: u64,
    /// Combinations of metadata that have a batch of their own.
    pub(crate) combinations: u64,
    /// Items that wait.
    pub(crate) waiting_items: u64,
    /// Bytes that wait.
    pub(crate) waiting_bytes: u64,
    /// Items of each batch that left.
    pub(crate) sizes: Buckets,
}

impl Default for BatchFigures {
    fn default() -> Self {
        Self {
            by_size: 0,
            by_timeout: 0,
            items: 0,
            bytes: 0,
            combinations: 0,
            waiting_items: 0,
            waiting_bytes: 0,
            sizes: Buckets::new(Buckets::BATCH_ITEMS),
        }
    }
}

impl Batcher {
    /// A batch processor in front of `next`.
    pub(crate) fn new(signal: Signal, settings: &Settings, next: Arc<dyn Stage>) -> Self {
        let keys = settings.metadata_keys.iter();
        Self {
            signal,
            settings: settings.clone(),
            keys: keys.map(|key| key.to_ascii_lowercase()).collect(),
            next: Exchangeable::new(next),
            waiting: Mutex::default(),
            due: Notify::new(),
            empty: Notify::new(),
            figures: Mutex::default(),
        }
    }

    /// Batches go to this stage from here on.
    pub(crate) fn set_next(&self, next: Arc<dyn Stage>) {
        self.next.exchange(next);
    }

    /// What it has counted.
    pub(crate) fn figures(&self) -> BatchFigures {
        let mut figures = self.figures.lock().clone();
        let waiting = self.waiting.lock();
        figures.combinations = waiting.combinations() as u64;
        (figures.waiting_items, figures.waiting_bytes) = waiting.size();
        figures
    }

    /// Sends what is due, until [`Self::close`] has emptied it. Cancel safe but for the batch that is
    /// being handed on, which is then counted as lost.
    pub(crate) async fn run(&self) {
        loop {
            let due = self.due.notified();
            tokio::pin!(due);
            // Registered before looking, so that what becomes due in between is not missed.
            due.as_mut().enable();
            match self.take_due() {
                Due::Now(key, loads, by_size) => self.send(key, loads, by_size).await,
                Due::At(time) => {
                    tokio::select! {
                        () = due => {}
                        () = tokio::time::sleep_until(time) => {}
                    }
                }
                Due::WhenOffered => due.await,
                Due::Never => {
                    self.empty.notify_one();
                    return;
                }
            }
        }
    }

    /// Takes nothing more in, and waits until what waited has left, at most until the deadline. What
    /// is left then is lost, and counted, when the batcher is dropped.
    pub(crate) async fn close(&self, deadline: Instant) {
        self.waiting.lock().close();
        self.due.notify_one();
        // The run that finds nothing left leaves a permit behind, so this cannot miss it.
        let emptied = tokio::time::timeout_at(deadline, self.empty.notified()).await;
        if emptied.is_err() {
            tracing::error!(
                signal = self.signal.name(),
                "a batch could not leave in time"
            );
            self.waiting.lock().clear();
        }
    }

    fn take_due(&self) -> Due {
        let threshold = u64::from(self.settings.send_batch_size);
        self.waiting.lock().take_due(threshold, Instant::now())
    }

    /// Puts loads together, cuts them to size, and hands them on. What is left over when they were enough
    /// waits on, for more or for its time.
    async fn send(&self, key: Key, loads: Vec<Load>, by_size: bool) {
        let Some(mut whole) = joined(loads) else {
            return;
        };
        if !self.keys.is_empty() {
            whole.client = Arc::new(self.client_of(&key));
        }
        {
            let mut figures = self.figures.lock();
            let count = if by_size {
                &mut figures.by_size
            } else {
                &mut figures.by_timeout
            };
            *count += 1;
        }
        let max = u64::from(self.settings.send_batch_max_size);
        let threshold = u64::from(self.settings.send_batch_size);
        let waits = by_size && threshold > 0 && !self.settings.timeout.is_zero();
        for mut load in portions(whole, max) {
            if waits && load.charge.amount().items < threshold {
                let deadline = Instant::now() + self.settings.timeout;
                self.waiting.lock().put_back(key, load, deadline);
                return;
            }
            let (items, bytes) = (load.charge.amount().items, load.body.len() as u64);
            while let Err(returned) = self.next.current().take(load).await {
                load = returned.load;
                self.waiting.lock().block(true);
                tokio::time::sleep(RETRY_EVERY).await;
            }
            self.waiting.lock().block(false);
            let mut figures = self.figures.lock();
            figures.items += items;
            figures.bytes += bytes;
            figures.sizes.add(items);
        }
    }

    fn offer(&self, load: Load) -> Result<(), Box<super::Returned>> {
        let key = self.key_of(&load.client);
        let now = Instant::now();
        let deadline = now + self.settings.timeout;
        let limit = self.settings.metadata_cardinality_limit as usize;
        let mut waiting = self.waiting.lock();
        if waiting.is_closed() {
            return Err(load.returned(Refusal::Stopping));
        }
        if waiting.is_full(
            load.body.len(),
            BYTES_MAX,
            u64::from(self.settings.send_batch_size),
        ) {
            return Err(load.returned(Refusal::Full {
                bound: Bound::Batch,
                retry_after: RETRY_AFTER,
            }));
        }
        if limit > 0 && !waiting.knows(&key) && waiting.combinations() >= limit {
            return Err(load.returned(Refusal::Impossible {
                detail: format!("more than {limit} combinations of metadata_keys"),
            }));
        }
        waiting.push(key, load, deadline);
        drop(waiting);
        self.due.notify_one();
        Ok(())
    }

    fn key_of(&self, client: &ClientContext) -> Key {
        let values = |key: &String| client.metadata(key).to_vec();
        self.keys.iter().map(values).collect()
    }

    /// What all loads of a batch have in common: the metadata that they were told apart by. Whatever else
    /// is known of one client must not stand for another.
    fn client_of(&self, key: &Key) -> ClientContext {
        let metadata = self.keys.iter().cloned().zip(key.iter().cloned());
        ClientContext {
            metadata: metadata.filter(|(_, values)| !values.is_empty()).collect(),
            ..ClientContext::default()
        }
    }
}

impl Stage for Batcher {
    fn take(&self, load: Load) -> Taken<'_> {
        Box::pin(std::future::ready(self.offer(load)))
    }
}

/// Requests laid end to end are one request: protobuf merges repeated fields.
fn joined(loads: Vec<Load>) -> Option<Load> {
    let length = loads.iter().map(|load| load.body.len()).sum();
    let several = loads.len() > 1;
    let mut loads = loads.into_iter();
    let first = loads.next()?;
    let Load {
        signal,
        mut body,
        mut charge,
        ..
    } = first;
    if several {
        let mut whole = BytesMut::with_capacity(length);
        whole.extend_from_slice(&body);
        for load in loads {
            whole.extend_from_slice(&load.body);
            charge.merge(load.charge);
        }
        body = Bytes::from(whole);
    }
    Some(Load::held(signal, body, charge))
}
