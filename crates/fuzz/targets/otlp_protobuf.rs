//! Any bytes as a trace request: no panic, and what the scan accepts survives assembly.

#![no_main]

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use tailweir_core::Signal;
use tailweir_otlp::{Assembler, Scan, ScanLimits, count_items, json};

fuzz_target!(|bytes: &[u8]| {
    let mut text = Vec::new();
    for signal in Signal::ALL {
        // Refusing is as good as counting; panicking is not.
        let _ = count_items(signal, bytes);
        let _ = json::from_wire(signal, bytes, &mut text);
    }
    let mut scan = Scan::new();
    if Scan::traces(bytes, &ScanLimits::default(), &mut scan).is_err() {
        return;
    }
    let parts = scan.spans.iter().map(|entry| scan.part(bytes, entry));
    let mut assembled = Vec::new();
    Assembler::new().assemble(parts, &mut assembled);
    let mut again = Scan::new();
    Scan::traces(&assembled, &ScanLimits::default(), &mut again).expect("what was assembled");
    assert_eq!(scan.spans.len(), again.spans.len());
    for (before, after) in scan.spans.iter().zip(&again.spans) {
        assert_eq!(before.span(bytes).0, after.span(&assembled).0);
    }
    if let Ok(decoded) = ExportTraceServiceRequest::decode(bytes) {
        let scopes = decoded.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
        let spans: usize = scopes.map(|scope| scope.spans.len()).sum();
        assert_eq!(spans, scan.spans.len());
    }
});
