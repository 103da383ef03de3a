//! One kind of objects, read and then followed.

use super::connection::{AskError, Connection};
use crate::clock::Clock;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tailweir_kubernetes::{AnswerError, Event, Feed, Table, read_event, read_page};
use tokio::sync::watch;
use tokio::time::Instant;

/// The first pause after a failure; it doubles.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Follows the objects of a feed.
pub(super) struct Following {
    pub(super) processor: String,
    pub(super) feed: Feed,
    pub(super) connection: Arc<Connection>,
    pub(super) table: Arc<Table>,
    pub(super) clock: Clock,
    /// Told once the list was read.
    pub(super) tell: watch::Sender<bool>,
}

impl Following {
    /// Never ends.
    pub(super) async fn run(self) {
        let mut pause = Pause::default();
        loop {
            match self.list().await {
                Ok(version) => {
                    self.tell.send_replace(true);
                    pause.reset();
                    self.watch(version, &mut pause).await;
                }
                Err(error) => self.fail(&error, &mut pause).await,
            }
        }
    }

    /// Reads the whole list; answers its version.
    async fn list(&self) -> Result<String, AskError> {
        let kind = self.feed.kind();
        self.table.begin(kind);
        let mut after = None;
        loop {
            let path = self.feed.list(after.as_deref());
            let answer = self.connection.page(&path, self.feed.accept(false)).await?;
            let page = read_page(kind, &answer)?;
            self.table.apply(page.objects, self.clock.now());
            match page.next {
                Some(next) => after = Some(next),
                None => {
                    self.table.finish(kind, self.clock.now());
                    return Ok(page.version);
                }
            }
        }
    }

    /// Follows changes until the list has to be read again.
    async fn watch(&self, mut version: String, pause: &mut Pause) {
        loop {
            let begun = Instant::now();
            match self.events(&mut version, pause).await {
                Err(AskError::Answer(AnswerError::Gone)) => return,
                Err(error) => self.fail(&error, pause).await,
                // The API ends a watch after minutes; one that ends at once may do so forever.
                Ok(()) if begun.elapsed() < PAUSE_MIN => tokio::time::sleep(PAUSE_MIN).await,
                Ok(()) => {}
            }
        }
    }

    async fn events(&self, version: &mut String, pause: &mut Pause) -> Result<(), AskError> {
        let path = self.feed.watch(version);
        let mut events = self
            .connection
            .events(&path, self.feed.accept(true))
            .await?;
        while let Some(line) = events.next().await? {
            let now = self.clock.now();
            *version = match read_event(self.feed.kind(), &line)? {
                Event::Set(object, version) => {
                    self.table.apply(vec![object], now);
                    version
                }
                Event::Gone(object, version) => {
                    self.table.remove(&object, now);
                    version
                }
                Event::Nothing(version) => version,
            };
            pause.reset();
        }
        Ok(())
    }

    async fn fail(&self, error: &AskError, pause: &mut Pause) {
        let kind = self.feed.kind();
        let figures = self.table.figures().of(kind);
        figures.failures.fetch_add(1, Ordering::Relaxed);
        let pause = pause.next();
        let (processor, objects) = (&self.processor, kind.plural());
        let address = self.connection.address();
        if pause == PAUSE_MIN {
            tracing::warn!(processor, objects, %address, %error, "Kubernetes does not say what there is");
        } else {
            tracing::debug!(processor, objects, %address, %error, "Kubernetes does not say what there is");
        }
        tokio::time::sleep(pause).await;
    }
}

/// How long to wait after failures in a row.
#[derive(Debug, Default)]
struct Pause {
    failures: u32,
}

impl Pause {
    fn reset(&mut self) {
        self.failures = 0;
    }

    fn next(&mut self) -> Duration {
        let doubled = PAUSE_MIN.saturating_mul(1 << self.failures.min(10));
        self.failures += 1;
        doubled.min(PAUSE_MAX)
    }
}
