//! What an exporter is given: one request of OTLP and the receipt that says what became of it.

use crate::Receipt;
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;
use tailweir_core::{ClientContext, ClientKeys, Signal};

/// One export request, as bytes, on its way to a backend.
///
/// Whoever owns the parcel owns its [`Receipt`]; a parcel that is dropped is lost and counted as such.
pub struct Parcel {
    /// What `body` carries.
    pub signal: Signal,
    /// An `Export{Trace,Metrics,Logs}ServiceRequest`. Two of them laid end to end are one again.
    pub body: Bytes,
    /// Spans, data points or log records in `body`.
    pub items: u64,
    /// What the parcel counts for in queues bounded by bytes; as a rule the length of `body`.
    pub bytes: u64,
    /// Who sent what is in `body`; nothing where it is of several, or nobody asks.
    pub client: Option<Arc<ClientContext>>,
    /// Settled exactly once.
    pub receipt: Receipt,
    /// Where `body` is on disk; it is empty here then, but while a worker has it.
    pub(crate) stored: Option<tailweir_spool::Entry>,
}

impl Parcel {
    /// A parcel whose items are those of its receipt, and whose weight is the length of `body`.
    #[must_use]
    pub fn new(signal: Signal, body: Bytes, receipt: Receipt) -> Self {
        Self {
            signal,
            items: receipt.amount().items,
            bytes: body.len() as u64,
            body,
            client: None,
            receipt,
            stored: None,
        }
    }

    /// The same parcel, of this client.
    #[must_use]
    pub fn of(mut self, client: Arc<ClientContext>) -> Self {
        self.client = Some(client);
        self
    }

    /// The same parcel with what these ask of its client, which counts for its bytes.
    pub(crate) fn narrowed(mut self, keys: &ClientKeys) -> Self {
        let Some(client) = self.client.take().filter(|_| !keys.is_empty()) else {
            return self;
        };
        let client = keys.of(&client);
        if !client.is_nobody() {
            self.bytes += client.bytes() as u64;
            self.client = Some(Arc::new(client));
        }
        self
    }

    /// The same content for `count` exporters, each with its own share of the receipt (see
    /// [`Receipt::split`]). The bytes are shared, not copied.
    #[must_use]
    pub fn fan_out(self, count: usize) -> Vec<Self> {
        let Self {
            signal,
            body,
            items,
            bytes,
            client,
            receipt,
            stored: _,
        } = self;
        receipt
            .split(count)
            .into_iter()
            .map(|receipt| Self {
                signal,
                body: body.clone(),
                items,
                bytes,
                client: client.clone(),
                receipt,
                stored: None,
            })
            .collect()
    }
}

impl fmt::Debug for Parcel {
    /// Prints counts, never the payload.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parcel")
            .field("signal", &self.signal)
            .field("items", &self.items)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}
