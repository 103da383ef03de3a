//! Small pages of protobuf that stand for much.

use crate::workbench::{PROTOBUF, points, read, scraper};
use prost::encoding::{bytes, double, int32, sint32, uint64};
use tailweir_config::{LooseText, RelabelAction, RelabelRule, ScrapeJob};
use tailweir_scrape::{Manner, ScrapeError};

const SUMMARY: i32 = 2;
const HISTOGRAM: i32 = 4;

/// A field that holds a message or text.
fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    bytes::encode(number, &content.to_vec(), &mut out);
    out
}

/// A page of one metric with one label, whose content is in this field.
fn page(kind: i32, label: &str, number: u32, content: &[u8]) -> Vec<u8> {
    let pair = [field(1, b"wide"), field(2, label.as_bytes())].concat();
    let metric = [field(1, &pair), field(number, content)].concat();
    let mut family = field(1, b"m");
    int32::encode(3, &kind, &mut family);
    family.extend(field(4, &metric));
    let mut page = Vec::new();
    prost::encode_length_delimiter(family.len(), &mut page).unwrap();
    page.extend(family);
    page
}

/// So many buckets, or quantiles: their bounds and quantiles are in fields of different numbers.
fn parts(count: usize, number: u32) -> Vec<u8> {
    let part = |at: usize| {
        let mut part = Vec::new();
        double::encode(number, &(at as f64 / 1024.0), &mut part);
        field(3, &part)
    };
    (0..count).map(part).collect::<Vec<_>>().concat()
}

/// Scenario: a metric with a label of 2,000 bytes and a thousand buckets, or quantiles, on a page of less than 14,000 bytes,
/// where series and requests may have a mebibyte; the same where rules drop all of it; then one with a third of the buckets.
/// Guarantees: what is a hundred times as long as its page fails with the limit that it passed, also when nothing of it would
/// be told; what is not is read whole.
#[test]
fn labels_that_many_buckets_bear_have_a_bound() {
    let manner = Manner {
        max_page_bytes: 1 << 20,
        ..Manner::default()
    };
    let limit = manner.max_page_bytes;
    let label = "x".repeat(2_000);
    let drop = RelabelRule {
        source_labels: vec![LooseText::new("wide")],
        regex: LooseText::new("x+"),
        action: RelabelAction::Drop,
        ..RelabelRule::default()
    };
    for (rules, error) in [
        (Vec::new(), ScrapeError::RequestTooLong { limit }),
        (vec![drop], ScrapeError::SeriesTooLong { limit }),
    ] {
        let drops = !rules.is_empty();
        let settings = ScrapeJob {
            metric_relabel_configs: rules,
            ..ScrapeJob::default()
        };
        for (kind, number, key) in [(HISTOGRAM, 7, 2), (SUMMARY, 4, 1)] {
            let mut scraper = scraper(settings.clone(), manner.clone());
            let long = page(kind, &label, number, &parts(1_000, key));
            assert!(long.len() < 14_000);
            let (told, outcome) = read(&mut scraper, 1_000, PROTOBUF, &long);
            assert_eq!(outcome.error.as_ref(), Some(&error));
            assert!(points(&told, "m").is_empty());
            let sound = page(kind, &label, number, &parts(333, key));
            let (told, outcome) = read(&mut scraper, 2_000, PROTOBUF, &sound);
            assert_eq!(outcome.error, None);
            assert_eq!(points(&told, "m").is_empty(), drops);
        }
    }
}

/// Scenario: a native histogram whose schema is as large as numbers are, where histograms are made coarser.
/// Guarantees: the scrape fails and names it, as with each that Prometheus does not know; the others are read.
#[test]
fn a_schema_that_is_none_fails_the_scrape() {
    let settings = ScrapeJob {
        scrape_native_histograms: Some(true),
        native_histogram_min_bucket_factor: 2.0,
        ..ScrapeJob::default()
    };
    let mut scraper = scraper(settings, Manner::default());
    for (schema, is_read) in [(i32::MAX, false), (52, true), (53, false), (8, true)] {
        let mut histogram = Vec::new();
        sint32::encode(5, &schema, &mut histogram);
        uint64::encode(1, &1, &mut histogram);
        uint64::encode(7, &1, &mut histogram);
        let page = page(HISTOGRAM, "x", 7, &histogram);
        let (told, outcome) = read(&mut scraper, 1_000, PROTOBUF, &page);
        let refused = ScrapeError::BadSchema {
            schema,
            least: -9,
            most: 52,
        };
        assert_eq!(outcome.error, (!is_read).then_some(refused));
        assert_eq!(
            points(&told, "up")[0]["asDouble"],
            f64::from(u8::from(is_read))
        );
    }
}
