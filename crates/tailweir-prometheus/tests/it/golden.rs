//! Held against the pages of the real Collector.

use crate::messages::families;
use crate::support::{accept, page, settings};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tailweir_config::{Compat, PrometheusExporter};
use tailweir_core::Moment;
use tailweir_prometheus::{Format, Store, StoreOptions};
use tailweir_testkit::{Folder, Tally};

const OPEN_METRICS: &str = "application/openmetrics-text;version=1.0.0";
const PROTOBUF: &str = "application/vnd.google.protobuf;\
    proto=io.prometheus.client.MetricFamily;encoding=delimited";
const UTF8: &str = "text/plain;version=1.0.0;escaping=allow-utf-8";

/// What a suite asks for, and the file with the answer.
const PAGES: [(&str, &str); 4] = [
    ("expected.txt", "text/plain;version=0.0.4"),
    ("expected.openmetrics.txt", OPEN_METRICS),
    ("expected.utf8.txt", UTF8),
    ("expected.protobuf.jsonl", PROTOBUF),
];

/// Scenario: requests that went through the Collector's `prometheus` exporter, under `compat: collector`.
/// Guarantees: every page is the same, and so is its content type.
///
/// Conforms: exporter `prometheus` | metrics | `namespace`, `const_labels`, `send_timestamps`,
/// `translation_strategy`, `without_scope_info`, `enable_open_metrics`, `resource_to_telemetry_conversion`,
/// `resource_constant_labels`, under `compat: collector` | same
#[test]
fn golden_prometheus_as_collector() {
    let folder = Folder::open("prometheus");
    let mut tally = Tally::default();
    for suite in folder.suites("suite.json") {
        let (passed, failures) = replay(&folder, &suite);
        tally.record(&suite, "compat collector", passed, None, &failures);
    }
    tally.finish("prometheus");
}

/// Scenario: the same requests under Tailweir's own rules.
/// Guarantees: every line of the Collector's pages is there; others are those that it loses.
///
/// Conforms: exporter `prometheus` | metrics | series that the Collector leaves out | better: every line of the
/// Collector's pages is there, and what it loses beside them
#[test]
fn golden_prometheus_as_tailweir() {
    let folder = Folder::open("prometheus");
    let mut tally = Tally::default();
    for suite in folder.suites("suite.json") {
        let (mut store, exporter) = filled(&folder, &suite, Compat::Tailweir);
        let ours = lines(&page(
            &mut store,
            PAGES[0].1,
            exporter.enable_open_metrics,
            Moment::ZERO,
        ));
        let theirs = lines(folder.file(&format!("{suite}/expected.txt")));
        let lost = theirs.difference(&ours).filter(|line| is_readable(line));
        let failures: Vec<_> = lost.map(|line| format!("not there: {line}")).collect();
        let more = ours.difference(&theirs).count();
        let by_design = (more > 0).then_some((more, "lines that the Collector loses"));
        tally.record(
            &suite,
            "compat tailweir",
            theirs.len() - failures.len(),
            by_design,
            &failures,
        );
    }
    tally.finish("prometheus");
}

fn lines(page: &[u8]) -> BTreeSet<String> {
    String::from_utf8_lossy(page)
        .lines()
        .map(str::to_owned)
        .collect()
}

/// A line with the same label twice cannot be read by Prometheus: ours has other names.
fn is_readable(line: &str) -> bool {
    let labels = line.split_once('{').map_or("", |(_, labels)| labels);
    let names: Vec<_> = labels
        .split("=\"")
        .filter_map(|part| part.rsplit(['{', ',']).next())
        .collect();
    names.len() == names.iter().collect::<BTreeSet<_>>().len()
}

fn filled(folder: &Folder, suite: &str, compat: Compat) -> (Store, PrometheusExporter) {
    let block = folder.text(&format!("{suite}/config.yaml"));
    let exporter = settings(block, Some(compat));
    let mut store = Store::new(StoreOptions::of(&exporter), 1);
    for request in folder.json_lines(&format!("{suite}/input.jsonl")) {
        accept(&mut store, &request.to_string(), Moment::ZERO);
    }
    (store, exporter)
}

