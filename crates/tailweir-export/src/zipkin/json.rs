//! Spans of Zipkin as JSON.

use super::endpoint::Endpoint;
use super::span::{Annotation, Kind, Span};
use serde_json::{Map, Value as Json};
use std::net::IpAddr;
use tailweir_core::{SpanId, TraceId};

/// A list of spans. What is not known is left out.
pub(super) fn write(spans: &[Span]) -> Vec<u8> {
    let list: Json = spans.iter().map(span).collect();
    list.to_string().into_bytes()
}

fn span(span: &Span) -> Json {
    let mut out = Map::new();
    put(&mut out, "traceId", trace_id(span.trace_id).into());
    put(&mut out, "id", span.id.to_string().into());
    if span.parent != SpanId::default() {
        put(&mut out, "parentId", span.parent.to_string().into());
    }
    put_text(&mut out, "name", &span.name.to_lowercase());
    if let Some(kind) = span.kind {
        put(&mut out, "kind", kind_name(kind).into());
    }
    put_number(&mut out, "timestamp", span.timestamp);
    put_number(&mut out, "duration", span.duration);
    if let Some(local) = &span.local {
        put(&mut out, "localEndpoint", endpoint(local));
    }
    if let Some(remote) = &span.remote {
        put(&mut out, "remoteEndpoint", endpoint(remote));
    }
    if !span.annotations.is_empty() {
        put(
            &mut out,
            "annotations",
            span.annotations.iter().map(annotation).collect(),
        );
    }
    if !span.tags.is_empty() {
        let pairs = span.tags.iter();
        let tags = pairs.map(|(key, value)| (key.clone(), Json::from(value.as_str())));
        put(&mut out, "tags", Json::Object(tags.collect()));
    }
    Json::Object(out)
}

/// An id whose first half is zero is one of 64 bits.
fn trace_id(id: TraceId) -> String {
    let text = id.to_string();
    match id.0 {
        [0, 0, 0, 0, 0, 0, 0, 0, ..] => text[16..].to_owned(),
        _ => text,
    }
}

const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Client => "CLIENT",
        Kind::Server => "SERVER",
        Kind::Producer => "PRODUCER",
        Kind::Consumer => "CONSUMER",
    }
}

fn endpoint(endpoint: &Endpoint) -> Json {
    let mut out = Map::new();
    put_text(&mut out, "serviceName", &endpoint.service.to_lowercase());
    match endpoint.address {
        Some(IpAddr::V4(address)) => put(&mut out, "ipv4", address.to_string().into()),
        Some(IpAddr::V6(address)) => put(&mut out, "ipv6", address.to_string().into()),
        None => {}
    }
    put_number(&mut out, "port", endpoint.port.into());
    Json::Object(out)
}

fn annotation(annotation: &Annotation) -> Json {
    let mut out = Map::new();
    put(&mut out, "timestamp", annotation.timestamp.into());
    put(&mut out, "value", annotation.value.as_str().into());
    Json::Object(out)
}

fn put(out: &mut Map<String, Json>, key: &str, value: Json) {
    out.insert(key.to_owned(), value);
}

fn put_text(out: &mut Map<String, Json>, key: &str, text: &str) {
    if !text.is_empty() {
        put(out, key, text.into());
    }
}

fn put_number(out: &mut Map<String, Json>, key: &str, number: u64) {
    if number != 0 {
        put(out, key, number.into());
    }
}
