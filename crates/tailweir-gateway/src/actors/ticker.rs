//! Wakes an actor when something is due: one message under way at a time, whatever the actor does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::watch;
use tokio::time::Instant;

/// Deadlines closer together than this are met by one message. The kept traces of one message leave in
/// one request, and below a few hundred thousand spans a second requests cost more than spans.
const GRAIN: Duration = Duration::from_millis(10);

/// A timer for one actor. It ends when it is dropped.
pub(super) struct Ticker {
    due: watch::Sender<Option<Instant>>,
    handled: Arc<Notify>,
    is_behind: Arc<AtomicBool>,
    task: tokio::task::AbortHandle,
}

impl Ticker {
    /// A timer that calls `tick` when the time has come, until `tick` says that nobody listens.
    pub(super) fn start(tick: impl Fn() -> bool + Send + 'static) -> Self {
        let (due, mut watched) = watch::channel(None);
        let handled = Arc::new(Notify::new());
        let is_behind = Arc::new(AtomicBool::new(false));
        let (done, behind) = (Arc::clone(&handled), Arc::clone(&is_behind));
        let task = tokio::spawn(async move {
            while wait(&mut watched).await {
                if !tick() {
                    break;
                }
                done.notified().await;
                if !behind.load(Relaxed) {
                    tokio::time::sleep(GRAIN).await;
                }
            }
        });
        Self {
            due,
            handled,
            is_behind,
            task: task.abort_handle(),
        }
    }

    /// The next message is due then; at no time when there is none.
    pub(super) fn wake_at(&self, due: Option<Instant>) {
        self.due.send_if_modified(|current| {
            let differs = *current != due;
            *current = due;
            differs
        });
    }

    /// The last message was dealt with. An actor that is behind left some of what is due, and gets the
    /// next message as soon as it has seen to the others that wait.
    pub(super) fn handled(&self, is_behind: bool) {
        self.is_behind.store(is_behind, Relaxed);
        self.handled.notify_one();
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Waits until what is watched is due. False when nobody sets it any more.
async fn wait(due: &mut watch::Receiver<Option<Instant>>) -> bool {
    loop {
        let at = *due.borrow_and_update();
        let changed = match at {
            Some(at) => tokio::select! {
                () = tokio::time::sleep_until(at) => return true,
                changed = due.changed() => changed,
            },
            None => due.changed().await,
        };
        if changed.is_err() {
            return false;
        }
    }
}
