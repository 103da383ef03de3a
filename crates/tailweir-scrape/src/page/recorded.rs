//! What Prometheus' parsers make of pages, sound and damaged ones, and what ours do.
//!
//! `pages.jsonl` has a page a line with what the parsers of v0.314.0 read out of it, up to the first mistake. Labels,
//! times, values and exemplars are compared, and whether the page is refused.

use super::{Entry, Exemplar, NativeWishes, Page, SampleValue, Syntax};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

fn packed(text: &str) -> Json {
    Json::from(STANDARD.encode(text))
}

fn sorted(mut labels: Vec<(String, String)>) -> Json {
    labels.sort_by(|one, other| one.0.cmp(&other.0));
    let pairs = labels.iter();
    pairs
        .map(|(name, value)| json!([packed(name), packed(value)]))
        .collect()
}

fn bits(value: f64) -> String {
    // One of the many numbers that are none, as Prometheus has it.
    let value = if value.is_nan() {
        0x7ff8_0000_0000_0001
    } else {
        value.to_bits()
    };
    format!("{value:016x}")
}

fn exemplars(all: Vec<Exemplar>) -> Json {
    if all.is_empty() {
        return Json::Null;
    }
    let one = |it: Exemplar| {
        let time = it.time.unwrap_or(0);
        json!([sorted(it.labels), bits(it.value), it.time.is_some(), time])
    };
    all.into_iter().map(one).collect()
}

/// What we read out of a page, in the form of the record.
fn read(recorded: &Json) -> (Vec<Json>, bool) {
    let body = STANDARD.decode(recorded["page"].as_str().unwrap()).unwrap();
    let syntax = Syntax::of(recorded["content_type"].as_str().unwrap()).unwrap();
    let wishes = NativeWishes {
        native: recorded["native"] == true,
        classic: recorded["classic"] == true,
    };
    let mut page = Page::new(syntax, &body, wishes, u64::MAX);
    let mut entries = Vec::new();
    loop {
        let entry = match page.next() {
            Ok(Some(entry)) => entry,
            Ok(None) => return (entries, false),
            Err(_) => return (entries, true),
        };
        entries.push(match entry {
            Entry::Type(name, kind) => json!(["type", packed(&name), kind.word()]),
            Entry::Help(name, help) => json!(["help", packed(&name), packed(&help)]),
            Entry::Unit(name, unit) => json!(["unit", packed(&name), packed(&unit)]),
            Entry::Series(sample) => {
                // Names that are no text are refused here, by Prometheus when it looks at them.
                let Ok(labels) = page.labels() else {
                    return (entries, true);
                };
                let labels = sorted(labels);
                let told = exemplars(page.exemplars().unwrap_or_default());
                match sample.value {
                    SampleValue::Number(value) => {
                        json!(["series", labels, sample.time, bits(value), told])
                    }
                    SampleValue::Native(_) => json!(["native", labels, sample.time, told]),
                }
            }
        });
    }
}

/// Scenario: pages of all three formats, each damaged in a few places or not at all.
/// Guarantees: what is read is what Prometheus' parsers read, and the same pages are refused.
///
/// Conforms: receiver `prometheus` | metrics | what is read out of pages, most of them damaged | same
#[test]
fn pages_are_read_as_prometheus_reads_them() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pages.jsonl");
    let recorded = std::fs::read_to_string(path).unwrap();
    let mut refused = 0;
    let mut different = Vec::new();
    for line in recorded.lines() {
        let recorded: Json = serde_json::from_str(line).unwrap();
        let (entries, failed) = read(&recorded);
        refused += usize::from(failed);
        let theirs = recorded["entries"].as_array().unwrap();
        if failed != (recorded["failed"] == true) || (!failed && entries != *theirs) {
            let page = STANDARD.decode(recorded["page"].as_str().unwrap()).unwrap();
            different.push(format!(
                "{:?}\n  theirs: {} {}\n  ours:   {failed} {}",
                String::from_utf8_lossy(&page),
                recorded["failed"],
                recorded["entries"],
                Json::from(entries),
            ));
        }
    }
    assert!(
        different.is_empty(),
        "{} differ:\n{}",
        different.len(),
        different.join("\n")
    );
    let well = recorded.lines().count() - refused;
    assert!(
        refused > 200 && well > 200,
        "{refused} refused, {well} read"
    );
}
