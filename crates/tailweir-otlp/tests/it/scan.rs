//! The scan, held against a full decoder.

use crate::telemetry::{damaged, damages, request};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use proptest::prelude::*;
use prost::Message;
use tailweir_otlp::{
    Assembler, Scan, ScanDepth, ScanError, ScanLimits, SpanHead, Split, StatusCode, WireError,
};

fn scanned(wire: &[u8]) -> Result<Scan, ScanError> {
    let mut scan = Scan::new();
    Scan::traces(wire, &ScanLimits::default(), &mut scan).map(|()| scan)
}

/// Each span with what it belongs to, in order.
fn flat(request: &ExportTraceServiceRequest) -> Vec<(&ResourceSpans, &ScopeSpans, &Span)> {
    let scopes = request
        .resource_spans
        .iter()
        .flat_map(|group| group.scope_spans.iter().map(move |scope| (group, scope)));
    scopes
        .flat_map(|(group, scope)| scope.spans.iter().map(move |span| (group, scope, span)))
        .collect()
}

fn padded<const N: usize>(id: &[u8]) -> [u8; N] {
    id.try_into().unwrap_or([0; N])
}

fn head_of(span: &Span) -> SpanHead {
    SpanHead {
        trace_id: tailweir_core::TraceId(padded(&span.trace_id)),
        span_id: tailweir_core::SpanId(padded(&span.span_id)),
        start: span.start_time_unix_nano,
        end: span.end_time_unix_nano,
        flags: span.flags,
        kind: span.kind,
        status: StatusCode::of(span.status.as_ref().map_or(0, |status| status.code)),
        is_root: span.parent_span_id.iter().all(|&byte| byte == 0),
        has_trace_state: !span.trace_state.is_empty(),
    }
}

proptest! {
    /// Scenario: any sound request is scanned, to either depth.
    /// Guarantees: each span is found, with the head, bytes, resource, scope and schema URLs that a
    /// full decoder finds.
    #[test]
    fn a_scan_finds_what_a_decoder_finds(request in request()) {
        let wire = request.encode_to_vec();
        let expected = flat(&request);
        for depth in [ScanDepth::Whole, ScanDepth::Heads] {
            let mut scan = Scan::new();
            let limits = ScanLimits { depth, ..ScanLimits::default() };
            Scan::traces(&wire, &limits, &mut scan).unwrap();
            prop_assert_eq!(scan.spans.len(), expected.len());
            for (entry, (group, scope, span)) in scan.spans.iter().zip(&expected) {
                prop_assert_eq!(entry.head, head_of(span));
                prop_assert_eq!(entry.span(&wire).0, &span.encode_to_vec());
                let resource = ResourceSpans { scope_spans: Vec::new(), ..(*group).clone() };
                let fields = scan.resource(&wire, entry.context);
                prop_assert_eq!(ResourceSpans::decode(fields.0).unwrap(), resource);
                let scope = ScopeSpans { spans: Vec::new(), ..(*scope).clone() };
                let fields = scan.scope(&wire, entry.context);
                prop_assert_eq!(ScopeSpans::decode(fields.0).unwrap(), scope);
            }
        }
    }

    /// Scenario: a request is damaged, and scanned whole.
    /// Guarantees: what the scan takes a decoder takes, and the other way round, with these exceptions:
    /// ids must have their length, and text need not be UTF-8; fields of profiles are unknown here. What
    /// both take they read alike.
    #[test]
    fn a_scan_takes_what_a_decoder_takes(request in request(), damages in damages()) {
        let wire = damaged(request.encode_to_vec(), &damages);
        match (scanned(&wire), ExportTraceServiceRequest::decode(wire.as_slice())) {
            (Ok(scan), Ok(decoded)) => {
                let heads: Vec<_> = flat(&decoded).iter().map(|found| head_of(found.2)).collect();
                let found: Vec<_> = scan.spans.iter().map(|entry| entry.head).collect();
                prop_assert_eq!(found, heads);
            }
            (Err(ScanError::IdLength { .. }), Ok(_)) | (Err(_), Err(_)) => {}
            (Err(ScanError::Malformed { source: WireError::IdLength { .. }, .. }), Ok(_)) => {}
            (Ok(_), Err(error)) => {
                let error = error.to_string();
                let expected = error.contains("UTF-8") || error.contains("strindex");
                prop_assert!(expected, "the decoder alone refuses: {error}");
            }
            (Err(error), Ok(_)) => prop_assert!(false, "the scan alone refuses: {error}"),
        }
    }

    /// Scenario: requests and any bytes are scanned one after the other with one scan, and with new ones.
    /// Guarantees: a scan remembers nothing of the one before.
    #[test]
    fn a_scan_forgets_the_one_before(first in request(), bytes: Vec<u8>, second in request()) {
        let mut reused = Scan::new();
        let limits = ScanLimits::default();
        Scan::traces(&first.encode_to_vec(), &limits, &mut reused).unwrap();
        let _ = Scan::traces(&bytes, &limits, &mut reused);
        let wire = second.encode_to_vec();
        Scan::traces(&wire, &limits, &mut reused).unwrap();
        prop_assert_eq!(format!("{reused:?}"), format!("{:?}", scanned(&wire).unwrap()));
    }

    /// Scenario: a request is split into three by trace, each part is assembled, and scanned again.
    /// Guarantees: no span is lost, doubled or changed, order is kept, and each keeps its resource, scope
    /// and schema URLs.
    #[test]
    fn splitting_and_assembling_loses_nothing(request in request()) {
        let wire = request.encode_to_vec();
        let scan = scanned(&wire).unwrap();
        let (mut split, mut assembler) = (Split::new(), Assembler::new());
        split.assign(&scan.spans, 3, |entry| usize::from(entry.head.trace_id.0[0]) % 3);
        let mut found = 0;
        for group in 0..split.count() {
            let entries = || split.group(group).iter().map(|&span| &scan.spans[span as usize]);
            let mut part = Vec::new();
            assembler.assemble(
                entries().map(|entry| scan.part(&wire, entry)),
                &mut part,
            );
            let again = scanned(&part).unwrap();
            prop_assert_eq!(again.spans.len(), split.group(group).len());
            for (before, after) in entries().zip(&again.spans) {
                prop_assert_eq!(usize::from(before.head.trace_id.0[0]) % 3, group);
                prop_assert_eq!(before.span(&wire), after.span(&part));
                let context = (before.context, after.context);
                prop_assert_eq!(scan.resource(&wire, context.0), again.resource(&part, context.1));
                prop_assert_eq!(scan.scope(&wire, context.0), again.scope(&part, context.1));
                found += 1;
            }
        }
        prop_assert_eq!(found, scan.spans.len());
    }
}

