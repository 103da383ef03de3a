//! What travels through pipelines.

use super::{Scanned, WaysTaken};
use crate::admission::Permit;
use crate::ledger::Charge;
use crate::refusal::Refusal;
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;
use tailweir_core::Signal;
use tailweir_transform::ClientContext;

/// A request on its way through a pipeline.
pub(crate) struct Load {
    /// What it carries.
    pub(crate) signal: Signal,
    /// The bytes of an `Export*ServiceRequest`.
    pub(crate) body: Bytes,
    /// The duty to say what becomes of its items.
    pub(crate) charge: Charge,
    /// Who sent it. Behind a sampler or a batch as far as somebody asks for it; nobody in particular otherwise.
    pub(crate) client: Arc<ClientContext>,
    /// The charge to the budget of requests in flight, while a client waits.
    pub(crate) permit: Option<Permit>,
    /// Whether no client waits for it any more: it was acknowledged, so it cannot be refused.
    pub(crate) is_held: bool,
    /// What a scan of `body` found, if it was scanned.
    pub(crate) scanned: Option<Scanned>,
    /// Who behind has taken it already, when it is offered once more.
    pub(crate) ways_taken: WaysTaken,
}

impl Load {
    /// A load that was acknowledged.
    pub(crate) fn held(signal: Signal, body: Bytes, charge: Charge) -> Self {
        Self {
            signal,
            body,
            charge,
            client: Arc::default(),
            permit: None,
            is_held: true,
            scanned: None,
            ways_taken: WaysTaken::default(),
        }
    }

    /// The same content for another way. The bytes are shared.
    pub(crate) fn copy(&self) -> Self {
        Self {
            signal: self.signal,
            body: self.body.clone(),
            charge: self.charge.copy(),
            client: Arc::clone(&self.client),
            permit: None,
            is_held: self.is_held,
            scanned: None,
            ways_taken: WaysTaken::default(),
        }
    }

    /// Gives it back to whoever offered it.
    pub(crate) fn returned(self, refusal: Refusal) -> Box<Returned> {
        Box::new(Returned {
            load: self,
            refusal,
        })
    }
}

impl fmt::Debug for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Load")
            .field("signal", &self.signal)
            .field("bytes", &self.body.len())
            .field("charge", &self.charge)
            .finish_non_exhaustive()
    }
}

/// A load that was not taken.
#[derive(Debug)]
pub(crate) struct Returned {
    /// As it was offered.
    pub(crate) load: Load,
    /// Why.
    pub(crate) refusal: Refusal,
}
