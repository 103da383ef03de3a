//! Recorded requests, brought into the form in which policies see traces.

use std::collections::BTreeMap;
use tailweir_core::{Signal, TraceId};
use tailweir_otlp::{
    Scan, ScanDepth, ScanLimits, SpanHead, SpanRecord, TraceSummary, TraceView, json,
};

/// A request as it arrived.
pub(crate) struct Request {
    wire: Vec<u8>,
    scan: Scan,
}

impl Request {
    /// Reads one line of OTLP/JSON.
    pub(crate) fn from_json(line: &str) -> Self {
        let mut wire = Vec::new();
        json::to_wire(Signal::Traces, line.as_bytes(), &mut wire).expect("OTLP/JSON");
        Self::from_wire(wire)
    }

    /// Scans an encoded request.
    pub(crate) fn from_wire(wire: Vec<u8>) -> Self {
        let mut scan = Scan::new();
        Scan::traces(&wire, &ScanLimits::default(), &mut scan).expect("a sound request");
        Self { wire, scan }
    }

    /// Scans no more than the heads of spans, as what another member brings; nothing when these are none.
    pub(crate) fn from_member(wire: Vec<u8>) -> Option<Self> {
        let mut scan = Scan::new();
        let limits = ScanLimits {
            depth: ScanDepth::Heads,
            ..ScanLimits::default()
        };
        Scan::traces(&wire, &limits, &mut scan).ok()?;
        Some(Self { wire, scan })
    }
}

/// The spans of one trace, fragment after fragment.
#[derive(Default)]
pub(crate) struct Spans<'r> {
    pub(crate) records: Vec<SpanRecord<'r>>,
}

impl<'r> Spans<'r> {
    /// The whole trace.
    pub(crate) fn whole(&self, id: TraceId) -> TraceView<'_> {
        view(id, &self.records)
    }

    /// Each fragment on its own.
    pub(crate) fn fragments(&self, id: TraceId) -> impl Iterator<Item = TraceView<'_>> {
        let same = |left: &SpanRecord<'r>, right: &SpanRecord<'r>| left.fragment == right.fragment;
        self.records
            .chunk_by(same)
            .map(move |records| view(id, records))
    }
}

fn view<'r>(id: TraceId, records: &'r [SpanRecord<'r>]) -> TraceView<'r> {
    let mut summary = TraceSummary::default();
    for record in records {
        summary.add(&SpanHead::of(record.span), record.span.0.len());
    }
    TraceView {
        id,
        summary,
        spans: records,
    }
}

/// The traces of some requests, with their ids in order of first arrival.
pub(crate) fn traces(requests: &[Request]) -> (Vec<TraceId>, BTreeMap<TraceId, Spans<'_>>) {
    let (mut order, mut traces) = (Vec::new(), BTreeMap::<_, Spans<'_>>::new());
    let mut fragments = 0;
    for Request { wire, scan } in requests {
        for entry in &scan.spans {
            let id = entry.head.trace_id;
            let spans = traces.entry(id).or_default();
            if spans.records.is_empty() {
                order.push(id);
            }
            spans.records.push(SpanRecord {
                resource: scan.resource(wire, entry.context),
                scope: scan.scope(wire, entry.context),
                span: entry.span(wire),
                fragment: fragments + scan.resource_index(entry.context),
            });
        }
        fragments += scan.spans.len() as u32;
    }
    (order, traces)
}
