//! Any bytes as OTLP/JSON: no panic, and what is accepted is protobuf that another decoder accepts,
//! unless the text was not UTF-8: that is passed on as it came, and the other decoder is stricter.

#![no_main]

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use tailweir_core::Signal;
use tailweir_otlp::json;

fuzz_target!(|text: &[u8]| {
    let mut wire = Vec::new();
    for signal in Signal::ALL {
        wire.clear();
        if json::to_wire(signal, text, &mut wire).is_err() {
            continue;
        }
        if std::str::from_utf8(text).is_err() {
            continue;
        }
        match signal {
            Signal::Traces => check::<ExportTraceServiceRequest>(&wire),
            Signal::Metrics => check::<ExportMetricsServiceRequest>(&wire),
            Signal::Logs => check::<ExportLogsServiceRequest>(&wire),
        }
        let mut back = Vec::new();
        json::from_wire(signal, &wire, &mut back).expect("its own protobuf");
    }
});

/// The other decoder may stop at its own limit of nesting, which is lower than ours; nothing else.
fn check<M: Message + Default>(wire: &[u8]) {
    if let Err(error) = M::decode(wire) {
        assert!(error.to_string().contains("recursion limit"), "{error}");
    }
}
