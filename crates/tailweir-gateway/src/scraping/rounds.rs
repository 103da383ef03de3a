//! The scrapes of one target, one after the other.

use super::fetch::{FetchedPage, fetch};
use super::{RunningJob, Shared, TargetKey};
use crate::ingress::{CallerSpan, Delivery, Intake, Transport};
use crate::refusal::Refusal;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tailweir_core::Signal;
use tailweir_scrape::{Fetched, Outcome, ScrapeError, Scraper, Target};
use tokio::task::JoinError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Pause before a request that found no room is offered again.
const RETRY_EVERY: Duration = Duration::from_millis(100);

/// One target, as long as it is there.
pub(super) struct Rounds {
    key: TargetKey,
    target: Arc<Target>,
    job: Arc<RunningJob>,
    shared: Arc<Shared>,
    /// The target is not there any more.
    gone: CancellationToken,
    /// Nothing while it works on a page.
    scraper: Option<Scraper>,
    has_scraped: bool,
    /// What was wrong at the last scrape.
    told: Option<String>,
}

impl Rounds {
    pub(super) fn new(
        key: TargetKey,
        target: Arc<Target>,
        job: Arc<RunningJob>,
        shared: Arc<Shared>,
        gone: CancellationToken,
    ) -> Self {
        let scraper = Scraper::new(Arc::clone(&target), Arc::clone(&shared.manner));
        Self {
            key,
            target,
            job,
            shared,
            gone,
            scraper: Some(scraper),
            has_scraped: false,
            told: None,
        }
    }

    /// Scrapes until the target is gone or the receiver stops.
    pub(super) async fn run(mut self) {
        let interval = self.target.interval();
        let ground = &self.shared.ground;
        let own = self.target.until_next(self.now(), ground.seed);
        let mut next = Instant::now() + self.shared.settings.initial_scrape_offset + own;
        while self.pause_until(next).await {
            let due = next + interval;
            self.scrape(due, false).await;
            next = due;
            // Scrapes that were due meanwhile are left out.
            let late = Instant::now().saturating_duration_since(next);
            next +=
                interval * u32::try_from(late.as_nanos() / interval.as_nanos().max(1)).unwrap_or(0);
        }
        if self.shared.stopping.is_cancelled() {
            if self.shared.settings.scrape_on_shutdown {
                self.scrape(Instant::now(), true).await;
            }
        } else if self.has_scraped {
            self.tell_end(next).await;
        }
    }

    /// Waits; whether there is something to scrape then.
    async fn pause_until(&self, moment: Instant) -> bool {
        tokio::select! {
            biased;
            () = self.shared.stopping.cancelled() => false,
            () = self.gone.cancelled() => false,
            () = tokio::time::sleep_until(moment) => true,
        }
    }

    /// The target is gone. It may come back at once, so its end is told when two scrapes were missed, with the time of the
    /// first of them.
    async fn tell_end(mut self, next: Instant) {
        let interval = self.target.interval();
        let stopping = self.shared.stopping.clone();
        let wait = |moment| {
            let stopping = stopping.clone();
            async move {
                tokio::select! {
                    () = stopping.cancelled() => false,
                    () = tokio::time::sleep_until(moment) => true,
                }
            }
        };
        if !wait(next).await {
            return;
        }
        let at = self.now_millis();
        if !wait(next + interval + interval / 10).await {
            return;
        }
        let is_back = self.shared.active.lock().contains(&self.key);
        let Some(scraper) = self.scraper.as_mut().filter(|_| !is_back) else {
            return;
        };
        let mut request = Vec::new();
        scraper.gone(at, &mut request);
        self.hand_in(request.into(), Instant::now() + interval)
            .await;
    }

    /// Scrapes once. What comes of it is handed in until `due`. When the receiver stops, it does not wait for a page unless
    /// it is the last.
    async fn scrape(&mut self, due: Instant, is_last: bool) {
        let at = self.now_millis();
        let started = Instant::now();
        let refused = self.job.refused.lock().clone();
        let page = match refused {
            Some(error) => Err(error),
            None => tokio::select! {
                page = self.fetch() => page,
                () = self.shared.stopping.cancelled(), if !is_last => return,
            },
        };
        let Some((request, outcome)) = self.read(at, started, page).await else {
            return;
        };
        self.has_scraped = true;
        self.shared.figures.scraped(&outcome);
        self.tell(&outcome);
        self.hand_in(request, due).await;
    }

