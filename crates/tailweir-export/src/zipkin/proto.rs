//! Spans of Zipkin as protobuf (`zipkin.proto3.ListOfSpans`).

use super::endpoint::Endpoint;
use super::span::{Kind, Span};
use std::net::IpAddr;
use tailweir_core::SpanId;
use tailweir_otlp::MessageWriter;

/// A list of spans. What is not known is left out.
pub(super) fn write(spans: &[Span]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut list = MessageWriter(&mut out);
    for span in spans {
        list.message(1, |message| write_span(span, message));
    }
    out
}

fn write_span(span: &Span, message: &mut MessageWriter<'_>) {
    message.bytes(1, &span.trace_id.0);
    if span.parent != SpanId::default() {
        message.bytes(2, &span.parent.0);
    }
    message.bytes(3, &span.id.0);
    if let Some(kind) = span.kind {
        message.uint(4, kind_number(kind));
    }
    message.text(5, span.name.as_bytes());
    if span.timestamp != 0 {
        message.fixed64(6, span.timestamp);
    }
    if span.duration != 0 {
        message.uint(7, span.duration);
    }
    for (number, endpoint) in [(8, &span.local), (9, &span.remote)] {
        if let Some(endpoint) = endpoint {
            message.message(number, |message| write_endpoint(endpoint, message));
        }
    }
    for annotation in &span.annotations {
        message.message(10, |message| {
            if annotation.timestamp != 0 {
                message.fixed64(1, annotation.timestamp);
            }
            message.text(2, annotation.value.as_bytes());
        });
    }
    for (key, value) in &span.tags {
        message.message(11, |message| {
            message.text(1, key.as_bytes());
            message.text(2, value.as_bytes());
        });
    }
}

fn write_endpoint(endpoint: &Endpoint, message: &mut MessageWriter<'_>) {
    message.text(1, endpoint.service.as_bytes());
    match endpoint.address {
        Some(IpAddr::V4(address)) => message.bytes(2, &address.octets()),
        Some(IpAddr::V6(address)) => message.bytes(3, &address.octets()),
        None => {}
    }
    if endpoint.port != 0 {
        message.uint(4, endpoint.port.into());
    }
}

const fn kind_number(kind: Kind) -> u64 {
    match kind {
        Kind::Client => 1,
        Kind::Server => 2,
        Kind::Producer => 3,
        Kind::Consumer => 4,
    }
}
