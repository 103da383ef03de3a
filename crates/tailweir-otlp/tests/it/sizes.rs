//! Sizes, held against the real Collector.

use std::collections::BTreeMap;
use tailweir_core::{Signal, TraceId};
use tailweir_otlp::{Scan, ScanLimits, SpanRecord, TraceSummary, TraceView, collector_size, json};
use tailweir_testkit::{Folder, Tally};

/// A request and its scan, both of which records borrow.
struct Scanned {
    wire: Vec<u8>,
    scan: Scan,
}

/// Scenario: the suites whose policies charge bytes, with requests as they arrived.
/// Guarantees: each trace has the size that the Collector gave it, by both of its measures.
#[test]
fn golden_tail_sampling_sizes() {
    let folder = Folder::open("tail_sampling");
    let mut tally = Tally::default();
    for suite in folder.suites("sizes.jsonl") {
        let requests: Vec<_> = folder
            .text(&format!("{suite}/input.jsonl"))
            .lines()
            .map(scanned)
            .collect();
        let traces = traces(&requests);
        let sizes = folder.json_lines(&format!("{suite}/sizes.jsonl"));
        let failures: Vec<_> = sizes
            .iter()
            .filter_map(|expected| {
                let id = expected["trace_id"].as_str().unwrap().parse().unwrap();
                let trace = TraceView {
                    id,
                    summary: TraceSummary::default(),
                    spans: &traces[&id],
                };
                let size = collector_size(&trace);
                let same = expected["traces_data_bytes"] == size.traces_data
                    && expected["sum_of_resource_spans_bytes"] == size.resource_spans;
                (!same).then(|| format!("{size:?} instead of {expected}"))
            })
            .collect();
        tally.record(
            &suite,
            "sizes",
            sizes.len() - failures.len(),
            None,
            &failures,
        );
    }
    tally.finish("sizes");
}

fn scanned(line: &str) -> Scanned {
    let (mut wire, mut scan) = (Vec::new(), Scan::new());
    json::to_wire(Signal::Traces, line.as_bytes(), &mut wire).expect("a sound request");
    Scan::traces(&wire, &ScanLimits::default(), &mut scan).expect("a sound request");
    Scanned { wire, scan }
}

/// The spans of each trace, fragments numbered over all requests.
fn traces(requests: &[Scanned]) -> BTreeMap<TraceId, Vec<SpanRecord<'_>>> {
    let mut traces: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut fragments = 0;
    for Scanned { wire, scan } in requests {
        for entry in &scan.spans {
            traces
                .entry(entry.head.trace_id)
                .or_default()
                .push(SpanRecord {
                    resource: scan.resource(wire, entry.context),
                    scope: scan.scope(wire, entry.context),
                    span: entry.span(wire),
                    fragment: fragments + scan.resource_index(entry.context),
                });
        }
        fragments += scan.spans.len() as u32;
    }
    traces
}
