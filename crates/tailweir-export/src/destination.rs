//! The one thing that exporters differ in: where a request goes, and what the answer means.

use bytes::Bytes;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tailweir_core::{ClientContext, Signal};

/// One attempt, under way.
pub type Attempt<'a> = Pin<Box<dyn Future<Output = Result<Accepted, Failure>> + Send + 'a>>;

/// Where requests go. Queue, batches, retries and receipts are the business of [`crate::Exporter`].
pub trait Destination: Send + Sync + 'static {
    /// It is put into force, before the first attempt; once for each signal. Until then nothing that is there before it
    /// may change: what is built may be refused.
    fn begin(&self) {}

    /// Prepares a request once, for all its attempts: other encoding, compression, framing.
    ///
    /// # Errors
    ///
    /// Where the request cannot be encoded; trying again will not help.
    fn encode(&self, signal: Signal, body: Bytes) -> Result<Bytes, Failure> {
        let _ = signal;
        Ok(body)
    }

    /// Makes one attempt with what [`Destination::encode`] returned. May be dropped at any time. `client`
    /// sent what is in it, as far as [`crate::ExporterSettings::client_keys`] asks for that.
    fn send<'a>(&'a self, signal: Signal, request: Bytes, client: &'a ClientContext)
    -> Attempt<'a>;

    /// Writes out what is buffered. Called at the end of a drain.
    fn flush(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }
}

/// The backend took the request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Accepted {
    /// Items it rejected nevertheless (a partial success). They must not be sent again.
    pub rejected_items: u64,
    /// What it said about that, or by way of warning. Cut to a bounded length; may be hostile.
    pub message: String,
    /// The destination has logged what it rejected, so that it is counted alone.
    pub is_told: bool,
}

/// The attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Whether to try again.
    pub advice: Advice,
    /// What happened, for people. Never holds credentials.
    pub message: String,
}

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// The same request will fail again.
    GiveUp,
    /// The same request may succeed later.
    TryAgain,
    /// It may, and the backend asked for this pause first: of everyone, not only of this request.
    PauseFor(Duration),
}

impl Failure {
    /// The same request will fail again.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self {
            advice: Advice::GiveUp,
            message: message.into(),
        }
    }

    /// The same request may succeed later.
    pub fn transient(message: impl Into<String>) -> Self {
        Self {
            advice: Advice::TryAgain,
            message: message.into(),
        }
    }
}
