//! Any bytes as pages of each format, one after the other: no panic, and each scrape is told as a sound OTLP request.

#![no_main]

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tailweir_config::{LooseText, ScrapeJob, TargetGroup};
use tailweir_scrape::{Fetched, Job, Manner, Scraper, Target};

static TARGET: LazyLock<Arc<Target>> = LazyLock::new(|| {
    let job = ScrapeJob {
        job_name: LooseText::new("fuzzed"),
        scrape_native_histograms: Some(true),
        always_scrape_classic_histograms: Some(true),
        ..ScrapeJob::default()
    };
    let group = TargetGroup {
        targets: vec![LooseText::new("host:1")],
        ..TargetGroup::default()
    };
    let job = Arc::new(Job::new(&job).expect("a job"));
    job.targets(&[group], 1).0.remove(0)
});

fuzz_target!(|input: (u8, &[u8])| {
    let (choice, pages) = input;
    let manner = Manner {
        max_series: 1000,
        ..Manner::default()
    };
    let mut scraper = Scraper::new(Arc::clone(&TARGET), Arc::new(manner));
    let content_type = match choice % 3 {
        0 => "text/plain",
        1 => "application/openmetrics-text",
        _ => "application/vnd.google.protobuf",
    };
    // Two pages: what ends between them is told, too.
    let (first, second) = pages.split_at(pages.len() * usize::from(choice >> 2) / 64);
    for (at, body) in [(1, first), (60_001, second)] {
        let scrape = scraper.read(at, Ok(Fetched { body, content_type }));
        let mut request = Vec::new();
        scraper.finish(scrape, Duration::ZERO, &mut request);
        ExportMetricsServiceRequest::decode(&request[..]).expect("a request");
    }
});
