//! What is told otherwise than by the Collector, and limits.

use crate::workbench::{OPEN_METRICS, PROTOBUF, TEXT, has_ended, miss, points, read, scraper};
use tailweir_config::{LooseText, RelabelAction, RelabelRule, ScrapeJob};
use tailweir_scrape::{Labels, Manner, ScrapeError};

/// Scenario: a page that is well, then broken in the middle, then over its limit of samples, then well again.
/// Guarantees: what was told ends in the first scrape that fails, and only there; nothing of a broken page is told; what
/// is back is not new.
///
/// Conforms: receiver `prometheus` | metrics | a scrape that fails half-way | better: all that was told before ends
/// in that scrape
#[test]
fn series_end_when_a_scrape_fails() {
    let settings = ScrapeJob {
        sample_limit: 2,
        ..ScrapeJob::default()
    };
    let mut scraper = scraper(settings, Manner::default());
    let (_, outcome) = read(&mut scraper, 1_000, TEXT, b"a 1\nb 2\n");
    assert_eq!((outcome.error, outcome.new_series), (None, 2));
    let (broken, outcome) = read(&mut scraper, 2_000, TEXT, b"a 1\nc 1\nb x\n");
    assert!(
        matches!(outcome.error, Some(ScrapeError::Malformed { at: 11, .. })),
        "{outcome:?}"
    );
    for name in ["a", "b"] {
        let told = points(&broken, name);
        assert!(told.len() == 1 && has_ended(&told[0]), "{name}: {told:?}");
    }
    assert!(points(&broken, "c").is_empty());
    assert_eq!(points(&broken, "up")[0]["asDouble"], 0.0);
    let (over, outcome) = read(&mut scraper, 3_000, TEXT, b"a 1\nb 2\nc 3\n");
    assert_eq!(
        outcome.error,
        Some(ScrapeError::TooManySamples { limit: 2 })
    );
    assert!(points(&over, "a").is_empty());
    assert_eq!(points(&over, "scrape_samples_scraped")[0]["asDouble"], 3.0);
    let (well, outcome) = read(&mut scraper, 4_000, TEXT, b"a 1\nb 2\n");
    assert_eq!((outcome.error, outcome.new_series), (None, 0));
    assert_eq!(points(&well, "a")[0]["asDouble"], 1.0);
}

/// Scenario: a counter with a beginning and an exemplar, where all series get a label of ours; then it is gone.
/// Guarantees: the exemplar is told although the page knows nothing of the label; the end of the counter has no beginning.
#[test]
fn labels_of_ours_lose_no_exemplars() {
    let manner = Manner {
        external_labels: Labels::of(vec![("region".to_owned(), "eu".to_owned())]),
        ..Manner::default()
    };
    let mut scraper = scraper(ScrapeJob::default(), manner);
    let page = b"# TYPE a counter\na_total 1 # {k=\"q\\\"\"} 2 3.5\na_created 100.25\n# EOF\n";
    let (told, _) = read(&mut scraper, 9_000_000, OPEN_METRICS, page);
    let told = points(&told, "a_total");
    assert_eq!(told[0]["attributes"][0]["value"]["stringValue"], "eu");
    let exemplar = &told[0]["exemplars"][0];
    assert_eq!(exemplar["timeUnixNano"], "3500000000");
    assert_eq!(
        exemplar["filteredAttributes"][0]["value"]["stringValue"],
        "q\""
    );
    assert_eq!(told[0]["startTimeUnixNano"], "100250000000");
    let (ended, _) = miss(&mut scraper, 9_060_000);
    let ended = points(&ended, "a_total");
    assert!(has_ended(&ended[0]) && ended[0]["startTimeUnixNano"].is_null());
}

/// Scenario: a counter in protobuf that says when it began.
/// Guarantees: that is its start.
#[test]
fn beginnings_of_protobuf_are_starts() {
    let mut scraper = scraper(ScrapeJob::default(), Manner::default());
    // name: "c" type: COUNTER metric { counter { value: 2 start_timestamp { seconds: 5 } } }
    let counter = b"\x09\0\0\0\0\0\0\0\x40\x1a\x02\x08\x05";
    let mut family = b"\x0a\x01c\x18\0\x22".to_vec();
    family.extend([counter.len() as u8 + 2, 0x1a, counter.len() as u8]);
    family.extend(counter);
    let page = [&[family.len() as u8], &family[..]].concat();
    let (told, outcome) = read(&mut scraper, 9_000, PROTOBUF, &page);
    assert_eq!(outcome.error, None);
    assert_eq!(points(&told, "c")[0]["startTimeUnixNano"], "5000000000");
}

