//! What one target tells, from scrape to scrape.

mod series_labels;

use crate::job::lower;
use crate::labels::NAME;
use crate::memory::{Memory, Seen};
use crate::metadata::MetadataStore;
use crate::native::finest_schema;
use crate::page::{Entry, Page, Sample, SampleValue, Syntax};
use crate::request::{Point, Request, STALE, Value, is_of_resource};
use crate::{Labels, ScrapeError, Target};
use std::sync::Arc;
use std::time::Duration;

/// Samples further ahead of the scrape than this many milliseconds are left out.
const AHEAD_MAX: i64 = 600_000;

/// What holds for all targets of a receiver.
#[derive(Debug, Clone)]
pub struct Manner {
    /// Labels of every series.
    pub external_labels: Labels,
    /// Cut the unit and `_total` off the names of metrics.
    pub trim_metric_suffixes: bool,
    /// Version of the scope of metrics without one.
    pub version: String,
    /// Most series of one target.
    pub max_series: u64,
    /// Most bytes of a page, of its series with all their labels, and of the request that is made of it.
    pub max_page_bytes: u64,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            external_labels: Labels::default(),
            trim_metric_suffixes: false,
            version: String::new(),
            max_series: 500_000,
            max_page_bytes: 64 << 20,
        }
    }
}

/// A page as it came, unpacked.
#[derive(Debug, Clone, Copy)]
pub struct Fetched<'p> {
    /// Its content.
    pub body: &'p [u8],
    /// Its header `Content-Type`; empty where there was none.
    pub content_type: &'p str,
}

/// A scrape that is not told yet.
#[derive(Debug)]
pub struct Scrape {
    at: i64,
    request: Request,
    outcome: Outcome,
    /// Samples that limits count.
    taken: u64,
    /// Bytes of the page; -1: too many.
    bytes: i64,
}

/// What came of a scrape.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// Why it failed.
    pub error: Option<ScrapeError>,
    /// Samples of the page.
    pub samples: u64,
    /// Samples that the rules left.
    pub kept: u64,
    /// Series that were not there before.
    pub new_series: u64,
    /// Samples that were left out: told twice, too far ahead, without what their kind needs.
    pub left_out: u64,
}

/// Reads the pages of one target, one after the other.
#[derive(Debug)]
pub struct Scraper {
    target: Arc<Target>,
    manner: Arc<Manner>,
    memory: Memory,
    metadata: MetadataStore,
    finest_schema: i32,
}

impl Scraper {
    /// Has read nothing yet.
    #[must_use]
    pub fn new(target: Arc<Target>, manner: Arc<Manner>) -> Self {
        let factor = target.job.settings.native_histogram_min_bucket_factor;
        Self {
            target,
            manner,
            memory: Memory::default(),
            metadata: MetadataStore::default(),
            finest_schema: finest_schema(factor),
        }
    }

    /// Its target.
    #[must_use]
    pub fn target(&self) -> &Arc<Target> {
        &self.target
    }

    /// Most bytes that a page of it may have.
    #[must_use]
    pub fn page_limit(&self) -> u64 {
        let written = self.target.job.settings.body_size_limit.bytes();
        lower(written, self.manner.max_page_bytes)
    }

    /// Reads a page that was asked for at `at`, in milliseconds of the Unix epoch; or takes notice that there is none.
    pub fn read(&mut self, at: i64, page: Result<Fetched<'_>, ScrapeError>) -> Scrape {
        let mut scrape = Scrape {
            at,
            request: self.empty_request(),
            outcome: Outcome::default(),
            taken: 0,
            bytes: 0,
        };
        let read = page.and_then(|page| {
            scrape.bytes = page.body.len() as i64;
            self.read_page(page, &mut scrape)
        });
        let ended = match read {
            Ok(()) if scrape.bytes == 0 => self.memory.turn_without(),
            Ok(()) => {
                self.metadata.turn();
                self.memory.turn()
            }
            Err(error) => {
                match error {
                    ScrapeError::PageTooLong { .. } => scrape.bytes = -1,
                    // Or no other page would find room.
                    ScrapeError::SeriesOverflow { .. } => {
                        self.memory.make_room();
                        self.metadata = MetadataStore::default();
                    }
                    _ => {}
                }
                scrape.request = self.empty_request();
                scrape.outcome.error = Some(error);
                self.memory.turn_without()
            }
        };
        self.end(&ended, at, &mut scrape.request);
        scrape
    }

