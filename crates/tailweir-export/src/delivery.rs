//! One request, from its first attempt to its outcome.

use crate::destination::{Advice, Destination, Failure};
use crate::retry::{Backoff, Jitter, Retry, Throttle, WISH_MAX};
use crate::stats::Stats;
use crate::{Accepted, LossReason, watched};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tailweir_core::{ClientContext, Signal};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// Longest pause between attempts while a shutdown waits for them, unless the backend asks for more.
const DRAIN_INTERVAL: Duration = Duration::from_secs(1);
/// Time for an attempt that is under way when its endpoint leaves.
const LEAVING_TIME: Duration = Duration::from_secs(5);

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The backend took it, all but so many items.
    Taken { rejected: u64 },
    /// It is given up.
    Lost(LossReason),
    /// Its endpoint leaves: somebody else is to send it.
    Returned,
}

/// Sends requests to one destination.
pub(crate) struct Delivery {
    pub(crate) exporter: Arc<str>,
    pub(crate) signal: Signal,
    pub(crate) destination: Arc<dyn Destination>,
    /// Absent: one attempt.
    pub(crate) retry: Option<Retry>,
    /// Longest time of one attempt. Zero: no bound.
    pub(crate) timeout: Duration,
    pub(crate) jitter: Jitter,
    pub(crate) throttle: Throttle,
    pub(crate) stats: Stats,
    /// A shutdown waits: there is no point in long pauses any more.
    pub(crate) drain: CancellationToken,
    /// The shutdown's deadline has passed.
    pub(crate) end: CancellationToken,
    /// The endpoint leaves: no attempt is made any more, requests are returned.
    pub(crate) leave: CancellationToken,
    /// What is not sent survives the process: a shutdown does not try again, and gives nothing up.
    pub(crate) is_kept: bool,
}

impl Delivery {
    /// Sends `body`, which holds `items` items of `client`, until it is taken or given up. Cancel safe: the
    /// backend may then have it or not.
    pub(crate) async fn deliver(&self, body: Bytes, items: u64, client: &ClientContext) -> Outcome {
        let span = watched::span(&self.exporter, self.signal, items, &body);
        let delivering = self.deliver_watched(body, items, client);
        let outcome = delivering.instrument(span.clone()).await;
        watched::note(&span, outcome, items);
        outcome
    }

    async fn deliver_watched(&self, body: Bytes, items: u64, client: &ClientContext) -> Outcome {
        let _in_flight = self.stats.in_flight.hold();
        let bytes = body.len() as u64;
        let outcome = tokio::select! {
            // An answer that is there at the deadline counts.
            biased;
            answer = self.attempts(body, client) => match answer {
                Ok(accepted) => self.taken(accepted),
                Err(Ended::Lost(loss)) => self.lost(loss, items),
                Err(Ended::Returned) => Outcome::Returned,
            },
            () = self.left() => Outcome::Returned,
            () = self.end.cancelled(), if self.is_kept => Outcome::Returned,
            () = self.end.cancelled() => self.lost(Loss {
                reason: LossReason::AbandonedAtShutdown,
                failure: Failure::permanent("the deadline of the shutdown has passed"),
            }, items),
        };
        self.count(outcome, items, bytes);
        outcome
    }

    /// Waits until an attempt that was under way when the endpoint left has had its time.
    async fn left(&self) {
        self.leave.cancelled().await;
        tokio::time::sleep(LEAVING_TIME).await;
    }

    async fn attempts(&self, body: Bytes, client: &ClientContext) -> Result<Accepted, Ended> {
        let request = self
            .destination
            .encode(self.signal, body)
            .map_err(|failure| Ended::lost(LossReason::PermanentError, failure))?;
        self.welcome().await?;
        // Not before: what another request was asked to wait is not time that this one has had.
        let mut backoff = self.retry.map(|retry| Backoff::new(retry, Instant::now()));
        loop {
            let failure = match self.attempt(request.clone(), client).await {
                Ok(accepted) => return Ok(accepted),
                Err(failure) => failure,
            };
            let wish = match failure.advice {
                Advice::GiveUp => return Err(Ended::lost(LossReason::PermanentError, failure)),
                Advice::TryAgain => None,
                Advice::PauseFor(wish) => Some(wish.min(WISH_MAX)),
            };
            if self.is_kept && self.drain.is_cancelled() {
                // The next process tries again.
                self.stats.note_error(&failure.message);
                self.leave.cancel();
                return Err(Ended::Returned);
            }
            let now = Instant::now();
            if let Some(wish) = wish {
                self.throttle.pause(now + wish);
            }
            let next = backoff
                .as_mut()
                .and_then(|backoff| backoff.next(now, wish, &self.jitter));
            let Some(delay) = next else {
                if self.leave.is_cancelled() {
                    return Err(Ended::Returned);
                }
                return Err(Ended::lost(LossReason::RetriesExhausted, failure));
            };
            self.wait_after(&failure, delay).await;
            self.welcome().await?;
        }
    }