/// Scenario: buckets that fall, counts that are no numbers, below zero and beyond all counts; a counter that is told under
/// two names.
/// Guarantees: there are no values below zero, so such counts are zero; what is too much is as much as can be said; no
/// value is lost.
#[test]
fn odd_counts_are_counts() {
    let mut scraper = scraper(ScrapeJob::default(), Manner::default());
    let page = b"# TYPE h histogram\nh_bucket{le=\"1\"} 5\nh_bucket{le=\"2\"} 3\nh_count 4\n\
                 # TYPE big histogram\nbig_bucket{le=\"1\"} 1e30\nbig_count 1e30\n\
                 # TYPE s summary\ns_count -1\n";
    let (told, _) = read(&mut scraper, 1_000, TEXT, page);
    let histogram = &points(&told, "h")[0];
    assert_eq!(
        histogram["bucketCounts"],
        serde_json::json!(["5", "0", "1"])
    );
    assert_eq!(points(&told, "big")[0]["count"], u64::MAX.to_string());
    assert!(points(&told, "s")[0]["count"].is_null());
    let page = b"# TYPE q_total counter\nq_total 1\n";
    read(&mut scraper, 2_000, TEXT, page);
    let page = b"# TYPE q counter\nq_total 4\nq_created 5\n# EOF\n";
    let (told, _) = read(&mut scraper, 3_000, OPEN_METRICS, page);
    assert_eq!(points(&told, "q_total")[0]["asDouble"], 4.0);
}

/// Scenario: blanks before a series, and a rule that takes the label `job` from all of a target.
/// Guarantees: blanks are no part of a name; the name of the job stands in.
#[test]
fn what_would_lose_a_page_does_not() {
    let rule = RelabelRule {
        regex: LooseText::new("job"),
        action: RelabelAction::LabelDrop,
        ..RelabelRule::default()
    };
    let settings = ScrapeJob {
        relabel_configs: vec![rule],
        ..ScrapeJob::default()
    };
    let mut scraper = scraper(settings, Manner::default());
    let (told, outcome) = read(&mut scraper, 1_000, TEXT, b"\t a 1\n");
    assert_eq!(outcome.error, None);
    assert_eq!(points(&told, "a").len(), 1);
    let resource = crate::workbench::as_json(&told)["resourceMetrics"][0]["resource"].clone();
    assert_eq!(resource["attributes"][0]["value"]["stringValue"], "shop");
}

/// Scenario: pages that would need more memory than there may be: too many series, dropped ones, metrics that are only
/// described, labels that rules make long, and a page that is too long.
/// Guarantees: each fails with the limit that it passed; a scraper that met all of them still reads a small page.
///
/// Conforms: receiver `prometheus` | metrics | `max_series`, `max_page_bytes` | only here: bounds where Prometheus
/// has none
#[test]
fn limits_of_memory_fail_the_scrape() {
    let manner = Manner {
        max_series: 100,
        max_page_bytes: 20_000,
        ..Manner::default()
    };
    let lines =
        |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    let many = lines(101, &|number| format!("a{number} 1\n"));
    let dropped = lines(250, &|number| format!("drop{{x=\"{number}\"}} 1\n"));
    let described = lines(101, &|number| format!("# HELP a{number} x\n"));
    let long = lines(90, &|number| format!("long{{x=\"{number}\"}} 1\n"));
    let page = "x 1\n".repeat(5_000);
    let rules = vec![
        RelabelRule {
            source_labels: vec![LooseText::new("__name__")],
            regex: LooseText::new("drop"),
            action: RelabelAction::Drop,
            ..RelabelRule::default()
        },
        RelabelRule {
            source_labels: vec![LooseText::new("__name__")],
            regex: LooseText::new("long"),
            target_label: LooseText::new("y"),
            replacement: LooseText::new("y".repeat(1000)),
            ..RelabelRule::default()
        },
    ];
    let settings = ScrapeJob {
        metric_relabel_configs: rules,
        ..ScrapeJob::default()
    };
    let mut scraper = scraper(settings, manner);
    for (page, error) in [
        (&many, ScrapeError::TooManySamples { limit: 100 }),
        (&dropped, ScrapeError::SeriesOverflow { limit: 100 }),
        (&described, ScrapeError::SeriesOverflow { limit: 100 }),
        (&long, ScrapeError::RequestTooLong { limit: 20_000 }),
        (&page, ScrapeError::PageTooLong { limit: 20_000 }),
    ] {
        let (told, outcome) = read(&mut scraper, 1_000, TEXT, page.as_bytes());
        assert_eq!(outcome.error, Some(error));
        assert_eq!(points(&told, "up")[0]["asDouble"], 0.0);
    }
    let (told, outcome) = read(&mut scraper, 2_000, TEXT, b"small 1\n");
    assert_eq!(outcome.error, None);
    assert_eq!(points(&told, "small").len(), 1);
}
