//! The `prometheus` exporter: series that are scraped.
//!
//! Metrics are delivered once they are in the series that pages are written from. Whoever serves the pages
//! asks for [`ScrapedPage`]s: this room opens no port.

use crate::destination::{Accepted, Attempt, Destination};
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use tailweir_config::PrometheusExporter;
use tailweir_core::{ClientContext, Moment, Signal};
use tailweir_prometheus::{Format, Outcome, Page, Store, StoreOptions, Trouble};
use tokio::time::Instant;

/// The series of a `prometheus` exporter, behind a lock that is held for a piece of a page at most.
pub struct Scraped {
    exporter: String,
    store: Mutex<Store>,
    origin: Instant,
}

/// The counters of a [`Scraped`] at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScrapedFigures {
    /// Series that there are.
    pub series: u64,
    /// Bytes of memory that they take, about.
    pub memory: u64,
    /// Points that had some trouble, by its name.
    pub troubles: Vec<(&'static str, u64)>,
}

impl Scraped {
    /// No series yet. The seed keeps strangers from choosing attributes that collide in tables.
    #[must_use]
    pub fn new(exporter: &str, settings: &PrometheusExporter, seed: u64) -> Self {
        Self {
            exporter: exporter.to_owned(),
            store: Mutex::new(Store::new(StoreOptions::of(settings), seed)),
            origin: Instant::now(),
        }
    }

    /// A page for a scraper. Where names are given, only families that are called so.
    #[must_use]
    pub fn page(self: &Arc<Self>, format: Format, names: Vec<String>) -> ScrapedPage {
        ScrapedPage {
            scraped: Arc::clone(self),
            page: Page::new(format, names),
            is_whole: false,
        }
    }

    /// Forgets series that got no point for too long, when nobody scrapes.
    pub fn expire(&self) {
        let now = self.now();
        self.store.lock().expire(now);
    }

    /// Shows the streams of these targets alone from here on, by their [`target_key`](tailweir_prometheus::target_key).
    pub fn show_only(&self, is_shown: impl Fn(u64) -> bool + Send + 'static) {
        self.store.lock().show_only(is_shown);
    }

    /// Its counters.
    #[must_use]
    pub fn figures(&self) -> ScrapedFigures {
        let store = self.store.lock();
        let troubles = Trouble::ALL.into_iter();
        ScrapedFigures {
            series: store.series() as u64,
            memory: store.memory() as u64,
            troubles: troubles
                .map(|trouble| (trouble.name(), store.troubles(trouble)))
                .collect(),
        }
    }

    fn now(&self) -> Moment {
        let elapsed = self.origin.elapsed().as_nanos();
        Moment::from_nanos(u64::try_from(elapsed).unwrap_or(u64::MAX))
    }

    fn tell(&self, outcome: &Outcome) {
        for notice in &outcome.notices {
            tracing::warn!(
                exporter = self.exporter,
                metric = notice.metric,
                trouble = notice.trouble.name(),
                advice = notice.trouble.advice(),
                "a metric cannot be shown as it came; this is said once"
            );
        }
    }
}

impl Destination for Scraped {
    fn send<'a>(&'a self, _: Signal, request: Bytes, _: &'a ClientContext) -> Attempt<'a> {
        Box::pin(async move {
            let now = self.now();
            let outcome = self.store.lock().accept(&request, now);
            self.tell(&outcome);
            Ok(Accepted {
                rejected_items: outcome.rejected,
                is_told: true,
                ..Accepted::default()
            })
        })
    }
}

/// A page under way, piece by piece.
pub struct ScrapedPage {
    scraped: Arc<Scraped>,
    page: Page,
    is_whole: bool,
}

impl ScrapedPage {
    /// Appends the next piece, of about 64 KiB. False when there is none.
    pub fn next_part(&mut self, out: &mut Vec<u8>) -> bool {
        if self.is_whole {
            return false;
        }
        let now = self.scraped.now();
        let mut store = self.scraped.store.lock();
        self.is_whole = !self.page.write_part(&mut store, now, out);
        true
    }
}
