//! `jaeger.api_v2.PostSpansRequest`: a batch of spans and their process, which a span may overrule.

use super::process::Process;
use super::span::{Log, Reference, ReferenceKind, Span};
use super::tags;
use crate::translation::{Parts, Translation};
use crate::{TranslateError, proto};
use prost::Message;
use tailweir_core::{SpanId, TraceId};
use tailweir_otlp::{AttributeMap, AttributeSet, EncodedValue};

const SCOPE_NAME: &str = "otel.scope.name";
const SCOPE_VERSION: &str = "otel.scope.version";

/// What occurs once in a span. The rest is read one by one.
#[derive(Clone, PartialEq, Message)]
struct ProtoSpan {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(string, tag = "3")]
    operation_name: String,
    #[prost(uint32, tag = "5")]
    flags: u32,
    #[prost(message, optional, tag = "6")]
    start_time: Option<ProtoTime>,
    #[prost(message, optional, tag = "7")]
    duration: Option<ProtoTime>,
}

/// A moment, or a duration.
#[derive(Clone, Copy, PartialEq, Message)]
struct ProtoTime {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct ProtoReference {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(int32, tag = "3")]
    ref_type: i32,
}

#[derive(Clone, PartialEq, Message)]
struct ProtoTag {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(int32, tag = "2")]
    v_type: i32,
    #[prost(string, tag = "3")]
    v_str: String,
    #[prost(bool, tag = "4")]
    v_bool: bool,
    #[prost(int64, tag = "5")]
    v_int64: i64,
    #[prost(double, tag = "6")]
    v_float64: f64,
    #[prost(bytes = "vec", tag = "7")]
    v_binary: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct ProtoService {
    #[prost(string, tag = "1")]
    service_name: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct ProtoLog {
    #[prost(message, optional, tag = "1")]
    timestamp: Option<ProtoTime>,
}

/// Adds the spans of a request.
pub(super) fn read(request: &[u8], traces: &mut Translation<'_>) -> Result<(), TranslateError> {
    proto::each_message(request, |number, content| match number {
        1 => batch(content, traces),
        _ => Ok(()),
    })
}

fn batch(content: &[u8], traces: &mut Translation<'_>) -> Result<(), TranslateError> {
    let resource = resource_in(content, 2)?.unwrap_or_default();
    let resource = traces.resource(&resource)?;
    proto::each_message(content, |number, content| match number {
        1 => {
            let resource = match resource_in(content, 10)? {
                Some(own) => traces.resource(&own)?,
                None => resource,
            };
            span(content)?.write(resource, traces)
        }
        _ => Ok(()),
    })
}

/// The resource of the process that stands in this field.
fn resource_in(content: &[u8], field: u32) -> Result<Option<AttributeSet>, TranslateError> {
    let mut found = None;
    proto::each_message(content, |number, content| {
        if number == field {
            found = Some(process(content)?.resource());
        }
        Ok(())
    })?;
    Ok(found)
}

fn process(content: &[u8]) -> Result<Process, TranslateError> {
    let mut process = Process {
        service: proto::read::<ProtoService>(content)?.service_name,
        ..Process::default()
    };
    put_tags(content, 2, &mut process.tags)?;
    Ok(process)
}

fn span(content: &[u8]) -> Result<Span, TranslateError> {
    let head: ProtoSpan = proto::read(content)?;
    let start = nanoseconds(head.start_time);
    let mut span = Span {
        trace_id: trace_id(&head.trace_id)?,
        id: span_id(&head.span_id)?,
        name: head.operation_name,
        flags: head.flags,
        start: epoch(start),
        end: epoch(start.saturating_add(nanoseconds(head.duration))),
        ..Span::default()
    };
    put_tags(content, 8, &mut span.tags)?;
    let (mut references, mut logs) = (Parts::default(), Parts::default());
    proto::each_message(content, |number, content| {
        match number {
            4 => {
                references.one_more()?;
                span.references.push(reference(content)?);
            }
            9 => {
                logs.one_more()?;
                span.logs.push(log(content)?);
            }
            _ => {}
        }
        Ok(())
    })?;
    // The Collector looks for these in protobuf alone; in thrift they stay tags.
    span.scope = take_scope(&mut span.tags);
    span.trace_state = tags::take_text(&mut span.tags, "w3c.tracestate").unwrap_or_default();
    Ok(span)
}

/// Name and version of the scope, which tags tell.
fn take_scope(attributes: &mut AttributeMap) -> (String, String) {
    let Some(name) = tags::take_text(attributes, SCOPE_NAME) else {
        return Default::default();
    };
    let version = tags::take_text(attributes, SCOPE_VERSION).unwrap_or_default();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&name), text(&version))
}

fn reference(content: &[u8]) -> Result<Reference, TranslateError> {
    let reference: ProtoReference = proto::read(content)?;
    Ok(Reference {
        trace_id: trace_id(&reference.trace_id)?,
        id: span_id(&reference.span_id)?,
        kind: ReferenceKind::of(reference.ref_type),
    })
}

fn log(content: &[u8]) -> Result<Log, TranslateError> {
    let head: ProtoLog = proto::read(content)?;
    let mut fields = AttributeMap::default();
    put_tags(content, 2, &mut fields)?;
    Ok(Log::of(epoch(nanoseconds(head.timestamp)), fields))
}

/// Adds the tags that stand in this field of a message.
fn put_tags(
    content: &[u8],
    field: u32,
    attributes: &mut AttributeMap,
) -> Result<(), TranslateError> {
    let mut parts = Parts::default();
    proto::each_message(content, |number, content| {
        if number != field {
            return Ok(());
        }
        parts.one_more()?;
        let tag: ProtoTag = proto::read(content)?;
        let value = match tag.v_type {
            0 => EncodedValue::string(tag.v_str.as_bytes()),
            1 => EncodedValue::bool(tag.v_bool),
            2 => EncodedValue::int(tag.v_int64),
            3 => EncodedValue::double(tag.v_float64),
            4 => EncodedValue::bytes(&tag.v_binary),
            unknown => tags::unknown(&unknown.to_string()),
        };
        tags::put(attributes, tag.key.as_bytes(), value);
        Ok(())
    })
}

/// 16 bytes, or the last 8 of them; none is the zero id.
fn trace_id(bytes: &[u8]) -> Result<TraceId, TranslateError> {
    const WANTED: &str = "8 or 16 bytes";
    let mut id = [0; 16];
    match bytes.len() {
        0 => {}
        8 => id[8..].copy_from_slice(bytes),
        _ => id = proto::id("trace_id", bytes, WANTED)?,
    }
    Ok(TraceId(id))
}

/// None is the zero id.
fn span_id(bytes: &[u8]) -> Result<SpanId, TranslateError> {
    match bytes.is_empty() {
        true => Ok(SpanId::default()),
        false => Ok(SpanId(proto::id("span_id", bytes, "8 bytes")?)),
    }
}

fn nanoseconds(time: Option<ProtoTime>) -> i128 {
    let time = time.unwrap_or_default();
    i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos)
}

/// Nanoseconds of the Unix epoch: before it is its beginning, what does not fit is as late as can be said.
fn epoch(nanoseconds: i128) -> u64 {
    u64::try_from(nanoseconds.max(0)).unwrap_or(u64::MAX)
}
