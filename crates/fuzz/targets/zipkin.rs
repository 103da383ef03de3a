//! Any bytes as spans for Zipkin, in each format: no panic, and what is translated is a sound OTLP request of text that
//! is UTF-8.

#![no_main]

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use tailweir_translate::{Zipkin, ZipkinFormat};

fuzz_target!(|input: (u8, &[u8])| {
    let format = match input.0 % 4 {
        0 => ZipkinFormat::JsonV1,
        1 => ZipkinFormat::ThriftV1,
        2 => ZipkinFormat::JsonV2,
        _ => ZipkinFormat::ProtobufV2,
    };
    let zipkin = Zipkin {
        format,
        parse_string_tags: input.0 > 127,
        now: 1,
    };
    let mut request = Vec::new();
    if zipkin.to_wire(input.1, &mut request).is_ok() {
        ExportTraceServiceRequest::decode(&request[..]).expect("a request");
    }
});
