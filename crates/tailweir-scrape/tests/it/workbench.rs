//! Scrapers, and their requests in a form in which they can be looked at.

use serde_json::Value as Json;
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::{LooseText, ScrapeJob, TargetGroup};
use tailweir_core::Signal;
use tailweir_scrape::{Fetched, Job, Manner, Outcome, ScrapeError, Scraper};

pub(crate) const TEXT: &str = "text/plain; version=0.0.4";
pub(crate) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0";
pub(crate) const PROTOBUF: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// A scraper of a job with these settings.
pub(crate) fn scraper(settings: ScrapeJob, manner: Manner) -> Scraper {
    let settings = ScrapeJob {
        job_name: LooseText::new("shop"),
        ..settings
    };
    let job = Arc::new(Job::new(&settings).unwrap());
    let group = TargetGroup {
        targets: vec![LooseText::new("host:9100")],
        ..TargetGroup::default()
    };
    let (mut targets, _) = job.targets(&[group], 10);
    Scraper::new(targets.remove(0), Arc::new(manner))
}

/// Reads a page; the request that it becomes, and what came of it.
pub(crate) fn read(
    scraper: &mut Scraper,
    at: i64,
    content_type: &str,
    body: &[u8],
) -> (Vec<u8>, Outcome) {
    let scrape = scraper.read(at, Ok(Fetched { body, content_type }));
    let mut request = Vec::new();
    let outcome = scraper.finish(scrape, Duration::ZERO, &mut request);
    (request, outcome)
}

/// Takes notice that there is no page.
pub(crate) fn miss(scraper: &mut Scraper, at: i64) -> (Vec<u8>, Outcome) {
    let scrape = scraper.read(at, Err(ScrapeError::Fetch("no answer".to_owned())));
    let mut request = Vec::new();
    let outcome = scraper.finish(scrape, Duration::ZERO, &mut request);
    (request, outcome)
}

/// A request as JSON.
pub(crate) fn as_json(wire: &[u8]) -> Json {
    let mut text = Vec::new();
    tailweir_otlp::json::from_wire(Signal::Metrics, wire, &mut text).expect("a request");
    serde_json::from_slice(&text).expect("JSON")
}

/// The points of a metric, of any resource and scope, in order.
pub(crate) fn points(wire: &[u8], name: &str) -> Vec<Json> {
    let request = as_json(wire);
    let list = |value: &Json, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let mut points = Vec::new();
    for resource in list(&request, "resourceMetrics") {
        for scope in list(&resource, "scopeMetrics") {
            for metric in list(&scope, "metrics") {
                let kinds = [
                    "gauge",
                    "sum",
                    "histogram",
                    "exponentialHistogram",
                    "summary",
                ];
                if metric["name"] == name {
                    points.extend(kinds.iter().flat_map(|it| list(&metric[*it], "dataPoints")));
                }
            }
        }
    }
    points
}

/// Whether a point says that its series has ended.
pub(crate) fn has_ended(point: &Json) -> bool {
    point["flags"] == 1
}
