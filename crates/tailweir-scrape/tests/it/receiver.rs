//! What the Collector's receiver makes of pages, and what we make of them.
//!
//! `recorded/` has a folder a case: the configuration and pages (`case.json`), and one request for each scrape
//! (`expected.json`), made by the receiver of v0.161.0 with Prometheus' scrape manager v0.314.0. Times of scrapes are
//! those of [`at`], durations 0.25 s.

use crate::workbench::as_json;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::{EmptyEnvironment, LoadOptions, Receiver, Sources, load};
use tailweir_core::Signal;
use tailweir_scrape::{Fetched, Job, Labels, Manner, ScrapeError, Scraper};
use tailweir_testkit::normal_json;

#[derive(Deserialize)]
struct Case {
    config: String,
    trim_metric_suffixes: bool,
    scrapes: Vec<Step>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Step {
    content_type: String,
    status: u16,
    body: String,
    base64: String,
    gone: bool,
}

/// When a case is scraped for the n-th time, in milliseconds.
fn at(scrape: usize) -> i64 {
    (1_700_000_000 + 60 * scrape as i64) * 1000
}

/// The scrapers of a case: one for each target.
fn scrapers(case: &Case) -> Vec<Scraper> {
    let indented: String = case
        .config
        .lines()
        .map(|line| format!("      {}\n", line.replace('$', "$$")))
        .collect();
    let text = format!(
        "receivers:\n  prometheus:\n    trim_metric_suffixes: {}\n    config:\n{indented}\
         exporters: {{nop: }}\nservice: {{pipelines: {{metrics: {{receivers: [prometheus], exporters: [nop]}}}}}}",
        case.trim_metric_suffixes
    );
    let loaded = load(
        &Sources::new().config(format!("yaml:{text}")),
        LoadOptions::default(),
        &EmptyEnvironment,
    );
    let settings = loaded
        .settings
        .unwrap_or_else(|| panic!("{}", loaded.diagnostics));
    let Some(Receiver::Prometheus(receiver)) = settings.receivers.values().next() else {
        panic!("no receiver");
    };
    let external = receiver.config.global.external_labels.iter();
    let external = external.map(|(name, value)| (name.clone(), value.as_str().to_owned()));
    let manner = Arc::new(Manner {
        external_labels: Labels::of(external.collect()),
        trim_metric_suffixes: receiver.trim_metric_suffixes,
        version: "VERSION".to_owned(),
        ..Manner::default()
    });
    let mut scrapers = Vec::new();
    for settings in &receiver.config.scrape_configs {
        let job = Arc::new(Job::new(settings).unwrap());
        let (targets, mistakes) = job.targets(&settings.static_configs, 100);
        assert!(mistakes.is_empty(), "{mistakes:?}");
        scrapers.extend(
            targets
                .into_iter()
                .map(|it| Scraper::new(it, Arc::clone(&manner))),
        );
    }
    scrapers
}

/// The request that a step of a case becomes.
fn scrape(scraper: &mut Scraper, number: usize, step: &Step) -> Vec<u8> {
    let mut request = Vec::new();
    if step.gone {
        scraper.gone(at(number), &mut request);
        return request;
    }
    let body = match step.base64.as_str() {
        "" => step.body.clone().into_bytes(),
        packed => STANDARD.decode(packed).unwrap(),
    };
    let page = match step.status {
        0 => Ok(Fetched {
            body: &body,
            content_type: &step.content_type,
        }),
        status => Err(ScrapeError::Fetch(format!("HTTP {status}"))),
    };
    let scrape = scraper.read(at(number), page);
    scraper.finish(scrape, Duration::from_millis(250), &mut request);
    request
}

/// What was recorded, in the spelling of [`as_json`].
fn respelled(recorded: &Json) -> Json {
    let mut wire = Vec::new();
    let text = recorded.to_string();
    tailweir_otlp::json::to_wire(Signal::Metrics, text.as_bytes(), &mut wire).expect("a request");
    as_json(&wire)
}

/// Scrapes that are told otherwise; [`crate::scraping`] says how.
const BY_DESIGN: [(&str, usize); 11] = [
    // What a page told before it turned out to be broken is tracked there, so that its end is told one scrape late.
    ("content_fallback", 1),
    ("limit_samples", 1),
    ("limit_samples", 2),
    ("names_legacy", 1),
    ("open_metrics_without_end", 1),
    ("protobuf_broken", 1),
    ("protobuf_broken", 2),
    // A counter that was told under two names loses its value there.
    ("names_utf8", 1),
    // Counts below zero and beyond all counts become others there.
    ("nan_counts", 0),
    // A family of native histograms and others is refused there.
    ("protobuf_native_and_classic", 0),
    // The end of a series has a start in the year 2262 there.
    ("stale_open_metrics", 1),
];

fn cases() -> BTreeMap<String, PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/recorded");
    let entries = std::fs::read_dir(folder).expect("the folder of cases");
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                path,
            )
        })
        .collect()
}

