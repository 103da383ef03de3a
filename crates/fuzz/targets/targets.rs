//! Any text as a file of targets: no panic, and what is read becomes targets, or is told to be none.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, LazyLock};
use tailweir_config::{LooseText, RelabelRule, ScrapeJob, read_target_groups};
use tailweir_scrape::Job;

static JOB: LazyLock<Arc<Job>> = LazyLock::new(|| {
    let rule = RelabelRule {
        source_labels: vec![LooseText::new("__address__"), LooseText::new("env")],
        target_label: LooseText::new("$1"),
        ..RelabelRule::default()
    };
    let job = ScrapeJob {
        job_name: LooseText::new("fuzzed"),
        relabel_configs: vec![rule],
        ..ScrapeJob::default()
    };
    Arc::new(Job::new(&job).expect("a job"))
});

fuzz_target!(|text: &str| {
    if let Ok(groups) = read_target_groups("targets.yaml", text) {
        let (targets, _) = JOB.targets(&groups, 100);
        assert!(targets.iter().all(|target| target.url().starts_with("http")));
    }
});