fn replay(folder: &Folder, suite: &str) -> (usize, Vec<String>) {
    let description = folder.json(&format!("{suite}/suite.json"));
    let (mut passed, mut failures) = (0, Vec::new());
    for (file, header) in PAGES {
        let Some(expected) = folder.get(&format!("{suite}/{file}")) else {
            continue;
        };
        let (mut store, exporter) = filled(folder, suite, Compat::Collector);
        let open_metrics = exporter.enable_open_metrics;
        let kind = Format::negotiate(header, open_metrics).content_type();
        let actual = page(&mut store, header, open_metrics, Moment::ZERO);
        let difference = match file {
            _ if description["content_types"][file] != kind => Some(kind),
            "expected.protobuf.jsonl" => differing_family(expected, &actual),
            _ => differing_line(expected, &actual),
        };
        match difference {
            None => passed += 1,
            Some(difference) => failures.push(format!("{file}: {difference}")),
        }
    }
    (passed, failures)
}

fn differing_line(expected: &[u8], actual: &[u8]) -> Option<String> {
    let [expected, actual] = [expected, actual].map(String::from_utf8_lossy);
    let mut pairs = expected.lines().zip(actual.lines());
    match pairs.find(|(expected, actual)| expected != actual) {
        Some((expected, actual)) => Some(format!("\nexpected {expected}\nactual   {actual}")),
        None if expected.len() == actual.len() => None,
        None => Some(format!(
            "{} bytes instead of {}",
            actual.len(),
            expected.len()
        )),
    }
}

fn differing_family(expected: &[u8], actual: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(expected);
    let expected: Vec<Value> = text
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| in_seconds(serde_json::from_str(line).expect("JSON")))
        .collect();
    let actual: Vec<_> = families(actual)
        .iter()
        // Through text, as the expectation came: the reader rounds.
        .map(|family| serde_json::from_str(&family.to_json().to_string()).expect("JSON"))
        .map(in_seconds)
        .collect();
    let mut pairs = expected.iter().zip(&actual);
    match pairs.find(|(expected, actual)| expected != actual) {
        Some((expected, actual)) => Some(format!("\nexpected {expected}\nactual   {actual}")),
        None if expected.len() == actual.len() => None,
        None => Some(format!(
            "{} families instead of {}",
            actual.len(),
            expected.len()
        )),
    }
}

/// The vectors' times as seconds, and every number that is whole as a float.
fn in_seconds(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| match (key.as_str(), value) {
                ("timestamp" | "createdTimestamp", Value::String(text)) => (key, seconds(&text)),
                (_, value) => (key, in_seconds(value)),
            })
            .collect(),
        Value::Array(items) => items.into_iter().map(in_seconds).collect(),
        Value::Number(number) => json!(number.as_f64()),
        other => other,
    }
}

/// `2023-11-14T22:13:20.5Z` as `1700000000.500000000`; what is in seconds already stays.
fn seconds(text: &str) -> Value {
    let Some((date, time)) = text.strip_suffix('Z').and_then(|text| text.split_once('T')) else {
        return json!(text);
    };
    let numbers = |text: &str, separator: char| -> Vec<i64> {
        let parts = text.split(separator);
        parts.map(|part| part.parse().expect("a number")).collect()
    };
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let (date, time) = (numbers(date, '-'), numbers(time, ':'));
    // Days of the civil calendar, with years that begin in March.
    let (year, month) = match date[1] {
        ..=2 => (date[0] - 1, date[1] + 9),
        month => (date[0], month - 3),
    };
    let days =
        365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + date[2] - 719_469;
    let seconds = days * 86400 + time[0] * 3600 + time[1] * 60 + time[2];
    json!(format!("{seconds}.{fraction:0<9}"))
}
