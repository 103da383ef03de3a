//! Version 1 in JSON.

use super::limited::List;
use super::v1::{Annotation, BinaryAnnotation, Host, Span};
use super::{Zipkin, stream};
use crate::translation::Translation;
use crate::{TranslateError, values};
use serde::Deserialize;
use tailweir_core::{SpanId, TraceId};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonSpan {
    trace_id: Option<String>,
    name: Option<String>,
    parent_id: Option<String>,
    id: Option<String>,
    timestamp: Option<i64>,
    duration: Option<i64>,
    #[serde(default)]
    annotations: List<JsonAnnotation>,
    #[serde(default)]
    binary_annotations: List<JsonBinaryAnnotation>,
}

#[derive(Deserialize)]
struct JsonAnnotation {
    timestamp: Option<i64>,
    value: Option<String>,
    endpoint: Option<JsonEndpoint>,
}

#[derive(Deserialize)]
struct JsonBinaryAnnotation {
    key: Option<String>,
    value: Option<String>,
    endpoint: Option<JsonEndpoint>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct JsonEndpoint {
    service_name: Option<String>,
    ipv4: Option<String>,
    ipv6: Option<String>,
    port: Option<i32>,
}

/// Adds the spans of a request.
pub(super) fn read(
    text: &[u8],
    zipkin: &Zipkin,
    traces: &mut Translation<'_>,
) -> Result<(), TranslateError> {
    stream::each(text, |span: JsonSpan| span.read(zipkin)?.write(traces))
}

impl JsonSpan {
    fn read(self, zipkin: &Zipkin) -> Result<Span, TranslateError> {
        let annotations = self.annotations.0.into_iter();
        let tags = self.binary_annotations.0.into_iter();
        let parent = self.parent_id.filter(|parent| !parent.is_empty());
        Ok(Span {
            trace_id: trace_id(&self.trace_id.unwrap_or_default())?,
            id: span_id("id", &self.id.unwrap_or_default())?,
            parent: match parent {
                Some(parent) => span_id("parentId", &parent)?,
                None => SpanId::default(),
            },
            name: self.name.unwrap_or_default(),
            timestamp: self.timestamp.filter(|time| *time != 0),
            duration: self.duration.unwrap_or(0),
            annotations: annotations.map(JsonAnnotation::read).collect(),
            binary_annotations: tags.map(|tag| tag.read(zipkin.parse_string_tags)).collect(),
            now: Some(zipkin.now),
        })
    }
}

impl JsonAnnotation {
    fn read(self) -> Annotation {
        let endpoint = self.endpoint.unwrap_or_default();
        Annotation {
            timestamp: self.timestamp.unwrap_or(0),
            value: self.value.unwrap_or_default(),
            host: Host {
                service: endpoint.service_name.unwrap_or_default(),
                ipv4: endpoint.ipv4.unwrap_or_default(),
                ipv6: endpoint.ipv6.unwrap_or_default(),
                port: endpoint.port.unwrap_or(0),
            },
        }
    }
}

impl JsonBinaryAnnotation {
    fn read(self, parse: bool) -> BinaryAnnotation {
        let text = self.value.unwrap_or_default();
        let endpoint = self.endpoint.unwrap_or_default();
        BinaryAnnotation {
            key: self.key.unwrap_or_default(),
            value: values::tag(&text, parse),
            text,
            service: endpoint.service_name.filter(|name| !name.is_empty()),
        }
    }
}

fn trace_id(text: &str) -> Result<TraceId, TranslateError> {
    const WANTED: &str = "16 or 32 hexadecimal digits, not all zero";
    let number = hexadecimal(text, &[16, 32]);
    let number = number.ok_or_else(|| TranslateError::id("traceId", text, WANTED))?;
    Ok(TraceId(number.to_be_bytes()))
}

fn span_id(field: &'static str, text: &str) -> Result<SpanId, TranslateError> {
    const WANTED: &str = "16 hexadecimal digits, not all zero";
    let number = hexadecimal(text, &[16]).and_then(|number| u64::try_from(number).ok());
    let number = number.ok_or_else(|| TranslateError::id(field, text, WANTED))?;
    Ok(SpanId(number.to_be_bytes()))
}

/// A number above zero of so many digits.
fn hexadecimal(text: &str, lengths: &[usize]) -> Option<u128> {
    if !lengths.contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(text, 16)
        .ok()
        .filter(|number| *number > 0)
}
