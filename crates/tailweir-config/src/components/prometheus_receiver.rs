//! The `prometheus` receiver: what it scrapes, in Prometheus' own words.

mod client;
mod job;
mod protocol;
mod relabel;
mod targets;
mod value;

pub use client::{
    ScrapeAuthorization, ScrapeBasicAuth, ScrapeClient, ScrapeHeader, ScrapeTls, ScrapeTlsVersion,
};
pub use job::{ScrapeGlobal, ScrapeJob};
pub use protocol::{NameEscaping, NameValidation, ScrapeProtocol};
pub use relabel::{RelabelAction, RelabelRule};
pub use targets::{TargetFiles, TargetGroup, read_target_groups};
pub use value::{LooseText, PrometheusDuration, PrometheusSize};

use crate::report::{Cause, Report};
use crate::setting::{Block, Literal, settings};
use std::collections::BTreeSet;
use std::time::Duration;

settings! {
    /// Scrapes pages of metrics, as Prometheus does. In a cluster the processes that open receivers share the
    /// targets, each of which is scraped by one of them; all need the same list.
    pub struct PrometheusReceiver {
        /// What is scraped, in the form of Prometheus' own configuration. A `$` is written `$$`.
        config: PrometheusConfig = PrometheusConfig::default(),
        /// Cut the unit and `_total` off the names of metrics.
        trim_metric_suffixes: bool = false,
        /// Scrape once more before the process ends.
        scrape_on_shutdown: bool = false,
        /// Time before the first scrape of a target, beside the offset by which targets are spread over time.
        initial_scrape_offset: Duration = Duration::ZERO,
        /// Most targets of one job, whatever `target_limit` says. Beyond it, none of the job is scraped.
        max_targets: u64 = 10_000,
        /// Most series of one target, whatever `sample_limit` says. Beyond it, the scrape fails.
        max_series: u64 = 500_000,
        /// Most bytes of a page when it is unpacked, whatever `body_size_limit` says, of its series with all their labels,
        /// and of the request that is made of it. Beyond it, the scrape fails.
        max_page_bytes: u64 = 64 << 20,
    }
    ignored {
        "discovery_reload_on_startup": bool = "targets are looked for at once when the process starts",
    }
    refused {
        "target_allocator" = "write the targets into a file and name it in `file_sd_configs`",
        "api_server" = "the admin page and metrics of this process say which targets there are",
        "report_extra_scrape_metrics" = "write `extra_scrape_metrics: true` under `config: global:`",
        "use_start_time_metric" = "the Collector no longer has it; start times come from the pages alone",
        "start_time_metric_regex" = "the Collector no longer has it; start times come from the pages alone",
        "use_collector_start_time_fallback" = "the Collector no longer has it; start times come from the pages alone",
        "buffer_period" = "the Collector no longer has it: remove it",
        "buffer_count" = "the Collector no longer has it: remove it",
    }
    rules receiver_rules;
}

fn receiver_rules(receiver: &mut PrometheusReceiver, block: &mut Block<'_>, report: &mut Report) {
    if receiver.config.scrape_configs.is_empty() && report.errors() == 0 {
        let text = "there is nothing to scrape";
        let fix = "add `scrape_configs` under `config`";
        report.error_at(block.place(), Cause::Missing, text, fix);
    }
    for (key, bound) in [
        ("max_targets", receiver.max_targets),
        ("max_series", receiver.max_series),
        ("max_page_bytes", receiver.max_page_bytes),
    ] {
        if bound == 0 {
            let text = format!("`{key}` must be above zero");
            report.error_at(block.at(key), Cause::OutOfRange, text, "");
        }
    }
}

settings! {
    /// What a `prometheus` receiver scrapes, as Prometheus' configuration says it.
    pub struct PrometheusConfig {
        /// What holds for all jobs that do not say otherwise.
        global: ScrapeGlobal = ScrapeGlobal::default(),
        /// The jobs.
        scrape_configs: Vec<ScrapeJob> = Vec::new(),
    }
    ignored {
        "runtime": Literal = "it is about Prometheus' own process",
        "storage": Literal = "nothing is stored here",
        "tracing": Literal = "scrapes are not traced",
        "otlp": Literal = "it is about what Prometheus receives",
    }
    refused {
        "scrape_config_files" = "write their `scrape_configs` here, or include the file: `${file:PATH}`",
        "alerting" = "a receiver alerts nobody: remove it, as for the Collector",
        "rule_files" = "a receiver evaluates no rules: remove it, as for the Collector",
        "remote_write" = "use a `prometheus_remote_write` exporter",
        "remote_read" = "a receiver reads no storage: remove it, as for the Collector",
    }
    rules config_rules;
}

fn config_rules(config: &mut PrometheusConfig, block: &mut Block<'_>, report: &mut Report) {
    let mut names = BTreeSet::new();
    let mut places = block.items("scrape_configs");
    for (index, job) in config.scrape_configs.iter_mut().enumerate() {
        let place = places.next().unwrap_or_else(|| block.place());
        report.within("scrape_configs", |report| {
            report.within(&index.to_string(), |report| {
                job.inherit(&config.global, &place, report);
                if !job.job_name.as_str().is_empty() && !names.insert(job.job_name.clone()) {
                    let text = format!("two jobs are called `{}`", job.job_name.as_str());
                    report.error_at(place, Cause::Duplicate, text, "give one another `job_name`");
                }
            });
        });
    }
}