/// Scenario: pages of every format and kind, with rules, limits, labels of both sides, series and targets that go, and
/// scrapes that fail.
/// Guarantees: each scrape is told as the Collector's receiver tells it.
///
/// Conforms: receiver `prometheus` | metrics | pages as text, OpenMetrics and protobuf: kinds, native histograms,
/// `honor_labels`, `honor_timestamps`, `track_timestamps_staleness`, `external_labels`, name validation, limits,
/// `extra_scrape_metrics`, `trim_metric_suffixes`, staleness, `up` | same
/// Conforms: receiver `prometheus` | metrics | `relabel_configs`, `metric_relabel_configs` | same
#[test]
fn scrapes_are_told_as_the_collector_tells_them() {
    let cases = cases();
    let mut different = Vec::new();
    for (name, path) in &cases {
        let read = |file: &str| std::fs::read_to_string(path.join(file)).unwrap();
        let case: Case = serde_json::from_str(&read("case.json")).unwrap();
        let expected: Vec<Json> = serde_json::from_str(&read("expected.json")).unwrap();
        let mut scrapers = scrapers(&case);
        let [scraper] = &mut scrapers[..] else {
            panic!("{name} has {} targets", scrapers.len());
        };
        assert_eq!(case.scrapes.len(), expected.len());
        for (number, (step, expected)) in case.scrapes.iter().zip(&expected).enumerate() {
            let ours = normal_json(&as_json(&scrape(scraper, number, step)));
            let theirs = normal_json(&respelled(expected));
            let is_by_design = BY_DESIGN.contains(&(name.as_str(), number));
            if (ours != theirs) != is_by_design {
                different.push(format!("{name} {number}\n{}", difference(&theirs, &ours)));
            }
        }
    }
    assert!(
        different.is_empty(),
        "{} scrapes differ:\n{}",
        different.len(),
        different.join("\n")
    );
    assert!(cases.len() > 40, "{} cases", cases.len());
}

/// Metrics that are on one side alone.
fn difference(theirs: &Json, ours: &Json) -> String {
    let metrics = |side: &Json| -> Vec<String> {
        let resources = side["resourceMetrics"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let mut lines = Vec::new();
        for resource in &resources {
            for scope in resource["scopeMetrics"].as_array().unwrap() {
                for metric in scope["metrics"].as_array().unwrap() {
                    lines.push(format!(
                        "{} {} {metric}",
                        resource["resource"], scope["scope"]
                    ));
                }
            }
        }
        lines
    };
    let (theirs, ours) = (metrics(theirs), metrics(ours));
    let missing = theirs.iter().filter(|line| !ours.contains(line));
    let other = ours.iter().filter(|line| !theirs.contains(line));
    let missing = missing.map(|line| format!("  theirs {line}\n"));
    missing
        .chain(other.map(|line| format!("  ours   {line}\n")))
        .collect()
}
