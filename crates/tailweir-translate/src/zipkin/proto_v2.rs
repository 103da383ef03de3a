//! Version 2 in protobuf: `zipkin.proto3.ListOfSpans`.

use super::Zipkin;
use super::v2::{Endpoint, Kind, Span};
use crate::translation::{Parts, Translation};
use crate::{TranslateError, proto};
use prost::Message;
use std::net::IpAddr;
use tailweir_core::{SpanId, TraceId};

#[derive(Clone, PartialEq, Message)]
struct ProtoSpan {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    parent_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    id: Vec<u8>,
    #[prost(int32, tag = "4")]
    kind: i32,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(fixed64, tag = "6")]
    timestamp: u64,
    #[prost(uint64, tag = "7")]
    duration: u64,
    #[prost(message, optional, tag = "8")]
    local_endpoint: Option<ProtoEndpoint>,
    #[prost(message, optional, tag = "9")]
    remote_endpoint: Option<ProtoEndpoint>,
}

#[derive(Clone, PartialEq, Message)]
struct ProtoEndpoint {
    #[prost(string, tag = "1")]
    service_name: String,
    #[prost(bytes = "vec", tag = "2")]
    ipv4: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    ipv6: Vec<u8>,
    #[prost(int32, tag = "4")]
    port: i32,
}

#[derive(Clone, PartialEq, Message)]
struct ProtoAnnotation {
    #[prost(fixed64, tag = "1")]
    timestamp: u64,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct ProtoTag {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// Adds the spans of a request.
pub(super) fn read(
    request: &[u8],
    zipkin: &Zipkin,
    traces: &mut Translation<'_>,
) -> Result<(), TranslateError> {
    proto::each_message(request, |number, content| match number {
        1 => span(content)?.write(zipkin, traces),
        _ => Ok(()),
    })
}

fn span(content: &[u8]) -> Result<Span, TranslateError> {
    let mut span = proto::read::<ProtoSpan>(content)?.read()?;
    let mut parts = Parts::default();
    proto::each_message(content, |number, content| {
        match number {
            10 => {
                parts.one_more()?;
                let annotation: ProtoAnnotation = proto::read(content)?;
                span.annotations
                    .push((annotation.timestamp, annotation.value));
            }
            11 => {
                parts.one_more()?;
                let tag: ProtoTag = proto::read(content)?;
                span.tags.insert(tag.key, tag.value);
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(span)
}

impl ProtoSpan {
    fn read(self) -> Result<Span, TranslateError> {
        let kind = match self.kind {
            1 => Some(Kind::Client),
            2 => Some(Kind::Server),
            3 => Some(Kind::Producer),
            4 => Some(Kind::Consumer),
            _ => None,
        };
        Ok(Span {
            trace_id: TraceId(proto::id("trace_id", &self.trace_id, "16 bytes")?),
            id: SpanId(proto::id("id", &self.id, "8 bytes")?),
            parent: match self.parent_id.is_empty() {
                true => SpanId::default(),
                false => SpanId(proto::id("parent_id", &self.parent_id, "8 bytes")?),
            },
            name: self.name,
            kind,
            // As in the Collector, 0 is a time here.
            timestamp: Some(self.timestamp),
            duration: self.duration,
            local: self.local_endpoint.unwrap_or_default().read(),
            remote: self.remote_endpoint.unwrap_or_default().read(),
            ..Span::default()
        })
    }
}

impl ProtoEndpoint {
    fn read(self) -> Endpoint {
        Endpoint {
            service: self.service_name,
            ipv4: address(&self.ipv4),
            ipv6: address(&self.ipv6),
            port: self.port as u16,
        }
    }
}

/// An address of four or sixteen bytes; of any other length there is none.
fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        return Some(bytes.into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}
