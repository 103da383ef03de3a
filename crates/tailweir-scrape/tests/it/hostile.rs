//! Any page, in any order.

use crate::workbench::{OPEN_METRICS, PROTOBUF, TEXT, has_ended, points, read, scraper};
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
use std::collections::{BTreeMap, BTreeSet};
use tailweir_config::ScrapeJob;
use tailweir_core::Signal;
use tailweir_scrape::Manner;

fn job() -> ScrapeJob {
    ScrapeJob {
        scrape_native_histograms: Some(true),
        always_scrape_classic_histograms: Some(true),
        ..ScrapeJob::default()
    }
}

/// Bytes that look like a page here and there.
fn page() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        Just(&b"# TYPE a histogram\n"[..]),
        Just(&b"# HELP a b\n"[..]),
        Just(&b"# UNIT a_s s\n"[..]),
        Just(&b"a_bucket{le=\"1\"} 2\n"[..]),
        Just(&b"{\"a b\",c=\"d\"} +Inf 5\n"[..]),
        Just(&b"a 1 # {x=\"y\"} 2 3\n"[..]),
        Just(&b"# EOF\n"[..]),
        Just(&b"\""[..]),
        Just(&b"{"[..]),
        Just(&b"\\"[..]),
        Just(&b"\n"[..]),
        Just(&b"\x0a\x01a\x18\x04\x22\x06\x3a\x04"[..]),
    ];
    let word = prop_oneof![
        3 => word.prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..6)
    ];
    prop::collection::vec(word, 0..20).prop_map(|words| words.concat())
}

proptest! {
    /// Scenario: any bytes as pages of each format, one after the other.
    /// Guarantees: no panic; each scrape is told as a sound request that says whether the target is up.
    #[test]
    fn any_page_is_told(pages in prop::collection::vec((page(), 0_usize..3), 1..5)) {
        let mut scraper = scraper(job(), Manner::default());
        for (number, (page, format)) in pages.iter().enumerate() {
            let format = [TEXT, OPEN_METRICS, PROTOBUF][*format];
            let (request, outcome) = read(&mut scraper, 1_000 * number as i64, format, page);
            let up = f64::from(u8::from(outcome.error.is_none()));
            assert!(tailweir_otlp::count_items(Signal::Metrics, &request).unwrap() >= 5);
            let told = points(&request, "up");
            assert!(told.iter().any(|point| point["asDouble"] == up));
        }
    }

    /// Scenario: any gauges with any labels, scrape after scrape.
    /// Guarantees: each is told with its value and its labels while it is there, and ends exactly in the first scrape in
    /// which it is not.
    #[test]
    fn series_are_told_until_they_end(
        scrapes in prop::collection::vec(prop::collection::btree_map(("[a-c]", "[ -~\n]{0,4}"), -1e9..1e9_f64, 0..8), 1..6)
    ) {
        let mut scraper = scraper(ScrapeJob::default(), Manner::default());
        let mut before = BTreeSet::new();
        for (number, series) in scrapes.iter().enumerate() {
            let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            // A label without a value is none.
            let series: BTreeMap<_, _> = series.iter().filter(|((_, value), _)| !value.is_empty()).collect();
            let page: String = series
                .iter()
                .map(|((name, value), number)| format!("{name}{{l=\"{}\"}} {number}\n", escaped(value)))
                .collect();
            let (request, outcome) = read(&mut scraper, 60_000 * number as i64, TEXT, page.as_bytes());
            assert_eq!(outcome.error, None);
            let mut told = BTreeMap::new();
            for name in ["a", "b", "c"] {
                for point in points(&request, name) {
                    let label = point["attributes"][0]["value"]["stringValue"].as_str().unwrap().to_owned();
                    let value = (!has_ended(&point)).then(|| point["asDouble"].as_f64().unwrap());
                    assert_eq!(told.insert((name.to_owned(), label), value), None);
                }
            }
            let now: BTreeSet<_> = series.keys().map(|key| (*key).clone()).collect();
            let mut expected: BTreeMap<_, _> = series.iter().map(|(key, value)| ((*key).clone(), Some(**value))).collect();
            expected.extend(before.difference(&now).map(|key: &(String, String)| (key.clone(), None)));
            assert_eq!(told, expected);
            before = now;
        }
    }
}
