//! Pages of Prometheus' targets, as OTLP bytes.
//!
//! ```text
//! job, groups -> Target (labels, URL, times)            labels rewritten by rules
//! page -> Scraper (series that were there before) -> one OTLP request a scrape, with `up` and the like
//! ```
//!
//! What comes out is what the Collector's receiver makes of the same pages: series of one family become one metric,
//! the target its resource, what ends is told by a point without a value. A [`Scraper`] remembers between scrapes what a target told,
//! within bounds; beyond one, the scrape fails and says so. A scrape is told whole, or not at all.
//!
//! Nothing here opens a socket or reads a clock. Field numbers of `io.prometheus` that are read are known here alone.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use tailweir_config::{LooseText, ScrapeJob, TargetGroup};
//! use tailweir_scrape::{Fetched, Job, Manner, Scraper};
//!
//! let settings = ScrapeJob { job_name: LooseText::new("shop"), ..ScrapeJob::default() };
//! let job = Arc::new(Job::new(&settings).unwrap());
//! let group = TargetGroup { targets: vec![LooseText::new("10.0.0.1:9100")], ..TargetGroup::default() };
//! let (targets, _) = job.targets(&[group], 10);
//! assert_eq!(targets[0].url(), "http://10.0.0.1:9100/metrics");
//!
//! let mut scraper = Scraper::new(Arc::clone(&targets[0]), Arc::new(Manner::default()));
//! let page = Fetched { body: b"requests 7\n", content_type: "text/plain" };
//! let scrape = scraper.read(1_700_000_000_000, Ok(page));
//! let mut request = Vec::new();
//! scraper.finish(scrape, Duration::from_millis(3), &mut request);
//! assert_eq!(tailweir_otlp::count_items(tailweir_core::Signal::Metrics, &request), Ok(6));
//! ```

mod accept;
mod error;
mod job;
mod labels;
mod memory;
mod metadata;
mod native;
mod number;
mod own_page;
mod page;
mod relabel;
mod request;
mod scraper;
mod target;

pub use accept::accept;
pub use error::{JobError, ScrapeError, TargetError};
pub use job::Job;
pub use labels::Labels;
pub use own_page::OwnPage;
pub use relabel::{Relabeling, Ruling};
pub use scraper::{Fetched, Manner, Outcome, Scrape, Scraper};
pub use target::Target;