    /// Appends to `out` the request that a scrape is, which took so long.
    pub fn finish(&mut self, scrape: Scrape, duration: Duration, out: &mut Vec<u8>) -> Outcome {
        let Scrape {
            at,
            mut request,
            outcome,
            bytes,
            ..
        } = scrape;
        let health = if outcome.error.is_none() { 1.0 } else { 0.0 };
        let reports = [
            ("up", health),
            ("scrape_duration_seconds", duration.as_secs_f64()),
            ("scrape_samples_scraped", outcome.samples as f64),
            ("scrape_samples_post_metric_relabeling", outcome.kept as f64),
            ("scrape_series_added", outcome.new_series as f64),
        ];
        self.report(&reports, at, &mut request);
        let settings = &self.target.job.settings;
        if settings.extra_scrape_metrics == Some(true) {
            let extra = [
                (
                    "scrape_timeout_seconds",
                    self.target.timeout().as_secs_f64(),
                ),
                ("scrape_sample_limit", settings.sample_limit as f64),
                ("scrape_body_size_bytes", bytes as f64),
            ];
            self.report(&extra, at, &mut request);
        }
        request.write(&self.manner, out);
        outcome
    }

    /// Appends to `out` the request that tells the end of everything: the target is gone.
    pub fn gone(&mut self, at: i64, out: &mut Vec<u8>) {
        let ended = self.memory.turn_without();
        let mut request = self.empty_request();
        self.end(&ended, at, &mut request);
        let extra = self.target.job.settings.extra_scrape_metrics == Some(true);
        let count = if extra { REPORTS.len() } else { REPORTS_ALWAYS };
        for name in &REPORTS[..count] {
            self.report(&[(name, STALE)], at, &mut request);
        }
        request.write(&self.manner, out);
    }

    fn empty_request(&self) -> Request {
        Request::new(Arc::clone(&self.target), self.manner.max_page_bytes)
    }

    fn end(&self, ended: &[Arc<Labels>], at: i64, request: &mut Request) {
        for labels in ended {
            let point = Point {
                labels,
                at,
                start: None,
                value: Value::Number(STALE),
                exemplars: Vec::new(),
            };
            // What was told before fits.
            let _ = request.add(point, &self.metadata);
        }
    }

    fn report(&self, values: &[(&str, f64)], at: i64, request: &mut Request) {
        for (name, value) in values {
            let mut labels = self.target.labels.clone();
            labels.set(NAME, *name);
            self.add_external(&mut labels);
            let point = Point {
                labels: &Arc::new(labels),
                at,
                start: None,
                value: Value::Number(*value),
                exemplars: Vec::new(),
            };
            // It is small, and after everything else.
            let _ = request.add(point, &self.metadata);
        }
    }

    fn read_page(&mut self, fetched: Fetched<'_>, scrape: &mut Scrape) -> Result<(), ScrapeError> {
        if fetched.body.is_empty() {
            return Ok(());
        }
        let limit = self.page_limit();
        if fetched.body.len() as u64 >= limit {
            return Err(ScrapeError::PageTooLong { limit });
        }
        let syntax = Syntax::of(fetched.content_type);
        let syntax = syntax.unwrap_or_else(|| self.target.job.fallback());
        let length_max = self.manner.max_page_bytes;
        let mut page = Page::new(syntax, fetched.body, self.target.wishes, length_max);
        let mut exceeded = None;
        let most = self.manner.max_series;
        while let Some(entry) = page.next()? {
            match entry {
                Entry::Type(name, kind) => {
                    self.metadata
                        .learn(&name, most, |known| known.kind = kind)?;
                }
                Entry::Help(name, help) => {
                    self.metadata
                        .learn(&name, most, |known| known.help = help)?;
                }
                Entry::Unit(name, unit) => {
                    self.metadata
                        .learn(&name, most, |known| known.unit = unit)?;
                }
                Entry::Series(sample) => {
                    scrape.outcome.samples += 1;
                    self.read_series(&page, sample, scrape, &mut exceeded)?;
                }
            }
        }
        exceeded.map_or(Ok(()), Err)
    }

