//! What a connection is doing, by which the clocks of its limits run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing: no request is open.
    Idle,
    /// The headers of a request over HTTP/1 are on their way.
    Headers,
    /// At least one request is open.
    Busy,
}

/// Follows a connection. Its stream, its requests and its clock share one.
#[derive(Debug)]
pub(super) struct Activity {
    phase: watch::Sender<Phase>,
    requests: AtomicUsize,
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            phase: watch::Sender::new(Phase::Idle),
            requests: AtomicUsize::new(0),
        })
    }

    /// Bytes came in over HTTP/1: where no request is open, those of the next one's headers.
    pub(super) fn heard(&self) {
        self.phase.send_if_modified(|phase| {
            let begins = *phase == Phase::Idle;
            if begins {
                *phase = Phase::Headers;
            }
            begins
        });
    }

    /// A request is open until what this returns is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> OpenRequest {
        if self.requests.fetch_add(1, Ordering::Relaxed) == 0 {
            self.phase.send_replace(Phase::Busy);
        }
        OpenRequest(Arc::clone(self))
    }

    /// Whether a request is open.
    pub(super) fn is_busy(&self) -> bool {
        self.requests.load(Ordering::Relaxed) > 0
    }

    /// Ends when the connection was idle, or at the headers of a request, for longer than it may be.
    /// Returns which of the two.
    pub(super) async fn expired(&self, idle_max: Option<Duration>, headers_max: Duration) -> Phase {
        let mut changes = self.phase.subscribe();
        loop {
            let phase = *changes.borrow_and_update();
            let limit = match phase {
                Phase::Idle => idle_max,
                Phase::Headers => Some(headers_max),
                Phase::Busy => None,
            };
            let changed = changes.changed();
            let result = match limit {
                Some(limit) => tokio::time::timeout(limit, changed).await,
                None => Ok(changed.await),
            };
            if result.is_err() {
                return phase;
            }
        }
    }
}

/// A request that is open.
#[derive(Debug)]
pub(super) struct OpenRequest(Arc<Activity>);

impl Drop for OpenRequest {
    fn drop(&mut self) {
        if self.0.requests.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.phase.send_replace(Phase::Idle);
        }
    }
}
