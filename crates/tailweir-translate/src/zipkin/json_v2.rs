//! Version 2 in JSON.

use super::Zipkin;
use super::limited::{List, Texts};
use super::stream;
use super::v2::{Endpoint, Kind, Span};
use crate::TranslateError;
use crate::translation::Translation;
use serde::Deserialize;
use std::net::IpAddr;
use tailweir_core::{SpanId, TraceId};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonSpan {
    trace_id: Option<String>,
    id: Option<String>,
    parent_id: Option<String>,
    name: Option<String>,
    kind: Option<String>,
    timestamp: Option<u64>,
    duration: Option<u64>,
    local_endpoint: Option<JsonEndpoint>,
    remote_endpoint: Option<JsonEndpoint>,
    #[serde(default)]
    annotations: List<JsonAnnotation>,
    #[serde(default)]
    tags: Texts,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct JsonEndpoint {
    service_name: Option<String>,
    ipv4: Option<String>,
    ipv6: Option<String>,
    port: Option<u16>,
}

#[derive(Deserialize)]
struct JsonAnnotation {
    timestamp: u64,
    value: Option<String>,
}

/// Adds the spans of a request.
pub(super) fn read(
    text: &[u8],
    zipkin: &Zipkin,
    traces: &mut Translation<'_>,
) -> Result<(), TranslateError> {
    stream::each(text, |span: JsonSpan| span.read()?.write(zipkin, traces))
}

impl JsonSpan {
    fn read(self) -> Result<Span, TranslateError> {
        let id = span_id("id", self.id.as_deref())?;
        if id.is_zero() {
            return Err(TranslateError::id(
                "id",
                "",
                "1 to 16 hexadecimal digits, not all zero",
            ));
        }
        let kind = match self.kind.as_deref() {
            Some("CLIENT") => Some(Kind::Client),
            Some("SERVER") => Some(Kind::Server),
            Some("PRODUCER") => Some(Kind::Producer),
            Some("CONSUMER") => Some(Kind::Consumer),
            _ => None,
        };
        let annotations = self.annotations.0.into_iter();
        Ok(Span {
            trace_id: trace_id(self.trace_id.as_deref())?,
            id,
            parent: span_id("parentId", self.parent_id.as_deref())?,
            name: self.name.unwrap_or_default(),
            kind,
            timestamp: self.timestamp.filter(|time| *time > 0),
            duration: self.duration.unwrap_or(0),
            local: self.local_endpoint.unwrap_or_default().read()?,
            remote: self.remote_endpoint.unwrap_or_default().read()?,
            annotations: annotations
                .map(|it| (it.timestamp, it.value.unwrap_or_default()))
                .collect(),
            tags: self.tags.0,
        })
    }
}

impl JsonEndpoint {
    fn read(self) -> Result<Endpoint, TranslateError> {
        Ok(Endpoint {
            service: self.service_name.unwrap_or_default(),
            ipv4: address(self.ipv4)?,
            ipv6: address(self.ipv6)?,
            port: self.port.unwrap_or(0),
        })
    }
}

fn address(text: Option<String>) -> Result<Option<IpAddr>, TranslateError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let address = text.parse();
    let error = |_| TranslateError::id("address", &text, "an IP address");
    address.map(Some).map_err(error)
}

/// 1 to 32 digits.
fn trace_id(text: Option<&str>) -> Result<TraceId, TranslateError> {
    const WANTED: &str = "1 to 32 hexadecimal digits";
    let Some(text) = text else {
        return Ok(TraceId::default());
    };
    let number = digits(text, 32).and_then(|text| u128::from_str_radix(text, 16).ok());
    let number = number.ok_or_else(|| TranslateError::id("traceId", text, WANTED))?;
    Ok(TraceId(number.to_be_bytes()))
}

/// Up to 16 digits; none is the zero id.
fn span_id(field: &'static str, text: Option<&str>) -> Result<SpanId, TranslateError> {
    let text = text.unwrap_or_default();
    if text.is_empty() {
        return Ok(SpanId::default());
    }
    let number = digits(text, 16).and_then(|text| u64::from_str_radix(text, 16).ok());
    let number =
        number.ok_or_else(|| TranslateError::id(field, text, "1 to 16 hexadecimal digits"))?;
    Ok(SpanId(number.to_be_bytes()))
}

fn digits(text: &str, most: usize) -> Option<&str> {
    let are_digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (are_digits && text.len() <= most).then_some(text)
}