    /// Takes a sample. A limit that it exceeds is told at the end, so that all samples are counted.
    fn read_series(
        &mut self,
        page: &Page<'_>,
        mut sample: Sample,
        scrape: &mut Scrape,
        exceeded: &mut Option<ScrapeError>,
    ) -> Result<(), ScrapeError> {
        sample.time = sample
            .time
            .filter(|_| self.target.job.settings.honor_timestamps);
        let (labels, is_new, is_again) = match self.memory.see(page.series()) {
            Seen::Dropped => return Ok(()),
            Seen::As { labels, already } => (labels, false, already && sample.time.is_none()),
            Seen::Never => match self.labels(page)? {
                Some(labels) => (Arc::new(labels), true, false),
                None => return self.remember(page, None),
            },
        };
        scrape.outcome.kept += 1;
        if is_again {
            scrape.outcome.left_out += 1;
            return Ok(());
        }
        match self.take(page, &labels, sample, scrape) {
            Ok(is_taken) => {
                if is_new && is_taken {
                    self.remember(page, Some(labels))?;
                    scrape.outcome.new_series += u64::from(exceeded.is_none());
                }
                Ok(())
            }
            Err(error @ ScrapeError::TooManyBuckets { .. }) => {
                exceeded.get_or_insert(error);
                Ok(())
            }
            Err(error @ ScrapeError::TooManySamples { .. }) => {
                // Counts before that some have too many buckets.
                *exceeded = Some(error);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Makes a sample part of the request. Whether it is of a time at which it can be.
    fn take(
        &mut self,
        page: &Page<'_>,
        labels: &Arc<Labels>,
        sample: Sample,
        scrape: &mut Scrape,
    ) -> Result<bool, ScrapeError> {
        let settings = &self.target.job.settings;
        let tracks = sample.time.is_none() || settings.track_timestamps_staleness;
        let value = match sample.value {
            SampleValue::Number(number) => Value::Number(number),
            SampleValue::Native(mut native) => {
                native.reduce(self.finest_schema, settings.native_histogram_bucket_limit)?;
                Value::Native(native)
            }
        };
        scrape.taken += 1;
        let limit = lower(settings.sample_limit, self.manner.max_series);
        if scrape.taken > limit {
            return Err(ScrapeError::TooManySamples { limit });
        }
        let at = sample.time.unwrap_or(scrape.at);
        if at > scrape.at.saturating_add(AHEAD_MAX) {
            scrape.outcome.left_out += 1;
            return Ok(false);
        }
        let point = Point {
            labels,
            at,
            start: sample.start,
            value,
            // Names that are no text leave the sample without exemplars.
            exemplars: page.exemplars().unwrap_or_default(),
        };
        let is_told = scrape.request.add(point, &self.metadata)?;
        if !is_told && !is_of_resource(labels) {
            scrape.outcome.left_out += 1;
        }
        // What is there has not ended, although it cannot be told this time.
        if tracks && (is_told || self.memory.was_told(labels)) {
            self.memory.track(labels);
        }
        Ok(true)
    }

    /// Remembers a series as the page writes it. These may be twice as many as series: those of the scrape before are
    /// known, too.
    fn remember(
        &mut self,
        page: &Page<'_>,
        labels: Option<Arc<Labels>>,
    ) -> Result<(), ScrapeError> {
        let limit = self.manner.max_series;
        if self.memory.len() as u64 >= limit.saturating_mul(2) {
            return Err(ScrapeError::SeriesOverflow { limit });
        }
        self.memory.remember(page.series(), labels);
        Ok(())
    }
}

/// What is told of each scrape: always, and with `extra_scrape_metrics`.
const REPORTS: [&str; 8] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
    "scrape_timeout_seconds",
    "scrape_sample_limit",
    "scrape_body_size_bytes",
];
const REPORTS_ALWAYS: usize = 5;
