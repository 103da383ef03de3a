//! Any text as OTLP/JSON: no panic, and what is accepted is protobuf that another decoder accepts.

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
        match signal {
            Signal::Traces => drop(ExportTraceServiceRequest::decode(wire.as_slice()).expect("protobuf")),
            Signal::Metrics => drop(ExportMetricsServiceRequest::decode(wire.as_slice()).expect("protobuf")),
            Signal::Logs => drop(ExportLogsServiceRequest::decode(wire.as_slice()).expect("protobuf")),
        }
        let mut back = Vec::new();
        json::from_wire(signal, &wire, &mut back).expect("its own protobuf");
    }
});