    async fn fetch(&self) -> Result<FetchedPage, ScrapeError> {
        let limit = self.scraper.as_ref().map_or(0, Scraper::page_limit);
        let ground = &self.shared.ground;
        let (client, target) = (&self.job.client, &self.target);
        let fetching = fetch(client, target, limit, &ground.admission, &ground.buffers);
        let timeout = self.target.timeout();
        let fetched = tokio::time::timeout(timeout, fetching).await;
        fetched.unwrap_or_else(|_| {
            let text = format!("no page within {timeout:?} (scrape_timeout)");
            Err(ScrapeError::Fetch(text))
        })
    }

    /// What a page becomes. Pages are read off the runtime's threads.
    async fn read(
        &mut self,
        at: i64,
        started: Instant,
        page: Result<FetchedPage, ScrapeError>,
    ) -> Option<(Bytes, Outcome)> {
        let mut scraper = self.scraper.take()?;
        let reading = tokio::task::spawn_blocking(move || {
            let fetched = page.as_ref().map(|page| Fetched {
                body: &page.charged.body,
                content_type: &page.content_type,
            });
            let scrape = scraper.read(at, fetched.map_err(Clone::clone));
            drop(page);
            let mut request = Vec::new();
            let outcome = scraper.finish(scrape, started.elapsed(), &mut request);
            (scraper, request, outcome)
        });
        match reading.await.map_err(JoinError::try_into_panic) {
            Ok((scraper, request, outcome)) => {
                self.scraper = Some(scraper);
                Some((request.into(), outcome))
            }
            // A panic there is one here: another task begins with this target anew.
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            Err(Err(_)) => None,
        }
    }

    /// Where the page is, for people. Parameters are not for logs: they may be credentials.
    fn page(&self) -> &str {
        let url = self.target.url();
        url.split_once('?').map_or(url, |(page, _)| page)
    }

    /// Says when a target begins to fail, fails otherwise, and is well again.
    fn tell(&mut self, outcome: &Outcome) {
        let error = outcome.error.as_ref().map(ToString::to_string);
        if error == self.told {
            return;
        }
        let (receiver, target) = (&self.shared.id, self.page());
        match &error {
            Some(error) => tracing::warn!(receiver, target, error, "a scrape failed"),
            None => tracing::info!(receiver, target, "scrapes go well again"),
        }
        self.told = error;
    }

    /// Hands a request in, again and again while there is no room and time is left.
    async fn hand_in(&self, body: Bytes, due: Instant) {
        while let Err(refusal) = self.offer(body.clone()).await {
            let again = Instant::now() + RETRY_EVERY;
            if refusal.is_retryable() && again < due && self.wait(again).await {
                continue;
            }
            self.shared.figures.lost.fetch_add(1, Relaxed);
            let (receiver, target) = (&self.shared.id, self.page());
            tracing::error!(receiver, target, reason = %refusal, "a scrape is lost");
            return;
        }
    }

    /// Waits; whether the receiver goes on.
    async fn wait(&self, moment: Instant) -> bool {
        tokio::select! {
            () = self.shared.stopping.cancelled() => false,
            () = tokio::time::sleep_until(moment) => true,
        }
    }

    async fn offer(&self, body: Bytes) -> Result<(), Refusal> {
        let ground = &self.shared.ground;
        let permit = ground.admission.take(body.len() as u64)?;
        let delivery = Delivery {
            transport: Transport::Http,
            signal: Signal::Metrics,
            body,
            permit,
            client: Arc::default(),
            caller: CallerSpan::default(),
        };
        ground.intake.accept(delivery).await
    }

    /// In nanoseconds of the Unix epoch.
    fn now(&self) -> u64 {
        let now = self.shared.ground.surroundings.now().unix_units(1);
        u64::try_from(now).unwrap_or(0)
    }

    fn now_millis(&self) -> i64 {
        i64::try_from(self.now() / 1_000_000).unwrap_or(i64::MAX)
    }
}
