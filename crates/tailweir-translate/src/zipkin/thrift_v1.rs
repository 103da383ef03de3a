//! Version 1 in thrift: a list of `Span` of `zipkincore.thrift`, in the binary protocol.

use super::v1::{Annotation, BinaryAnnotation, Host, Span};
use crate::thrift::{Protocol, ThriftReader, Type};
use crate::translation::{PARTS_MAX, Translation};
use crate::{TranslateError, values};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::net::{Ipv4Addr, Ipv6Addr};
use tailweir_core::{SpanId, TraceId};
use tailweir_otlp::EncodedValue;

/// Adds the spans of a request.
pub(super) fn read(request: &[u8], traces: &mut Translation<'_>) -> Result<(), TranslateError> {
    ThriftReader::new(Protocol::Binary, request)
        .structs(usize::MAX, |reader| span(reader)?.write(traces))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn span(reader: &mut ThriftReader<'_>) -> Result<Span, TranslateError> {
    let mut span = Span::default();
    let (mut low, mut high) = (0_i64, 0_i64);
    reader.fields(|reader, kind, number| {
        match (kind, number) {
            (Type::I64, 1) => low = reader.i64()?,
            (Type::Binary, 3) => span.name = text(reader.binary()?),
            (Type::I64, 4) => span.id = SpanId(reader.i64()?.to_be_bytes()),
            (Type::I64, 5) => span.parent = SpanId(reader.i64()?.to_be_bytes()),
            (Type::List, 6) => span.annotations = reader.list_of(PARTS_MAX, annotation)?,
            (Type::List, 8) => {
                span.binary_annotations = reader.list_of(PARTS_MAX, binary_annotation)?;
            }
            (Type::I64, 10) => span.timestamp = Some(reader.i64()?),
            (Type::I64, 11) => span.duration = reader.i64()?,
            (Type::I64, 12) => high = reader.i64()?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let mut id = [0; 16];
    id[..8].copy_from_slice(&high.to_be_bytes());
    id[8..].copy_from_slice(&low.to_be_bytes());
    span.trace_id = TraceId(id);
    Ok(span)
}

fn annotation(reader: &mut ThriftReader<'_>) -> Result<Annotation, TranslateError> {
    let mut annotation = Annotation {
        timestamp: 0,
        value: String::new(),
        host: Host::default(),
    };
    reader.fields(|reader, kind, number| {
        match (kind, number) {
            (Type::I64, 1) => annotation.timestamp = reader.i64()?,
            (Type::Binary, 2) => annotation.value = text(reader.binary()?),
            (Type::Struct, 3) => annotation.host = host(reader)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(annotation)
}

fn binary_annotation(reader: &mut ThriftReader<'_>) -> Result<BinaryAnnotation, TranslateError> {
    let (mut key, mut value, mut of_type, mut service) = (&b""[..], &b""[..], 0, None);
    reader.fields(|reader, kind, number| {
        match (kind, number) {
            (Type::Binary, 1) => key = reader.binary()?,
            (Type::Binary, 2) => value = reader.binary()?,
            (Type::I32, 3) => of_type = reader.i32()?,
            (Type::Struct, 4) => service = Some(host(reader)?.service),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(BinaryAnnotation {
        key: text(key),
        value: typed(value, of_type),
        text: text(value),
        service,
    })
}

/// A value by the number of its `AnnotationType`. What is none says so in its text.
fn typed(value: &[u8], of_type: i32) -> EncodedValue {
    let short = || EncodedValue::string(b"<not enough bytes representing the number>");
    let number = |value: Option<i64>| value.map_or_else(short, EncodedValue::int);
    match of_type {
        0 => EncodedValue::bool(value == [1]),
        1 => EncodedValue::string(STANDARD.encode(value).as_bytes()),
        2 => number(value.first_chunk().map(|it| u16::from_be_bytes(*it).into())),
        3 => number(value.first_chunk().map(|it| u32::from_be_bytes(*it).into())),
        4 => number(value.first_chunk().map(|it| i64::from_be_bytes(*it))),
        5 => {
            let value = value.first_chunk().map(|it| f64::from_be_bytes(*it));
            value.map_or_else(short, EncodedValue::double)
        }
        6 => values::text(value),
        unknown => {
            let text = format!("<unknown zipkin v1 binary annotation type ({unknown})>");
            EncodedValue::string(text.as_bytes())
        }
    }
}

fn host(reader: &mut ThriftReader<'_>) -> Result<Host, TranslateError> {
    let mut host = Host::default();
    reader.fields(|reader, kind, number| {
        match (kind, number) {
            (Type::I32, 1) => {
                let address = reader.i32()?;
                if address != 0 {
                    host.ipv4 = Ipv4Addr::from(address.to_be_bytes()).to_string();
                }
            }
            (Type::I16, 2) => host.port = reader.i16()?.into(),
            (Type::Binary, 3) => host.service = text(reader.binary()?),
            (Type::Binary, 4) => {
                let bytes = <[u8; 16]>::try_from(reader.binary()?).ok();
                let address = bytes.map(|bytes| Ipv6Addr::from(bytes).to_canonical().to_string());
                host.ipv6 = address.unwrap_or_default();
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(host)
}
