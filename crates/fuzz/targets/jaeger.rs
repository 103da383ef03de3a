//! Any bytes as spans for Jaeger, in each format: no panic, and what is translated is a sound OTLP request of text that
//! is UTF-8.

#![no_main]

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use tailweir_translate::Jaeger;

fuzz_target!(|input: (u8, &[u8])| {
    let format = match input.0 % 4 {
        0 => Jaeger::Protobuf,
        1 => Jaeger::Thrift,
        2 => Jaeger::BinaryCall,
        _ => Jaeger::CompactCall,
    };
    let mut request = Vec::new();
    if format.to_wire(input.1, &mut request).is_ok() {
        ExportTraceServiceRequest::decode(&request[..]).expect("a request");
    }
});
