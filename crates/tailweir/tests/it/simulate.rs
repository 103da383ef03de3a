//! `policy simulate`: what it reads and what it prints.

use crate::gateway::{stderr, stdout, tailweir};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs;
use std::io::Write;
use std::path::Path;
use tailweir_testkit::{request, span, trace_id};
use tempfile::TempDir;

const BLOCK: &str = "
tail_sampling:
  decision_wait: 10s
  policies:
    - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
";

/// Three traces in two requests: one with an error, two without.
fn requests() -> [Vec<u8>; 2] {
    let first = request()
        .service("cart")
        .span(span(trace_id(1), 1).error())
        .span(span(trace_id(2), 1));
    let second = request().service("stock").span(span(trace_id(3), 1));
    [first.bytes(), second.bytes()]
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(bytes).expect("memory takes bytes");
    packed.finish().expect("memory takes bytes")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory takes bytes")
}

/// Decides a file of these bytes; returns the decisions.
fn decide(folder: &Path, input: &[u8]) -> String {
    let [config, input_path, decisions] =
        ["block.yaml", "input", "decisions.jsonl"].map(|name| folder.join(name));
    fs::write(&config, BLOCK).expect("a file");
    fs::write(&input_path, input).expect("a file");
    let output = tailweir([
        "policy",
        "simulate",
        "--config",
        config.to_str().expect("a path of UTF-8"),
        "--input",
        input_path.to_str().expect("a path of UTF-8"),
        "--decisions",
        decisions.to_str().expect("a path of UTF-8"),
    ]);
    assert!(output.status.success(), "{}", stderr(&output));
    fs::read_to_string(decisions).expect("a file of decisions")
}

/// Scenario: the same traces as protobuf with length prefixes of two kinds, packed and not, and one
/// request alone.
/// Guarantees: each form is recognised and decided alike, in order of first arrival.
#[test]
fn every_form_of_protobuf_is_read() {
    let folder = TempDir::new().unwrap();
    let line = |trace: u64, decision: &str, policy: &str| {
        let id = trace_id(trace);
        format!(r#"{{"trace_id":"{id}","decision":"{decision}","policy":"{policy}"}}"#) + "\n"
    };
    let two = line(1, "sampled", "errors") + &line(2, "not_sampled", "");
    let three = two.clone() + &line(3, "not_sampled", "");
    let [first, second] = requests();
    let fixed: Vec<u8> = [&first, &second]
        .iter()
        .flat_map(|it| {
            [
                &u32::try_from(it.len()).unwrap().to_be_bytes(),
                it.as_slice(),
            ]
            .concat()
        })
        .collect();
    let varint: Vec<u8> = [&first, &second]
        .iter()
        .flat_map(|it| {
            let length = it.len();
            let prefix = [(length & 0x7f) as u8 | 0x80, (length >> 7) as u8];
            [&prefix, it.as_slice()].concat()
        })
        .collect();
    assert_eq!(decide(folder.path(), &first), two);
    for input in [fixed, varint] {
        assert_eq!(decide(folder.path(), &input), three);
        assert_eq!(decide(folder.path(), &gzip(&input)), three);
        assert_eq!(decide(folder.path(), &zstd(&input)), three);
    }
    let records = [&first, &second].map(|it| zstd(it));
    let lengths = records
        .iter()
        .map(|it| u32::try_from(it.len()).unwrap().to_be_bytes());
    let each: Vec<_> = lengths
        .zip(&records)
        .flat_map(|(length, it)| [&length, it.as_slice()].concat())
        .collect();
    assert_eq!(decide(folder.path(), &each), three);
}

/// Scenario: requests in JSON, one a line and one over several lines; then a line that is not JSON.
/// Guarantees: both are read; the mistake is named with its line.
#[test]
fn json_is_read_and_mistakes_are_placed() {
    let folder = TempDir::new().unwrap();
    let id = trace_id(1);
    let one = |error: u8| {
        format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"{id}","spanId":"000000000000000{error}","status":{{"code":{error}}}}}]}}]}}]}}"#
        )
    };
    let lines = format!("{}\n{}\n", one(1), one(2).replace("[{", "[\n{"));
    assert!(decide(folder.path(), lines.as_bytes()).contains("\"sampled\""));
    let config = folder.path().join("block.yaml");
    let input = folder.path().join("bad.jsonl");
    fs::write(&input, format!("{}\nnot json\n", one(1))).unwrap();
    let output = tailweir([
        "policy",
        "simulate",
        "--config",
        config.to_str().unwrap(),
        "--input",
        input.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(
        text.contains("bad.jsonl") && text.contains("line 2"),
        "{text}"
    );
}

/// Scenario: the table is printed for three traces, one of them kept.
/// Guarantees: its numbers are those of the input.
#[test]
fn the_table_counts_traces_spans_and_shares() {
    let folder = TempDir::new().unwrap();
    let [first, _] = requests();
    decide(folder.path(), &first);
    let output = tailweir([
        "policy",
        "simulate",
        "--config",
        folder.path().join("block.yaml").to_str().unwrap(),
        "--input",
        folder.path().join("input").to_str().unwrap(),
        "--pace",
    ]);
    let table = stdout(&output);
    let row = |label: &str| {
        let line = table.lines().find(|line| line.starts_with(label));
        let line = line.unwrap_or_else(|| panic!("no {label} in:\n{table}"));
        let cells: Vec<_> = line[label.len()..].split_whitespace().collect();
        (
            cells[0].to_owned(),
            cells[1].to_owned(),
            cells.last().unwrap().to_string(),
        )
    };
    let cells = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
    assert_eq!(row("input"), cells("2", "2", "100.0"));
    assert_eq!(row("kept by errors"), cells("1", "1", "50.0"));
    assert_eq!(row("not sampled"), cells("1", "1", "50.0"));
}