    /// Waits until attempts are welcome, unless there is to be none any more.
    async fn welcome(&self) -> Result<(), Ended> {
        tokio::select! {
            biased;
            () = self.throttle.ready() => {}
            () = self.drain.cancelled(), if self.is_kept => self.leave.cancel(),
        }
        if self.leave.is_cancelled() {
            return Err(Ended::Returned);
        }
        Ok(())
    }

    async fn wait_after(&self, failure: &Failure, delay: Duration) {
        tracing::info!(
            exporter = &*self.exporter,
            signal = self.signal.name(),
            error = failure.message,
            delay_ms = delay.as_millis() as u64,
            "exporting failed, will try again"
        );
        self.stats.note_error(&failure.message);
        self.stats.retries.add(1);
        let is_draining = self.drain.is_cancelled();
        let delay = if is_draining {
            delay.min(DRAIN_INTERVAL)
        } else {
            delay
        };
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = self.leave.cancelled() => {}
            // What the backend asked for is kept all the same: see `throttle`.
            () = self.drain.cancelled(), if !is_draining => {}
        }
    }

    async fn attempt(&self, request: Bytes, client: &ClientContext) -> Result<Accepted, Failure> {
        let attempt = self.destination.send(self.signal, request, client);
        if self.timeout.is_zero() {
            return attempt.await;
        }
        tokio::time::timeout(self.timeout, attempt)
            .await
            .unwrap_or_else(|_| {
                let timeout = self.timeout;
                Err(Failure::transient(format!("no answer within {timeout:?}")))
            })
    }

    fn taken(&self, accepted: Accepted) -> Outcome {
        let rejected = accepted.rejected_items;
        if accepted.is_told {
            return Outcome::Taken { rejected };
        }
        if rejected > 0 {
            tracing::error!(
                exporter = &*self.exporter,
                signal = self.signal.name(),
                rejected,
                answer = accepted.message,
                "the backend rejected a part of the request"
            );
            self.stats
                .note_error(&format!("{rejected} items rejected: {}", accepted.message));
        } else if !accepted.message.is_empty() {
            tracing::warn!(
                exporter = &*self.exporter,
                signal = self.signal.name(),
                answer = accepted.message,
                "the backend took the request with a warning"
            );
        }
        Outcome::Taken { rejected }
    }

    fn lost(&self, Loss { reason, failure }: Loss, items: u64) -> Outcome {
        self.stats.note_error(&failure.message);
        tracing::error!(
            exporter = &*self.exporter,
            signal = self.signal.name(),
            error = failure.message,
            items,
            reason = reason.name(),
            "exporting failed, data is lost"
        );
        Outcome::Lost(reason)
    }

    fn count(&self, outcome: Outcome, items: u64, bytes: u64) {
        let stats = &self.stats;
        match outcome {
            Outcome::Taken { rejected } => {
                let rejected = rejected.min(items);
                stats.sent_items.add(items - rejected);
                stats.sent_requests.add(1);
                stats.sent_bytes.add(bytes);
                stats.rejected_items.add(rejected);
                stats.failed_items.add(rejected);
            }
            Outcome::Lost(_) => {
                stats.failed_items.add(items);
                stats.failed_requests.add(1);
            }
            Outcome::Returned => {}
        }
    }
}

/// Why there will be no further attempt.
enum Ended {
    Lost(Loss),
    Returned,
}

/// Why a request was given up.
struct Loss {
    reason: LossReason,
    failure: Failure,
}

impl Ended {
    fn lost(reason: LossReason, failure: Failure) -> Self {
        Self::Lost(Loss { reason, failure })
    }
}