/// Scenario: a request of three spans meets a limit of three, and of two.
/// Guarantees: the first is taken and the second refused, naming the limit.
#[test]
fn a_scan_keeps_to_its_limit() {
    let wire = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            scope_spans: vec![ScopeSpans {
                spans: vec![Span::default(); 3],
                ..Default::default()
            }],
            ..Default::default()
        }],
    }
    .encode_to_vec();
    let scan_with = |spans_max| {
        let limits = ScanLimits {
            spans_max,
            ..ScanLimits::default()
        };
        Scan::traces(&wire, &limits, &mut Scan::new())
    };
    assert_eq!(scan_with(3), Ok(()));
    assert_eq!(scan_with(2), Err(ScanError::TooMany { limit: 2 }));
}

/// Scenario: a span with two statuses, and one whose ids come last and twice.
/// Guarantees: statuses are merged, and the last id counts, as protobuf has it.
#[test]
fn fields_that_occur_twice_are_read_as_protobuf_has_it() {
    let mut span = b"\x7a\x02\x18\x02\x7a\x03\x12\x01m".to_vec();
    for id in [[1; 16], [2; 16]] {
        span.extend_from_slice(b"\x0a\x10");
        span.extend_from_slice(&id);
    }
    let head = SpanHead::of(tailweir_otlp::SpanView(&span));
    assert_eq!(head.status, StatusCode::Error);
    assert_eq!(head.trace_id.0, [2; 16]);
    assert_eq!(tailweir_otlp::SpanView(&span).status().code, 2);
    assert_eq!(tailweir_otlp::SpanView(&span).status().message, b"m");
}

/// Scenario: unknown groups, nested and broken, stand in a request.
/// Guarantees: sound ones are stepped over, the others refused for what is wrong with them.
#[test]
fn groups_are_stepped_over() {
    let malformed = |source| {
        Err(ScanError::Malformed {
            message: "request",
            source,
        })
    };
    let scan = |wire: &[u8]| scanned(wire).map(drop);
    assert_eq!(scan(b"\x7b\x73\x08\x01\x74\x12\x01x\x7c"), Ok(()));
    assert_eq!(scan(b"\x7b\x73\x7c\x74"), malformed(WireError::Group));
    assert_eq!(scan(b"\x7c"), malformed(WireError::Group));
    assert_eq!(scan(b"\x7b"), malformed(WireError::Truncated));
    assert_eq!(scan(&[0x7b; 200]), malformed(WireError::Depth));
}
